"""JSON files that are one array of objects, read an object at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

from gristmill.errors import shorten
from gristmill.hashing import digest_bytes
from gristmill.ingest.files.whole import ANYTHING
from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.packed.unpack import Member, read_members
from gristmill.ingest.records import Record
from gristmill.ingest.rows.lines import DAMAGE_RULES
from gristmill.ingest.rows.rows import row_record
from gristmill.inputs import InputFile

_BETWEEN = re.compile(r"[\s,]*")
_MIN_CHARS = 256 << 10  # held at least, so that most objects are whole


def begins_array(file: InputFile, options: RowSource) -> bool:
    """Whether the first sign of a file, unpacked, is `[`."""
    for member in read_members(file, starts=ANYTHING, max_expansion=options.max_expansion):
        piece = member.read() if isinstance(member, Member) else b""
        return piece.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
    return False


def read_json_array(file: InputFile, options: RowSource) -> Iterator[Record]:
    """Every object of the array; `offset` and `length` are bytes of the unpacked file.

    Rules: bad_json (what follows cannot be read, and is this one record), missing_text, empty_text, too_large,
    truncated, corrupt_member, bad_checksum.
    """
    stream = _Stream(file, options.max_expansion)
    decoder = json.JSONDecoder()
    stream.skip("[")
    while stream.more():
        try:
            value, end = decoder.raw_decode(stream.text, stream.at)
        except (ValueError, RecursionError) as error:
            if len(stream.text) - stream.at > options.max_record_bytes:
                yield Record(
                    stream.offset, rule="too_large", detail="no object ends; what follows was not read"
                )
                return
            if stream.grow():
                continue
            rule, detail = stream.damage or ("bad_json", f"{type(error).__name__}: {error}"[:200])
            yield Record(stream.offset, rule=rule, detail=detail)
            return
        offset, data = stream.offset, stream.take(end).encode(errors="replace")
        yield _record(value, data, offset, stream.packed, options)
    if stream.damage is not None:
        yield Record(stream.offset, rule=stream.damage[0], detail=stream.damage[1])
    elif not stream.ended:
        yield Record(stream.offset, rule="truncated", detail="the array does not end")


def _record(value: object, data: bytes, offset: int, packed: bool, options: RowSource) -> Record:
    digest, bound = digest_bytes(data), options.max_record_bytes
    if len(data) > bound:
        return Record(
            offset, len(data), None, digest, rule="too_large", value=float(len(data)), bound=float(bound)
        )
    if not isinstance(value, dict):
        detail = f"got {shorten(value)}, must be an object"
        return Record(offset, len(data), None, digest, rule="bad_json", detail=detail)
    meta = {"unpacked": True} if packed else {}
    return row_record(value, options, offset=offset, length=len(data), digest=digest, meta=meta)


class _Stream:
    """The text of the file from the object on that is read next."""

    def __init__(self, file: InputFile, max_expansion: int) -> None:
        self._pieces = self._decode(file, max_expansion)
        self.text = ""
        self.at = 0
        self.offset = 0  # bytes before `at`
        self.packed = False
        self.ended = False
        self.damage: tuple[str, str] | None = None

    def _decode(self, file: InputFile, max_expansion: int) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for member in read_members(file, starts=ANYTHING, max_expansion=max_expansion):
            if not isinstance(member, Member):
                self.damage = ("unreadable", "bytes that are of no kind of compression")
                return
            self.packed = member.packed
            while piece := member.read():
                yield decoder.decode(piece)
            if member.damage is not None:
                self.damage = (DAMAGE_RULES[member.damage], member.detail)
                return

    def skip(self, sign: str) -> None:
        """Pass over a sign that comes next, after blanks and a byte order mark."""
        self.grow()
        self.take(self.text.index(sign) + 1)

    def more(self) -> bool:
        """Go to the next object; False where the array or the file ends."""
        while True:
            found = _BETWEEN.match(self.text, self.at)
            self.take(found.end() if found else self.at)
            if self.at < len(self.text):
                self.ended = self.text[self.at] == "]"
                return not self.ended
            if not self.grow():
                return False

    def grow(self) -> bool:
        """Hold twice as much; False at the end of the file."""
        wanted = max(_MIN_CHARS, 2 * (len(self.text) - self.at))
        parts = [self.text[self.at :]]
        size = len(parts[0])
        while size < wanted and (piece := next(self._pieces, "")):
            parts.append(piece)
            size += len(piece)
        self.text, self.at = "".join(parts), 0
        return len(parts) > 1

    def take(self, end: int) -> str:
        """What stands before `end`, passed over."""
        taken = self.text[self.at : end]
        self.offset += len(taken.encode(errors="replace"))
        self.at = end
        return taken
