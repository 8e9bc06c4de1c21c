"""Entries of tar files, from a stream that is read once.

Python's tarfile keeps every entry it has seen, and takes names of any length into memory. Here nothing is kept, and
after damage to a header the next good one is looked for.
Source of the layout: POSIX.1-2017, pax, and GNU tar's manual, appendix D.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.ingest.packed.entries import BrokenEntryError, Found, read_name
from gristmill.ingest.packed.unpack import Gap, Member

BLOCK_BYTES = 512

_FILES = (b"0", b"\0", b"7")  # regular, regular of old, contiguous
_FOLDER, _GNU_FOLDER = b"5", b"D"
_LONG_NAME, _LONG_LINK, _PAX, _PAX_ALL = b"L", b"K", b"x", b"g"
_OTHERS = {
    b"1": "a link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"V": "the label of the volume",
    b"M": "the rest of a file on another volume",
}
_MAX_HEADER_BYTES = 1 << 20  # of a long name or of pax records
_PIECE_BYTES = 64 << 10
_EMPTY = bytes(BLOCK_BYTES)
_OCTAL = re.compile(rb"[0-7]+")
_DAMAGE = {
    "cut": "truncated",
    "corrupt": "corrupt_member",
    "expansion": "too_large",
    "checksum": "bad_checksum",
}


def read_tar(members: Iterator[Member | Gap]) -> Iterator[Found]:
    """Every entry but folders, in order; an entry's content is skipped where it is not read. Memory: some 100 kB."""
    stream = _Stream(members)
    later = _Later()
    while block := stream.read(BLOCK_BYTES):
        start = stream.position - len(block)
        if not block.strip(b"\0"):  # two such blocks end an archive, but another may have been put behind it
            continue
        if len(block) < BLOCK_BYTES:
            stream.damage = stream.damage or ("truncated", "the file ends inside a header")
            break
        header = parse_header(block)
        if header is None:
            lost = _skip_to_header(stream) + len(block)
            yield Found("", start, lost, stream.packed, rule="unreadable", detail="no tar header")
            continue
        if header.kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_ALL):
            later.start = start if later.start is None else later.start
            content = _Content(stream, header.size)
            if header.size > _MAX_HEADER_BYTES:
                content.skip()
                later.fault = f"a header of {header.size} bytes, allowed are {_MAX_HEADER_BYTES}"
            elif not later.read(header.kind, content.whole()):
                yield Found(
                    "", start, stream.position - start, stream.packed, "truncated", "cut inside a header"
                )
            continue
        name, size = later.name or header.name, header.size if later.size is None else later.size
        content = _Content(stream, size)
        first = start if later.start is None else later.start
        length = stream.position - first + content.padded
        found = Found(name, first, length, stream.packed)
        if later.fault or later.sparse or header.kind not in _FILES:
            found.rule = "not_a_file" if not later.fault else "unreadable"
            found.detail = later.fault or _OTHERS.get(
                b"S" if later.sparse else header.kind, "of a kind of its own"
            )
        else:
            found.pieces = content.pieces()
        folder = header.kind in (_FOLDER, _GNU_FOLDER) or name.endswith("/")
        later = _Later()
        if not folder:
            yield found
        content.skip()
    if stream.damage is not None:
        rule, detail = stream.damage
        yield Found("", stream.position, None, stream.packed, rule=rule, detail=detail)


@dataclass(frozen=True, slots=True)
class Header:
    """What is used of a header block."""

    name: str
    kind: bytes
    size: int


def parse_header(block: bytes) -> Header | None:
    """A header block, or None where it is none: its checksum must match."""
    if len(block) < BLOCK_BYTES:
        return None
    declared = _number(block[148:156])
    if declared != sum(block[:148]) + 8 * ord(" ") + sum(block[156:BLOCK_BYTES]):
        return None
    size = _number(block[124:136])
    if size is None:
        return None
    name, prefix = block[:100].split(b"\0")[0], block[345:500].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and prefix:  # GNU's own format keeps times there
        name = prefix + b"/" + name
    return Header(read_name(name, "latin-1"), block[156:157], size)


