"""Archives as sequences of entries: zip, and tar, plain or compressed, told by content, never by name.

    for entry in read_entries(InputFile.at(Path("pages.zip")), Limits()):
        if entry.data is None: print(entry.name, entry.rule)

An entry is held in memory, up to a limit, or laid into a temporary file; nothing is ever written under its own name.
What an archive may unpack to is limited as a whole, in bytes and in entries, with all archives inside it.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from gristmill.ingest.files.whole import ANYTHING
from gristmill.ingest.packed.entries import Allowance, BrokenEntryError, Found, fault_of_name
from gristmill.ingest.packed.tars import BLOCK_BYTES, parse_header, read_tar
from gristmill.ingest.packed.unpack import Member, read_members
from gristmill.ingest.packed.zips import ZIP_MAGICS, first_name, read_zip
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile

Kind = Literal["zip", "tar"]

FREE_BYTES = 256 << 20  # any archive may unpack to this, whatever the limit on expansion says
_HELD_BYTES = 32 << 20  # a larger entry is laid on disk
_PACKED = re.compile(
    rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18|BZh|\xfd7zXZ\x00"
)  # gzip, zstd (2), bzip2, xz
# Archives inside archives are opened where the name says so too: many kinds of documents are zip files inside.
_NAMES = re.compile(r"\.(zip|whl|egg|jar|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz|zst))$", re.IGNORECASE)


# The first entry of office documents and electronic books: zip files, but documents rather than archives.
_DOCUMENTS = (b"[Content_Types].xml", b"_rels/.rels", b"mimetype")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may ask for."""

    max_entry_bytes: int | None = 20_000_000  # a larger entry is dropped: too_large
    max_expansion: int = 500  # of the size of the archive; 256 MB are always allowed
    max_entries: int = 1_000_000  # with those of archives inside; then the archive ends: too_many_entries
    max_depth: int = 2  # archives inside archives; deeper ones are dropped: too_deep


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive; `data` is None where `rule` says why.

    `offset` and `length` are bytes of the archive, header included, or of the unpacked tar where `packed`. An entry
    of an archive inside has the place of that archive, and the name `inner.zip/name`.
    """

    name: str
    offset: int
    length: int | None
    size: int
    data: bytes | None
    packed: bool = False
    rule: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class EntryFile(InputFile):
    """The content of an entry as an input file, in memory, or on disk where `data` is None.

    `path` is that of the file on disk; `name` is ARCHIVE/ENTRY and `entry` ENTRY.
    """

    entry: str = ""
    data: bytes | None = None

    def open(self) -> BinaryIO:
        """The content for reading."""
        return Path(self.path).open("rb") if self.data is None else io.BytesIO(self.data)

    def size(self) -> int:
        """Bytes of the content."""
        return Path(self.path).stat().st_size if self.data is None else len(self.data)


def path_inside(file: InputFile) -> str:
    """The path of a file in what holds it: its archive, else its shard."""
    return file.entry if isinstance(file, EntryFile) else file.name


def archive_kind(file: InputFile) -> Kind | None:
    """The kind of archive that a file is, by its first bytes, or None. Raises OSError where it cannot be read."""
    with file.open() as handle:
        head = handle.read(BLOCK_BYTES)
    if head.startswith(ZIP_MAGICS):
        return None if first_name(head) in _DOCUMENTS else "zip"
    if _PACKED.match(head):
        head = _unpacked_head(file)
    return "tar" if parse_header(head) is not None else None


def _unpacked_head(file: InputFile) -> bytes:
    head = b""
    for member in read_members(file, starts=ANYTHING, max_expansion=1):
        while isinstance(member, Member) and len(head) < BLOCK_BYTES and (piece := member.read()):
            head += piece
        break
    return head[:BLOCK_BYTES]


def is_archive(file: InputFile) -> bool:
    """Whether a file is an archive that `read_entries` can open."""
    return archive_kind(file) is not None


def read_entries(file: InputFile, limits: Limits) -> Iterator[Entry]:
    """Every entry of an archive, in order, folders left out, with its content; archives inside are opened too.

    Rules: unsafe_name (absolute, or with `..`), not_a_file (links, devices), encrypted, unknown_method, too_large,
    too_many_entries, too_deep, bad_checksum, corrupt_member, truncated, unreadable.
    Memory: one entry, and as many as archives are nested. OSError is raised where the file cannot be read.
    """
    for entry, content in unpack_entries(file, limits):
        if content is None:
            yield entry
        else:
            with content.open() as handle:
                yield replace(entry, data=handle.read())


def unpack_entries(file: InputFile, limits: Limits) -> Iterator[tuple[Entry, EntryFile | None]]:
    """As `read_entries`, but the content is an input file, good until the next is taken; a large one is on disk.

    `data` is None throughout. The content is named ARCHIVE/ENTRY.
    """
    max_bytes = max(FREE_BYTES, file.size() * limits.max_expansion)
    allowance = Allowance(max_bytes=max_bytes, max_entries=limits.max_entries)
    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
        for entry, content in _unpack(file, limits, allowance, Path(folder), depth=0):
            named = f"{file.name}/{entry.name}"
            yield entry, None if content is None else replace(content, name=named, entry=entry.name)


def read_inside(
    read: Callable[[InputFile, Any], Iterator[Record]], *, whole: bool
) -> Callable[[InputFile, Any], Iterator[Record]]:
    """A reader of single files that takes archives too: every entry is read as a file of its own.

    `whole`: a file is one record, so that `max_record_bytes` holds for it. A record has the place of its entry, and
    `entry` in `meta`; where an entry holds many records also `entry_offset`. Its key is what `read` says; an entry
    that cannot be read has the key ARCHIVE/ENTRY.
    """

    def read_file(file: InputFile, options: Any) -> Iterator[Record]:
        if not is_archive(file):
            yield from read(file, options)
            return
        max_entry_bytes = options.max_record_bytes if whole else None
        limits = Limits(max_entry_bytes=max_entry_bytes, max_expansion=options.max_expansion)
        for entry, content in unpack_entries(file, limits):
            if content is None:
                yield lost_entry(file, entry)
                continue
            for record in read(content, options):
                inside = (
                    {"entry": entry.name} if whole else {"entry": entry.name, "entry_offset": record.offset}
                )
                meta = {**record.meta, **inside, **({"unpacked": True} if entry.packed else {})}
                yield replace(record, offset=entry.offset, length=entry.length, meta=meta)

    return read_file


def lost_entry(file: InputFile, entry: Entry) -> Record:
    """The record of an entry without content."""
    key = f"{file.name}/{entry.name}" if entry.name else None
    return Record(entry.offset, entry.length, key, rule=entry.rule, detail=entry.detail)


def _unpack(
    file: InputFile, limits: Limits, allowance: Allowance, folder: Path, depth: int
) -> Iterator[tuple[Entry, EntryFile | None]]:
    for found in _found(file, limits):
        if not allowance.count():
            detail = f"more than {allowance.max_entries} entries; the rest was not read"
            yield _lost(found, "too_many_entries", detail), None
            return
        entry, content = _take(found, limits, allowance, folder / str(depth))
        if content is None or not _NAMES.search(entry.name) or not is_archive(content):
            yield entry, content
        elif depth + 1 > limits.max_depth:
            detail = f"archives inside archives, more than {limits.max_depth} deep"
            yield _lost(found, "too_deep", detail), None
        else:
            for one, inner in _unpack(content, limits, allowance, folder, depth + 1):
                name = f"{entry.name}/{one.name}" if one.name else entry.name
                place = replace(one, name=name, offset=entry.offset, length=entry.length, packed=entry.packed)
                yield place, inner
        if allowance.exceeded:
            return


def _found(file: InputFile, limits: Limits) -> Iterator[Found]:
    if archive_kind(file) == "zip":
        with file.open() as handle:
            yield from read_zip(handle, file.size())
    else:
        yield from read_tar(read_members(file, starts=ANYTHING, max_expansion=limits.max_expansion))


def _take(found: Found, limits: Limits, allowance: Allowance, spill: Path) -> tuple[Entry, EntryFile | None]:
    """The entry and its content, which is in the file `spill` where it is large; None with the rule why."""
    if found.rule is not None:
        return _lost(found, found.rule, found.detail), None
    fault = fault_of_name(found.name)
    if fault is not None:
        return _lost(found, "unsafe_name", fault), None
    with _Sink(spill) as sink:
        try:
            for piece in found.pieces:
                if not allowance.spend(len(piece)):
                    detail = (
                        f"the archive unpacks to more than {allowance.max_bytes} bytes; the rest was not read"
                    )
                    return _lost(found, "too_large", detail), None
                sink.write(piece)
                if limits.max_entry_bytes is not None and sink.size > limits.max_entry_bytes:
                    return _lost(found, "too_large", f"more than {limits.max_entry_bytes} bytes"), None
        except BrokenEntryError as broken:
            return _lost(found, broken.rule, broken.detail), None
    entry = Entry(found.name, found.offset, found.length, sink.size, None, found.packed)
    return entry, sink.content(found.name)


def _lost(found: Found, rule: str, detail: str | None) -> Entry:
    return Entry(found.name, found.offset, found.length, 0, None, found.packed, rule, detail)


class _Sink:
    """Takes the content of an entry: in memory, or on disk from 32 MB on."""

    def __init__(self, spill: Path) -> None:
        self.size = 0
        self._spill = spill
        self._held = bytearray()
        self._disk: BinaryIO | None = None

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self.size += len(piece)
        if self._disk is None and self.size > _HELD_BYTES:
            self._disk = self._spill.open("wb")
            self._disk.write(self._held)
            self._held.clear()
        if self._disk is None:
            self._held += piece
        else:
            self._disk.write(piece)

    def content(self, name: str) -> EntryFile:
        """What was written, as an input file."""
        return EntryFile(str(self._spill), name, data=bytes(self._held) if self._disk is None else None)

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, *_: object) -> None:
        if self._disk is not None:
            self._disk.close()
