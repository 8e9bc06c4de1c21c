from __future__ import annotations

import polars as pl
import pytest

from gristmill.documents import DOCUMENTS, NATURAL
from gristmill.errors import StageError
from gristmill.select import DOCUMENT_COLUMNS, SCORES, counts_of, join_scores


def _documents(*texts: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [name for name, _ in texts],
            "source": ["web"] * len(texts),
            "shard": ["web-1"] * len(texts),
            "lang": ["en"] * len(texts),
            "parent_id": [None] * len(texts),
            "method": [NATURAL] * len(texts),
            "generation_depth": [0] * len(texts),
            "text": [text for _, text in texts],
        },
        schema={name: DOCUMENTS[name] for name in DOCUMENT_COLUMNS},
    ).select(DOCUMENT_COLUMNS)


def _counts(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"id": pl.String, "stage": pl.String, "tokens": pl.Int64}, orient="row")


def test_the_count_of_a_changed_text_goes_before_that_of_the_raw_one() -> None:
    tokens = _counts(("a", "raw", 10), ("b", "raw", 20), ("a", "refined", 7), ("c", "rephrased", 5))
    assert dict(counts_of(tokens, "refined").iter_rows()) == {"a": 7, "b": 20}


def test_counts_of_a_stage_that_the_asset_comes_before_are_not_used() -> None:
    assert dict(counts_of(_counts(("a", "raw", 10), ("a", "refined", 7)), "deduped").iter_rows()) == {"a": 10}


def test_documents_keep_their_order_and_get_counts_scores_and_characters() -> None:
    quality = pl.DataFrame({"id": ["a", "b"], "quality": [0.25, float("nan")]})
    counts = counts_of(_counts(("a", "raw", 1), ("b", "raw", 2), ("c", "raw", 3)), "raw")
    scores = join_scores(_documents(("c", "déjà"), ("a", "x"), ("b", "")), counts, quality, asset="raw")
    assert scores.schema == pl.Schema(SCORES)
    assert scores.select("id", "asset", "n_chars", "tokens", "quality").rows() == [
        ("c", "raw", 4, 3, None),
        ("a", "raw", 1, 1, 0.25),
        ("b", "raw", 0, 2, None),
    ]


def test_without_a_quality_step_quality_is_null() -> None:
    scores = join_scores(_documents(("a", "x")), counts_of(_counts(("a", "raw", 1)), "raw"), asset="raw")
    assert scores["quality"].to_list() == [None]


def test_an_empty_batch_gives_an_empty_table() -> None:
    scores = join_scores(_documents(), counts_of(_counts(), "raw"), asset="raw")
    assert scores.schema == pl.Schema(SCORES)
    assert scores.is_empty()


def test_a_document_without_a_count_raises_with_its_id() -> None:
    with pytest.raises(StageError, match=r"without a token count \(the first: \['b'\]\)"):
        join_scores(
            _documents(("a", "x"), ("b", "y")),
            counts_of(_counts(("a", "raw", 1)), "refined"),
            asset="refined",
        )


def test_a_document_with_two_scores_raises() -> None:
    quality = pl.DataFrame({"id": ["a", "a"], "quality": [0.1, 0.2]})
    with pytest.raises(StageError, match="1 documents of 'raw' became 2 rows"):
        join_scores(_documents(("a", "x")), counts_of(_counts(("a", "raw", 1)), "raw"), quality, asset="raw")
