"""bzip2 and xz files as one member: all that follows damage in them is lost, so nothing is looked for behind it."""

from __future__ import annotations

import bz2
import lzma

from gristmill.ingest.packed.members import PIECE_BYTES, Budget, Member, Window

_BZIP2_MAGIC, _XZ_MAGIC = b"BZh", b"\xfd7zXZ\0"
_BZIP2_BLOCK = (b"1AY&SY", b"\x17rE8P\x90")  # behind the magic and one digit: a block, or the end of no data
_PACKED_BYTES = 64 << 10  # handed over at once
_MAX_XZ_BYTES = 256 << 20  # of memory; `xz -9` needs 65 MB


def is_stream(head: bytes) -> bool:
    """Whether a file that begins so is bzip2 or xz."""
    return head.startswith(_XZ_MAGIC) or (head.startswith(_BZIP2_MAGIC) and head[4:10] in _BZIP2_BLOCK)


class StreamMember(Member):
    """A bzip2 or xz file, told by its first bytes: one stream or several, with zeros between them."""

    def __init__(self, window: Window, budget: Budget) -> None:
        super().__init__(0, budget)
        self.length = window.size
        self._window = window
        self._position = 0  # in the file
        self._rest = self._packed()  # of the file, read and not yet handed to a stream
        self._magic = _XZ_MAGIC if self._rest.startswith(_XZ_MAGIC) else _BZIP2_MAGIC
        self._stream = self._start()

    def _packed(self) -> bytes:
        packed = bytes(self._window.some(self._position, _PACKED_BYTES))
        self._position += len(packed)
        return packed

    def _start(self) -> bz2.BZ2Decompressor | lzma.LZMADecompressor:
        if self._magic == _XZ_MAGIC:
            return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_XZ_BYTES)
        return bz2.BZ2Decompressor()

    def _read(self) -> bytes:
        while self.damage is None and self._prepare():
            packed, self._rest = self._rest, b""
            try:
                piece = self._stream.decompress(packed, PIECE_BYTES)
            except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
                self.damage, self.detail = "corrupt", str(error)
                break
            if piece:
                return piece
        return b""

    def _prepare(self) -> bool:
        """Have a stream that can give more; False at the end of the file."""
        if self._stream.eof:
            self._rest = self._stream.unused_data.lstrip(b"\0")
            while not self._rest:
                packed = self._packed()
                if not packed:
                    return False
                self._rest = packed.lstrip(b"\0")
            self._rest += self._packed()
            if not self._rest.startswith(self._magic):
                self.damage, self.detail = "corrupt", "what follows a stream is no stream"
                return False
            self._stream = self._start()
        elif self._stream.needs_input and not self._rest:
            self._rest = self._packed()
            if not self._rest:
                self.damage, self.detail = "cut", "the file ends inside a stream"
        return self.damage is None

    def _end(self) -> None:
        pass
