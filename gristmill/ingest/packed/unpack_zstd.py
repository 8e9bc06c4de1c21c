"""zstd files as frames, with the dictionary that .warc.zst files carry in front.

Headers of frames and blocks are read here, so that a frame's end is known also where it cannot be unpacked; the blocks
go to libzstd one by one, which bounds what each unpacks to (128 KiB). Skippable frames are passed over.
Sources: RFC 8878; "Zstandard compression for WARC files 1.0" (IIPC): a dictionary is the content of a first skippable
frame with magic 0x184D2A5D, as it is or as a zstd frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gristmill.ingest.packed.members import Budget, Damage, Find, Member, Window

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_DICTIONARY_MAGIC = b"\x5d\x2a\x4d\x18"
_TRAINED = b"\x37\xa4\x30\xec"  # what a dictionary that was trained begins with
_MAX_DICTIONARY_BYTES = 64 << 20
_MAX_WINDOW_BYTES = 128 << 20  # what the zstd command accepts without being told to
_RLE, _COMPRESSED = 1, 2  # types of blocks; 0 is stored as it is
_MAX_BLOCK_BYTES = 128 << 10
_MAX_HEADER_BYTES = 18
_CHECKSUM_BYTES = 4


def is_skippable(head: bytes) -> bool:
    """Whether a skippable frame begins so."""
    return len(head) >= 4 and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18"


def read_dictionary(window: Window, offset: int, length: int) -> Any:
    """The dictionary in a skippable frame, or None where there is none that can be used.

    Frames that need one are then broken.
    """
    import zstandard

    if window.all(offset, 4) != _DICTIONARY_MAGIC or length > _MAX_DICTIONARY_BYTES:
        return None
    content = bytearray()
    start, left = offset + 8, length - 8
    while left > 0 and (piece := window.some(start + len(content), left)):
        content += piece
        left -= len(piece)
    data = bytes(content)
    try:
        if data.startswith(ZSTD_MAGIC):
            packed = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).stream_reader(data)
            data = packed.read(_MAX_DICTIONARY_BYTES)
        if not data.startswith(_TRAINED):
            return zstandard.ZstdCompressionDict(data, zstandard.DICT_TYPE_RAWCONTENT) if data else None
        dictionary = zstandard.ZstdCompressionDict(data, zstandard.DICT_TYPE_FULLDICT)
        zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()  # raises where it is damaged
    except zstandard.ZstdError:
        return None
    return dictionary


def find_zstd_frame(
    window: Window, start: int, end: int, dictionary: Any = None, starts: re.Pattern[bytes] | None = None
) -> int:
    """Where the next frame begins whose first block unpacks (to what `starts` matches); `end` where there is none."""
    while start < end:
        found = window.find(ZSTD_MAGIC, start, end)
        if found == end:
            break
        head = _first_block(window, found, dictionary)
        if head is not None and (starts is None or starts.match(head)):
            return found
        start = found + 1
    return end


class ZstdMember(Member):
    """One frame."""

    own = True

    def __init__(self, window: Window, offset: int, find: Find, dictionary: Any, budget: Budget) -> None:
        super().__init__(offset, budget)
        self._window = window
        self._find = find
        self._dictionary = dictionary
        self._position = offset
        self._last = False  # whether the last block was read
        self._checked = False
        header = _parse_header(window.all(offset, _MAX_HEADER_BYTES))
        if header is None:
            self._stop("cut", "the zstd frame's header is cut or no header")
        else:
            self._header = header
            self._unpack = _decompressor(dictionary)

    def _read(self) -> bytes:
        import zstandard

        try:
            if self.damage is None and self._position == self.offset:
                self._feed(self._header.length)
            while self.damage is None and not self._last:
                piece = self._block()
                if piece:
                    return piece
            if self.damage is None and self._header.checked and not self._checked:
                self._checked = True
                return self._feed(_CHECKSUM_BYTES)
        except zstandard.ZstdError as error:
            if self._checked:
                self._stop("checksum", "the zstd checksum does not match")
            else:
                self._stop("corrupt", f"the zstd frame is broken: {error}"[:200])
        return b""

    def _block(self) -> bytes:
        """The next block, unpacked."""
        head = self._window.all(self._position, 3)
        if len(head) < 3:
            self._stop("cut", "the file ends inside a zstd frame")
            return b""
        block = _Block.of(head)
        if block is None:
            self._stop("corrupt", "a block of the zstd frame has no type or is too large")
            return b""
        self._last = block.last
        return self._feed(3 + block.stored)

    def _feed(self, count: int) -> bytes:
        packed = self._window.all(self._position, count)
        self._position += len(packed)
        if len(packed) < count:
            self._stop("cut", "the file ends inside a zstd frame")
            return b""
        unpacked: bytes = self._unpack.decompress(packed)
        return unpacked

    def _stop(self, damage: Damage, detail: str) -> None:
        self.damage, self.detail = damage, detail

    def _end(self) -> None:
        end = self._position
        if self.damage == "checksum":
            end = self._find(
                end - _CHECKSUM_BYTES, end
            )  # where a byte is missing, the next frame begins earlier
        elif self.damage == "expansion":
            end = self._window.size
        elif self.damage is not None:
            end = self._find(self.offset + 1, self._window.size)
        self.length = end - self.offset


@dataclass(frozen=True, slots=True)
class _Header:
    length: int
    checked: bool  # whether a checksum follows the last block


def _parse_header(head: bytes) -> _Header | None:
    """The frame's header (RFC 8878, 3.1.1.1), or None where it is cut or uses what is reserved."""
    if len(head) < 5 or not head.startswith(ZSTD_MAGIC):
        return None
    descriptor = head[4]
    single = descriptor >> 5 & 1
    size_of_id = (0, 1, 2, 4)[descriptor & 3]
    size_of_size = (single, 2, 4, 8)[descriptor >> 6]
    length = 5 + (1 - single) + size_of_id + size_of_size
    if descriptor & 0b1000 or len(head) < length:
        return None
    return _Header(length, bool(descriptor & 0b100))


@dataclass(frozen=True, slots=True)
class _Block:
    last: bool
    stored: int  # bytes after the header

    @classmethod
    def of(cls, head: bytes) -> _Block | None:
        value = int.from_bytes(head[:3], "little")
        last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
        if kind > _COMPRESSED or size > _MAX_BLOCK_BYTES:
            return None
        return cls(last, 1 if kind == _RLE else size)


def _decompressor(dictionary: Any) -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=_MAX_WINDOW_BYTES).decompressobj()


def _first_block(window: Window, offset: int, dictionary: Any) -> bytes | None:
    """What the first block of a frame at `offset` unpacks to; None where there is no sound frame."""
    import zstandard

    header = _parse_header(window.all(offset, _MAX_HEADER_BYTES))
    if header is None:
        return None
    at = offset + header.length
    head = window.all(at, 3)
    block = _Block.of(head) if len(head) == 3 else None
    if block is None or at + 3 + block.stored > window.size:
        return None
    packed = window.all(offset, header.length + 3 + block.stored)
    try:
        unpacked: bytes = _decompressor(dictionary).decompress(packed)
    except zstandard.ZstdError:
        return None
    return unpacked
