"""Rows of a dump's XML file, block by block, with damage noted instead of raised.

A dump is one `<row .../>` after the other. `<` cannot stand inside an attribute's value, so rows are found by their
first bytes, and blocks of whole rows are read by a compiled scanner where all in them is plain (_row_kernels.py), else
by expat, each block as a document of its own. So what is wrong with a row ends with the row, no declaration reaches one
(an entity that a DOCTYPE defines is unknown there, which makes billion laughs and external entities harmless), and
memory is a block or the largest row.

A row that is not well-formed is cleaned of what XML 1.0 forbids (control characters, also as references) and read
again. What stays unreadable is a `Fault` with a rule:

  bad_xml    a row that is not well-formed      truncated  the file ends inside the table
  too_large  more than `max_bytes`              doctype    a declaration; it has no effect
  encoding   neither UTF-8 nor Latin-1; nothing of the file is read
  unreadable, corrupt_member, bad_checksum      damage to the compression
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.hashing import digest_bytes

_BLOCK_BYTES = 2 << 20
_ROW = re.compile(rb"<row(?=[\s/>])")
_DECLARED = re.compile(rb"""<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DOCTYPE = re.compile(rb"<!DOCTYPE\b", re.IGNORECASE)
_END = re.compile(rb"<(?:/[A-Za-z]+\s*|(?!row)[A-Za-z]+\s*/)>\s*\Z")
_ENCODINGS = {"utf-8", "us-ascii", "iso-8859-1"}  # that expat knows itself and in which `<` is one byte
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")
_TABLE = b"<table>"
_NONCHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")  # U+FFFE and U+FFFF, which XML 1.0 forbids
_TAIL_BYTES = 8  # kept of what is passed over: `<row ` may lie across two pieces
# What XML 1.0 forbids: control characters, surrogates, U+FFFE and U+FFFF, as bytes of UTF-8 and as references.
_FORBIDDEN = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xed[\xa0-\xbf][\x80-\xbf]|\xef\xbf[\xbe\xbf]"
    rb"|&#0*(?:[0-8]|1[124-9]|2[0-9]|3[01]);|&#[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]|[dD][89a-fA-F][0-9a-fA-F]{2}"
    rb"|[fF]{3}[eEfF]);|&#(?:5529[6-9]|55[3-9]\d\d|5[67]\d{3}|65534|65535);"
)


@dataclass(slots=True)
class Fault:
    """A stretch of a file that gave no row."""

    offset: int
    length: int | None
    rule: str
    detail: str | None = None
    digest: str | None = None


@dataclass(slots=True)
class Rows:
    """Rows of a block, as columns: the attributes that were asked for (None where a row lacks one), and places."""

    attributes: dict[str, Any]  # by name: a list of texts or None, or such a column
    offsets: list[int] = field(default_factory=list)  # of `<row`, in the unpacked file
    lengths: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    controls: int = 0  # forbidden characters that were dropped
    repaired: set[int] = field(default_factory=set)  # numbers of rows of which some were dropped
    faults: list[Fault] = field(default_factory=list)  # the offsets say where between the rows


@dataclass(slots=True)
class Damage:
    """Where the compression of a file gave up or had a gap; stands among the pieces of data."""

    rule: str
    detail: str | None


def read_rows(
    pieces: Iterator[bytes | Damage], names: tuple[str, ...], *, max_bytes: int, digests: bool = True
) -> Iterator[Rows]:
    """Blocks of rows of the unpacked pieces of a file, in order; bad data never raises."""
    return _Reader(names, max_bytes, digests).read(pieces)


