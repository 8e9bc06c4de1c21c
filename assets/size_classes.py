"""Figures by size: how many things there are of each class of sizes, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl


class SizeClasses:
    """Counts things, batch by batch, by their size; a class goes from its bound up to the next one."""

    def __init__(self, bounds: Sequence[int], *, size: str, things: str, total: str) -> None:
        """bounds: ascending; nothing may be smaller than the first. The other three name the columns of `rows`."""
        self._bounds = list(bounds)
        self._names = size, things, total
        self._things, self._totals = [0] * len(bounds), [0] * len(bounds)

    def add(self, sizes: pl.Series) -> None:
        """Count things of these sizes."""
        found = pl.DataFrame({"size": sizes.cast(pl.Int64)}).with_columns(
            place=pl.lit(pl.Series(self._bounds)).search_sorted(pl.col("size"), side="right").cast(pl.Int64)
            - 1
        )
        for place, things, total in found.group_by("place").agg(pl.len(), pl.col("size").sum()).iter_rows():
            self._things[place] += things
            self._totals[place] += total

    @property
    def things(self) -> int:
        """How many there are in all."""
        return sum(self._things)

    @property
    def total(self) -> int:
        """Sum of all sizes."""
        return sum(self._totals)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each class that has any: its bound, how many there are, the sum of their sizes."""
        counted = zip(self._bounds, self._things, self._totals, strict=True)
        return [dict(zip(self._names, row, strict=True)) for row in counted if row[1]]
