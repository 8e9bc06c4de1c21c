"""WARC and ARC framing: where one record ends and the next begins, also where the file is damaged.

A WARC record is a version line, headers, a blank line and `Content-Length` bytes; an ARC record is a line and as many
bytes as it says. That length is trusted as long as what follows is the end or another record. Where it is not, the
next version line at the start of a line is where reading goes on, and the record is kept with what was certainly its
own, or dropped, with a rule either way:

  content_length  the length is missing, senseless or wrong (kept where the block is whole)
  truncated       the file ends inside the record            corrupt_member  the compression is damaged there
  bad_checksum    kept: the checksum does not match          header_too_large  more than 1 MiB of headers
  too_large       more than `max_bytes`; passed over, never held in memory
  unreadable      bytes that are no record
A record may go on in the next gzip member or zstd frame (files cut into blocks by their compressor).
Source of the format: ISO 28500:2017 (WARC/1.1), read more leniently in header names, line ends and folding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gristmill.ingest.packed.unpack import Gap, Member, read_members
from gristmill.ingest.web.arc import ARC_LINE, ARC_LINE_BYTES, parse_arc_line
from gristmill.inputs import InputFile

_BLANK_BYTES = b"\r\n \t\0"
_BLANKS = re.compile(rb"[\r\n \t\0]*")
_RECORD_END = re.compile(rb"(?:\r\n\r\n|\n\n)\Z")
_INNER_RECORD = b"\nWARC/1."
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_MAX_HEADER_BYTES = 1 << 20
_HEADER_STEP_BYTES = 4096

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
    unpacked: bool = False  # whether offset and length count bytes of the whole file as unpacked
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case, first value of each
    block: bytes | None = None
    rule: str | None = None
    detail: str | None = None


def read_warc_records(file: InputFile, *, max_bytes: int, max_expansion: int) -> Iterator[WarcRecord]:
    """Records of a WARC or ARC file in order, with every stretch of bytes that is none as a record with a rule.

    An ARC record has the headers of a WARC response. Raises OSError where the file cannot be read at all. Memory: one
    record, at most `max_bytes` and 1 MiB of headers.
    """
    members = _Members(read_members(file, starts=RECORD_START, max_expansion=max_expansion))
    position = 0
    while (member := members.take()) is not None:
        if isinstance(member, Gap):
            detail = "no gzip member or zstd frame"
            yield WarcRecord(member.offset, member.length, rule="unreadable", detail=detail)
        else:
            framer = _Framer(members, member, position if member.packed else member.offset, max_bytes)
            yield from framer.records()
            position = framer.position if member.packed else position


def parse_headers(head: bytes) -> dict[str, str]:
    """Named fields after the first line: names in lower case, the first of repeated ones, folded lines joined."""
    fields: dict[str, str] = {}
    name, known = (
        "",
        True,
    )  # of the field that a folded line continues; whether that is a repeated one, or none
    for line in decode_header(head).split("\n")[1:]:
        if line.startswith((" ", "\t")):
            if not known:
                fields[name] = f"{fields[name]} {line.strip()}".strip()
            continue
        named, colon, value = line.partition(":")
        name = named.strip().lower()
        known = not colon or name in fields
        if not known:
            fields[name] = value.strip()
    return fields


def decode_header(head: bytes) -> str:
    """Header bytes as text: UTF-8, as WARC prescribes, else Latin-1, as HTTP once did."""
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")


@dataclass(frozen=True, slots=True)
class _Format:
    """What the two formats differ in."""

    start: re.Pattern[bytes]  # what a record begins with
    start_bytes: int  # by which it is known
    cut_start: re.Pattern[bytes]  # what may be left of it where the data ends
    restart: re.Pattern[bytes]  # the end of a line before a record
    swallowed: re.Pattern[bytes]  # the end of a record and the start of another, inside what should be one
    header_end: re.Pattern[bytes]
    parse: Callable[[bytes], dict[str, str]]


_WARC = _Format(
    start=re.compile(rb"WARC/\d"),
    start_bytes=64,  # a version line and the name of a first header
    cut_start=re.compile(rb"W(?:A(?:R(?:C(?:/)?)?)?)?\Z"),
    # At the start of a line, or after other bytes if a header follows too.
    restart=re.compile(rb"\n(?=WARC/\d)|(?=WARC/\d\.\d+\r?\n[A-Za-z][A-Za-z-]{2,30}:)"),
    swallowed=re.compile(rb"\r?\n\r?\n(?=WARC/\d\.\d+\r?\n)"),
    header_end=re.compile(rb"\r?\n\r?\n"),
    parse=parse_headers,
)
_ARC = _Format(
    start=ARC_LINE,
    start_bytes=ARC_LINE_BYTES,
    cut_start=re.compile(rb"(?:filedesc|https?|dns|ftp):[^\r\n]*\Z"),
    restart=re.compile(rb"(?=%b)" % ARC_LINE.pattern),
    swallowed=re.compile(rb"\r?\n(?=%b)" % ARC_LINE.pattern),
    header_end=re.compile(rb"\r?\n"),
    parse=parse_arc_line,
)
RECORD_START = re.compile(rb"WARC/\d|%b" % ARC_LINE.pattern)
_ANY_RESTART = re.compile(rb"\n(?=WARC/\d\.\d+\r?\n[A-Za-z-]+:|%b)" % ARC_LINE.pattern)


def _format_of(head: bytes) -> _Format:
    """The format of data that begins so; where the first record is damaged, that of the first sound one."""
    restart = None if RECORD_START.match(head) else _ANY_RESTART.search(head)
    return _ARC if _ARC.start.match(head, restart.end() if restart else 0) else _WARC


class _Members:
    """Members with a look at the one to come."""

    def __init__(self, members: Iterator[Member | Gap]) -> None:
        self._members = members
        self._ahead: Member | Gap | None = None

    def take(self) -> Member | Gap | None:
        ahead, self._ahead = self._ahead, None
        return ahead or next(self._members, None)

    def continues(self) -> Member | None:
        """Take the next member if it does not begin with a record, and so may belong to the one before."""
        self._ahead = self.take()
        if isinstance(self._ahead, Member):
            head = self._ahead.peek()
            if head and not RECORD_START.match(head):
                following, self._ahead = self._ahead, None
                return following
        return None


class _Framer:
    """Takes one member apart, and those after it that a record goes on in."""

    def __init__(self, members: _Members, member: Member, position: int, max_bytes: int) -> None:
        self.position = position  # of the first byte of `_data`, in the unpacked file, or in a plain one
        self._members = members
        self._member = member
        self._first = member
        self._format = _format_of(member.peek())
        self._max_bytes = max_bytes
        self._data = bytearray()  # what was read and not taken
        self._ended = False
        self._header_ended = True  # whether the last headers had an end of their own

    def records(self) -> Iterator[WarcRecord]:
        count = 0
        damage_told = False
        while not self._at_end():
            start = self.position
            record = self._next()
            alone = count == 0 and self._at_end()
            self._place(record, start, alone)
            damage_told |= self._note_damage(record)
            count += 1
            yield record
        if self._member.damage and not damage_told:
            record = WarcRecord(0, rule=_DAMAGE_RULES[self._member.damage], detail=self._member.detail)
            self._place(record, self.position, alone=count == 0)
            yield record

    def _next(self) -> WarcRecord:
        if not self._starts_record():
            stray = self._skip_to_record()
            return WarcRecord(0, rule="unreadable", detail=f"{stray} bytes that are no record")
        header = self._take_header()
        if header is None:
            endless = len(self._data) >= _MAX_HEADER_BYTES
            self._skip_to_record(after=1)
            if endless:
                return WarcRecord(0, rule="header_too_large", detail="the headers have no end within 1 MiB")
            rule = _DAMAGE_RULES[self._member.damage or "cut"]
            return WarcRecord(0, rule=rule, detail="the data ends inside the headers")
        record = WarcRecord(0, headers=self._format.parse(header))
        if not self._header_ended:
            record.rule, record.detail = "content_length", "the headers run into another record"
            return record
        declared = record.headers.get("content-length", "")
        if not _LENGTH.fullmatch(declared) or not self._can_hold(int(declared)):
            self._skip_to_record()
            record.rule = "content_length"
            record.detail = f"Content-Length: {declared[:40]!r}" if declared else "no Content-Length"
        elif int(declared) > self._max_bytes:
            self._pass_over(record, int(declared))
        else:
            self._take_block(record, int(declared))
        return record

    def _take_block(self, record: WarcRecord, declared: int) -> None:
        self._fill(declared + self._format.start_bytes)
        while len(self._data) < declared and self._go_on():
            self._fill(declared + self._format.start_bytes)
        whole = len(self._data) >= declared
        if whole and self._clean_after(declared):
            record.block = self._take(declared)
            self._skip_blank()
            return
        if self._is_start(_blanks(self._data, 0)):
            record.rule, record.detail = "content_length", "the headers run into another record"
            return
        swallowed = self._format.swallowed.search(self._data, 0, declared + 2 * self._format.start_bytes)
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
            self._drop(len(self._data))
            return
        record.rule = "content_length"
        self._skip_blank()

    def _pass_over(self, record: WarcRecord, declared: int) -> None:
        left = declared
        while left and (not self._at_end(skip_blank=False) or self._go_on()):
            left -= self._drop(min(left, len(self._data)))
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
            record.offset = self._first.offset
            record.length = self._member.offset + self._member.length - self._first.offset
        else:
            record.offset, record.length = start, self.position - start
            record.unpacked = self._member.packed

    def _note_damage(self, record: WarcRecord) -> bool:
        """Give a record the rule of its member's damage, if that was met while reading it and may be the reason."""
        damage = self._member.damage
        if damage is None or not self._ended:
            return False
        if record.rule is None or (record.block is None and record.rule == "content_length"):
            record.rule, record.detail = _DAMAGE_RULES[damage], self._member.detail
        return True

    def _can_hold(self, declared: int) -> bool:
        """Whether a plain file is long enough; of packed data that is only known at its end."""
        return (
            self._member.packed
            or self.position + declared <= self._member.offset + self._member.length
            or (declared <= self._max_bytes)
        )

    def _go_on(self) -> bool:
        """Whether the record that is being read goes on in a further member; only a sound one has a sequel."""
        if not self._ended or self._member.damage is not None:
            return False
        following = self._members.continues()
        if following is None:
            return False
        self._member, self._ended = following, False
        return True

    # -- the buffer ---------------------------------------------------------------------------------------------

    def _fill(self, count: int) -> None:
        while len(self._data) < count and not self._ended:
            piece = self._member.read()
            self._data += piece
            self._ended = not piece

    def _take(self, count: int) -> bytes:
        with memoryview(self._data) as view:
            taken = bytes(view[:count])
        self._drop(count)
        return taken

    def _drop(self, count: int) -> int:
        count = min(count, len(self._data))
        del self._data[:count]
        self.position += count
        return count

    def _at_end(self, *, skip_blank: bool = True) -> bool:
        if skip_blank:
            self._skip_blank()
        elif not self._data:
            self._fill(1)
        return not self._data

    def _skip_blank(self) -> None:
        while True:
            if not self._data:
                self._fill(1)
            if self._data and self._data[0] not in _BLANK_BYTES:
                return
            self._drop(_blanks(self._data, 0))
            if self._data or self._ended:
                return

    def _starts_record(self) -> bool:
        self._fill(self._format.start_bytes)
        return self._is_start(0)

    def _is_start(self, at: int) -> bool:
        """Whether a record begins there, or the data ends with the beginning of one."""
        if self._format.start.match(self._data, at):
            return True
        return self._ended and self._format.cut_start.match(self._data, at) is not None

    def _clean_after(self, count: int) -> bool:
        """Whether the end, or blank space and another record, follows after `count` bytes."""
        following = count
        while True:
            self._fill(following + self._format.start_bytes)
            following = _blanks(self._data, following)
            if self._ended or len(self._data) >= following + self._format.start_bytes:
                return following >= len(self._data) or self._is_start(following)
            if following > count + _MAX_HEADER_BYTES:
                return True  # blank as far as one cares to look

    def _take_header(self) -> bytes | None:
        """The headers up to their end, which is taken too; None where there is none."""
        looked = 0
        while True:
            self._fill(looked + _HEADER_STEP_BYTES)
            wanted = min(looked + _HEADER_STEP_BYTES, len(self._data))
            found = self._format.header_end.search(self._data, max(0, looked - 4), wanted)
            if found:
                header = self._take(found.start())
                # Where the blank line is lost, the next one is that of another record.
                inner = header.find(_INNER_RECORD)
                self._header_ended = inner < 0
                if inner < 0:
                    self._drop(found.end() - found.start())
                    return header
                self._data[:0] = header[inner + 1 :]
                self.position -= len(header) - inner - 1
                return header[:inner]
            if wanted >= _MAX_HEADER_BYTES:
                return None
            if wanted == len(self._data) and self._ended and not self._go_on():
                return None
            looked = wanted

    def _skip_to_record(self, after: int = 0) -> int:
        """Pass over everything before the next record, which begins `after` here; how many bytes that was."""
        skipped = 0
        while True:
            self._fill(self._format.start_bytes + 1)
            if not after and not skipped and self._is_start(0):
                return 0
            found = self._format.restart.search(self._data, after)
            if found:
                return skipped + self._drop(found.end())
            if self._ended:
                return skipped + self._drop(len(self._data))
            skipped += self._drop(len(self._data) - self._format.start_bytes)


def _blanks(data: bytearray, start: int) -> int:
    """Where the run of blank bytes that begins at `start` ends."""
    found = _BLANKS.match(data, start)
    return found.end() if found else start
