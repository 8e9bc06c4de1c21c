"""Compressed files as a sequence of members, read in pieces, with damage noted instead of raised.

gzip files are chains of members and zstd files chains of frames; web archives use one a record. The usual readers
hide where a member begins and stop at the first fault, so the chain is walked here. After damage the search goes on
for the next place that looks like a member *and* unpacks to what the file should hold. A plain file is one member, and
so is one that is bzip2 or xz.
What a stretch of the file is, is told by its first bytes, never by the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gristmill.ingest.packed.members import PIECE_BYTES, Budget, Gap, Member, Window
from gristmill.ingest.packed.unpack_gzip import GZIP_MAGIC, GzipMember, find_gzip_member
from gristmill.ingest.packed.unpack_streams import StreamMember, is_stream
from gristmill.ingest.packed.unpack_zstd import (
    ZSTD_MAGIC,
    ZstdMember,
    find_zstd_frame,
    is_skippable,
    read_dictionary,
)
from gristmill.inputs import InputFile

__all__ = ["Gap", "Member", "read_members"]

_FREE_BYTES = 256 << 20  # any file may unpack to this, whatever the limit on expansion says
_LOST_START_BYTES = 4 << 20  # how far a member is looked for in a file that begins with no known kind
_MAGIC_BYTES = 16
_HEAD_BYTES = 16 << 10  # by which `starts` is matched


def read_members(file: InputFile, *, starts: re.Pattern[bytes], max_expansion: int) -> Iterator[Member | Gap]:
    """Members of a file in order; `starts` is what unpacked data begins with where a new member is looked for.

    OSError is raised where the file cannot be read; damaged content never raises. Memory: some 2 MB, and for zstd up to
    128 MiB of window where a frame asks for it.
    """
    with file.open() as handle:
        window = Window(handle)
        budget = Budget(max(_FREE_BYTES, window.size * max_expansion))
        if is_stream(window.all(0, _MAGIC_BYTES)):
            yield StreamMember(window, budget)
        else:
            yield from _Chain(window, starts, budget).members()


class _Chain:
    """Walks over one file."""

    def __init__(self, window: Window, starts: re.Pattern[bytes], budget: Budget) -> None:
        self._window = window
        self._starts = starts
        self._budget = budget
        self._dictionary: Any = None

    def members(self) -> Iterator[Member | Gap]:
        window = self._window
        position = 0
        while position < window.size:
            head = window.all(position, 8)
            skipped = self._skippable(head, position)
            if skipped:
                position += skipped
                continue
            part = self._part(head, position)
            if isinstance(part, Gap):
                if not window.is_zero(position, position + part.length):
                    yield part
            else:
                yield part
                while part.read():
                    pass
                if part.damage == "expansion":
                    return
            position += part.length

    def _part(self, head: bytes, position: int) -> Member | Gap:
        """What lies at a position: a member, or bytes up to the next one."""
        window = self._window
        if head.startswith(GZIP_MAGIC):
            return GzipMember(window, position, self._find, self._budget)
        if head.startswith(ZSTD_MAGIC):
            return ZstdMember(window, position, self._find_after_zstd, self._dictionary, self._budget)
        plain = self._starts.match(window.all(position, _HEAD_BYTES)) is not None
        if plain and position == 0:
            return _PlainMember(window, 0, window.size)
        limit = _LOST_START_BYTES if position == 0 else window.size
        following = self._find(position + 1, min(limit, window.size))
        if plain:
            return _PlainMember(window, position, following)
        if position == 0 and following == min(limit, window.size):
            return _PlainMember(window, 0, window.size)
        return Gap(position, following - position)

    def _find(self, start: int, end: int) -> int:
        """Where the next member begins that unpacks to what is looked for; `end` where there is none before it."""
        end = find_gzip_member(self._window, start, end, self._starts)
        return find_zstd_frame(self._window, start, end, self._dictionary, self._starts)

    def _find_after_zstd(self, start: int, end: int) -> int:
        """The same in a zstd file, where every frame that unpacks will do: its magic number is a long one."""
        end = find_gzip_member(self._window, start, end, self._starts)
        return find_zstd_frame(self._window, start, end, self._dictionary)

    def _skippable(self, head: bytes, position: int) -> int:
        """The length of a whole skippable frame of zstd, whose dictionary is taken if it is the first; else 0."""
        if len(head) < 8 or not is_skippable(head):
            return 0
        length = 8 + int.from_bytes(head[4:], "little")
        if position + length > self._window.size:
            return 0
        if position == 0:
            self._dictionary = read_dictionary(self._window, 0, length)
        return length


class _PlainMember(Member):
    """A file that is not compressed, or such a stretch of one."""

    packed = False

    def __init__(self, window: Window, start: int, end: int) -> None:
        super().__init__(start, Budget(end - start))
        self._window = window
        self._position, self._stop = start, end
        self.length = end - start

    def _read(self) -> bytes:
        piece = bytes(self._window.some(self._position, min(PIECE_BYTES, self._stop - self._position)))
        self._position += len(piece)
        return piece

    def _end(self) -> None:
        pass
