"""Figures of stage `raw`, counted while it streams."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from gristmill.documents import DROP

SAMPLE_ROWS = 10
SAMPLE_CHARS = 200


@dataclass
class Tally:
    """Counts over batches; `figures` gives the report. How the batches were cut changes nothing."""

    kinds: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    sample: pl.DataFrame | None = None

    def add(self, documents: pl.DataFrame, decisions: pl.DataFrame) -> None:
        """Count a batch."""
        meta = documents["meta"]
        kinds = documents.select(
            kind=pl.coalesce(
                meta.str.json_path_match("$.language"),
                meta.str.json_path_match("$.content_type"),
                pl.lit("text"),
            )
        )
        self.kinds.update(dict(kinds.group_by("kind").len().iter_rows()))
        kept = decisions.filter((pl.col("action") != DROP) & pl.col("rule").is_not_null())
        self.remarks.update(dict(kept.group_by("rule").len().iter_rows()))
        rows = documents.select(
            "id",
            "url",
            title=meta.str.json_path_match("$.title"),
            chars=pl.col("text").str.len_chars(),
            text=pl.col("text").str.slice(0, SAMPLE_CHARS),
        )
        # An id is a hash, so the smallest ones are a random choice that does not hang on position.
        both = rows if self.sample is None else pl.concat([self.sample, rows])
        self.sample = both.sort("id").head(SAMPLE_ROWS)

    def figures(self) -> dict[str, Any]:
        """documents_by_kind (media or programming language), kept_with_rule (counted damage), sample rows."""
        return {
            "documents_by_kind": dict(sorted(self.kinds.items())),
            "kept_with_rule": dict(sorted(self.remarks.items())),
            "sample": [] if self.sample is None else self.sample.to_dicts(),
        }
