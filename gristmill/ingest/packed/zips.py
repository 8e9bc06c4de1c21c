"""Entries of zip files, by the directory at their end, or from entry to entry where damage took the directory.

Python's zipfile holds the whole directory in memory and refuses a file without one. Here the directory is read in
pieces, and a cut file still gives the entries before the cut.
Source of the layout: PKWARE's APPNOTE 6.3.10.
"""

from __future__ import annotations

import bz2
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from gristmill.ingest.packed.entries import BrokenEntryError, Found, read_name

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  # an entry, an archive without any, a spanned one

_LOCAL = struct.Struct("<4s5H3I2H")  # signature, version, flags, method, time, date, CRC, sizes, lengths
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_MAX_COMMENT_BYTES = (1 << 16) - 1
_MAX_DESCRIPTOR_BYTES = 24  # checksum and sizes behind the content
_IN_EXTRA = 0xFFFFFFFF  # a size or offset that stands in the Zip64 extra field
_ENCRYPTED, _DESCRIBED, _UTF8 = 1, 1 << 3, 1 << 11  # flags
_UNIX = 3

_PIECE_BYTES = 64 << 10
_MAX_CENTRAL_BYTES = _CENTRAL.size + 3 * 0xFFFF  # of one entry of the directory
_WINDOW_BYTES = 1 << 20  # of the directory, read at once
_STORED, _DEFLATE, _BZIP2 = 0, 8, 12  # methods of compression


def read_zip(handle: BinaryIO, size: int) -> Iterator[Found]:
    """Every entry but folders, in the order of the directory. Memory: some 100 kB."""
    directory = _find_directory(handle, size)
    if directory is None:
        yield from _walk(handle, size)
        return
    position, end = directory.start, directory.start + directory.length
    window, at = b"", 0
    while position < end:
        if len(window) - at < _MAX_CENTRAL_BYTES:
            window, at = _read_at(handle, position, min(_WINDOW_BYTES, end - position)), 0
        entry = _central(window, at, directory.shift)
        if entry is None:
            detail = "the directory of the zip file is damaged"
            yield Found("", position, end - position, rule="unreadable", detail=detail)
            return
        position += entry.directory_bytes
        at += entry.directory_bytes
        if not entry.is_folder:
            yield _found(handle, entry)


def first_name(head: bytes) -> bytes:
    """The name of the first entry of a zip file that begins so."""
    if len(head) < _LOCAL.size:
        return b""
    return head[_LOCAL.size : _LOCAL.size + _LOCAL.unpack_from(head)[-2]]


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    length: int
    shift: int  # bytes before the archive, as in a program that unpacks itself


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    flags: int
    method: int
    checksum: int | None  # None: it follows the content
    packed_bytes: int | None
    offset: int  # of the local header
    mode: int = 0
    directory_bytes: int = 0

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


def _find_directory(handle: BinaryIO, size: int) -> _Directory | None:
    tail_bytes = min(size, _END.size + _MAX_COMMENT_BYTES)
    tail = _read_at(handle, size - tail_bytes, tail_bytes)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        return None
    end = size - tail_bytes + found
    *_, length, start, _ = _END.unpack_from(tail, found)
    locator = _read_at(handle, end - _LOCATOR64.size, _LOCATOR64.size) if end >= _LOCATOR64.size else b""
    if locator[:4] == b"PK\x06\x07":
        _, _, at, _ = _LOCATOR64.unpack(locator)
        for place in (
            at,
            end - _LOCATOR64.size - _END64.size,
        ):  # the second where bytes were put before the file
            record = _read_at(handle, place, _END64.size) if 0 <= place < size else b""
            if len(record) == _END64.size and record[:4] == b"PK\x06\x06":
                *_, length, start = _END64.unpack(record)
                end = place
                break
    shift = end - length - start
    if length > end or shift < 0:
        return None
    if length and _read_at(handle, start + shift, 4) != b"PK\x01\x02":
        return None
    return _Directory(start + shift, length, shift)


