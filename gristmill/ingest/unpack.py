"""Compressed files as a sequence of members, read in pieces, with damage noted instead of raised.

A gzip file is a chain of members; web archives use one a record. Python's and Arrow's gzip readers hide where a
member begins and stop at the first fault, so the chain is walked here: header and checksum in Python, the deflate
stream in zlib. After damage the search goes on for the next place that looks like a member *and* unpacks to what the
file should hold. A file that is zstd or plain is one member. The kind is told by the first bytes, never by the name.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from gristmill.inputs import InputFile

GZIP_MAGIC = b"\x1f\x8b\x08"  # two bytes of magic, and deflate, the only method there is
_ZSTD_MAGIC = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or a skippable one
_FEXTRA, _FNAME, _FCOMMENT, _FHCRC = 4, 8, 16, 2  # flags of a gzip header, RFC 1952
_MAX_HEADER_BYTES = 1 << 16

_PACKED_BYTES = 16 << 10  # fed to zlib at once: it copies what is left at a member's end, so not much more
_PIECE_BYTES = 64 << 10  # unpacked at once
_PROBE_BYTES = 64  # unpacked to see whether a member was found
_FREE_BYTES = 256 << 20  # any file may unpack to this, whatever the limit on expansion says

Damage = Literal["cut", "corrupt", "checksum", "expansion"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes between members that are no member."""

    offset: int
    length: int


class Member:
    """One gzip member, or a whole file that has none. Read it to its end before taking the next."""

    def __init__(self, offset: int, budget: _Budget) -> None:
        self.offset = offset
        self.length: int | None = None  # bytes in the file; known at the end
        self.damage: Damage | None = None  # known at the end
        self.detail = ""
        self._budget = budget

    own = False  # whether the member may end before the file does
    packed = True

    def read(self) -> bytes:
        """The next piece; empty at the end, which is also where the readable part of a damaged member ends."""
        piece = self._read()
        if piece and not self._budget.spend(len(piece)):
            self.damage, self.detail = (
                "expansion",
                f"the file unpacks to more than {self._budget.allowed} bytes",
            )
            return b""
        return piece

    def _read(self) -> bytes:
        raise NotImplementedError


def read_members(file: InputFile, *, starts: re.Pattern[bytes], max_expansion: int) -> Iterator[Member | Gap]:
    """Members of a file in order; `starts` is what unpacked data begins with where a new member is looked for.

    OSError is raised where the file cannot be read; damaged content never raises. Memory: some 100 kB.
    """
    with file.open() as handle:
        size = file.size()
        head = handle.read(4)
        handle.seek(0)
        budget = _Budget(max(_FREE_BYTES, size * max_expansion))
        if head.startswith(GZIP_MAGIC):
            yield from _gzip_members(handle, size, starts, budget)
        elif _ZSTD_MAGIC.match(head):
            yield _ZstdMember(handle, size, budget)
        elif size:
            yield _PlainMember(handle, size)


