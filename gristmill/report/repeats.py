"""How much of each shard repeats which earlier one: what a second delivery or a new crawl brought that was there."""

from __future__ import annotations

from typing import Any

import polars as pl

from gristmill.report.current import Corpus
from gristmill.store import Store

_EXACT = "exact_duplicate"


def repeats(store: Store, recipe: str) -> list[dict[str, Any]]:
    """A row per shard and shard whose documents it repeats: shard, of, documents, exact, near, share.

    documents: of the shard; exact and near: those dropped for a document of shard `of`; share: both by documents.
    In order of registration; empty where the recipe does not look for duplicates.
    """
    corpus = Corpus(store, recipe)
    order = {shard.key: number for number, shard in enumerate(corpus.shards)}
    rows: list[dict[str, Any]] = []
    for shard in corpus.shards:
        decisions = corpus.scan("deduped", "decisions", shard.key, ["action", "rule", "detail"])
        if decisions is None:
            continue
        height = decisions.select(pl.len()).collect().item()
        found = (
            decisions.filter(pl.col("action") == "drop")
            .group_by(of=pl.col("detail").str.json_path_match("$.shard"))
            .agg(exact=(pl.col("rule") == _EXACT).sum(), near=(pl.col("rule") != _EXACT).sum())
            .collect()
        )
        rows += [
            {"shard": shard.key, "documents": height, **row, "share": (row["exact"] + row["near"]) / height}
            for row in sorted(found.to_dicts(), key=lambda row: order.get(row["of"], len(order)))
        ]
    return rows
