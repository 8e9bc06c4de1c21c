"""Figures of the steps that cut text out of documents: how many were edited, and what that looks like."""

from __future__ import annotations

from typing import Any

import polars as pl

from gristmill.changes import mark_changes
from gristmill.documents import EDIT

SAMPLE_CHARS = 300

_SAMPLES = 6


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
    """Documents before and after at their first cut, with what was cut marked."""
    texts = (
        edits.filter(pl.col("id").is_in(ids.implode()))
        .group_by("id")
        .agg(cuts=pl.len())
        .join(before.select("id", "text"), on="id")
        .join(after.select("id", left="text"), on="id")
        .select("id", "text", "left", "cuts")
    )
    rows = []
    for document_id, text, left, cuts in texts.iter_rows():
        marked = mark_changes(text, left, SAMPLE_CHARS)
        rows.append({"before": marked[0], "after": marked[1], "cuts": cuts, "id": document_id})
    return rows