class _Budget:
    """How much a file may still unpack to."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self._left = allowed

    def spend(self, count: int) -> bool:
        self._left -= count
        return self._left >= 0


class _PlainMember(Member):
    packed = False

    def __init__(self, handle: BinaryIO, size: int) -> None:
        super().__init__(0, _Budget(size))
        self.length = size
        self._handle = handle

    def read(self) -> bytes:
        return self._handle.read(_PIECE_BYTES)


class _ZstdMember(Member):
    def __init__(self, handle: BinaryIO, size: int, budget: _Budget) -> None:
        import pyarrow as pa

        super().__init__(0, budget)
        self.length = size
        self._stream = pa.CompressedInputStream(pa.PythonFile(handle, "r"), "zstd")

    def _read(self) -> bytes:
        if self.damage is not None:
            return b""
        try:
            return self._stream.read(_PIECE_BYTES)
        except OSError as error:
            self.damage = "cut" if "Truncated" in str(error) else "corrupt"
            self.detail = str(error)
            return b""


# -- gzip -------------------------------------------------------------------------------------------------------


def _gzip_members(
    handle: BinaryIO, size: int, starts: re.Pattern[bytes], budget: _Budget
) -> Iterator[Member | Gap]:
    position = 0
    while position < size:
        if not _is_magic(handle, position):
            position = yield from _gap(handle, position, size, starts)
            continue
        member = _GzipMember(handle, position, budget)
        yield member
        while member.read():
            pass
        if member.damage == "expansion":
            return
        # A fault in the last bits of a member can make it run on through the next one, so that is looked for inside.
        end = position + member.length if member.length and member.damage != "cut" else size
        position = end if member.damage is None else _find_member(handle, position + 1, end, starts)


def _gap(handle: BinaryIO, position: int, size: int, starts: re.Pattern[bytes]) -> Generator[Gap, None, int]:
    """Yield what lies before the next member, unless it is zero bytes alone, and return where that begins."""
    following = _find_member(handle, position, size, starts)
    if not _only_zeros(handle, position, following):
        yield Gap(position, following - position)
    return following


class _GzipMember(Member):
    own = True

    def __init__(self, handle: BinaryIO, offset: int, budget: _Budget) -> None:
        super().__init__(offset, budget)
        self._handle = handle
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._checksum = 0
        self._done = False
        body = _skip_header(handle, offset)
        if body is None:
            self._stop("cut", "the gzip header is cut or too long")
        else:
            self._position = body

    def _read(self) -> bytes:
        while not self._done:
            packed = self._inflate.unconsumed_tail or self._packed()
            try:
                piece = self._inflate.decompress(packed, _PIECE_BYTES)
            except zlib.error as error:
                self._stop("corrupt", str(error))
                break
            self._checksum = zlib.crc32(piece, self._checksum)
            if self._inflate.eof:
                self._finish()
            elif not packed and not piece:
                self._stop("cut", "the file ends inside a gzip member")
            if piece:
                return piece
        return b""

    def _packed(self) -> bytes:
        self._handle.seek(self._position)
        packed = self._handle.read(_PACKED_BYTES)
        self._position += len(packed)
        return packed

    def _finish(self) -> None:
        """Compare the checksum; the trailer is the CRC-32 and the length modulo 2^32."""
        end = self._position - len(self._inflate.unused_data)
        self._handle.seek(end)
        trailer = self._handle.read(8)
        self.length = end + len(trailer) - self.offset
        self._done = True
        if len(trailer) < 8:
            self._stop("cut", "the file ends inside a gzip member")
        elif int.from_bytes(trailer[:4], "little") != self._checksum:
            self._stop("checksum", "the gzip checksum does not match")

    def _stop(self, damage: Damage, detail: str) -> None:
        self.damage, self.detail, self._done = damage, detail, True


def _skip_header(handle: BinaryIO, offset: int) -> int | None:
    """Where the deflate stream of a member begins, or None where its header is cut or endless."""
    handle.seek(offset)
    head = handle.read(10)
    if len(head) < 10:
        return None
    flags, at = head[3], 10
    if not flags:
        return offset + at
    head += handle.read(_MAX_HEADER_BYTES)
    if flags & _FEXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            at = head.find(b"\0", at) + 1
            if at == 0:
                return None
    at += 2 if flags & _FHCRC else 0
    return offset + at if at < len(head) else None


def _is_magic(handle: BinaryIO, position: int) -> bool:
    handle.seek(position)
    return handle.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def _find_member(handle: BinaryIO, position: int, size: int, starts: re.Pattern[bytes]) -> int:
    """Where the next readable member begins from `position` on; the file's size where there is none."""
    while position < size:
        handle.seek(position)
        window = handle.read(_PIECE_BYTES)
        found = window.find(GZIP_MAGIC)
        if found >= 0:
            if starts.match(_probe(handle, position + found)):
                return position + found
            position += found + 1
        else:
            position += max(1, len(window) - len(GZIP_MAGIC) + 1)
    return size


def _probe(handle: BinaryIO, offset: int) -> bytes:
    """The first bytes that a member at `offset` unpacks to; nothing where there is no member."""
    body = _skip_header(handle, offset)
    if body is None:
        return b""
    handle.seek(body)
    try:
        return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(handle.read(1024), _PROBE_BYTES)
    except zlib.error:
        return b""


def _only_zeros(handle: BinaryIO, position: int, end: int) -> bool:
    handle.seek(position)
    while position < end:
        window = handle.read(min(_PIECE_BYTES, end - position))
        if not window or window.strip(b"\0"):
            return False
        position += len(window)
    return True
