from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gristmill.classifiers import predict_first
from gristmill.errors import RecipeError
from gristmill.fasttext_training import split_tokens, train_classifier
from tests.score.texts import documents, options


def train(path: Path, lines: list[str], labels: list[str], **changes: object) -> bytes:
    train_classifier(pl.Series(lines), labels, options(**changes), path)
    return path.read_bytes()


def test_the_same_examples_give_the_same_bytes(tmp_path: Path) -> None:
    table = documents(20, 20)
    labels = ["positive" if source == "wiki" else "negative" for source in table["source"]]
    # fastText alone fails this: it starts from memory that earlier work left behind.
    first = train(tmp_path / "a.bin", table["text"].to_list(), labels)
    assert train(tmp_path / "b.bin", table["text"].to_list(), labels) == first
    assert train(tmp_path / "c.bin", table["text"].to_list(), labels, seed=1) != first


def test_runs_of_words_are_hashed_as_fasttext_hashes_them(tmp_path: Path) -> None:
    # Only the order of the words tells the sides apart, and fastText itself must see it in the trained vectors.
    lines, labels = ["Äpfel 木 naïve", "naïve 木 Äpfel"] * 20, ["positive", "negative"] * 20
    model = train_classifier(
        pl.Series(lines), labels, options(epochs=200, lr=1.0, dim=8, bucket=10_000), tmp_path / "m.bin"
    )
    found, shares = predict_first(model, pl.Series(lines[:2]))
    assert found.to_list() == ["positive", "negative"]
    assert shares.min() > 0.9  # type: ignore[operator]


def test_words_alone_cannot_see_an_order(tmp_path: Path) -> None:
    lines, labels = ["one two", "two one"] * 20, ["positive", "negative"] * 20
    model = train_classifier(pl.Series(lines), labels, options(epochs=50, word_ngrams=1), tmp_path / "m.bin")
    found, _ = predict_first(model, pl.Series(lines[:2]))
    assert found.n_unique() == 1


def test_tokens_are_cut_as_fasttext_cuts_them() -> None:
    assert split_tokens(pl.Series(["a  b\tc\x00d\u3000e", ""])).to_list() == [
        ["a", "b", "c", "d\u3000e", "</s>"],
        ["</s>"],
    ]


def test_a_bound_no_word_reaches_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"quality\.min_count: got 1000"):
        train(tmp_path / "m.bin", ["one two", "two one"], ["positive", "negative"], min_count=1000)
