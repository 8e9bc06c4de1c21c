"""WARC framing: where one record ends and the next begins, also where the file is damaged.

A record is a version line, headers, a blank line and `Content-Length` bytes. That length is trusted as long as what
follows is the end or another record. Where it is not, the next version line at the start of a line is where reading
goes on, and the record is kept with what was certainly its own, or dropped, with a rule either way:

  content_length  the length is missing, senseless or wrong (kept where the block is whole)
  truncated       the file ends inside the record            corrupt_member  the compression is damaged there
  bad_checksum    kept: the gzip checksum does not match     header_too_large  more than 1 MiB of headers
  too_large       more than `max_bytes`; passed over, never held in memory
  unreadable      bytes that are no record
Source of the format: ISO 28500:2017 (WARC/1.1), read more leniently in header names, line ends and folding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gristmill.ingest.unpack import Gap, Member, read_members
from gristmill.inputs import InputFile

VERSION_LINE = re.compile(rb"WARC/\d")
_NEXT_RECORD = re.compile(rb"\r?\n\r?\n(?=WARC/\d\.\d+\r?\n)")
_RESTART = re.compile(rb"\n(?=WARC/\d)")
_RECORD_END = re.compile(rb"(?:\r\n\r\n|\n\n)\Z")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_BLANKS = re.compile(rb"[\r\n \t\0]*")
_MAX_HEADER_BYTES = 1 << 20
_VERSION_BYTES = 16  # a version line and its end

_DAMAGE_RULES = {
    "cut": "truncated",
    "corrupt": "corrupt_member",
    "checksum": "bad_checksum",
    "expansion": "too_large",
}


@dataclass(slots=True)
class WarcRecord:
    """One framed record; `block` is None where it is lost, and `rule` says why. A kept one may have a rule too."""

    offset: int
    length: int | None = None
    unpacked: bool = False  # whether offset and length count unpacked bytes
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case, first value of each
    block: bytes | None = None
    rule: str | None = None
    detail: str | None = None


def read_warc_records(file: InputFile, *, max_bytes: int, max_expansion: int) -> Iterator[WarcRecord]:
    """Records of a WARC file in order, with every stretch of bytes that is none as a record with a rule.

    Raises OSError where the file cannot be read at all. Memory: one record, at most `max_bytes` and 1 MiB of headers.
    """
    for member in read_members(file, starts=VERSION_LINE, max_expansion=max_expansion):
        if isinstance(member, Gap):
            yield WarcRecord(member.offset, member.length, rule="unreadable", detail="no gzip member")
        else:
            yield from _Framer(member, max_bytes).records()


class _Framer:
    """Takes one member apart."""

    def __init__(self, member: Member, max_bytes: int) -> None:
        self._member = member
        self._max_bytes = max_bytes
        self._data = bytearray()  # what was read and not taken
        self._position = 0  # of its first byte, in the unpacked member
        self._ended = False

    def records(self) -> Iterator[WarcRecord]:
        count = 0
        damage_told = False
        while not self._at_end():
            start = self._position
            record = self._next()
            alone = count == 0 and self._at_end()
            self._place(record, start, alone)
            damage_told |= self._note_damage(record)
            count += 1
            yield record
        if self._member.damage and not damage_told:
            record = WarcRecord(self._position, rule=_DAMAGE_RULES[self._member.damage])
            record.detail = self._member.detail
            self._place(record, self._position, alone=count == 0)
            yield record

    def _next(self) -> WarcRecord:
        if not self._starts_record():
            stray = self._skip_to_record()
            return WarcRecord(0, rule="unreadable", detail=f"{stray} bytes that are no WARC record")
        header = self._take_header()
        if header is None:
            endless = len(self._data) >= _MAX_HEADER_BYTES
            self._skip_to_record()
            if endless:
                return WarcRecord(0, rule="header_too_large", detail="the headers have no end within 1 MiB")
            rule = _DAMAGE_RULES[self._member.damage or "cut"]
            return WarcRecord(0, rule=rule, detail="the data ends inside the headers")
        record = WarcRecord(0, headers=parse_headers(header))
        declared = record.headers.get("content-length", "")
        if not re.fullmatch(r"\d{1,18}", declared, re.ASCII) or not self._can_hold(int(declared)):
            self._skip_to_record()
            record.rule = "content_length"
            record.detail = f"Content-Length: {declared[:40]!r}" if declared else "no Content-Length"
        elif int(declared) > self._max_bytes:
            self._pass_over(record, int(declared))
        else:
            self._take_block(record, int(declared))
        return record

    def _take_block(self, record: WarcRecord, declared: int) -> None:
        self._fill(declared + _VERSION_BYTES)
        whole = len(self._data) >= declared
        if whole and self._clean_after(declared):
            record.block = self._take(declared)
            self._skip_blank()
            return
        swallowed = _NEXT_RECORD.search(self._data, 0, declared + 2 * _VERSION_BYTES)
        if swallowed and swallowed.start() < declared:
            record.block = self._take(swallowed.start())
            record.detail = (
                f"Content-Length says {declared}, the next record begins after {len(record.block)}"
            )
        elif whole:
            record.block = self._take(declared)
            stray = self._skip_to_record()
            record.detail = f"Content-Length says {declared}, but {stray} more bytes follow"
        elif self._member.own and self._member.damage in (None, "checksum"):
            found = len(self._data)
            record.block = _RECORD_END.sub(b"", self._take(found))
            record.detail = f"Content-Length says {declared}, the member ends after {found}"
        else:
            damage = self._member.damage or "cut"
            record.rule = _DAMAGE_RULES[damage]
            record.detail = f"{len(self._data)} of {declared} bytes are left"
            self._take(len(self._data))
            return
        record.rule = "content_length"
        self._skip_blank()

    def _pass_over(self, record: WarcRecord, declared: int) -> None:
        left = declared
        while left and not self._at_end(skip_blank=False):
            left -= len(self._take(min(left, len(self._data))))
        if left:
            damage = self._member.damage
            record.rule = _DAMAGE_RULES[damage] if damage else "content_length"
            record.detail = f"Content-Length says {declared}, but the data ends {left} bytes earlier"
        else:
            record.rule, record.detail = "too_large", f"{declared} of {self._max_bytes} bytes"
            if not self._at_end() and not self._starts_record():
                self._skip_to_record()

    def _place(self, record: WarcRecord, start: int, alone: bool) -> None:
        """Where the record lies: its member, if it has it for itself; else unpacked bytes, or those of a plain file."""
        if self._member.own and alone:
            record.offset, record.length = self._member.offset, self._member.length
        else:
            record.offset, record.length = start, self._position - start
            record.unpacked = self._member.packed

    def _note_damage(self, record: WarcRecord) -> bool:
        """Give a whole record the rule of its member's damage, if that was met while reading it."""
        damage = self._member.damage
        if damage is None or not self._ended:
            return False
        if record.rule is None:
            record.rule, record.detail = _DAMAGE_RULES[damage], self._member.detail
        return True

    def _can_hold(self, declared: int) -> bool:
        """Whether a plain file is long enough; of packed data that is only known at its end."""
        return (
            self._member.packed
            or self._position + declared <= (self._member.length or 0)
            or (declared <= self._max_bytes)
        )

    # -- the buffer ---------------------------------------------------------------------------------------------

    def _fill(self, count: int) -> None:
        while len(self._data) < count and not self._ended:
            piece = self._member.read()
            self._data += piece
            self._ended = not piece

    def _take(self, count: int) -> bytes:
        taken = bytes(self._data[:count])
        del self._data[:count]
        self._position += len(taken)
        return taken

    def _at_end(self, *, skip_blank: bool = True) -> bool:
        if skip_blank:
            self._skip_blank()
        self._fill(1)
        return not self._data

    def _skip_blank(self) -> None:
        while True:
            self._fill(1)
            self._take(_blanks(self._data, 0))
            if self._data or self._ended:
                return

    def _starts_record(self) -> bool:
        self._fill(_VERSION_BYTES)
        return self._is_version_line(0)

    def _is_version_line(self, start: int) -> bool:
        """Whether a version line begins there, or the data ends with the beginning of one."""
        if VERSION_LINE.match(self._data, start):
            return True
        rest = bytes(self._data[start : start + _VERSION_BYTES])
        return self._ended and 0 < len(rest) < _VERSION_BYTES and b"WARC/".startswith(rest)

    def _clean_after(self, count: int) -> bool:
        """Whether the end, or blank space and another record, follows after `count` bytes."""
        following = count
        while True:
            self._fill(following + _VERSION_BYTES)
            following = _blanks(self._data, following)
            if self._ended or len(self._data) >= following + _VERSION_BYTES:
                return following >= len(self._data) or self._is_version_line(following)
            if following > count + _MAX_HEADER_BYTES:
                return True  # blank as far as one cares to look

    def _take_header(self) -> bytes | None:
        """The headers up to the blank line, which is taken too; None where there is none."""
        wanted = 0
        while True:
            wanted += 4096
            self._fill(wanted)
            found = _HEADER_END.search(self._data, max(0, wanted - 4096 - 4), wanted)
            if found:
                return self._take(found.end())[: found.start()]
            if wanted >= _MAX_HEADER_BYTES or (self._ended and wanted >= len(self._data)):
                return None

    def _skip_to_record(self) -> int:
        """Pass over everything before the next version line at the start of a line; how many bytes that was."""
        skipped = 0
        while True:
            self._fill(_VERSION_BYTES + 1)
            found = _RESTART.search(self._data)
            if found:
                return skipped + len(self._take(found.end()))
            if self._ended:
                return skipped + len(self._take(len(self._data)))
            skipped += len(self._take(len(self._data) - _VERSION_BYTES))


def _blanks(data: bytearray, start: int) -> int:
    """Where the run of blank bytes that begins at `start` ends."""
    found = _BLANKS.match(data, start)
    return found.end() if found else start


def parse_headers(head: bytes) -> dict[str, str]:
    """Named fields after the first line: names in lower case, the first of repeated ones, folded lines joined."""
    fields: dict[str, list[str]] = {}
    parts: list[str] = []  # of the field that a folded line continues
    for line in decode_header(head).split("\n")[1:]:
        if line[:1] in (" ", "\t"):
            parts.append(line.strip())
            continue
        name, colon, value = line.partition(":")
        parts = [value.strip()]
        if colon:
            fields.setdefault(name.strip().lower(), parts)
    return {name: " ".join(parts).strip() for name, parts in fields.items()}


def decode_header(head: bytes) -> str:
    """Header bytes as text: UTF-8, as WARC prescribes, else Latin-1, as HTTP once did."""
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")
