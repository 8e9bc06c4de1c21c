"""The tables of a dump: which files and members of archives belong to which site, and their bytes.

A site's tables lie in a folder, a zip or a 7z archive named by the site (`coffee.stackexchange.com`), or in one archive
each (`stackoverflow.com-Posts.7z`). Members are streamed out of zip; 7z archives compress several members as one, so
the wanted ones are first unpacked to a temporary file, never to a name that the archive chose.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal, cast

from gristmill.errors import InputError
from gristmill.ingest.options.stackexchange import ARCHIVE, StackExchangeSource, site_name
from gristmill.ingest.packed.unpack import Gap, read_members
from gristmill.ingest.stackexchange.rows import Damage
from gristmill.inputs import InputFile

Kind = Literal["posts", "comments", "users"]
Pieces = Iterator[bytes | Damage]

_TABLE = re.compile(r"(?:^|-)(posts|comments|users)\.xml(?:\.gz|\.zst|\.zstd)?$", re.IGNORECASE)
_STARTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_PIECE_BYTES = 256 << 10
_FREE_BYTES = 256 << 20  # an archive may unpack to this, whatever the limit on expansion says
_MAX_MEMBERS = 10_000
_7Z_MAGIC = b"7z\xbc\xaf\x27\x1c"
_RULES = {
    "cut": "truncated",
    "corrupt": "corrupt_member",
    "checksum": "bad_checksum",
    "expansion": "too_large",
}


@dataclass(frozen=True)
class Table:
    """One XML file of a site."""

    kind: Kind
    file: InputFile
    member: str | None = None  # its name in an archive

    def pieces(self, options: StackExchangeSource, temporary: Path) -> Pieces:
        """The unpacked bytes, and a `Damage` where they break off. `temporary`: a folder for what 7z unpacks."""
        if self.member is None:
            return _plain(self.file, options)
        return _seven_zip(self, options, temporary) if is_7z(self.file) else _zip(self, options)


@dataclass
class Site:
    """The tables of one site, in the order of the files."""

    name: str
    tables: list[Table] = field(default_factory=list)
    faults: list[tuple[InputFile, str, str]] = field(default_factory=list)  # (file, rule, detail)

    def of(self, kind: Kind) -> list[Table]:
        """Its tables of one kind."""
        return [table for table in self.tables if table.kind == kind]


def find_sites(files: Sequence[InputFile], options: StackExchangeSource) -> list[Site]:
    """The sites of a shard in order of their first file; files that hold no table are faults of the site.

    Raises InputError where a site's name cannot be told, and OSError where a file cannot be read.
    """
    sites: dict[str, Site] = {}
    for file in files:
        site = _site_of(file, options)
        found = sites.setdefault(site, Site(site))
        if not ARCHIVE.search(file.name):
            named = _TABLE.search(PurePosixPath(file.name).name)
            if named:
                found.tables.append(Table(cast(Kind, named[1].lower()), file))
            else:
                found.faults.append((file, "other_table", "only Posts, Comments and Users are read"))
            continue
        try:
            members = _members(file)
        except InputError:
            raise
        except _archive_errors() as error:
            found.faults.append((file, "bad_archive", str(error)[:200] or type(error).__name__))
            continue
        for member in members:
            if named := _TABLE.search(PurePosixPath(member).name):
                found.tables.append(Table(cast(Kind, named[1].lower()), file, member))
    return list(sites.values())


def is_7z(file: InputFile) -> bool:
    """Whether a file is a 7z archive, by its first bytes."""
    with file.open() as handle:
        return handle.read(len(_7Z_MAGIC)) == _7Z_MAGIC


def _site_of(file: InputFile, options: StackExchangeSource) -> str:
    site = options.site or site_name(file.name) or site_name(file.path)
    if site is None:
        raise InputError(
            f"input {file.path!r}: the site cannot be told from its folder; name the folder or archive by the site, as "
            "in 'coffee.stackexchange.com/Posts.xml', or set `site:`"
        )
    return site


def _members(file: InputFile) -> list[str]:
    with file.open() as handle:
        if is_7z(file):
            with _py7zr().SevenZipFile(handle, "r") as archive:
                names = archive.getnames()
        else:
            with zipfile.ZipFile(handle) as archive:
                names = archive.namelist()
    return sorted(names[:_MAX_MEMBERS])


def _plain(file: InputFile, options: StackExchangeSource) -> Pieces:
    for member in read_members(file, starts=_STARTS, max_expansion=options.max_expansion):
        if isinstance(member, Gap):
            yield Damage("unreadable", f"{member.length} bytes at {member.offset} are no gzip member")
            continue
        while piece := member.read():
            yield piece
        if member.damage:
            yield Damage(_RULES[member.damage], member.detail)


def _zip(table: Table, options: StackExchangeSource) -> Pieces:
    assert table.member is not None
    allowed = _allowed(table.file, options)
    try:
        with (
            table.file.open() as handle,
            zipfile.ZipFile(handle) as archive,
            archive.open(table.member) as stream,
        ):
            while piece := stream.read(_PIECE_BYTES):
                allowed -= len(piece)
                if allowed < 0:
                    yield Damage(
                        "too_large",
                        f"{table.member!r} unpacks to more than {_allowed(table.file, options)} bytes",
                    )
                    return
                yield piece
    except _archive_errors() as error:
        yield Damage("corrupt_member", f"{table.member!r}: {str(error)[:200]}")


def _seven_zip(table: Table, options: StackExchangeSource, temporary: Path) -> Pieces:
    """Unpack one member to a temporary file, then read and delete that."""
    assert table.member is not None
    path = temporary / "member.xml"
    damage = None
    with path.open("w+b") as target:
        try:
            with table.file.open() as handle, _py7zr().SevenZipFile(handle, "r") as archive:
                factory = _factory(target, _allowed(table.file, options))
                archive.extract(targets=[table.member], factory=factory)
        except _TooLargeError:
            damage = Damage(
                "too_large", f"{table.member!r} unpacks to more than {_allowed(table.file, options)} bytes"
            )
        except _archive_errors() as error:
            damage = Damage("corrupt_member", f"{table.member!r}: {str(error)[:200] or type(error).__name__}")
        target.seek(0)
        path.unlink()  # its bytes stay as long as the file is open
        yield from iter(partial(target.read, _PIECE_BYTES), b"")
    if damage is not None:
        yield damage


def _allowed(file: InputFile, options: StackExchangeSource) -> int:
    return max(_FREE_BYTES, file.size() * options.max_expansion)


class _TooLargeError(Exception):
    """A member of an archive unpacks to more than is allowed."""


def _factory(target: BinaryIO, allowed: int) -> Any:
    """What py7zr asks for a place to write the wanted member to."""
    from py7zr.io import Py7zIO, WriterFactory

    class Target(Py7zIO):
        def write(self, data: bytes | bytearray) -> int:
            if target.tell() + len(data) > allowed:
                raise _TooLargeError
            return target.write(data)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            target.flush()

        def size(self) -> int:
            return target.tell()

    class Targets(WriterFactory):
        def create(self, filename: str) -> Any:
            return Target()

    return Targets()


def _py7zr() -> Any:
    try:
        import py7zr
    except ImportError as error:
        raise InputError(
            "7z archives need the package py7zr; install it (pip install 'gristmill[stackexchange]'), or unpack "
            "the archive"
        ) from error
    return py7zr


def _archive_errors() -> tuple[type[BaseException], ...]:
    """What the libraries raise for damaged archives."""
    known: list[type[BaseException]] = [
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ]
    known += [ValueError, KeyError, IndexError, TypeError]  # of headers that make no sense
    try:
        import lzma

        from py7zr.exceptions import ArchiveError

        known += [ArchiveError, lzma.LZMAError]
    except ImportError:
        pass
    return tuple(known)
