"""Archives broken in every way that comes to mind, and what must hold of whatever is read from them.

    python -m tests.ingest.mutations --count 20000 --seed 7 [FILE ...]

reads more than the test does, of the files of the tests or of others, and prints what does not hold.
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pyarrow as pa
import zstandard

from gristmill.ingest.packed.members import Gap
from gristmill.ingest.packed.unpack import read_members
from gristmill.ingest.web import warc
from gristmill.ingest.web.framing import RECORD_START, WarcRecord, read_warc_records
from gristmill.inputs import InputFile
from tests.ingest.archives import DATA, WARC, arc_record, members, page, pages, record, response

MAX_BYTES = 1_000_000  # of a record here, so that bombs are small
MAX_SECONDS = 20.0  # for one file; a hang, on a machine that is busy too
DICTIONARY_BYTES = 2_008
OPTIONS = WARC.model_copy(update={"max_record_bytes": MAX_BYTES, "max_expansion": 50})
LENGTH = re.compile(rb"(?i)(content-length: ?)(\d+)")


@dataclass(frozen=True)
class Archive:
    """A sound or already damaged file, with the blocks that are read from it and where they lie."""

    name: str
    data: bytes
    parts: list[tuple[int, int]] = field(default_factory=list)  # members, or records of a plain file
    blocks: list[tuple[int, int, bytes]] = field(default_factory=list)  # (start, end, block) of whole records


@dataclass(frozen=True)
class Mutation:
    """Changed bytes; [start, end) of the original are not as they were, all else is, in whatever order."""

    kind: str
    data: bytes
    start: int
    end: int


def archives(paths: list[Path]) -> list[Archive]:
    """The files, and some made here, with what is read from them."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "f"
        made = [*((path.name, path.read_bytes()) for path in paths), *_made()]
        return [_described(name, data, scratch) for name, data in made]


def check(archive: Archive, mutation: Mutation, path: Path) -> list[str]:
    """What does not hold of the changed file: an empty list."""
    path.write_bytes(mutation.data)
    started = time.process_time()
    try:
        records = _records(path)
        faults = [*_unaccounted(path, records), *_lost(archive, mutation, records)]
        with mock.patch.object(warc, "extract_page", _take_all):
            read = list(warc.read_warc(InputFile.at(path), OPTIONS))
    except Exception as error:
        return [f"raised {type(error).__name__}: {error}"]
    if len(read) != len(records):
        faults.append(f"{len(records)} records were framed and {len(read)} read")
    faults += [
        f"no text and no rule at {one.offset}" for one in read if one.text is None and one.rule is None
    ]
    seconds = time.process_time() - started
    return [*faults, *([f"took {seconds:.0f} s"] if seconds > MAX_SECONDS else [])]


def _take_all(html: str, *_: Any, **__: Any) -> SimpleNamespace:
    """Instead of extraction, which has tests of its own."""
    return SimpleNamespace(text=html, rule=None, title=None, lang=None, meta=dict)


def mutate(archive: Archive, choose: random.Random) -> Mutation:
    """One change of one kind."""
    kind = choose.choice(list(KINDS))
    data, start, end = KINDS[kind](archive, choose)
    return Mutation(kind, data, start, end)


# -- changes: (data, first byte, end) that differ -------------------------------------------------------------------

Changed = tuple[bytes, int, int]


def _cut(archive: Archive, choose: random.Random) -> Changed:
    at = choose.randrange(len(archive.data) + 1)
    return archive.data[:at], at, len(archive.data)


def _flip_bits(archive: Archive, choose: random.Random) -> Changed:
    data = bytearray(archive.data)
    places = [choose.randrange(len(data)) for _ in range(choose.choice([1, 1, 1, 3]))] if data else [0]
    for at in places if data else []:
        data[at] ^= 1 << choose.randrange(8)
    return bytes(data), min(places), max(places) + 1


def _overwrite(archive: Archive, choose: random.Random) -> Changed:
    start, end = _range(archive, choose)
    return archive.data[:start] + _garbage(choose, end - start) + archive.data[end:], start, end


def _delete(archive: Archive, choose: random.Random) -> Changed:
    start, end = _range(archive, choose)
    return archive.data[:start] + archive.data[end:], start, end


def _insert(archive: Archive, choose: random.Random) -> Changed:
    at = choose.choice([choose.randrange(len(archive.data) + 1), *(end for _, end in archive.parts)])
    garbage = _garbage(choose, choose.choice([1, 20, 3_000]))
    return archive.data[:at] + garbage + archive.data[at:], at, at


def _insert_bomb(archive: Archive, choose: random.Random) -> Changed:
    at = choose.choice([0, *(end for _, end in archive.parts)])
    bomb = choose.choice(_BOMBS)
    return archive.data[:at] + bomb + archive.data[at:], at, at


def _swap_members(archive: Archive, choose: random.Random) -> Changed:
    parts = [archive.data[start:end] for start, end in archive.parts]
    # The first stays: it may be the dictionary of those that follow.
    order = [0, *choose.sample(range(1, len(parts)), len(parts) - 1)] if parts else []
    covered = archive.parts[-1][1] if parts else 0
    return b"".join(parts[n] for n in order) + archive.data[covered:], covered, len(archive.data)