class _Reader:
    def __init__(self, names: tuple[str, ...], max_bytes: int, digests: bool) -> None:
        self._names, self._max_bytes, self._digests = names, max_bytes, digests
        encoded = [name.encode() for name in names]
        self._encoded_names = (
            np.frombuffer(b"".join(encoded), dtype=np.uint8),
            np.cumsum([0, *map(len, encoded)], dtype=np.int64),
        )
        self._encoding: str | None = None
        self._data = bytearray()
        self._position = 0  # of the first byte of `_data`
        self._passing = 0  # bytes of an overlong row that were given up
        self._in_table = False

    def read(self, pieces: Iterator[bytes | Damage]) -> Iterator[Rows]:
        damage: Damage | None = None
        for piece in pieces:
            if isinstance(piece, Damage):
                yield from self._finish(piece)
                damage = piece
                continue
            self._data += piece
            if len(self._data) >= _BLOCK_BYTES:
                block = self._cut()
                if block is not None:
                    yield block
                if self._encoding == "":
                    return
        if damage is None or self._data:
            yield from self._finish(None)

    def _finish(self, damage: Damage | None) -> Iterator[Rows]:
        """The rows that are left where the data ends or breaks off."""
        rows = self._new()
        if self._open(rows):
            if self._passing:
                self._end_passing(rows, _first_row(self._data))
            start, data = self._position, self._take(len(self._data))
            end = _END.search(data)
            self._parse(data[: end.start()] if end else data, start, rows)
            if damage is not None or (end is None and self._in_table):
                self._note_end(rows, start + _last_row(data), damage)
        yield rows

    def _cut(self) -> Rows | None:
        """The whole rows of the buffer; None where it holds not one."""
        rows = self._new()
        if not self._open(rows):
            return rows
        last = _last_row(self._data)
        if self._passing and last >= 0:
            first = _first_row(self._data)
            self._end_passing(rows, first)
            last -= first
        if last > 0:
            start = self._position
            self._parse(self._take(last), start, rows)
        elif self._passing or len(self._data) > self._max_bytes:  # a row without end: only its length is kept
            self._passing += len(self._take(len(self._data) - _TAIL_BYTES))
        return rows if rows.offsets or rows.faults else None

    def _end_passing(self, rows: Rows, count: int) -> None:
        """The row that is passed over ends after so many bytes more."""
        length = self._passing + count
        detail = f"{length} of {self._max_bytes} bytes"
        rows.faults.append(Fault(self._position - self._passing, length, "too_large", detail))
        self._passing = 0
        self._take(count)

    def _take(self, count: int) -> bytes:
        taken = bytes(memoryview(self._data)[:count])
        del self._data[:count]
        self._position += count
        return taken

    def _note_end(self, rows: Rows, last_row: int, damage: Damage | None) -> None:
        """Say that the data broke off: by the row that it cut in two, else by a fault of its own."""
        rule = damage.rule if damage else "truncated"
        place = f"the data ends at byte {self._position}"
        if damage and damage.detail:
            place = f"{place}: {damage.detail}"
        fault = rows.faults[-1] if rows.faults else None
        if fault is not None and fault.rule == "bad_xml" and fault.offset == last_row:
            fault.rule, fault.detail = rule, f"{place}, inside this row"
        else:
            rows.faults.append(Fault(self._position, 0, rule, f"{place}, before the end of the table"))

    def _open(self, rows: Rows) -> bool:
        """Look at what comes before the first row; False where the file cannot be read."""
        if self._encoding is not None:
            return self._encoding != ""
        head = bytes(self._data[:4096])
        declared = _DECLARED.search(head)
        encoding = declared[1].decode().lower() if declared else "utf-8"
        self._encoding = {"utf8": "utf-8", "ascii": "us-ascii", "latin-1": "iso-8859-1"}.get(
            encoding, encoding
        )
        if head.startswith(_UTF16) or self._encoding not in _ENCODINGS:
            got = "UTF-16" if head.startswith(_UTF16) else encoding
            rows.faults.append(Fault(0, None, "encoding", f"got {got[:40]!r}, must be utf-8 or iso-8859-1"))
            self._encoding = ""
            self._data.clear()
            return False
        before = bytes(self._data[: _first_row(self._data)])
        found = _DOCTYPE.search(before)
        if found:
            rows.faults.append(
                Fault(found.start(), len(before) - found.start(), "doctype", "declarations are not read")
            )
        self._in_table = bool(before.strip())
        return True

    def _new(self) -> Rows:
        return Rows({name: [] for name in self._names})

    # -- one block -----------------------------------------------------------------------------------------------

    def _parse(self, data: bytes, start: int, rows: Rows) -> None:
        """Read the rows of `data`, which begins with one but in the first block."""
        position = _first_row(data)
        if self._parse_certain(data, position, start, rows):
            return
        while position < len(data):
            stopped = self._parse_until_error(data, position, start, rows)
            if stopped is None:
                break
            following = _ROW.search(data, stopped)
            end = following.start() if following else len(data)
            begin = max(position, _last_row(data, stopped))
            if not (
                rows.offsets and rows.offsets[-1] == start + begin
            ):  # else the row was whole: junk behind it
                self._retry(data[begin:end], start + begin, rows)
            elif not _END.fullmatch(data[stopped:end].strip()) and data[stopped:end].strip():
                rows.faults.append(
                    Fault(start + stopped, end - stopped, "unreadable", "bytes that are no row")
                )
            position = end

    def _parse_certain(self, data: bytes, position: int, start: int, rows: Rows) -> bool:
        """Read the rows by the compiled scanner; False, and nothing is read, where that is not certain to be right."""
        if (
            self._encoding == "iso-8859-1"
            or not _is_utf8(data)
            or any(mark in data for mark in _NONCHARACTERS)
        ):
            return False
        from gristmill.ingest.stackexchange._row_kernels import decode_values, scan_rows

        block = np.frombuffer(data, dtype=np.uint8)[position:]
        count = data.count(b"<row", position)
        places = np.empty((count, 2), dtype=np.int64)
        spans = np.empty((len(self._names), count, 2), dtype=np.int64)
        if count == 0 or scan_rows(block, *self._encoded_names, places, spans) != count:
            return count == 0 and position == len(data)
        for name, values in zip(self._names, spans, strict=True):
            out = np.empty(int((values[:, 1] - values[:, 0]).sum()), dtype=np.uint8)
            offsets = np.empty(count + 1, dtype=np.int64)
            decode_values(block, values, out, offsets)
            rows.attributes[name] = _strings(offsets, out, values[:, 0] >= 0)
        rows.offsets = (places[:, 0] + (start + position)).tolist()
        rows.lengths = (places[:, 1] - places[:, 0]).tolist()
        if self._digests:
            shifted = (places + position).tolist()
            rows.digests = [digest_bytes(data[begin:end]) for begin, end in shifted]
        return True

    def _parse_until_error(self, data: bytes, position: int, start: int, rows: Rows) -> int | None:
        """Add the rows from `position` on; where expat stopped, None at the end."""
        parser = expat.ParserCreate(self._encoding)
        shift = position - len(_TABLE)
        columns = [(name, rows.attributes[name].append) for name in self._names]
        places: list[int] = []

        def row(tag: str, attributes: dict[str, str]) -> None:
            if tag != "row":
                return
            places.append(parser.CurrentByteIndex)
            get = attributes.get
            for name, append in columns:
                append(get(name))

        parser.StartElementHandler = row
        stopped = None
        try:
            parser.Parse(_TABLE, False)
            parser.Parse(memoryview(data)[position:], False)
            parser.Parse(b"</table>", True)
        except expat.ExpatError:
            stopped = min(max(position + 1, parser.ErrorByteIndex + shift), len(data))
        places.append((len(data) if stopped is None else stopped) - shift)
        for place, following in itertools.pairwise(places):
            begin, stop = place + shift, following + shift
            end = data.rfind(b">", begin, stop) + 1 or stop
            rows.offsets.append(start + begin)
            rows.lengths.append(end - begin)
            if self._digests:
                rows.digests.append(digest_bytes(data[begin:end]))
        return stopped

    def _retry(self, data: bytes, offset: int, rows: Rows) -> None:
        """Read one row that is not well-formed without the characters that XML forbids."""
        cleaned, dropped = _FORBIDDEN.subn(b"", data)
        before = len(rows.offsets)
        if dropped:
            self._parse_until_error(cleaned, 0, 0, rows)
            if len(rows.offsets) > before:
                rows.offsets[before] = offset
                rows.lengths[before] = len(data.rstrip())
                if self._digests:
                    rows.digests[before] = digest_bytes(data.rstrip())
                rows.controls += dropped
                rows.repaired.add(before)
                return
        whole = data.rstrip()
        digest = digest_bytes(whole) if self._digests else None
        rows.faults.append(Fault(offset, len(whole), "bad_xml", _reason(cleaned, self._encoding), digest))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _strings(offsets: Any, data: Any, known: Any) -> pl.Series:
    """A column of texts from their bytes; null where `known` is false."""
    mask = pa.py_buffer(np.packbits(known, bitorder="little"))
    size = int(offsets[-1])
    array = pa.LargeStringArray.from_buffers(
        len(known), pa.py_buffer(offsets), pa.py_buffer(data[:size]), mask
    )
    return pl.Series(pl.from_arrow(array), dtype=pl.String)


def _first_row(data: bytes | bytearray) -> int:
    """Where the first row begins; the length of the data where there is none."""
    found = _ROW.search(data)
    return found.start() if found else len(data)


def _last_row(data: bytes | bytearray, end: int | None = None) -> int:
    """Where the last row that begins before `end` does; -1 where there is none."""
    end = len(data) if end is None else end
    while (found := data.rfind(b"<row", 0, end)) >= 0:
        if _ROW.match(data, found):
            return found
        end = found
    return -1


def _reason(data: bytes, encoding: str | None) -> str:
    parser = expat.ParserCreate(encoding)
    try:
        parser.Parse(_TABLE + data + b"</table>", True)
    except expat.ExpatError as error:
        return f"{expat.ErrorString(error.code)} at byte {parser.ErrorByteIndex - len(_TABLE)} of the row"
    return "no attributes could be read"
