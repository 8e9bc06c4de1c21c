"""Fields of rows: where they are, and what they say of a record."""

from __future__ import annotations

from typing import Any

from gristmill.errors import shorten
from gristmill.ingest.charset import clean_text
from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.records import Record

MISSING = object()


def row_record(
    row: dict[str, Any],
    options: RowSource,
    *,
    offset: int,
    length: int | None,
    digest: str | None,
    meta: dict[str, Any],
) -> Record:
    """The record of a row; `meta` is what is known besides the declared fields. Rules: missing_text, empty_text."""
    key = row_key(row_field(row, options.id))
    text = row_field(row, options.text)
    if not isinstance(text, str):
        return Record(
            offset, length, key, digest, rule="missing_text", detail=missing_text(options.text, text)
        )
    text = clean_text(text)
    if not text.strip():
        return Record(offset, length, key, digest, rule="empty_text")
    declared = {name: value for name in options.meta if (value := row_field(row, name)) is not MISSING}
    return Record(
        offset,
        length,
        key,
        digest,
        text=text,
        url=row_text(row_field(row, options.url)),
        date=row_text(row_field(row, options.date)),
        lang=row_text(row_field(row, options.lang)),
        meta={**declared, **meta},
    )


def missing_text(field: str, value: Any) -> str:
    """What is wrong with the field of the text."""
    return f"field {field!r} " + ("is missing" if value is MISSING else f"is {shorten(value)}, must be text")


def row_field(row: dict[str, Any], name: str | None) -> Any:
    """A field by its name, else by the names between dots; MISSING where there is none."""
    if name is None:
        return MISSING
    if name in row or "." not in name:
        return row.get(name, MISSING)
    reached: Any = row
    for part in name.split("."):
        if not isinstance(reached, dict) or part not in reached:
            return MISSING
        reached = reached[part]
    return reached


def row_key(value: Any) -> str | None:
    """What a field says as the name of a record: text, or a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return clean_text(value) or None if isinstance(value, str) else None


def row_text(value: Any) -> str | None:
    """What a field says as an address, a date or a language: text, or a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return clean_text(value) or None if isinstance(value, str) else None