def _repeat_member(archive: Archive, choose: random.Random) -> Changed:
    if not archive.parts:
        return archive.data, 0, 0
    start, end = choose.choice(archive.parts)
    return archive.data[:end] + archive.data[start:end] + archive.data[end:], end, end


def _change_inside(archive: Archive, choose: random.Random) -> Changed:
    """Change what a member unpacks to, and pack it again: a wrong length, or a few bytes."""
    start, end = choose.choice(archive.parts) if archive.parts else (0, len(archive.data))
    packed = archive.data[start:end]
    pack: Callable[[bytes], bytes] = bytes
    inside = packed
    try:
        if packed.startswith(b"\x1f\x8b"):
            inside, pack = gzip.decompress(packed), lambda data: gzip.compress(data, 6, mtime=0)
        elif packed.startswith(b"\x28\xb5\x2f\xfd"):
            inside, pack = zstandard.decompress(packed, MAX_BYTES), zstandard.ZstdCompressor().compress
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        inside = packed
    lengths = list(LENGTH.finditer(inside))
    if lengths and choose.random() < 0.5:
        found = choose.choice(lengths)
        wrong = choose.choice(_LENGTHS)(int(found[2]) if len(found[2]) < 15 else 5)
        inside = inside[: found.start(2)] + wrong + inside[found.end(2) :]
    else:
        at = choose.randrange(len(inside) + 1)
        inside = inside[:at] + _garbage(choose, choose.choice([1, 4])) + inside[at + choose.choice([0, 4]) :]
    return archive.data[:start] + pack(inside) + archive.data[end:], start, end


KINDS: dict[str, Callable[[Archive, random.Random], Changed]] = {
    "cut": _cut,
    "flip": _flip_bits,
    "overwrite": _overwrite,
    "delete": _delete,
    "insert": _insert,
    "bomb": _insert_bomb,
    "swap": _swap_members,
    "repeat": _repeat_member,
    "inside": _change_inside,
}
_LENGTHS: list[Callable[[int], bytes]] = [
    lambda n: b"%d" % (n + 1),
    lambda n: b"%d" % max(0, n - 3),
    lambda n: b"%d" % (n + 500),
    lambda n: b"-%d" % n,
    lambda n: b"0",
    lambda n: b"9" * 18,
    lambda n: b"9" * 40,
    lambda n: b"1e3",
    lambda n: b"",
]
_BOMBS = [
    gzip.compress(bytes(8_000_000), mtime=0),
    gzip.compress(record("bomb", bytes(4_000_000)), mtime=0),
    gzip.compress(
        record(
            "bomb",
            response(
                gzip.compress(bytes(4_000_000), mtime=0), "Content-Type: text/html", "Content-Encoding: gzip"
            ),
        ),
        mtime=0,
    ),
    zstandard.compress(bytes(8_000_000)),
    zstandard.compress(record("bomb", bytes(4_000_000))),
]


def _range(archive: Archive, choose: random.Random) -> tuple[int, int]:
    start = choose.randrange(len(archive.data) + 1)
    return start, min(len(archive.data), start + choose.choice([1, 2, 16, 300, 5_000]))


def _garbage(choose: random.Random, length: int) -> bytes:
    kind = choose.randrange(5)
    if kind == 0:
        return bytes(length)
    if kind == 1:
        return (b"\x1f\x8b\x08\0" * length)[:length]
    if kind == 2:
        return (b"\x28\xb5\x2f\xfd\x24" * length)[:length]
    if kind == 3:
        return (b"\r\n\r\nWARC/1" * length)[:length]
    return choose.randbytes(length)


# -- what must hold -------------------------------------------------------------------------------------------------


def _unaccounted(path: Path, records: list[WarcRecord]) -> Iterator[str]:
    """Bytes of the file that no member covers, and bytes of members that no record covers; only padding may be so."""
    data = path.read_bytes()
    end = 0
    unpacked = bytearray()
    covered = []  # of the unpacked data, by records that have members for themselves
    own = {one.offset: one.offset + (one.length or 0) for one in records if not one.unpacked}
    reach = 0
    for part in read_members(InputFile.at(path), starts=RECORD_START, max_expansion=OPTIONS.max_expansion):
        if part.offset < end:
            yield f"a member at {part.offset} begins before {end}"
        if not _padding(data[end : part.offset]):
            yield f"bytes {end} to {part.offset} are in no member"
        if isinstance(part, Gap):
            end = part.offset + part.length
            if own.get(part.offset, 0) < end:
                yield f"the gap at {part.offset} is no record"
            continue
        before = len(unpacked)
        for piece in iter(part.read, b""):
            unpacked += piece
        end = part.offset + part.length
        if not part.packed:
            inside = [one for one in records if not one.unpacked and part.offset <= one.offset < end]
            shift = before - part.offset
            covered += [(one.offset + shift, one.offset + shift + (one.length or 0)) for one in inside]
            continue
        reach = max(reach, own.get(part.offset, 0))
        if end <= reach:
            covered.append((before, len(unpacked)))
    if not _padding(data[end:]):
        yield f"bytes {end} to {len(data)} are in no member"
    covered += [(one.offset, one.offset + (one.length or 0)) for one in records if one.unpacked]
    end = 0
    for start, stop in sorted(covered):
        if start < end:
            yield f"a record at {start} begins before {end}"
        if bytes(unpacked[end:start]).strip(b"\r\n \t\0"):
            yield f"unpacked bytes {end} to {start} are in no record"
        end = max(end, stop)
    if bytes(unpacked[end:]).strip(b"\r\n \t\0"):
        yield f"unpacked bytes {end} to {len(unpacked)} are in no record"


