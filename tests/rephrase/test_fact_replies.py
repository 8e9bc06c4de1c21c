from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.llm.requests import Answer
from gristmill.rephrase.fact_check.replies import (
    MAX_FACT_CHARS,
    parse_answers,
    parse_facts,
    parse_questions,
    parse_verdicts,
)


def _answer(text: str, finish_reason: str = "stop") -> Answer:
    return Answer(text, finish_reason, 1, 1)


def _facts(text: str, finish_reason: str = "stop", most: int = 12) -> tuple[str, ...]:
    return parse_facts(_answer(text, finish_reason), "", max_facts=most).facts


def test_facts_are_the_listed_lines_and_the_topic_is_apart() -> None:
    found = parse_facts(
        _answer("Here they are:\nTopic: mills\n- **A mill** stands.\n2) It grinds.\nAnything else?"),
        "",
        max_facts=12,
    )
    assert (found.facts, found.topic, found.problem) == (("A mill stands.", "It grinds."), "mills", None)
    assert _facts("Here are the facts:\nA mill stands.\nIt grinds.") == ("A mill stands.", "It grinds.")


def test_repeats_are_one_fact_and_the_number_and_length_are_bounded() -> None:
    assert _facts("- The mill has 7 wheels.\n- the mill has seven wheels\n* It turns.") == (
        "The mill has 7 wheels.",
        "It turns.",
    )
    many = _facts("\n".join(f"- Fact of number {i} is this." for i in range(1000)))
    assert (len(many), many[0]) == (12, "Fact of number 0 is this.")
    assert len(_facts("- " + "word " * 5000)[0]) <= MAX_FACT_CHARS


def test_a_fact_that_was_cut_off_is_left_out() -> None:
    assert _facts("- A mill stands.\n- It gri", "length") == ("A mill stands.",)


@pytest.mark.parametrize(
    ("text", "finish_reason", "problem"),
    [
        ("", "stop", "empty"),
        (" \n\t\n", "stop", "empty"),
        ("", "error:context", "error:context"),
        ("I'm sorry, but I can't help with that.", "stop", "refusal"),
        ("---\n***\n- ...", "stop", "no facts"),
        ("Here are the facts:", "stop", "no facts"),
    ],
)
def test_a_reply_without_facts_says_why(text: str, finish_reason: str, problem: str) -> None:
    found = parse_facts(_answer(text, finish_reason), "A mill.", max_facts=12)
    assert (found.facts, found.problem) == ((), problem)


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ('{"1": "yes", "2": "no", "3": "unclear"}', ["yes", "no", "unclear"]),
        ("1. Yes\n2. No\n3: unclear", ["yes", "no", "unclear"]),
        ('{"1": "yes", "2": "nonsense"', ["yes", None, None]),
        ('{"1": "yes", "1": "no", "99": "yes"}', [None, None, None]),  # says both
        ("Yes to all of them!", [None, None, None]),
        ("", [None, None, None]),
    ],
)
def test_a_verdict_counts_only_under_its_number(text: str, verdicts: list[str | None]) -> None:
    assert parse_verdicts(_answer(text), 3) == verdicts


def test_questions_end_with_a_mark_and_are_asked_once() -> None:
    text = "Sure:\n1. When was it built?\n2. when was it built ?\n3. It was built.\n4. Who keeps it?\n5. Why?"
    assert parse_questions(_answer(text), "", count=2) == ["When was it built?", "Who keeps it?"]
    assert parse_questions(_answer("I cannot help with that request."), "", count=2) == []


def test_answers_are_read_by_number_the_first_of_each() -> None:
    text = "1. 1785.\n3) **Ann Lowe**\n3) Tom Reed\n77. x\n4."
    assert parse_answers(_answer(text), 4) == ["1785", None, "Ann Lowe", None]
    assert parse_answers(_answer("1785"), 1) == ["1785"]
    assert parse_answers(_answer("1. 1785", "error:context"), 1) == [None]


@settings(deadline=None, max_examples=80)
@given(
    st.one_of(st.text(max_size=200), st.text(alphabet='0123456789.:-*"{}?\n yesnoTopic', max_size=200)),
    st.sampled_from(["stop", "length", "error:context", ""]),
)
def test_whatever_is_written_is_read_within_bounds(text: str, finish_reason: str) -> None:
    answer = _answer(text, finish_reason)
    assert len(parse_facts(answer, "", max_facts=3).facts) <= 3
    assert len(parse_verdicts(answer, 3)) == len(parse_answers(answer, 3)) == 3
    assert len(parse_questions(answer, "", count=2)) <= 2
