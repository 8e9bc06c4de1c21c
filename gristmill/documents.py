"""The data model: documents, decisions, derivations.

A *document* is one text with where it came from. Its id is made from the source's name and the key of the
record, so it survives every change of the text.
A *decision* says what a stage did with one input document; rows in = kept + dropped, always.
A *derivation* says what became of one planned new document (a rephrasing, say), also of those never attempted.

All stages share these schemas. Tables are Polars frames; `empty(SCHEMA)` gives one without rows.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from gristmill.errors import StageError
from gristmill.hashing import digest_text

Schema = dict[str, pl.DataType | type[pl.DataType]]

KEEP = "keep"
DROP = "drop"
EDIT = "edit"

DOCUMENTS: Schema = {
    "id": pl.String,  # 32 hex characters, see document_id
    "text": pl.String,
    "source": pl.String,  # name of the source in the recipe
    "shard": pl.String,  # partition key
    "url": pl.String,  # null where the source has none
    "date": pl.String,  # ISO 8601 as the source gives it
    "lang": pl.String,  # ISO 639 code as the language model names it; null before `filtered`
    "lang_score": pl.Float64,  # probability of `lang`, 0..1
    "parent_id": pl.String,  # the document this one was made from; null for natural ones
    "method": pl.String,  # "natural", or how it was made: "wrap.medium", ...
    "generation_depth": pl.Int32,  # 0 = natural, 1 = made from a natural document, ...
    "meta": pl.String,  # JSON object, source-specific
    "file": pl.String,  # name of the input file inside the shard
    "offset": pl.Int64,  # byte offset of the record in the file, as stored (compressed)
    "length": pl.Int64,  # bytes of the record in the file; null where unknown
    "record_digest": pl.String,  # digest of the record's payload
}

DECISIONS: Schema = {
    "id": pl.String,  # the input document (for `raw`: the record)
    "action": pl.String,  # keep | drop | edit (an edited document is kept)
    "rule": pl.String,  # null for an untouched keep
    "value": pl.Float64,  # what was measured
    "bound": pl.Float64,  # what was allowed
    "other_id": pl.String,  # the twin, for duplicates
    "detail": pl.String,  # one sentence or a short JSON object
}

DERIVATIONS: Schema = {
    "parent_id": pl.String,
    "child_id": pl.String,  # id the new document has or would have had
    "passage": pl.Int32,  # number of the passage in the parent, from 0
    "style": pl.String,
    "sample": pl.Int32,  # number of the sample, from 0
    "outcome": pl.String,  # accepted | rejected | passed_through | not_attempted
    "reason": pl.String,  # why, for all but accepted
    "text": pl.String,  # what the model wrote, kept also when rejected; null when not attempted
    "source_text": pl.String,  # the passage that was given to the model
    "prompt_tokens": pl.Int32,
    "output_tokens": pl.Int32,
}

NATURAL = "natural"


def empty(schema: Schema) -> pl.DataFrame:
    """A frame of this schema without rows."""
    return pl.DataFrame(schema=schema)


def frame(rows: list[dict[str, Any]], schema: Schema) -> pl.DataFrame:
    """Rows as a frame of this schema; missing keys become null, unknown keys raise StageError."""
    unknown = {key for row in rows for key in row} - set(schema)
    if unknown:
        raise StageError(f"unknown columns {sorted(unknown)}; known: {sorted(schema)}")
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in schema}, schema=schema, strict=True
    )


def document_id(source: str, record_key: str) -> str:
    """Id of a natural document: 128-bit hash of source name and record key, in hex.

    The record key is what the source itself calls the record: WARC-Record-ID, the declared key of a JSONL row,
    the path in a folder or archive. Where there is none: `content_key`. Never a line number.
    """
    return digest_text("document", source, record_key)


def content_key(payload_digest: str, occurrence: int) -> str:
    """Record key of a record without a name: digest of its content, and how often it was seen before (from 0)."""
    return f"content:{payload_digest}:{occurrence}"


def derived_id(parent_id: str, method: str, passage: int, sample: int = 0) -> str:
    """Id of a document made from another: depends on the parent, the method, the passage and the sample."""
    return digest_text("derived", parent_id, method, str(passage), str(sample))


def to_meta(values: dict[str, Any]) -> str:
    """Source-specific facts as the JSON text of the `meta` column; keys sorted, nulls left out."""
    return json.dumps({k: v for k, v in sorted(values.items()) if v is not None}, ensure_ascii=False)


def check_schema(table: pl.DataFrame, schema: Schema, where: str) -> None:
    """Raise StageError unless the table has exactly these columns, in order, with these types."""
    got = dict(table.schema)
    wanted = dict(pl.Schema(schema))
    if list(got.items()) != list(wanted.items()):
        missing = sorted(set(wanted) - set(got))
        extra = sorted(set(got) - set(wanted))
        wrong = sorted(
            f"{k} is {got[k]}, not {wanted[k]}" for k in set(got) & set(wanted) if got[k] != wanted[k]
        )
        raise StageError(
            f"{where}: columns missing {missing}, unknown {extra}, of wrong type {wrong}, or in wrong order"
        )


def check_conservation(
    rows_in: int, documents: pl.DataFrame | int, decisions: pl.DataFrame, where: str
) -> None:
    """Raise StageError unless every input has one decision and every kept one a document.

    `documents` may be given as the number of rows out.
    """
    rows_out = documents if isinstance(documents, int) else documents.height
    if decisions.height != rows_in:
        raise StageError(f"{where}: {rows_in} rows in, but {decisions.height} decisions")
    kept = decisions.filter(pl.col("action") != DROP).height
    if kept != rows_out:
        raise StageError(f"{where}: decisions keep {kept} rows, but {rows_out} documents came out")
    if decisions["id"].n_unique() != decisions.height:
        raise StageError(f"{where}: an id has more than one decision")
