from __future__ import annotations

import polars as pl
import pytest

from gristmill.token_counts import TOKENS, counts_of

ROWS = [
    ("a", "raw", 10),
    ("b", "raw", 20),
    ("a", "filtered", 9),
    ("b", "paragraphs", 18),
    ("a", "refined", 7),
    ("c", "rephrased", 5),
    ("c", "contamination", 4),
]


@pytest.mark.parametrize(
    ("stage", "counts"),
    [
        ("raw", {"a": 10, "b": 20}),
        ("deduped", {"a": 9, "b": 20}),
        ("paragraphs", {"a": 9, "b": 18}),
        ("refined", {"a": 7, "b": 18}),
        ("rephrased", {"a": 7, "b": 18, "c": 5}),
        ("contamination", {"a": 7, "b": 18, "c": 4}),
        ("mixed", {"a": 7, "b": 18, "c": 4}),
    ],
)
def test_a_document_counts_as_its_text_is_at_the_stage(stage: str, counts: dict[str, int]) -> None:
    tokens = pl.LazyFrame(ROWS, schema=TOKENS, orient="row")
    assert dict(counts_of(tokens, stage).collect().iter_rows()) == counts
    backwards = pl.LazyFrame(ROWS[::-1], schema=TOKENS, orient="row")
    assert dict(counts_of(backwards, stage).collect().iter_rows()) == counts
