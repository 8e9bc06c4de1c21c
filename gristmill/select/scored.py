"""Stage `scored`: one row per document with everything that selection and mixing read, and no text.

It is the only place where texts, token counts and scores meet; all that comes after reads these few columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from gristmill.documents import Schema
from gristmill.errors import StageError

SCORES: Schema = {
    "id": pl.String,
    "source": pl.String,
    "shard": pl.String,
    "asset": pl.String,  # whose table `documents` holds the text
    "lang": pl.String,
    "language": pl.String,  # programming language and repository, where `meta` has them
    "repository": pl.String,
    "parent_id": pl.String,
    "method": pl.String,
    "generation_depth": pl.Int32,
    "n_chars": pl.Int64,
    "tokens": pl.Int64,  # without special tokens
    "quality": pl.Float64,  # null where there is no score
}
_FACTS = ("language", "repository")  # that are taken out of `meta`
DOCUMENT_COLUMNS = [
    "id",
    "source",
    "shard",
    "lang",
    "parent_id",
    "method",
    "generation_depth",
    "text",
    "meta",
]  # what `join_scores` reads of a document


def join_scores(
    documents: pl.DataFrame,
    counts: pl.DataFrame,
    quality: pl.DataFrame | None = None,
    *,
    asset: str,
    ratings: Sequence[pl.DataFrame] = (),
) -> pl.DataFrame:
    """Rows of `scores` for a batch of documents, in their order.

    documents: DOCUMENT_COLUMNS. counts: id, tokens (see gristmill.token_counts). quality: id, quality; None where
    the recipe has no such step; a score that is not a number counts as none. ratings: tables with an id and further
    columns of scores, whose names must differ from all others. Out: SCORES, then the columns of the ratings.
    Raises StageError where a document has no count.
    """
    joined = documents.with_columns(
        *(pl.col("meta").str.json_path_match(f"$.{name}").alias(name) for name in _FACTS),
        pl.lit(asset).alias("asset"),
        pl.col("text").str.len_chars().cast(pl.Int64).alias("n_chars"),
    ).join(counts, on="id", how="left", maintain_order="left")
    if quality is None:
        joined = joined.with_columns(pl.lit(None, dtype=pl.Float64).alias("quality"))
    else:
        known = quality.select("id", pl.col("quality").cast(pl.Float64).fill_nan(None))
        joined = joined.join(known, on="id", how="left", maintain_order="left")
    for table in ratings:
        joined = joined.join(table, on="id", how="left", maintain_order="left")
    _check(joined, documents.height, asset)
    further = [name for table in ratings for name in table.columns if name != "id"]
    return joined.select(*(pl.col(name).cast(dtype) for name, dtype in SCORES.items()), *further)


def _check(joined: pl.DataFrame, rows: int, asset: str) -> None:
    uncounted = joined.filter(pl.col("tokens").is_null())
    if uncounted.height or joined.height != rows:
        raise StageError(
            f"scored: {rows:,} documents of {asset!r} became {joined.height:,} rows, {uncounted.height:,} of them "
            f"without a token count (the first: {uncounted['id'].head(3).to_list()}); each needs exactly one count "
            "and at most one score, made from the same version of the shard"
        )
