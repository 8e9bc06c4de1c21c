from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest

from gristmill.documents import DOCUMENTS, document_id, frame
from gristmill.llm.requests import Answer
from gristmill.rephrase import (
    Checks,
    Key,
    Plan,
    RephraseOptions,
    Tally,
    accept_passages,
    plan_passages,
    planned_requests,
    rounds,
)
from gristmill.rephrase.choice import due
from gristmill.rephrase.styles import template_of

MILL = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the "
    "wheel on two days of the week, but only while the keeper, Ann Lowe, is there."
)
GOOD = (
    "Erected in 1785, Eling's tide mill uses ebbing water to make flour. Twice weekly guests can operate "
    "its wheel, provided that Ann Lowe, who keeps it, attends."
)
UNDATED = GOOD.replace("Erected in 1785, ", "")
BAD = "I cannot rewrite this passage, sorry."


def _documents(*texts: str) -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {"id": document_id("web", str(i)), "text": text, "source": "web", "lang": "en", "generation_depth": 0}
        for i, text in enumerate(texts)
    ]
    return frame(rows, DOCUMENTS)


def _plan(documents: pl.DataFrame, **values: Any) -> Plan:
    options = RephraseOptions.model_validate(
        {"styles": [{"name": "medium"}], "max_passage_tokens": 60, "min_passage_tokens": 0, **values}
    )
    return plan_passages(documents, options, count_tokens=lambda texts: [len(text.split()) for text in texts])


def _ask(plan: Plan, documents: pl.DataFrame, *written: str) -> tuple[dict[Key, Answer], list[int]]:
    """Answers by number of sample, and how many were asked for in each round."""
    answers: dict[Key, Answer] = {}
    asked = []
    templates = {style.name: template_of(style) for style in plan.options.styles}
    languages = dict(zip(documents["id"], documents["lang"], strict=True))
    for number in rounds(plan.options):
        planned = due(
            planned_requests(plan, documents),
            answers,
            languages,
            templates,
            plan.options,
            Checks(plan.options.acceptance),
            number=number,
        )
        asked.append(len(planned))
        answers |= {one.key: Answer(written[one.sample], "stop", 70, 30) for one in planned}
    return answers, asked


def _outcomes(plan: Plan, documents: pl.DataFrame, *written: str) -> list[tuple[int, str, str | None]]:
    answers, _ = _ask(plan, documents, *written)
    made, derivations = accept_passages(plan, documents, answers)
    accepted = derivations.filter(pl.col("outcome") == "accepted")
    assert made["id"].to_list() == accepted["child_id"].unique(maintain_order=True).to_list()
    return derivations.select("sample", "outcome", "reason").rows()


def test_the_first_sample_that_passes_ends_the_asking() -> None:
    documents = _documents(MILL)
    plan = _plan(documents, samples=4, take="first", pilot_share=0.0)
    assert _ask(plan, documents, BAD, GOOD, GOOD, GOOD)[1] == [1, 1, 0, 0]
    assert _outcomes(plan, documents, BAD, GOOD, GOOD, GOOD) == [
        (0, "rejected", "refusal"),
        (1, "accepted", None),
        (2, "not_attempted", "not_needed"),
        (3, "not_attempted", "not_needed"),
    ]


def test_a_passage_without_a_passing_sample_is_asked_for_to_the_end() -> None:
    documents = _documents(MILL)
    plan = _plan(documents, samples=3, take="first", pilot_share=0.0)
    assert _ask(plan, documents, BAD, BAD, BAD)[1] == [1, 1, 1]


def test_all_samples_of_the_pilot_are_drawn_and_counted() -> None:
    documents = _documents(*[f"{MILL} Number {i}." for i in range(30)])
    plan = _plan(documents, samples=3, take="first", pilot_share=0.4)
    answers, asked = _ask(plan, documents, GOOD, GOOD, BAD)
    pilot = (asked[0] - 30) // 2
    assert 3 < pilot < 25
    assert asked[1:] == [0, 0]
    tally = Tally()
    _, derivations = accept_passages(plan, documents, answers, tally=tally)
    assert tally.problems == Counter({("medium", (3, 2)): pilot})
    assert tally.sampling()["medium"]["pass_at_k"][0]["coverage"] == pytest.approx(2 / 3)
    assert derivations.filter(pl.col("outcome") == "accepted")["sample"].unique().to_list() == [0]
    assert derivations.filter(pl.col("reason") == "not_chosen").height == pilot


def test_the_best_sample_keeps_the_numbers_and_copies_little() -> None:
    documents = _documents(MILL)
    plan = _plan(documents, samples=3, take="best")
    assert _outcomes(plan, documents, UNDATED, GOOD, BAD) == [
        (0, "rejected", "not_chosen"),
        (1, "accepted", None),
        (2, "rejected", "refusal"),
    ]


def test_all_samples_that_pass_are_taken_by_default() -> None:
    documents = _documents(MILL)
    plan = _plan(documents, samples=2)
    assert _outcomes(plan, documents, GOOD, GOOD) == [(0, "accepted", None), (1, "accepted", None)]


def test_a_joined_document_has_the_sample_taken_of_each_passage() -> None:
    documents = _documents(f"{MILL}\n\n- flour\n- water\n\n{MILL}")
    plan = _plan(documents, samples=2, take="first", pilot_share=0.0, reassemble=True)
    answers, _ = _ask(plan, documents, BAD, GOOD)
    first = next(key for key in answers if key[2] == 0)
    answers[first] = Answer(GOOD, "stop", 70, 30)
    made, _ = accept_passages(plan, documents, answers)
    assert made["text"].to_list() == [f"{GOOD}\n\n- flour\n- water\n\n{GOOD}"]


def test_a_passage_unlike_its_rephrasing_is_rejected_where_texts_are_compared() -> None:
    documents = _documents(MILL)
    plan = _plan(documents, acceptance={"min_similarity": 0.5})
    answers, _ = _ask(plan, documents, GOOD)
    for cosine, reason in ((0.4, "dissimilar"), (0.6, None)):
        _, derivations = accept_passages(
            plan, documents, answers, checks=Checks(plan.options.acceptance, compare_texts=_Alike(cosine))
        )
        assert derivations["reason"].to_list() == [reason]


class _Alike:
    def __init__(self, cosine: float) -> None:
        self._cosine = cosine

    def __call__(self, texts: list[str], others: list[str]) -> list[float]:
        return [self._cosine] * len(texts)
