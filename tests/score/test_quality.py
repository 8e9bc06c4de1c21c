from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.documents import check_schema
from gristmill.errors import ModelError
from gristmill.fasttext_training import train_classifier
from gristmill.hashing import digest_json
from gristmill.score import (
    MODEL_VERSION,
    SCORES,
    SCORES_VERSION,
    choose_examples,
    load_quality,
    score_quality,
    train_quality,
)
from gristmill.score.quality import area_under_curve
from tests.score.texts import documents, options


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("model") / "quality.bin"
    return path, train_quality(choose_examples([documents()], options()), options(), path)


def scores(path: Path, texts: list[str | None]) -> list[float | None]:
    table = pl.DataFrame(
        {"id": [str(i) for i in range(len(texts))], "text": texts},
        schema={"id": pl.String, "text": pl.String},
    )
    found = score_quality(table, load_quality(path))
    check_schema(found, SCORES, "scores")
    assert found["id"].equals(table["id"])
    return found["quality"].to_list()


def test_what_separates_the_sides_is_learnt(trained: tuple[Path, dict[str, Any]]) -> None:
    path, figures = trained
    assert (figures["train"], figures["holdout"]) == (60, 20)
    assert figures["auroc"] == figures["precision_at_10_percent"] == 1.0
    good, bad = scores(
        path, ["observe the evidence because of the theorem", "click to subscribe buy cheap offer"]
    )
    assert good is not None
    assert bad is not None
    assert bad < 0.4 < 0.6 < good <= 1.0


def test_the_words_that_speak_for_either_side_are_shown(trained: tuple[Path, dict[str, Any]]) -> None:
    rows = trained[1]["words"]
    assert {row["word"] for row in rows[:5]} == {"therefore", "because", "theorem", "observe", "evidence"}
    assert {row["word"] for row in rows[-5:]} == {"buy", "cheap", "click", "offer", "subscribe"}
    assert rows[0]["in_negatives"] == 0
    assert rows[0]["in_positives"] >= 5


def test_an_empty_text_has_no_score(trained: tuple[Path, dict[str, Any]]) -> None:
    assert scores(trained[0], ["", " \n", None]) == [None, None, None]
    assert scores(trained[0], []) == []


def test_marks_of_fasttext_in_a_text_are_words_like_others(trained: tuple[Path, dict[str, Any]]) -> None:
    cut, whole = scores(trained[0], ["the </s> click buy cheap offer", "the"])
    assert cut is not None
    assert whole is not None
    assert cut < whole


def test_marks_of_fasttext_in_an_example_do_not_label_it(tmp_path: Path) -> None:
    table = documents().with_columns(pl.col("text") + " __label__positive </s> __label__other")
    train_quality(choose_examples([table], options()), options(), tmp_path / "quality.bin")
    assert len(load_quality(tmp_path / "quality.bin").get_labels()) == 2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.none() | st.text(max_size=30) | st.sampled_from(["click buy", "the theorem\nbecause"]), max_size=8
    )
)
def test_a_text_has_the_same_score_alone_and_in_any_company(
    trained: tuple[Path, dict[str, Any]], texts: list[str | None]
) -> None:
    together = scores(trained[0], texts)
    assert together == [scores(trained[0], [text])[0] for text in texts]
    assert all(score is None or 0 <= score <= 1 for score in together)


def test_a_model_with_other_labels_is_refused(tmp_path: Path) -> None:
    train_classifier(pl.Series(["a b", "a c"]), ["hq", "cc"], options(), tmp_path / "m.bin")
    with pytest.raises(ModelError, match=r"labels \['cc', 'hq'\]"):
        load_quality(tmp_path / "m.bin")


def test_the_area_counts_ties_half() -> None:
    positive = pl.Series([True, False, True, False])
    assert area_under_curve(positive, pl.Series([0.9, 0.1, 0.5, 0.5])) == (1 + 1 + 1 + 0.5) / 4
    assert area_under_curve(positive, pl.Series([0.5] * 4)) == 0.5
    assert math.isnan(area_under_curve(pl.Series([True]), pl.Series([1.0])))


def test_output_changes_only_with_the_version(trained: tuple[Path, dict[str, Any]]) -> None:
    chosen = choose_examples([documents()], options()).select("id", "label", "fold")
    (score,) = scores(trained[0], ["the theorem of the mill, click"])
    assert (MODEL_VERSION, SCORES_VERSION) == (1, 1)
    assert digest_json(chosen.rows()) == "c926c58be8c3a1541bbbced18cc455b0"
    assert score == pytest.approx(0.51282, abs=1e-4)
