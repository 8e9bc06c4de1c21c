"""Rows of Arrow tables as records, a batch at a time and column by column.

Texts are taken from the column's bytes, so that none is copied before its size is known and a row in which the bytes
are no UTF-8 is repaired, not lost. A dictionary is decoded once, however often its values are repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

from gristmill.hashing import canonical_json, digest_bytes
from gristmill.ingest.charset import clean_text, decode_text
from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.packed.entries import Allowance
from gristmill.ingest.records import Record
from gristmill.ingest.rows.rows import MISSING, missing_text, row_key, row_text


def declared_fields(options: RowSource) -> list[str]:
    """The fields that are read, each once."""
    given = (options.text, options.id, options.url, options.date, options.lang, *options.meta)
    return list(dict.fromkeys(name for name in given if name is not None))


def is_in(schema: Any, field: str) -> bool:
    """Whether an Arrow schema has a field, by its name, else by the names between dots."""
    import pyarrow as pa

    if field in schema.names:
        return True
    reached: Any = schema
    for part in field.split("."):
        if isinstance(reached, pa.Schema):
            names = reached.names
        else:
            names = [one.name for one in reached] if pa.types.is_struct(reached) else []
        if names.count(part) != 1:
            return False
        reached = reached.field(part).type
    return True


def batch_records(
    batch: Any, options: RowSource, *, first_row: int, allowance: Allowance
) -> Iterator[Record]:
    """The rows of a record batch; `offset` is the number of the row, counted from `first_row`, `length` is null.

    `allowance` is what the texts may still take; where it is used up, a last record says so (too_large).
    Rules: missing_text, empty_text, too_large.
    """
    texts = _texts(batch, options.text)
    keys = [row_key(value) for value in _values(batch, options.id)]
    urls, dates, langs = (_strings(batch, name) for name in (options.url, options.date, options.lang))
    metas = _metas(batch, options.meta)
    bound = options.max_record_bytes
    for row, size in enumerate(texts.sizes()):
        offset, key = first_row + row, keys[row]
        if size is None:
            other = texts.other(row)
            shown = None if other is MISSING else other
            digest = digest_bytes(canonical_json([shown, key, urls[row], dates[row], metas[row]]).encode())
            detail = missing_text(options.text, other)
            yield Record(offset, None, key, digest, rule="missing_text", detail=detail)
        elif size > bound:
            yield Record(offset, None, key, rule="too_large", value=float(size), bound=float(bound))
        elif not allowance.spend(size):
            detail = f"the file unpacks to more than {allowance.max_bytes} bytes; what follows was not read"
            yield Record(offset, None, key, rule="too_large", detail=detail)
            return
        else:
            text, digest = texts.text(row)
            if not text or text.isspace():
                yield Record(offset, None, key, digest, rule="empty_text")
                continue
            yield Record(
                offset,
                None,
                key,
                digest,
                text,
                url=urls[row],
                date=dates[row],
                lang=langs[row],
                meta=metas[row],
            )


def _strings(batch: Any, name: str | None) -> Sequence[str | None]:
    return [row_text(value) for value in _values(batch, name)]


def _metas(batch: Any, names: Sequence[str]) -> Sequence[dict[str, Any]]:
    columns = {name: _values(batch, name) for name in names if is_in(batch.schema, name)}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] or [
        {} for _ in range(batch.num_rows)
    ]


class _Texts:
    """The column of texts: sizes first, then one text at a time, from the column's buffers."""

    def __init__(self, column: Any, indices: Sequence[int | None] | None, is_text: bool) -> None:
        """`column` is binary, the dictionary where there are indices; `is_text`: declared as UTF-8."""
        import numpy as np
        import pyarrow as pa

        _, offsets, content = column.buffers()
        wide = pa.types.is_large_binary(column.type)
        places = np.frombuffer(offsets, np.int64 if wide else np.int32) if offsets else np.zeros(1, np.int32)
        self._places = places[column.offset : column.offset + len(column) + 1].tolist()
        self._content = memoryview(content) if content else memoryview(b"")
        self._valid = column.is_valid().to_pylist() if column.null_count else None
        self._indices = indices
        self._is_text = is_text
        self._known: dict[int, tuple[str, str]] = {}

    def sizes(self) -> list[int | None]:
        """Bytes of each row's text; None where there is none."""
        sizes: list[int | None] = [end - start for start, end in pairwise(self._places)]
        if self._valid is not None:
            sizes = [size if valid else None for size, valid in zip(sizes, self._valid, strict=True)]
        if self._indices is None:
            return sizes
        return [None if index is None else sizes[index] for index in self._indices]

    def text(self, row: int) -> tuple[str, str]:
        """The text of a row that has one, and the digest of its bytes."""
        if self._indices is None:
            return self._decode(row)
        index = self._indices[row]
        assert index is not None
        if index not in self._known:
            self._known[index] = self._decode(index)
        return self._known[index]

    def other(self, row: int) -> Any:
        """What a row holds that has no text."""
        return None

    def _decode(self, at: int) -> tuple[str, str]:
        data = bytes(self._content[self._places[at] : self._places[at + 1]])
        digest = digest_bytes(data)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode(errors="replace") if self._is_text else decode_text(data)[0]
        return text.replace("\0", "") if "\0" in text else text, digest


class _NoTexts(_Texts):
    """A column that holds something else, or is not there."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def sizes(self) -> list[int | None]:
        return [None] * len(self._values)

    def other(self, row: int) -> Any:
        return self._values[row]


def _texts(batch: Any, name: str) -> _Texts:
    import pyarrow as pa

    column = _column(batch, name)
    if column is None:
        return _NoTexts([MISSING] * batch.num_rows)
    indices = None
    if pa.types.is_dictionary(column.type):
        column, indices = column.dictionary, column.indices.to_pylist()
    types = pa.types
    kind = column.type
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if not is_text and not (
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    ):
        return _NoTexts(_values(batch, name))
    wide = types.is_large_string(kind) or types.is_large_binary(kind)
    return _Texts(column.cast(pa.large_binary() if wide else pa.binary()), indices, is_text)


def _column(batch: Any, name: str) -> Any:
    """A column by its name, else by the names between dots; None where there is none."""
    import pyarrow.compute as pc

    if name in batch.schema.names:
        return batch.column(batch.schema.names.index(name))
    if not is_in(batch.schema, name):
        return None
    first, *rest = name.split(".")
    return pc.struct_field(batch.column(batch.schema.names.index(first)), rest)


def _values(batch: Any, name: str | None) -> Sequence[Any]:
    """A column as values that JSON can hold; MISSING in every row where there is none."""
    import pyarrow as pa

    column = None if name is None else _column(batch, name)
    if column is None:
        return [MISSING] * batch.num_rows
    values = _listed(column)
    kind = column.type
    simple = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    return values if simple or pa.types.is_boolean(kind) else [_plain(value) for value in values]


def _listed(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # text that is no UTF-8, or times that Python's types cannot hold
        return [_one(scalar) for scalar in column]
    return values


def _one(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        return error.object.decode(errors="replace")
    except (ValueError, OverflowError):
        return str(scalar)


def _plain(value: Any) -> Any:
    """A value of Arrow as JSON holds it: times as ISO 8601, numbers that JSON has not as null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return clean_text(value.decode(errors="replace"))
    return str(value)  # decimals, lengths of time
