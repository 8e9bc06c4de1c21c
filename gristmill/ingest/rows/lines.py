"""Lines of a file, plain or compressed, one at a time, with damage noted and lengths bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.ingest.packed.unpack import Gap, Member
from gristmill.ingest.records import Record

DAMAGE_RULES = {
    "cut": "truncated",
    "corrupt": "corrupt_member",
    "expansion": "too_large",
    "checksum": "bad_checksum",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end. `offset` and `length` are bytes of the unpacked file."""

    offset: int
    length: int | None
    packed: bool
    data: bytes | None  # None: lost, and `rule` says why
    rule: str | None = None
    detail: str | None = None

    def lost(self) -> Record:
        """The record of a line that is lost."""
        return Record(self.offset, self.length, rule=self.rule, detail=self.detail)


def read_lines(members: Iterator[Member | Gap], max_bytes: int, *, blank: bool = False) -> Iterator[Line]:
    """Lines in order; one longer than `max_bytes` is passed over. Lines of blanks only where `blank` is set."""
    rest, position = bytearray(), 0  # of the line that is being read, and where it begins
    passed = 0  # bytes of an overlong line that were given up
    packed = False
    for member in members:
        if isinstance(member, Gap):
            yield Line(member.offset, member.length, False, None, "unreadable", "no gzip member")
            continue
        packed = member.packed
        while piece := member.read():
            lines = piece.split(b"\n")
            for number, part in enumerate(lines):
                ends = number < len(lines) - 1
                if passed or len(rest) + len(part) > max_bytes:
                    passed += len(rest) + len(part)
                    rest.clear()
                else:
                    rest += part
                if ends:
                    length = passed or len(rest)
                    if passed:
                        yield _too_large(position, passed, packed, max_bytes)
                    elif blank or rest.strip():
                        yield Line(position, length, packed, bytes(rest))
                    position += length + 1
                    rest.clear()
                    passed = 0
        if member.damage:
            lost = passed or len(rest)
            yield Line(position, lost, packed, None, DAMAGE_RULES[member.damage], member.detail)
            position += lost
            rest.clear()
            passed = 0
    if passed:
        yield _too_large(position, passed, packed, max_bytes)
    elif rest.strip():
        yield Line(position, len(rest), packed, bytes(rest))


def _too_large(offset: int, length: int, packed: bool, max_bytes: int) -> Line:
    return Line(offset, length, packed, None, "too_large", f"{length} of {max_bytes} bytes")
