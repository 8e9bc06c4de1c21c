"""Rows of Posts, Comments and Users as tables: whole numbers checked, HTML cleaned, what is wrong marked by a rule."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gristmill.documents import Schema
from gristmill.ingest.options.stackexchange import StackExchangeSource
from gristmill.ingest.stackexchange.clean import clean_html
from gristmill.ingest.stackexchange.rows import Fault, Rows, read_rows
from gristmill.ingest.stackexchange.tables import Pieces

QUESTION, ANSWER = 1, 2
_KNOWN_TYPES = 17  # the largest PostTypeId there is
_MAX_ID = 1 << 53

PLACE: Schema = {
    "ordinal": pl.Int64,  # number of the row in the table, over all its files
    "file": pl.Int32,  # number of the file in the shard
    "unpacked": pl.Boolean,
    "offset": pl.Int64,
    "length": pl.Int64,
    "digest": pl.String,
    "rule": pl.String,  # why the row cannot be used
    "value": pl.Float64,
    "bound": pl.Float64,
    "detail": pl.String,
    "repaired": pl.Boolean,  # characters that XML forbids were dropped
}
POSTS: Schema = {
    **PLACE,
    "id": pl.Int64,
    "type": pl.Int64,
    "parent": pl.Int64,
    "accepted": pl.Int64,
    "score": pl.Int64,
    "author_id": pl.Int64,
    "author": pl.String,
    "title": pl.String,
    "tags": pl.String,
    "date": pl.String,
    "closed": pl.String,
    "licence": pl.String,
    "text": pl.String,
}
COMMENTS: Schema = {
    **PLACE,
    "id": pl.Int64,
    "post": pl.Int64,
    "author_id": pl.Int64,
    "author": pl.String,
    "date": pl.String,
    "licence": pl.String,
    "text": pl.String,
}

_POST_NUMBERS = {
    "Id": "id",
    "PostTypeId": "type",
    "ParentId": "parent",
    "AcceptedAnswerId": "accepted",
    "Score": "score",
    "OwnerUserId": "author_id",
}
_POST_TEXTS = {
    "OwnerDisplayName": "author",
    "Title": "title",
    "Tags": "tags",
    "CreationDate": "date",
    "ClosedDate": "closed",
    "ContentLicense": "licence",
    "Body": "text",
}
_COMMENT_NUMBERS = {"Id": "id", "PostId": "post", "Score": "score", "UserId": "author_id"}
_COMMENT_TEXTS = {
    "UserDisplayName": "author",
    "CreationDate": "date",
    "ContentLicense": "licence",
    "Text": "text",
}
_MENTION = r"^@[^\s,.:;!?]+"


def read_posts(
    pieces: Pieces, options: StackExchangeSource, *, file: int, unpacked: bool, first: int
) -> Iterator[pl.DataFrame]:
    """Batches of POSTS of one file in order; `first` is the ordinal of its first row. `text` is the cleaned body."""
    names = (*_POST_NUMBERS, *_POST_TEXTS)
    wanted = (QUESTION, ANSWER) if options.mode == "thread" else (ANSWER,)
    for block in read_rows(pieces, names, max_bytes=options.max_record_bytes):
        table = _table(block, _POST_NUMBERS, _POST_TEXTS, ("id", "type"), options.max_record_bytes)
        if table.is_empty() and not block.faults:
            continue
        kind = pl.col("type")
        rule = (
            pl.when(pl.col("rule").is_not_null())
            .then("rule")
            .when((kind == ANSWER) & pl.col("parent").is_null() & (options.mode == "thread"))
            .then(pl.lit("orphan_answer"))
            .when((kind < QUESTION) | (kind > _KNOWN_TYPES))
            .then(pl.lit("unknown_post_type"))
            .when(kind.is_in([QUESTION, ANSWER]).not_())
            .then(pl.lit("post_type"))
            .when(kind.is_in(wanted).not_())
            .then(pl.lit("question"))
        )
        table = table.with_columns(rule=rule, score=pl.col("score").fill_null(0))
        table = table.with_columns(
            value=pl.when(pl.col("rule").is_in(["post_type", "unknown_post_type"]))
            .then(kind.cast(pl.Float64))
            .otherwise("value"),
            text=pl.when(pl.col("rule").is_null()).then("text"),
            title=pl.col("title").str.strip_chars(),
        )
        table = table.with_columns(
            text=clean_html(table["text"], markdown=options.markdown, keep_links=options.keep_links)
        )
        yield (table := _place(table, block.faults, POSTS, file, unpacked, first))
        first += table.height


def read_comments(
    pieces: Pieces, options: StackExchangeSource, *, file: int, unpacked: bool, first: int
) -> Iterator[pl.DataFrame]:
    """Batches of COMMENTS of one file in order; `text` is stripped, and masked if the options say so."""
    names = (*_COMMENT_NUMBERS, *_COMMENT_TEXTS)
    for block in read_rows(pieces, names, max_bytes=options.max_record_bytes, digests=False):
        table = _table(block, _COMMENT_NUMBERS, _COMMENT_TEXTS, ("id", "post"), options.max_record_bytes)
        if table.is_empty() and not block.faults:
            continue
        text = pl.col("text").fill_null("").str.strip_chars()
        table = table.with_columns(
            text=text.str.replace(_MENTION, "@user") if options.mask_mentions else text
        )
        yield (table := _place(table, block.faults, COMMENTS, file, unpacked, first))
        first += table.height


def read_names(pieces: Pieces, options: StackExchangeSource) -> Iterator[pl.DataFrame]:
    """Batches of (id, author) of a Users file."""
    for block in read_rows(pieces, ("Id", "DisplayName"), max_bytes=options.max_record_bytes, digests=False):
        table = pl.DataFrame(block.attributes, schema={"Id": pl.String, "DisplayName": pl.String})
        yield table.select(id=pl.col("Id").cast(pl.Int64, strict=False), author="DisplayName").drop_nulls()


def _table(
    block: Rows, numbers: dict[str, str], texts: dict[str, str], needed: tuple[str, ...], max_bytes: int
) -> pl.DataFrame:
    """The rows of a block with numbers as numbers; rows with a bad one, or without one that is needed, have a rule."""
    raw = pl.DataFrame(block.attributes, schema=dict.fromkeys((*numbers, *texts), pl.String))
    cast = [
        (name, given, pl.col(given).cast(pl.Int64, strict=False).alias(name))
        for given, name in numbers.items()
    ]
    table = raw.select(*(column for _, _, column in cast), *(pl.col(g).alias(n) for g, n in texts.items()))
    faults = []
    for given, name in numbers.items():
        bad = raw[given].is_not_null() & table[name].is_null()
        if name in needed:
            bad = bad | raw[given].is_null()
        if name not in ("score", "author_id"):
            bad = bad | (table[name].is_between(0, _MAX_ID).not_().fill_null(False))
        if bad.any():
            shown = pl.concat_str(pl.lit(f"{given}="), pl.col(given).str.slice(0, 40).fill_null("(missing)"))
            faults.append(pl.when(pl.Series(bad)).then(shown))
    detail = raw.select(d=pl.coalesce(*faults, pl.lit(None, pl.String)))["d"] if faults else None
    lengths = pl.Series(block.lengths, dtype=pl.Int64)
    repaired = pl.Series([False] * raw.height, dtype=pl.Boolean)
    if block.repaired:
        repaired = pl.Series([i in block.repaired for i in range(raw.height)], dtype=pl.Boolean)
    large = pl.col("length") > max_bytes
    return table.with_columns(
        offset=pl.Series(block.offsets, dtype=pl.Int64),
        length=lengths,
        digest=pl.Series(block.digests, dtype=pl.String) if block.digests else pl.lit(None, pl.String),
        repaired=repaired,
        detail=detail if detail is not None else pl.lit(None, pl.String),
    ).with_columns(
        rule=pl.when(large)
        .then(pl.lit("too_large"))
        .when(pl.col("detail").is_not_null())
        .then(pl.lit("bad_integer")),
        value=pl.when(large).then(pl.col("length").cast(pl.Float64)),
        bound=pl.when(large).then(pl.lit(float(max_bytes))),
    )


def _place(
    table: pl.DataFrame, faults: list[Fault], schema: Schema, file: int, unpacked: bool, first: int
) -> pl.DataFrame:
    """The table in the columns of the schema, with the faults of its block between its rows, numbered."""
    if faults:
        stray = pl.DataFrame(
            {
                "offset": [fault.offset for fault in faults],
                "length": [fault.length for fault in faults],
                "rule": [fault.rule for fault in faults],
                "detail": [fault.detail for fault in faults],
                "digest": [fault.digest for fault in faults],
            },
            schema={name: schema[name] for name in ("offset", "length", "rule", "detail", "digest")},
        )
        table = pl.concat([table, stray], how="diagonal").sort("offset", maintain_order=True)
    table = table.with_columns(
        ordinal=pl.int_range(first, first + table.height, dtype=pl.Int64, eager=True),
        file=pl.lit(file, pl.Int32),
        unpacked=pl.lit(unpacked),
        repaired=pl.col("repaired").fill_null(False),
    )
    return table.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
