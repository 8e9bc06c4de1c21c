"""gzip files as members: header and checksum are read here, the deflate stream by ISA-L (about twice as fast as zlib).

A member is left at its first fault, with every byte that could be unpacked before it. Source: RFC 1952.
"""

from __future__ import annotations

import re
import struct
import zlib

from isal import isal_zlib

from gristmill.ingest.packed.members import PIECE_BYTES, Budget, Damage, Find, Member, Window

GZIP_MAGIC = b"\x1f\x8b\x08"  # two bytes of magic, and deflate, the only method there is
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 2, 4, 8, 16  # flags of the header
_MAX_HEADER_BYTES = 1 << 16

_FIRST_PACKED_BYTES = 16 << 10  # fed first: what is left of it at a member's end is copied
_PACKED_BYTES = 64 << 10  # fed at once after that
_PROBE_PACKED_BYTES = 4 << 10  # unpacked to see whether a member was found
_PROBE_BYTES = 16 << 10


def find_gzip_member(window: Window, start: int, end: int, starts: re.Pattern[bytes]) -> int:
    """Where the next member begins that unpacks to what `starts` matches; `end` where there is none before it."""
    while start < end:
        found = window.find(GZIP_MAGIC, start, end)
        if found == end or starts.match(_probe(window, found)):
            return found
        start = found + 1
    return end


class GzipMember(Member):
    """One member."""

    own = True

    def __init__(self, window: Window, offset: int, find: Find, budget: Budget) -> None:
        super().__init__(offset, budget)
        self._window = window
        self._find = find
        self._inflate = isal_zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._checksum = 0
        self._produced = 0
        self._done = False
        body = _skip_header(window, offset)
        self._body = self._position = offset if body is None else body
        if body is None:
            self._stop("cut", "the gzip header is cut or too long")

    def _read(self) -> bytes:
        packed: bytes | memoryview
        while not self._done:
            packed = self._inflate.unconsumed_tail
            if not packed:
                count = _PACKED_BYTES if self._produced else _FIRST_PACKED_BYTES
                packed = self._window.some(self._position, count)
                self._position += len(packed)
            try:
                piece = self._inflate.decompress(packed, PIECE_BYTES)
            except isal_zlib.error as error:  # type: ignore[misc]  # declared as a value
                self._stop("corrupt", f"the deflate stream is broken: {error}")
                return self._salvage(self._position - len(packed))
            self._checksum = isal_zlib.crc32(piece, self._checksum)
            self._produced += len(piece)
            if self._inflate.eof:
                self._finish()
            elif not packed and not piece:
                self._stop("cut", "the file ends inside a gzip member")
            if piece:
                return piece
        return b""

    def _finish(self) -> None:
        """Compare the checksum; the trailer is the CRC-32 and the length modulo 2^32."""
        end = self._position - len(self._inflate.unused_data)
        trailer = self._window.all(end, 8)
        self.length = end + len(trailer) - self.offset
        self._done = True
        if len(trailer) < 8:
            self._stop("cut", "the file ends inside a gzip member")
        elif trailer != struct.pack("<II", self._checksum, self._produced & 0xFFFFFFFF):
            self._stop("checksum", "the gzip checksum or length does not match")

    def _salvage(self, broken: int) -> bytes:
        """What lies between the last piece and the fault: unpacked again, in the end byte by byte.

        A fault costs one more pass over its member, so that all before it is there whatever the size of pieces.
        """
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        position, known = self._body, self._produced
        saved = bytearray()
        try:
            while position < self._window.size and len(saved) < PIECE_BYTES:
                count = min(_PACKED_BYTES, broken - position) if position < broken else 1
                packed: bytes | memoryview = self._window.some(position, count)
                position += len(packed)
                while packed and not inflate.eof:
                    piece = inflate.decompress(packed, PIECE_BYTES)
                    packed = inflate.unconsumed_tail
                    saved += piece[known:]
                    known = max(0, known - len(piece))
                if inflate.eof:
                    break
        except zlib.error:
            pass
        return bytes(saved)

    def _stop(self, damage: Damage, detail: str) -> None:
        self.damage, self.detail, self._done = damage, detail, True

    def _end(self) -> None:
        if self.damage == "expansion":
            self.length = self._window.size - self.offset
        elif self.damage is not None:
            # A fault in the last bits of a member can make it run on through the next, so that is looked for inside.
            end = self.offset + self.length if self.damage == "checksum" else self._window.size
            self.length = self._find(self.offset + 1, end) - self.offset


def _skip_header(window: Window, offset: int) -> int | None:
    """Where the deflate stream of a member begins, or None where its header is cut or endless."""
    head = window.all(offset, 10)
    if len(head) < 10:
        return None
    flags, at = head[3], 10
    if not flags:
        return offset + at
    head = window.all(offset, _MAX_HEADER_BYTES)
    if flags & _FEXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            at = head.find(b"\0", at) + 1
            if at == 0:
                return None
    at += 2 if flags & _FHCRC else 0
    return offset + at if at < len(head) else None


def _probe(window: Window, offset: int) -> bytes:
    """The first bytes that a member at `offset` unpacks to; nothing where there is no member."""
    body = _skip_header(window, offset)
    if body is None:
        return b""
    inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    packed = window.all(body, _PROBE_PACKED_BYTES)
    found = b""
    try:
        for start in range(0, len(packed), 256):  # a fault further on does not take what comes before it
            found += inflate.decompress(packed[start : start + 256], _PROBE_BYTES)
            if len(found) >= _PROBE_BYTES or inflate.eof or inflate.unconsumed_tail:
                break
    except zlib.error:
        pass
    return found
