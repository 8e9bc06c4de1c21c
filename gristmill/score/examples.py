"""Which documents the quality classifier learns from, and on which it is judged."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from gristmill.documents import Schema
from gristmill.errors import RecipeError
from gristmill.hashing import random_u64
from gristmill.score.options import ExampleOptions, QualityOptions

POSITIVE, NEGATIVE = "positive", "negative"
TRAIN, HOLDOUT = "train", "holdout"
EXAMPLES: Schema = {
    "id": pl.String,
    "label": pl.String,  # positive | negative
    "fold": pl.String,  # train | holdout
    "text": pl.String,
}

_STAGE = "models/quality"
_FEWEST = 5  # documents a side; with fewer there is nothing to learn from and nothing to judge on
_CANDIDATES: Schema = {"id": pl.String, "text": pl.String, "draw": pl.UInt64}


def choose_examples(batches: Iterable[pl.DataFrame], options: QualityOptions) -> pl.DataFrame:
    """EXAMPLES: as many positives as negatives, in an order by hash of their ids.

    batches: documents with id, text, source and lang, in any order and cut. Each entry of the options takes its
    documents with the smallest hashes, so the choice depends on the documents alone. Memory: the texts of all
    entries, which `max_documents` bounds. Raises RecipeError where a side has fewer than 5 documents.
    """
    entries = [(POSITIVE, entry) for entry in options.positives]
    entries += [(NEGATIVE, entry) for entry in options.negatives]
    chosen = [pl.DataFrame(schema=_CANDIDATES) for _ in entries]
    for batch in batches:
        for i, (_, entry) in enumerate(entries):
            found = _draw(batch.filter(_is_example(entry)), options.seed)
            chosen[i] = _smallest(pl.concat([chosen[i], found]), entry.max_documents)
    sides = {
        label: pl.concat(
            [table for table, (of, _) in zip(chosen, entries, strict=True) if of == label]
        ).unique("id")
        for label in (POSITIVE, NEGATIVE)
    }
    for label, side in sides.items():
        if side.height < _FEWEST:
            raise RecipeError(_too_few(label, side.height, options))
    size = min(side.height for side in sides.values())
    kept_apart = min(size - 1, max(1, round(options.holdout * size)))
    folds = pl.when(pl.int_range(pl.len()) < size - kept_apart).then(pl.lit(TRAIN)).otherwise(pl.lit(HOLDOUT))
    return (
        pl.concat(
            _smallest(side, size).with_columns(pl.lit(label).alias("label"), folds.alias("fold"))
            for label, side in sides.items()
        )
        .sort("draw", "id")
        .select(*EXAMPLES)
    )


def _is_example(entry: ExampleOptions) -> pl.Expr:
    wanted = pl.col("source").is_in(entry.sources) & (pl.col("text").str.len_chars() >= entry.min_chars)
    return wanted if entry.languages is None else wanted & pl.col("lang").is_in(entry.languages)


def _draw(documents: pl.DataFrame, seed: int) -> pl.DataFrame:
    draws = [random_u64(seed, _STAGE, name) for name in documents["id"]]
    return documents.select("id", "text").with_columns(pl.Series("draw", draws, pl.UInt64))


def _smallest(candidates: pl.DataFrame, count: int | None) -> pl.DataFrame:
    ordered = candidates.sort("draw", "id")
    return ordered if count is None else ordered.head(count)


def _too_few(label: str, found: int, options: QualityOptions) -> str:
    entries = options.positives if label == POSITIVE else options.negatives
    sources = sorted({name for entry in entries for name in entry.sources})
    return (
        f"quality.{label}s: {found} documents of sources {sources} can be examples, at least {_FEWEST} are needed; add "
        "sources, or relax `min_chars`, `languages` or the filters before"
    )
