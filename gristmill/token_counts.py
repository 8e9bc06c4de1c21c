"""Token counts of documents: one table, in which a document has a row wherever its text was new."""

from __future__ import annotations

import polars as pl

from gristmill.documents import Schema

TOKENS: Schema = {
    "id": pl.String,
    "stage": pl.String,  # the asset whose text was counted, one of COUNTED
    "tokens": pl.Int64,  # without special tokens
}
# Stages that hold documents, in the order of the graph.
DOCUMENT_STAGES = (
    "raw",
    "filtered",
    "unique_urls",
    "deduped",
    "paragraphs",
    "substrings",
    "semantic",
    "document_kept",
    "refined",
    "rephrased",
    "contamination",
    "selected",
    "mixed",
)
MAKING = ("raw", "rephrased")  # stages of which every text is new
EDITING = (
    "filtered",
    "paragraphs",
    "substrings",
    "refined",
    "contamination",
)  # stages of which those are that the decisions say were edited
COUNTED = tuple(stage for stage in DOCUMENT_STAGES if stage in MAKING + EDITING)


def counts_of(tokens: pl.LazyFrame, stage: str) -> pl.LazyFrame:
    """Columns id, tokens: the count of every document as its text is at `stage`.

    tokens: TOKENS. A document that is new after `stage` only has no row.
    """
    known = [name for name in COUNTED if DOCUMENT_STAGES.index(name) <= DOCUMENT_STAGES.index(stage)]
    return (
        tokens.filter(pl.col("stage").is_in(known))
        .with_columns(pl.col("stage").replace_strict(known, range(len(known)), return_dtype=pl.Int8))
        .sort("stage", maintain_order=True)
        .unique("id", keep="last", maintain_order=True)
        .select("id", "tokens")
    )