def _lost(archive: Archive, mutation: Mutation, records: list[WarcRecord]) -> Iterator[str]:
    """Sound records that the change did not touch, and that are not there any more."""
    there = Counter(one.block for one in records if one.block is not None)
    if archive.name.startswith("dictionary") and mutation.start < archive.parts[0][0] + DICTIONARY_BYTES:
        return  # nothing unpacks without it
    for start, end, block in archive.blocks:
        touched = start < mutation.end and mutation.start < end
        if mutation.start == mutation.end:  # put between bytes
            touched = start < mutation.start < end
        if touched:
            continue
        if not there[block]:
            yield f"the record at {start} to {end} is lost; {mutation.start} to {mutation.end} was changed"
        there[block] -= 1


def _padding(data: bytes) -> bool:
    """Zeros, or skippable frames of zstd."""
    while len(data) >= 8 and data[1:4] == b"\x2a\x4d\x18" and 0x50 <= data[0] <= 0x5F:
        data = data[8 + int.from_bytes(data[4:8], "little") :]
    return not data.strip(b"\0")


# -- the archives ---------------------------------------------------------------------------------------------------


def _made() -> Iterator[tuple[str, bytes]]:
    records = [*pages(*"abcdefgh"), record("long", response(page("A mill. " * 2_000)))]
    plain = b"".join(records)
    dictionary = zstandard.train_dictionary(
        DICTIONARY_BYTES - 8, [bytes(page(f"Text of page {n}.")) for n in range(500)]
    )
    pack = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True).compress
    frame = b"\x5d\x2a\x4d\x18" + len(dictionary.as_bytes()).to_bytes(4, "little") + dictionary.as_bytes()
    blocks = [plain[at : at + 1_000] for at in range(0, len(plain), 1_000)]
    old = [arc_record("filedesc://x", b"2 0 me\nURL"), *(arc_record(n, response(page(n))) for n in "abcd")]
    yield "plain.warc", plain
    yield "stored.warc.gz", b"".join(gzip.compress(one, 0, mtime=0) for one in records)
    yield "whole.warc.gz", gzip.compress(plain, mtime=0)
    yield "blocks.warc.gz", members(blocks)
    yield "blocks.warc.zst", b"".join(map(zstandard.compress, blocks))
    yield "records.warc.zst", b"".join(pa.compress(one, "zstd", asbytes=True) for one in records)
    yield "dictionary.warc.zst", frame + b"".join(map(pack, records))
    yield "v2.arc", b"".join(old)
    yield "v2.arc.gz", members(old)


def _described(name: str, data: bytes, path: Path) -> Archive:
    """Where the members and the sound records lie; of files whose members hold many, only the members."""
    path.write_bytes(data)
    parts = []
    start = 0
    for part in read_members(InputFile.at(path), starts=RECORD_START, max_expansion=OPTIONS.max_expansion):
        packed = not isinstance(part, Gap) and part.packed
        while not isinstance(part, Gap) and part.read():
            pass
        if packed:
            parts.append((start, part.offset + part.length))
            start = part.offset + part.length
    sound = [one for one in _records(path) if one.block is not None and one.rule is None and not one.unpacked]
    blocks = [(one.offset, one.offset + (one.length or 0), one.block or b"") for one in sound]
    return Archive(name, data, parts or [(start, end) for start, end, _ in blocks], blocks)


def _records(path: Path) -> list[WarcRecord]:
    limits = {"max_bytes": MAX_BYTES, "max_expansion": OPTIONS.max_expansion}
    return list(read_warc_records(InputFile.at(path), **limits))


def main() -> None:
    """Read as many changed files as asked for, and print what does not hold."""
    parser = argparse.ArgumentParser(description="Read archives that are broken in many ways.")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that fail")
    options = parser.parse_args()
    originals = archives(options.files or sorted((DATA / "warc").glob("*.*arc*")))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.seed * options.count, (options.seed + 1) * options.count):
            archive = originals[number % len(originals)]
            mutation = mutate(archive, random.Random(number))
            faults = check(archive, mutation, Path(folder) / "f")
            failed += bool(faults)
            if faults:
                print(number, archive.name, mutation.kind, *faults[:3], sep=": ")
                if options.keep:
                    (options.keep / f"{number}-{archive.name}").write_bytes(mutation.data)
    print(f"{options.count} files, {failed} with faults")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
