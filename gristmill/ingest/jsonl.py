"""JSON Lines as documents: one line, one record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gristmill.errors import shorten
from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import clean_text
from gristmill.ingest.options import JsonlSource
from gristmill.ingest.records import Record
from gristmill.ingest.unpack import Gap, Member, read_members
from gristmill.inputs import InputFile

_STARTS = re.compile(rb"\s*\{")
_BOM = b"\xef\xbb\xbf"
_MISSING = object()


def read_jsonl(file: InputFile, options: JsonlSource) -> Iterator[Record]:
    """Every line of a JSON Lines file that is not blank.

    Rules: bad_json, missing_text, empty_text, too_large; truncated, corrupt_member, bad_checksum, unreadable for what
    damage to the compression took. `meta`: the declared fields, and unpacked.
    """
    members = read_members(file, starts=_STARTS, max_expansion=options.max_expansion)
    for line in _read_lines(members, options.max_record_bytes):
        if line.data is None:
            yield Record(line.offset, line.length, rule=line.rule, detail=line.detail)
        else:
            yield _read_line(line, line.data, options)


@dataclass(frozen=True, slots=True)
class _Line:
    offset: int
    length: int | None
    packed: bool
    data: bytes | None  # None: lost, and `rule` says why
    rule: str | None = None
    detail: str | None = None


def _read_lines(members: Iterator[Member | Gap], max_bytes: int) -> Iterator[_Line]:
    """Lines of the unpacked file, a line at a time; a line longer than `max_bytes` is passed over."""
    rest, position = bytearray(), 0  # of the line that is being read, and where it begins
    passed = 0  # bytes of an overlong line that were given up
    packed = False
    for member in members:
        if isinstance(member, Gap):
            yield _Line(member.offset, member.length, False, None, "unreadable", "no gzip member")
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
                    elif rest.strip():
                        yield _Line(position, length, packed, bytes(rest))
                    position += length + 1
                    rest.clear()
                    passed = 0
        if member.damage:
            lost = passed or len(rest)
            rule = {"cut": "truncated", "corrupt": "corrupt_member", "expansion": "too_large"}.get(
                member.damage, "bad_checksum"
            )
            yield _Line(position, lost, packed, None, rule, member.detail)
            position += lost
            rest.clear()
            passed = 0
    if passed:
        yield _too_large(position, passed, packed, max_bytes)
    elif rest.strip():
        yield _Line(position, len(rest), packed, bytes(rest))


def _too_large(offset: int, length: int, packed: bool, max_bytes: int) -> _Line:
    return _Line(offset, length, packed, None, "too_large", f"{length} of {max_bytes} bytes")


def _read_line(line: _Line, data: bytes, options: JsonlSource) -> Record:
    digest = digest_bytes(data)

    def dropped(rule: str, detail: str | None, key: str | None = None) -> Record:
        return Record(line.offset, line.length, key, digest, rule=rule, detail=detail)

    try:
        row = json.loads(data.removeprefix(_BOM))
    except (ValueError, RecursionError) as error:
        return dropped("bad_json", f"{type(error).__name__}: {error}"[:200])
    if not isinstance(row, dict):
        return dropped("bad_json", f"got {shorten(row)}, must be an object")
    key = _key(_field(row, options.id))
    text = _field(row, options.text)
    if not isinstance(text, str):
        got = "is missing" if text is _MISSING else f"is {shorten(text)}, must be text"
        return dropped("missing_text", f"field {options.text!r} {got}", key)
    text = clean_text(text)
    if not text.strip():
        return dropped("empty_text", None, key)
    meta = {name: value for name in options.meta if (value := _field(row, name)) is not _MISSING}
    return Record(
        line.offset,
        line.length,
        key,
        digest,
        text=text,
        url=_text(_field(row, options.url)),
        date=_text(_field(row, options.date)),
        lang=_text(_field(row, options.lang)),
        meta={**meta, **({"unpacked": True} if line.packed else {})},
    )


def _field(row: dict[str, Any], name: str | None) -> Any:
    """A field by its name, else by the names between dots; _MISSING where there is none."""
    if name is None:
        return _MISSING
    if name in row or "." not in name:
        return row.get(name, _MISSING)
    reached: Any = row
    for part in name.split("."):
        if not isinstance(reached, dict) or part not in reached:
            return _MISSING
        reached = reached[part]
    return reached


def _key(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return clean_text(value) or None if isinstance(value, str) else None


def _text(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return clean_text(value) or None if isinstance(value, str) else None