def _number(stored: bytes) -> int | None:
    """A number in octal, or in base 256 where the first bit is set; None where it is neither."""
    if stored[0] == 0x80:
        return int.from_bytes(stored[1:], "big")
    digits = stored.strip(b" \0")
    if not digits:
        return 0
    return int(digits, 8) if _OCTAL.fullmatch(digits) else None


class _Stream:
    """The unpacked file, read in order. After damage it is at its end, and `damage` says what happened."""

    def __init__(self, members: Iterator[Member | Gap]) -> None:
        self._pieces = self._read_pieces(members)
        self._rest = b""
        self.position = 0
        self.packed = False
        self.damage: tuple[str, str] | None = None

    def _read_pieces(self, members: Iterator[Member | Gap]) -> Iterator[bytes]:
        for member in members:
            if isinstance(member, Gap):
                self.damage = ("unreadable", f"no gzip member at {member.offset}, {member.length} bytes")
                return
            self.packed = member.packed
            while piece := member.read():
                yield piece
            if member.damage is not None:
                self.damage = (_DAMAGE[member.damage], member.detail)
                return

    def read(self, count: int) -> bytes:
        """So many bytes, fewer only at the end."""
        while len(self._rest) < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        taken, self._rest = self._rest[:count], self._rest[count:]
        self.position += len(taken)
        return taken

    def give_back(self, block: bytes) -> None:
        """Read this again, next."""
        self._rest = block + self._rest
        self.position -= len(block)


class _Content:
    """The content of an entry and the zeros that fill its last block."""

    def __init__(self, stream: _Stream, size: int) -> None:
        self._stream = stream
        self._left = size
        self.padded = -(-size // BLOCK_BYTES) * BLOCK_BYTES
        self._padding = self.padded - size

    def pieces(self) -> Iterator[bytes]:
        """The content; raises BrokenEntryError where the file ends inside it."""
        while self._left:
            piece = self._stream.read(min(_PIECE_BYTES, self._left))
            if not piece:
                self._left = self._padding = 0
                damage = self._stream.damage or ("truncated", "the file ends inside the entry")
                self._stream.damage = None  # it is told once
                raise BrokenEntryError(*damage)
            self._left -= len(piece)
            yield piece

    def whole(self) -> bytes | None:
        """The content, or None where the file ends inside it."""
        try:
            content = b"".join(self.pieces())
        except BrokenEntryError:
            return None
        self.skip()
        return content

    def skip(self) -> None:
        """Go to the next header."""
        left = self._left + self._padding
        self._left = self._padding = 0
        while left:
            piece = self._stream.read(min(_PIECE_BYTES, left))
            if not piece:
                return
            left -= len(piece)


@dataclass(slots=True)
class _Later:
    """What headers say of the entry that follows them."""

    start: int | None = None
    name: str | None = None
    size: int | None = None
    sparse: bool = False
    fault: str | None = None

    def read(self, kind: bytes, content: bytes | None) -> bool:
        """Take over a long name or pax records; False where they are cut."""
        if content is None:
            return False
        if kind == _LONG_NAME:
            self.name = read_name(content.split(b"\0")[0], "latin-1")
        elif kind == _PAX:
            for key, value in _pax_records(content):
                if key == b"path":
                    self.name = read_name(value, "latin-1")
                elif key == b"size" and value.isdigit():
                    self.size = int(value[:20])
                elif key.startswith(b"GNU.sparse."):
                    self.sparse = True
        return True


def _pax_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of records `LENGTH KEY=VALUE\\n`; what does not fit that ends them."""
    position = 0
    while position < len(content):
        digits, space, _ = content[position : position + 21].partition(b" ")
        if not space or not digits.isdigit() or int(digits) <= len(digits) + 1:
            return
        record = content[position + len(digits) + 1 : position + int(digits)]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not equals:
            return
        yield key, value
        position += int(digits)


def _skip_to_header(stream: _Stream) -> int:
    """Bytes passed over until the next block that is a header, which is read next."""
    lost = 0
    while block := stream.read(BLOCK_BYTES):
        if block != _EMPTY and parse_header(block) is not None:
            stream.give_back(block)
            break
        lost += len(block)
    return lost
