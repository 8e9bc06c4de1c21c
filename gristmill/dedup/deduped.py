"""Stage `deduped`: the documents that the decisions keep."""

from __future__ import annotations

import polars as pl

from gristmill.documents import DROP
from gristmill.errors import StageError


def apply_decisions(documents: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """The documents that are kept, in their order, unchanged.

    documents: a shard, or a batch of it. decisions: at least one row for every document, one at most per id.
    Raises StageError if a document has no decision or several.
    """
    chosen = documents.select("id").join(
        decisions.select("id", "action"), on="id", how="left", maintain_order="left"
    )
    missing = chosen.filter(pl.col("action").is_null())
    if chosen.height != documents.height or missing.height:
        raise StageError(
            f"deduped: {documents.height:,} documents have {chosen.height - missing.height:,} decisions, and "
            f"{missing.height:,} have none (the first: {missing['id'].head(3).to_list()}); each needs exactly "
            "one, made from the same version of the shard"
        )
    return documents.filter(chosen["action"] != DROP)