def _central(window: bytes, at: int, shift: int) -> _Entry | None:
    if len(window) - at < _CENTRAL.size or window[at : at + 4] != b"PK\x01\x02":
        return None
    fields = _CENTRAL.unpack_from(window, at)
    _, made_by, _, flags, method, _, _, checksum, packed, plain, name_bytes, extra_bytes, comment_bytes = (
        fields[:13]
    )
    mode, offset = fields[15:]
    names = at + _CENTRAL.size
    name = window[names : names + name_bytes]
    extra = window[names + name_bytes : names + name_bytes + extra_bytes]
    _, packed, offset = _widen(extra, [plain, packed, offset])
    return _Entry(
        name=_name(name, flags),
        flags=flags,
        method=method,
        checksum=checksum,
        packed_bytes=packed,
        offset=offset + shift,
        mode=mode >> 16 if made_by >> 8 == _UNIX else 0,
        directory_bytes=_CENTRAL.size + name_bytes + extra_bytes + comment_bytes,
    )


def _widen(extra: bytes, values: list[int]) -> list[int]:
    """The values, those that do not fit 32 bits taken from the Zip64 extra field."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            wide = extra[position + 4 : position + 4 + length]
            numbers = iter(struct.unpack(f"<{len(wide) // 8}Q", wide[: len(wide) // 8 * 8]))
            return [next(numbers, value) if value == _IN_EXTRA else value for value in values]
        position += 4 + length
    return values


def _name(stored: bytes, flags: int) -> str:
    return read_name(stored, "utf-8" if flags & _UTF8 else "cp437")


def _found(handle: BinaryIO, entry: _Entry) -> Found:
    head = _read_at(handle, entry.offset, _LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        detail = "the directory names a place where no entry begins"
        return Found(entry.name, entry.offset, None, rule="unreadable", detail=detail)
    *_, name_bytes, extra_bytes = _LOCAL.unpack(head)
    header = _LOCAL.size + name_bytes + extra_bytes
    found = Found(entry.name, entry.offset, header + (entry.packed_bytes or 0))
    refused = _refuse(entry)
    if refused is not None:
        found.rule, found.detail = refused
    else:
        found.pieces = _Content(handle, entry, entry.offset + header).pieces()
    return found


def _refuse(entry: _Entry) -> tuple[str, str] | None:
    if entry.flags & _ENCRYPTED:
        return "encrypted", "the entry needs a password"
    if entry.mode and not (stat.S_ISREG(entry.mode) or not stat.S_IFMT(entry.mode)):
        return "not_a_file", "a link" if stat.S_ISLNK(entry.mode) else "a device, pipe or socket"
    if entry.method not in (_STORED, _DEFLATE, _BZIP2):
        return "unknown_method", f"compression method {entry.method}; stored, deflate and bzip2 are read"
    if entry.method == _STORED and entry.packed_bytes is None:
        return "unreadable", "nothing says where the content ends"
    return None


class _Content:
    """The content of one entry, a piece at a time; afterwards `end` is where it ended in the file."""

    def __init__(self, handle: BinaryIO, entry: _Entry, start: int) -> None:
        self._handle = handle
        self._entry = entry
        self._checksum = 0
        self.start = self.end = start
        self.finished = False

    def pieces(self) -> Iterator[bytes]:
        """Pieces of at most 64 kB; raises BrokenEntryError where the content is damaged."""
        try:
            for piece in self._unpacked():
                self._checksum = zlib.crc32(piece, self._checksum)
                yield piece
        except (zlib.error, OSError, EOFError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # bz2's own has no number
                raise
            raise BrokenEntryError("corrupt_member", f"{type(error).__name__}: {error}"[:200]) from error
        self.finished = True
        if self._entry.checksum is not None and self._checksum != self._entry.checksum:
            raise BrokenEntryError("bad_checksum", "the checksum of the entry does not match")

    def _unpacked(self) -> Iterator[bytes]:
        read = {_STORED: self._packed, _DEFLATE: self._inflated, _BZIP2: self._unpacked_bzip2}
        return read[self._entry.method]()

    def _packed(self) -> Iterator[bytes]:
        """Stored bytes; without a declared length, to the end of the file."""
        left = self._entry.packed_bytes
        while left is None or left > 0:
            wanted = _PIECE_BYTES if left is None else min(_PIECE_BYTES, left)
            self._handle.seek(self.end)
            piece = self._handle.read(wanted)
            if not piece:
                raise BrokenEntryError("truncated", "the file ends inside the entry")
            self.end += len(piece)
            if left is not None:
                left -= len(piece)
            yield piece

    def _inflated(self) -> Iterator[bytes]:
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        for packed in self._packed():
            while packed and not inflate.eof:
                piece = inflate.decompress(packed, _PIECE_BYTES)
                packed = inflate.unconsumed_tail
                if piece:
                    yield piece
            if inflate.eof:
                self.end -= len(inflate.unused_data)
                return
        while piece := inflate.decompress(inflate.unconsumed_tail, _PIECE_BYTES):
            yield piece
        if not inflate.eof:
            raise BrokenEntryError("corrupt_member", "the compressed content does not end")

    def _unpacked_bzip2(self) -> Iterator[bytes]:
        unpacker = bz2.BZ2Decompressor()
        for packed in self._packed():
            piece = unpacker.decompress(packed, _PIECE_BYTES)
            while piece:
                yield piece
                piece = b"" if unpacker.eof else unpacker.decompress(b"", _PIECE_BYTES)
            if unpacker.eof:
                return
        raise BrokenEntryError("corrupt_member", "the compressed content does not end")


def _walk(handle: BinaryIO, size: int) -> Iterator[Found]:
    """Entries of a file without a directory, each found by its header; then one record that says what is missing."""
    position, descriptor_bytes = 0, 0
    while (start := _find_signature(handle, position, size)) is not None:
        if start > position + descriptor_bytes:
            yield Found("", position, start - position, rule="unreadable", detail="no entry")
        position = start
        entry = _local(handle, start)
        if entry is None:  # cut, or the directory: there are no more entries
            break
        found = _found(handle, entry)
        content = _Content(handle, entry, start + (found.length or 0) - (entry.packed_bytes or 0))
        if found.rule is None:
            found.pieces = content.pieces()
        if not entry.is_folder:
            yield found
        if entry.packed_bytes is not None:
            position, descriptor_bytes = min(content.start + entry.packed_bytes, size), 0
        else:
            position, descriptor_bytes = (
                content.end if content.finished else content.start,
                _MAX_DESCRIPTOR_BYTES,
            )
    detail = "the directory at the end of the zip file is missing: the file is cut or damaged"
    yield Found("", position, size - position, rule="truncated", detail=detail)


def _local(handle: BinaryIO, start: int) -> _Entry | None:
    head = _read_at(handle, start, _LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        return None
    _, _, flags, method, _, _, checksum, packed, plain, name_bytes, extra_bytes = _LOCAL.unpack(head)
    names = _read_at(handle, start + _LOCAL.size, name_bytes + extra_bytes)
    if len(names) < name_bytes + extra_bytes:
        return None
    _, packed = _widen(names[name_bytes:], [plain, packed])
    described = bool(flags & _DESCRIBED) and not packed
    return _Entry(
        name=_name(names[:name_bytes], flags),
        flags=flags,
        method=method,
        checksum=None if described else checksum,
        packed_bytes=None if described else packed,
        offset=start,
    )


def _find_signature(handle: BinaryIO, position: int, size: int) -> int | None:
    """Where the next header of an entry, or the directory, begins."""
    while position < size:
        window = _read_at(handle, position, _PIECE_BYTES)
        places = [place for place in (window.find(b"PK\x03\x04"), window.find(b"PK\x01\x02")) if place >= 0]
        if places:
            return position + min(places)
        position += max(1, len(window) - 3)
    return None


def _read_at(handle: BinaryIO, position: int, count: int) -> bytes:
    handle.seek(position)
    return handle.read(count)
