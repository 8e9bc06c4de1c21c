from __future__ import annotations

import polars as pl
import pytest

from gristmill.documents import DOCUMENTS, NATURAL
from gristmill.errors import StageError
from gristmill.select import DOCUMENT_COLUMNS, SCORES, join_scores
from gristmill.token_counts import TOKENS, counts_of


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
            "meta": ['{"language": "C", "repository": "mill"}', *["{}"] * (len(texts) - 1)][: len(texts)],
        },
        schema={name: DOCUMENTS[name] for name in DOCUMENT_COLUMNS},
    ).select(DOCUMENT_COLUMNS)


def _counts(asset: str, *rows: tuple[str, str, int]) -> pl.DataFrame:
    return counts_of(pl.LazyFrame(rows, schema=TOKENS, orient="row"), asset).collect()


def test_documents_keep_their_order_and_get_counts_scores_and_characters() -> None:
    quality = pl.DataFrame({"id": ["a", "b"], "quality": [0.25, float("nan")]})
    counts = _counts("raw", ("a", "raw", 1), ("b", "raw", 2), ("c", "raw", 3))
    scores = join_scores(_documents(("c", "déjà"), ("a", "x"), ("b", "")), counts, quality, asset="raw")
    assert scores.schema == pl.Schema(SCORES)
    assert scores.select("language", "repository").rows() == [("C", "mill"), (None, None), (None, None)]
    assert scores.select("id", "asset", "n_chars", "tokens", "quality").rows() == [
        ("c", "raw", 4, 3, None),
        ("a", "raw", 1, 1, 0.25),
        ("b", "raw", 0, 2, None),
    ]


def test_without_a_quality_step_quality_is_null() -> None:
    scores = join_scores(_documents(("a", "x")), _counts("raw", ("a", "raw", 1)), asset="raw")
    assert scores["quality"].to_list() == [None]


def test_an_empty_batch_gives_an_empty_table() -> None:
    scores = join_scores(_documents(), _counts("raw"), asset="raw")
    assert scores.schema == pl.Schema(SCORES)
    assert scores.is_empty()


def test_a_document_without_a_count_raises_with_its_id() -> None:
    with pytest.raises(StageError, match=r"without a token count \(the first: \['b'\]\)"):
        join_scores(
            _documents(("a", "x"), ("b", "y")),
            _counts("refined", ("a", "raw", 1)),
            asset="refined",
        )


def test_a_document_with_two_scores_raises() -> None:
    quality = pl.DataFrame({"id": ["a", "a"], "quality": [0.1, 0.2]})
    with pytest.raises(StageError, match="1 documents of 'raw' became 2 rows"):
        join_scores(_documents(("a", "x")), _counts("raw", ("a", "raw", 1)), quality, asset="raw")
