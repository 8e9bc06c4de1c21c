from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.documents import DECISIONS, DOCUMENTS
from gristmill.llm.requests import Answer, Constraint, Logprobs, Messages
from gristmill.refine import (
    JUDGEMENTS,
    DocumentPlan,
    DocumentTally,
    RefineOptions,
    document_requests,
    judge_documents,
    plan_documents,
    replay_judgements,
)
from gristmill.refine.document_stage import decide_document, decide_document_compat, keep_probability
from gristmill.refine.line_f1 import line_f1
from gristmill.refine.options import DocumentOptions
from gristmill.refine.prompts import render_prox
from tests.refine.corpora import count_chats, documents


class Words:
    """A tokenizer whose tokens are words."""

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def cut(self, text: str, max_tokens: int) -> str:
        return " ".join(text.split()[:max_tokens])

    def encode_prompts(self, prompts: Sequence[str], *, add_special_tokens: bool) -> list[list[int]]:
        return [[int(add_special_tokens), *range(2, 2 + len(text.split()))] for text in prompts]


def refine(**document: object) -> RefineOptions:
    return RefineOptions(document=DocumentOptions.model_validate(document))


def plan_of(table: pl.DataFrame, options: RefineOptions) -> DocumentPlan:
    return plan_documents([table], options, tokenizer=Words(), count_prompt_tokens=count_chats)


def logprobs(*tokens: tuple[str, float]) -> Logprobs:
    """One place, whose tokens have these probabilities."""
    return (tuple((text, math.log(probability)) for text, probability in tokens),)


def said(text: str, keep: float | None = None, finish: str = "stop") -> Answer:
    """An answer, and how likely `keep` was."""
    if keep is None:
        return Answer(text, finish, 40, 4)
    both = [("keep", keep), ("drop", 1 - keep)]
    if text.startswith("drop"):
        both.reverse()
    return Answer(text, finish, 40, 4, logprobs(*both))


def last(prompt: object) -> str:
    assert isinstance(prompt, tuple)
    return str(prompt[-1][1])


@pytest.mark.parametrize(
    ("output", "strict", "compat"),
    [
        ("drop_doc()", "drop", "drop"),
        ("Keep.", "keep", "keep"),
        ("keep_doc() # do not drop", "keep", "drop"),
        ("raindrop", "unknown", "drop"),
        ("DROP_DOC();", "drop", "keep"),
        ("", "unknown", "keep"),
    ],
)
def test_decisions_are_read_strictly_or_as_the_reference_does(output: str, strict: str, compat: str) -> None:
    assert (decide_document(output), decide_document_compat(output)) == (strict, compat)


def test_f1_of_removed_lines_is_null_where_there_is_nothing_to_find() -> None:
    assert line_f1([], []).f1 is None
    assert line_f1([1, 2], [2, 3]) == (1, 1, 1, 0.5)


def test_every_document_gets_a_decision_and_a_judgement() -> None:
    table = documents("good", "bad", "odd", " ", "silent", "broken")
    options = refine(constrained=False)
    answers = dict(
        zip(
            table["id"],
            [
                said("keep_doc()", 0.9),
                said("drop_doc()", 0.2),
                said("I like it"),
                None,
                None,
                said("", finish="error:x"),
            ],
            strict=True,
        )
    )
    plan = plan_of(table, options)
    kept, decisions, judgements = judge_documents(
        plan, table, {k: v for k, v in answers.items() if v is not None}
    )
    assert kept.schema == pl.Schema(DOCUMENTS)
    assert decisions.schema == pl.Schema(DECISIONS)
    assert judgements.schema == pl.Schema(JUDGEMENTS)
    assert kept["text"].to_list() == ["good", "odd", "silent", "broken"]
    assert decisions["rule"].to_list() == [
        "keep_doc", "drop_doc", "unknown_answer", "empty_input", "not_attempted", "not_attempted"
    ]  # fmt: skip
    assert decisions["detail"].to_list() == [None, None, None, None, "no_answer", "error:x"]
    assert decisions["value"].to_list()[:3] == [pytest.approx(0.9), pytest.approx(0.2), None]
    assert judgements["word"].to_list() == ["keep", "drop", "unknown", None, None, None]


def test_a_bound_on_the_probability_goes_before_the_word_and_is_set_without_asking_again() -> None:
    table = documents("sure", "unsure", "bad", "untold")
    replies = [said("keep_doc()", 0.95), said("keep_doc()", 0.6), said("drop_doc()", 0.4), said("drop_doc()")]
    answers = dict(zip(table["id"], replies, strict=True))
    plan = plan_of(table, refine())
    first = judge_documents(plan, table, answers)
    assert first.documents["text"].to_list() == ["sure", "unsure"]
    strict = replay_judgements(table, first.judgements, refine(min_keep_probability=0.9))
    assert strict.documents["text"].to_list() == ["sure"]
    assert strict.decisions["bound"].to_list() == [0.9] * 4
    lax = replay_judgements(table, first.judgements, refine(min_keep_probability=0.3))
    assert lax.documents["text"].to_list() == [
        "sure",
        "unsure",
        "bad",
    ]  # without a probability, the word counts
    assert lax.judgements.equals(first.judgements)


def test_the_request_is_constrained_asks_for_probabilities_and_does_not_depend_on_the_bound() -> None:
    table = documents("a mill ground rye")
    (one,), (other,) = (
        document_requests(plan_of(table, options), table, tokenizer=Words())
        for options in (refine(), refine(min_keep_probability=0.7))
    )
    assert one == other
    name, request = one
    assert name == table["id"][0]
    assert request.constraint == Constraint("choice", ("keep_doc()", "drop_doc()"))
    assert request.logprobs == 20
    assert last(request.prompt) == "[doc]\na mill ground rye\n[/doc]"


