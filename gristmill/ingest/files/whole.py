"""A file that is one record as a whole: its content, plain or unpacked, or the record that says why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gristmill.ingest.options.base import SourceBase
from gristmill.ingest.packed.unpack import Gap, read_members
from gristmill.ingest.records import Record
from gristmill.ingest.rows.lines import DAMAGE_RULES
from gristmill.inputs import InputFile

ANYTHING = re.compile(b"")  # what a member may begin with where any content will do


@dataclass(frozen=True, slots=True)
class Whole:
    """The content of a file; `size` is that of the file as stored."""

    data: bytes
    size: int
    packed: bool


def read_whole(file: InputFile, options: SourceBase) -> Whole | Record:
    """The content of a file of at most `max_record_bytes`, as stored and unpacked; else a record with the file's name.

    Rules: too_large, truncated, corrupt_member, bad_checksum, unreadable. OSError where the file cannot be read.
    """
    size, bound = file.size(), options.max_record_bytes
    if size > bound:
        return Record(0, size, file.name, rule="too_large", value=float(size), bound=float(bound))
    content, packed = bytearray(), False
    for member in read_members(file, starts=ANYTHING, max_expansion=options.max_expansion):
        if isinstance(member, Gap):
            detail = f"{member.length} bytes at {member.offset} are of no kind of compression"
            return Record(0, size, file.name, rule="unreadable", detail=detail)
        packed = packed or member.packed
        while piece := member.read():
            content += piece
            if len(content) > bound:
                detail = f"unpacks to more than {bound} bytes"
                return Record(0, size, file.name, rule="too_large", bound=float(bound), detail=detail)
        if member.damage is not None:
            return Record(0, size, file.name, rule=DAMAGE_RULES[member.damage], detail=member.detail)
    return Whole(bytes(content), size, packed)
