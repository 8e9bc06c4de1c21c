from __future__ import annotations

import polars as pl
import pytest

from gristmill.documents import frame
from gristmill.llm.requests import Answer
from gristmill.refine.evaluation import (
    PREDICTIONS,
    TRAINED,
    UNTRAINED,
    evaluation_figures,
    evaluation_requests,
    held_out,
    score_answers,
)
from gristmill.refine.labels import LABELS
from gristmill.refine.refiner_options import RefinerOptions

OPTIONS = RefinerOptions(base="small")
LINES = "Home | News | Contact\nThe mill ground rye.\nIt stopped in spring.\nSign in"


def chunks_of(documents: int, first_line: int = 10) -> pl.DataFrame:
    rows = [
        {
            "id": f"document {number:02d}",
            "chunk": 0,
            "first_line": first_line,
            "last_line": first_line + 3,
            "text": LINES,
            "program": "",
            "removed": [first_line, first_line + 3],
            "fold": "held_out",
            "use": "held_out",
        }
        for number in range(documents)
    ]
    return held_out(frame(rows, LABELS))


def answers(count: int, text: str) -> dict[int, Answer]:
    return {number: Answer(text, "stop", 9, 9) for number in range(count)}


def test_both_models_are_asked_about_the_same_chunk_under_the_same_constraint() -> None:
    chunks = chunks_of(1)
    (trained,) = evaluation_requests(chunks, TRAINED, OPTIONS)
    (untrained,) = evaluation_requests(chunks, UNTRAINED, OPTIONS)
    assert trained.prompt[-1] == untrained.prompt[-1]
    assert len(trained.prompt) < len(untrained.prompt)  # without the examples
    assert trained.constraint == untrained.constraint is not None


def test_answers_are_scored_by_the_lines_that_they_remove() -> None:
    chunks = chunks_of(3)
    given = {
        0: Answer("remove_lines(10, 10)\nremove_lines(13, 13)", "stop", 9, 9),
        1: Answer("remove_lines(12, 13)", "stop", 9, 9),
    }
    scored = score_answers(chunks, given, TRAINED, OPTIONS)
    assert scored.schema == pl.Schema(PREDICTIONS)
    assert scored.select("tp", "fp", "fn").rows() == [(2, 0, 0), (1, 1, 1), (0, 0, 2)]


def test_a_better_model_is_better_beyond_chance_and_an_equal_one_is_not() -> None:
    chunks = chunks_of(12)
    right, wrong = "remove_lines(10, 10)\nremove_lines(13, 13)", "remove_lines(11, 11)"
    good = score_answers(chunks, answers(12, right), TRAINED, OPTIONS)
    bad = score_answers(chunks, answers(12, wrong), UNTRAINED, OPTIONS)
    figures = evaluation_figures(chunks, pl.concat([good, bad]), OPTIONS, examples=7)
    f1 = {row["system"]: row["f1"] for row in figures["systems"]}
    assert f1 == {
        "trained": 1.0,
        "untrained": 0.0,
        "keep_all": 0.0,
        "remove_all": pytest.approx(2 / 3, abs=1e-4),
    }
    for row in figures["comparisons"]:
        assert row["low_95"] > 0
        assert row["share_not_better"] == 0
    assert (figures["examples"], figures["held_out_lines_to_remove"]) == (7, 24)

    equal = good.with_columns(system=pl.lit(UNTRAINED))
    same = evaluation_figures(chunks, pl.concat([good, equal]), OPTIONS, examples=7)
    (row,) = [one for one in same["comparisons"] if one["trained_against"] == UNTRAINED]
    assert (row["f1_difference"], row["share_not_better"]) == (0.0, 1.0)


def test_the_interval_is_over_documents_and_comes_out_the_same_again() -> None:
    chunks = chunks_of(10)
    right = "remove_lines(10, 10)\nremove_lines(13, 13)"
    half = answers(5, right) | {number: Answer("keep_chunk()", "stop", 9, 9) for number in range(5, 10)}
    both = pl.concat(
        [score_answers(chunks, half, TRAINED, OPTIONS), score_answers(chunks, {}, UNTRAINED, OPTIONS)]
    )
    first, again = (evaluation_figures(chunks, both, OPTIONS, examples=1) for _ in range(2))
    assert first == again
    row = first["comparisons"][0]
    assert 0 < row["low_95"] < row["f1_difference"] == pytest.approx(2 / 3, abs=1e-4)
    assert row["f1_difference"] < row["high_95"] < 1


def test_nothing_held_out_is_reported_as_no_improvement() -> None:
    chunks = chunks_of(0)
    empty = pl.DataFrame(schema=PREDICTIONS)
    figures = evaluation_figures(chunks, empty, OPTIONS, examples=0)
    assert {row["share_not_better"] for row in figures["comparisons"]} == {1.0}