def test_a_long_text_is_cut_so_that_the_prompt_keeps_its_end() -> None:
    table = documents("word " * 500 + "end", "short")
    options = refine(max_prompt_tokens=300)
    plan = plan_of(table, options)
    assert plan.documents["input_truncated"].to_list() == [True, False]
    requests = document_requests(plan, table, tokenizer=Words())
    text = last(requests[0][1].prompt)
    assert text.startswith("[doc]\nword word")
    assert text.endswith("word\n[/doc]")
    chats: list[Messages] = [requests[0][1].prompt]  # type: ignore[list-item]
    assert count_chats(chats)[0] <= 300


def test_the_released_refiners_get_their_own_text_and_may_be_cut_as_in_the_reference() -> None:
    table = documents("word " * 100)
    whole = document_requests(plan_of(table, refine(prompt="prox")), table, tokenizer=Words())
    assert whole[0][1].prompt == render_prox(table["text"][0], "single")
    options = refine(prompt="prox", max_prompt_tokens=64, truncation="reference_right")
    ((_, request),) = document_requests(plan_of(table, options), table, tokenizer=Words())
    assert request.prompt == (1, *range(2, 65))


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="reference_right is for the prompt prox"):
        DocumentOptions(truncation="reference_right")
    with pytest.raises(ValidationError, match="nothing is left to do"):
        RefineOptions(chunks=False)


def test_the_probability_is_read_at_the_first_token_that_says_something() -> None:
    spelled = Answer(
        "keep", "stop", 1, 2, (*logprobs(("▁", 0.9), ("x", 0.1)), *logprobs(("k", 0.6), ("Drop", 0.2)))
    )
    assert keep_probability(spelled) == pytest.approx(0.75)
    chatty = Answer("Well", "stop", 1, 1, logprobs(("Well", 0.8), ("keep", 0.1)))
    assert keep_probability(chatty) is None
    assert keep_probability(Answer("keep", "stop", 1, 1)) is None


def test_a_budget_takes_whole_documents_in_an_order_of_their_own() -> None:
    table = documents(*(f"text {number}" for number in range(8)))
    options = refine(max_output_tokens=10, budget={"output_tokens": 30})
    plan = plan_of(table, options)
    assert plan.figures()["requests"] == 3
    assert plan.figures()["left_by_budget"]["documents"] == 5
    turned = plan_of(table.reverse(), options)
    assert turned.documents.sort("id").equals(plan.documents.sort("id"))
    judged = judge_documents(plan, table, {})
    assert judged.decisions["detail"].to_list().count("budget") == 5
    assert judged.documents.equals(table)


def test_documents_of_other_sources_and_languages_are_left_alone() -> None:
    table = pl.concat([documents("a", lang="de"), documents("b", source="code"), documents("c")])
    options = RefineOptions(document=DocumentOptions(), sources=("web",), languages=("en",))
    plan = plan_of(table, options)
    assert plan.documents["reason"].to_list() == ["language", "source", None]


def test_the_figures_tell_shares_bounds_and_samples_from_either_end() -> None:
    table = documents(*(f"text number {number}" for number in range(20)))
    keep = [number / 20 + 0.025 for number in range(20)]
    answers = {
        name: said("keep_doc()" if p > 0.5 else "drop_doc()", p)
        for name, p in zip(table["id"], keep, strict=True)
    }
    plan = plan_of(table, refine())
    tally, parts = DocumentTally(None), DocumentTally(None)
    tally.count(table, judge_documents(plan, table, answers))
    for part in (table[12:], table[:12]):
        parts.count(part, judge_documents(plan, part, answers))
    figures = tally.figures()
    assert figures == parts.figures()
    assert tally.samples() == parts.samples()
    assert figures["funnel"] == {"documents": 20, "judged": 20, "drop_doc": 10, "keep_doc": 10}
    assert figures["judged"]["dropped_share"] == 0.5
    assert figures["judged"]["failure_rate"] == 0.0
    assert figures["dropped_by_bound"][1] == {"min_keep_probability": 0.2, "dropped_share": 0.2}
    assert figures["usage"] == {"requests": 20, "prompt_tokens": 800, "output_tokens": 80}
    assert [row["keep_probability"] for row in tally.samples()][:1] == [0.975]
    assert [row["action"] for row in tally.samples()] == ["keep"] * 4 + ["drop"] * 4
    histogram = tally.histogram()
    assert histogram is not None
    assert histogram.counts.sum() == 20


def test_shares_over_nothing_are_null_and_there_is_no_histogram() -> None:
    assert set(DocumentTally(0.5).figures()["judged"].values()) == {None}
    assert DocumentTally(0.5).histogram() is None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(max_size=20), st.none() | st.floats(0.01, 0.99)), min_size=1, max_size=8))
def test_whatever_is_answered_rows_are_conserved(given_answers: list[tuple[str, float | None]]) -> None:
    table = documents(*(f"text {number}" for number in range(len(given_answers))))
    answers = {name: said(text, keep) for name, (text, keep) in zip(table["id"], given_answers, strict=True)}
    judged = judge_documents(plan_of(table, refine()), table, answers)
    assert judged.decisions["id"].to_list() == table["id"].to_list()
    dropped = judged.decisions.filter(pl.col("action") == "drop").height
    assert judged.documents.height == table.height - dropped
    again = replay_judgements(table, judged.judgements, refine())
    assert again.documents.equals(judged.documents)
