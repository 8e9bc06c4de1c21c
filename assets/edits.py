"""Figures of the steps that cut text out of documents: how many were edited, and what that looks like."""

from __future__ import annotations

from typing import Any

import polars as pl

from gristmill.documents import EDIT

SAMPLE_CHARS = 300

_SAMPLES = 6
_BEFORE_CUT_CHARS = 100  # of the text before the first cut that a sample shows


class EditedDocuments:
    """Counts edited documents batch by batch, and keeps some to show side by side."""

    def __init__(self) -> None:
        self.count = 0
        self.samples: list[dict[str, Any]] = []

    def add(
        self, before: pl.DataFrame, documents: pl.DataFrame, decisions: pl.DataFrame, edits: pl.DataFrame
    ) -> None:
        """A batch as it was, what is left of it, what was decided, and EDITS."""
        edited = decisions.filter(pl.col("action") == EDIT)
        self.count += edited.height
        # Ids are hashes, so the smallest ones are a fair choice.
        self.samples += _side_by_side(before, documents, edits, edited["id"].sort().head(_SAMPLES))
        self.samples = sorted(self.samples, key=lambda row: str(row["id"]))[:_SAMPLES]


def _side_by_side(
    before: pl.DataFrame, after: pl.DataFrame, edits: pl.DataFrame, ids: pl.Series
) -> list[dict[str, Any]]:
    """The same place of documents before and after, from a little before the first cut."""
    wanted = (
        edits.filter(pl.col("id").is_in(ids.implode()))
        .group_by("id")
        .agg(pl.col("start").min(), cuts=pl.len())
    )
    start = (pl.col("start") - _BEFORE_CUT_CHARS).clip(lower_bound=0)
    return (
        wanted.join(before.select("id", "text"), on="id")
        .join(after.select("id", pl.col("text").alias("left")), on="id")
        .select(
            "id",
            before=pl.col("text").str.slice(start, SAMPLE_CHARS),
            after=pl.col("left").str.slice(start, SAMPLE_CHARS),
            from_character=start,
            cuts="cuts",
        )
        .to_dicts()
    )
