"""Documents that are dropped for a twin: what is left of a shard, and some of them beside their twin."""

from __future__ import annotations

from typing import Any

import polars as pl

from assets.step import Work
from gristmill.changes import mark_changes
from gristmill.dedup import NEAR_DUPLICATE, apply_decisions
from gristmill.documents import DECISIONS, DOCUMENTS, DROP, empty
from gristmill.hashing import random_u64
from gristmill.progress import advance

_SAMPLES = 6
_SAMPLE_CHARS = 300


def drop_twins(work: Work, decisions: pl.DataFrame, upstream: str) -> list[dict[str, Any]]:
    """Emit the documents of `upstream` that stay and all decisions; returns samples of pairs inside the shard.

    decisions: one per document, in order.
    """
    pairs = _choose_pairs(decisions, work.step.name)
    wanted = pl.Series([pair[name] for pair in pairs for name in ("id", "other_id")], dtype=pl.String)
    texts: dict[str, str] = {}
    # So that a shard without documents has its tables too.
    work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS))
    first = 0
    for batch in work.batches(upstream):
        part = decisions.slice(first, batch.height)
        work.emit(documents=apply_decisions(batch, part), decisions=part)
        texts.update(batch.filter(pl.col("id").is_in(wanted.implode())).select("id", "text").iter_rows())
        first += batch.height
        advance(batch.height)
    return [_side_by_side(pair, texts) for pair in pairs]


def _choose_pairs(decisions: pl.DataFrame, step: str) -> list[dict[str, Any]]:
    """Dropped documents whose twin is in the same shard: near duplicates first, then by hash of the id."""
    inside = decisions.filter(
        (pl.col("action") == DROP) & pl.col("other_id").is_in(decisions["id"].implode())
    ).select("id", "other_id", "rule", "value")
    rows = inside.to_dicts()
    rows.sort(key=lambda row: (row["rule"] != NEAR_DUPLICATE, random_u64(0, f"{step}.sample", row["id"])))
    return rows[:_SAMPLES]


def _side_by_side(pair: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """A dropped document and its twin, where they begin to differ: `[-` what only the first has, `{+` the second."""
    dropped, twin = mark_changes(texts[pair["id"]], texts[pair["other_id"]], _SAMPLE_CHARS)
    return {
        "rule": pair["rule"],
        "similarity": pair["value"],
        "dropped": dropped,
        "twin": twin,
        "id": pair["id"],
        "twin_id": pair["other_id"],
    }
