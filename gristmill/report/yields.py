"""How much of what a rephraser wrote was taken, by style, and why the rest was not."""

from __future__ import annotations

from typing import Any

import polars as pl

from gristmill.report.current import Corpus
from gristmill.store import Store

_REASONS_SHOWN = 3
_ASSET = "rephrased"


def yields(store: Store, recipe: str) -> list[dict[str, Any]]:
    """A row per style over all shards: style, answered, accepted, share, output_tokens, rejected.

    answered: what the model wrote an answer to; rejected: the most frequent reasons with their counts. By style; empty
    where nothing was rephrased.
    """
    corpus = Corpus(store, recipe)
    columns = ["style", "outcome", "reason", "output_tokens"]
    tables = [corpus.scan(_ASSET, "derivations", shard.key, columns) for shard in corpus.shards]
    found = [table for table in tables if table is not None]
    if not found:
        return []
    counted = (
        pl.concat(found)
        .filter(pl.col("outcome").is_in(["accepted", "rejected"]))
        .group_by("style", "outcome", "reason")
        .agg(pl.len(), pl.col("output_tokens").sum())
        .collect()
    )
    rows = []
    for (style,), group in counted.sort("style").group_by("style", maintain_order=True):
        accepted = int(group.filter(pl.col("outcome") == "accepted")["len"].sum())
        rejected = group.filter(pl.col("outcome") == "rejected").sort(
            "len", "reason", descending=[True, False]
        )
        answered = int(group["len"].sum())
        rows.append(
            {
                "style": style,
                "answered": answered,
                "accepted": accepted,
                "share": accepted / answered,
                "output_tokens": group["output_tokens"].sum(),
                "rejected": dict(rejected.select("reason", "len").head(_REASONS_SHOWN).iter_rows()),
            }
        )
    return rows
