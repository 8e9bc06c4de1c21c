"""What all kinds of compressed files share: members, gaps between them, damage, and the limit on expansion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

BLOCK_BYTES = 1 << 20  # read from the file at once
PIECE_BYTES = 256 << 10  # unpacked at once

Damage = Literal["cut", "corrupt", "checksum", "expansion"]
Find = Callable[[int, int], int]  # where in [start, end) the next member begins, or end


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes between members that are no member."""

    offset: int
    length: int


class Member:
    """One gzip member or zstd frame, or a plain file. Read it to its end before taking the next."""

    own = False  # whether the member may end before the file does
    packed = True

    def __init__(self, offset: int, budget: Budget) -> None:
        self.offset = offset
        self.length = 0  # bytes in the file, with what was passed over after damage; known at the end
        self.damage: Damage | None = None  # known at the end
        self.detail = ""
        self._budget = budget
        self._ahead: bytes | None = None
        self._ended = False

    def read(self) -> bytes:
        """The next piece; empty at the end, which is also where the readable part of a damaged member ends."""
        if self._ahead is not None:
            piece, self._ahead = self._ahead, None
            return piece
        if self._ended:
            return b""
        piece = self._read()
        if piece and not self._budget.spend(len(piece)):
            self.damage = "expansion"
            self.detail = f"the file unpacks to more than {self._budget.allowed} bytes"
            piece = b""
        if not piece:
            self._ended = True
            self._end()
        return piece

    def peek(self) -> bytes:
        """What `read` gives next; it stays there."""
        if self._ahead is None:
            self._ahead = self.read()
        return self._ahead

    def _read(self) -> bytes:
        raise NotImplementedError

    def _end(self) -> None:
        """Set `length`."""
        raise NotImplementedError


class Budget:
    """How much a file may still unpack to."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self._left = allowed

    def spend(self, count: int) -> bool:
        """Whether so many bytes more are allowed."""
        self._left -= count
        return self._left >= 0


class Window:
    """A file seen through one block: reading forward costs one read a block, also where members are small."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self.size = handle.seek(0, 2)
        self._start = 0
        self._block = memoryview(b"")

    def some(self, position: int, count: int) -> memoryview:
        """Up to `count` bytes; fewer at the end of a block, none at the end of the file."""
        at = position - self._start
        if not 0 <= at < len(self._block):
            self._load(position)
            at = 0
        return self._block[at : at + count]

    def all(self, position: int, count: int) -> bytes:
        """`count` bytes (at most BLOCK_BYTES); fewer only at the end of the file."""
        found = self.some(position, count)
        if len(found) < count and position + len(found) < self.size:
            self._load(position)
            found = self._block[:count]
        return bytes(found)

    def find(self, needle: bytes, start: int, end: int) -> int:
        """Where `needle` begins first in [start, end), or `end`."""
        while start < end:
            window = self.all(start, min(BLOCK_BYTES, end - start + len(needle) - 1))
            found = window.find(needle)
            if found >= 0:
                return min(start + found, end)
            if len(window) < len(needle):
                break
            start += len(window) - len(needle) + 1
        return end

    def is_zero(self, start: int, end: int) -> bool:
        """Whether there are only zero bytes in [start, end)."""
        while start < end:
            window = self.some(start, min(BLOCK_BYTES, end - start))
            if not window or bytes(window).strip(b"\0"):
                return False
            start += len(window)
        return True

    def _load(self, position: int) -> None:
        self._handle.seek(position)
        pieces, wanted = [], BLOCK_BYTES
        while wanted and (piece := self._handle.read(wanted)):  # what lies far away may come in parts
            pieces.append(piece)
            wanted -= len(piece)
        self._start, self._block = position, memoryview(b"".join(pieces))
