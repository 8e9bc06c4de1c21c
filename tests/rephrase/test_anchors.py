from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.acceptance import REASONS, Candidate, Checks, judge, judge_all
from gristmill.rephrase.anchors import (
    DROPPED,
    MAX_PAIRS,
    Anchored,
    AnchoredPair,
    anchor_pairs,
    drop_like_questions,
    format_anchored,
    outside_spans,
    quote_pairs,
    read_anchored,
    score_anchors,
    span_facts,
)
from gristmill.rephrase.options import AcceptanceOptions, AnchorsOptions
from gristmill.rephrase.styles import packaged_template

MILL = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the wheel on two "
    "days of the week, but only while the keeper, Ann Lowe, is there. A second wheel, bought in 1890, has stood still "
    "since the great flood, for nobody has found the money to mend its axle."
)
WHEN = "Question: How old is it?\nAnswer: It dates from 1785.\nExcerpt: built in 1785"
WHO = (
    "Question: Whose presence is needed?\nAnswer: Ann Lowe's.\n"
    "Excerpt: only while the keeper\nExcerpt: Ann Lowe, is there"
)


def _anchor(text: str, source: str = MILL, **options: object) -> Anchored:
    return anchor_pairs(read_anchored(text), source, AnchorsOptions.model_validate(options))


def _quoted(found: Anchored, source: str = MILL) -> list[list[str]]:
    return [[source[start:end] for start, end in pair.spans] for pair in found.pairs]


def test_pairs_come_with_the_places_that_prove_them_however_far_apart() -> None:
    found = _anchor(f"{WHEN}\n\n{WHO}")
    assert _quoted(found) == [["built in 1785"], ["only while the keeper", "Ann Lowe, is there"]]
    assert found.dropped == ()
    assert format_anchored(found.pairs) == (
        "Question: How old is it?\nAnswer: It dates from 1785.\n\n"
        "Question: Whose presence is needed?\nAnswer: Ann Lowe's."
    )
    assert quote_pairs(found.pairs, MILL) == f"{WHEN}\n\n{WHO}"


def test_overlapping_excerpts_become_one_span() -> None:
    text = "Question: How old?\nAnswer: From 1785.\nExcerpt: in 1785 and grinds\nExcerpt: built in 1785"
    assert _quoted(_anchor(text)) == [["built in 1785 and grinds"]]


@pytest.mark.parametrize(
    "text",
    [
        "1. **Question 1:** How old is it?\n   **Answer:** It dates from 1785.\n   - **Excerpt:** built in 1785",
        "question: How old is it?\n- answer : It dates from 1785.\nExcerpts:\n- \"built in 1785\"",
        "Some questions follow.\nQuestion: How old is it? Answer: It dates from 1785. Excerpt: built in 1785",
        "## Question: How old is it?\n\nAnswer:\nIt dates from 1785.\n> Excerpt: built\nin 1785\n---\n\nThat is all.",
    ],
)  # fmt: skip
def test_tags_are_read_in_any_dress(text: str) -> None:
    assert _anchor(text) == _anchor(WHEN)


def test_lines_below_one_tag_are_excerpts_of_their_own_where_they_are_marked() -> None:
    text = 'Question: a\nAnswer: b\nc\nExcerpts:\n\n1. one\n- two\n\n"three"\nand on\n\nDone.\nExcerpt:\nfour'
    (pair,) = read_anchored(text)
    assert (pair.answer, pair.excerpts) == ("b\nc", ["one", "two", '"three"\nand on', "four"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Question: How old is it?\nExcerpt: built in 1785", "incomplete"),
        ("Question: How old is it?\nAnswer: It dates from 1785.", "no_excerpt"),
        (WHEN + "\nExcerpt: mill" * 5, "many_excerpts"),
        (WHEN.replace("built in", "founded in"), "not_found"),
        (WHEN + "\nExcerpt: a mill that nobody saw", "not_found"),  # one is enough
        (WHEN + "\nExcerpt: .", "not_found"),
        (WHEN.replace("built in 1785", MILL[:90]), "long_spans"),
        (WHEN.replace("How old is it", "Was it built in 1785"), "gives_away"),
        (WHEN.replace("built in 1785", "The mill at Eling").replace("1785.", "1785 or so."), "number"),
        (WHEN.replace("built in 1785", "in 178"), None),  # a number that is cut counts as a whole
        (WHEN.replace("dates from 1785", "dates from 785").replace("built in 1785", "785"), "number"),
        (WHEN.replace("It dates from 1785", "Old is it"), "echo"),
        (f"{WHO}\n{WHO.replace('Whose presence', 'Whose **presence**')}", "duplicate"),
    ],
)
def test_pairs_that_are_not_proved_are_dropped_with_a_reason(text: str, reason: str | None) -> None:
    dropped = _anchor(text).dropped
    assert dropped == (() if reason is None else (reason,))
    assert set(dropped) <= set(DROPPED)


def test_rules_can_be_switched_off() -> None:
    off = dict.fromkeys(("max_excerpts", "max_span_share", "max_given_away", "max_question_overlap"))
    text = (
        f"Question: Is it the mill at Eling?\nAnswer: Yes, of 1999.\nExcerpt: {MILL}"
        + "\nExcerpt: The mill" * 9
    )
    found = _anchor(f"{text}\n{text}", **off, numbers_in_spans=False)
    assert (len(found.pairs), found.dropped) == (2, ())


def test_pairs_beyond_the_limit_are_counted() -> None:
    text = "\n".join(
        WHEN.replace("How old is it", f"How old is number {chr(97 + i % 26) * (1 + i)}") for i in range(70)
    )
    found = _anchor(text, max_question_overlap=None)
    assert (len(found.pairs), found.dropped) == (MAX_PAIRS, ("beyond_limit",) * (70 - MAX_PAIRS))


def test_questions_that_mean_the_same_as_a_kept_one_are_dropped() -> None:
    pairs = [AnchoredPair(name, "x", ((0, 1),)) for name in "abcd"]
    alike = {("a", "b"), ("b", "c")}  # c is only like b, which is gone

    def compare(firsts: list[str], seconds: list[str]) -> list[float]:
        return [0.9 if pair in alike else 0.1 for pair in zip(firsts, seconds, strict=True)]

    other, found = drop_like_questions([pairs[:1], pairs], compare, max_cosine=0.78)
    assert other == Anchored((pairs[0],), ())
    assert ([pair.question for pair in found.pairs], found.dropped) == (["a", "c", "d"], ("duplicate",))


def test_spans_are_given_in_the_passage_and_in_the_parent() -> None:
    pairs = [AnchoredPair("a", "b", ((3, 5), (8, 9)))]
    assert span_facts(pairs, passage_start=100) == {
        "spans": [[[3, 5], [8, 9]]],
        "parent_spans": [[[103, 105], [108, 109]]],
    }


def test_coverage_and_how_well_sentences_fit() -> None:
    source = "Ann mills. Bob bakes bread."
    pairs = [AnchoredPair("a", "b", ((0, 10),)), AnchoredPair("c", "d", ((11, 14), (21, 27)))]
    scores = score_anchors(pairs, source)
    assert scores.coverage == pytest.approx(19 / 27)
    assert scores.sentence_precision == pytest.approx((1 + 9 / 16) / 2)
    assert outside_spans(source, pairs).split() == ["bakes"]
    assert score_anchors([], source) == (0.0, 0.0)


def test_an_answer_is_taken_with_the_pairs_that_hold_and_rejected_without_any() -> None:
    template = packaged_template("anchored_qa")
    invented = WHEN.replace("built in 1785", "founded by monks").replace("How old", "How young")

    def verdict(text: str, **options: object):
        return judge(text, MILL, template, options=AcceptanceOptions.model_validate(options))

    taken = verdict(f"Here are the questions:\n\n{WHEN}\n{invented}\n\n{WHO}")
    assert (taken.reason, taken.dropped, len(taken.anchored)) == (None, ("not_found",), 2)
    assert taken.text == format_anchored(taken.anchored)
    assert "unanchored" in taken.repairs
    assert (verdict(invented).reason, verdict(invented).dropped) == ("unanchored", ("not_found",))
    assert verdict("It dates from 1785.").reason == "qa_format"
    grounded = "Question: What grain is ground with the falling tide?\nAnswer: Wheat.\nExcerpt: grinds wheat"
    assert verdict(f"{grounded}\n\n{WHO}", max_novel_words=0.5).dropped == ("ungrounded",)
    assert {"unanchored", "qa_format"} <= set(REASONS)


def test_an_answer_may_copy_what_proves_it_and_nothing_else() -> None:
    template = packaged_template("anchored_qa")
    told = "stood still since the great flood, for nobody has found the money"
    text = f"Question: What else?\nAnswer: Another has {told}.\nExcerpt: {told}"
    assert judge(text, MILL, template, options=AcceptanceOptions()).reason is None
    elsewhere = text.replace(f"Excerpt: {told}", "Excerpt: A second wheel, bought in 1890")
    assert judge(elsewhere, MILL, template, options=AcceptanceOptions()).reason == "copied"


def test_like_questions_go_where_a_model_of_similarity_is_there() -> None:
    template = packaged_template("anchored_qa")
    checks = Checks(AcceptanceOptions(), compare_texts=lambda texts, others: [0.9] * len(texts))
    (verdict,) = judge_all([Candidate(f"{WHEN}\n\n{WHO}", MILL, template)], checks)
    assert (verdict.text, verdict.dropped) == (format_anchored(verdict.anchored), ("duplicate",))
    assert [pair.question for pair in verdict.anchored] == ["How old is it?"]


_TEXT = st.text(st.sampled_from("ab1 \n.’é"), max_size=50)


@settings(deadline=None, max_examples=60)
@given(
    _TEXT,
    st.lists(
        st.tuples(_TEXT, _TEXT, st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=3))
    ),
)
def test_every_kept_span_is_the_passages_own_text(
    source: str, pairs: list[tuple[str, str, list[tuple[int, int]]]]
) -> None:
    text = "\n".join(
        "\n".join([f"Question: {q}", f"Answer: {a}", *(f"Excerpt: {source[i : i + n]}" for i, n in places)])
        for q, a, places in pairs
    )
    found = _anchor(text, source, max_span_share=None)
    for pair in found.pairs:
        assert 1 <= len(pair.spans) <= 5
        assert all(0 <= start < end <= len(source) for start, end in pair.spans)
        assert all(before[1] < after[0] for before, after in pairwise(pair.spans))
        quoted = [_plain(source[start:end]) for start, end in pair.spans]
        assert any(
            all(
                any(_plain(excerpt.strip(" \n.’")) in stretch for stretch in quoted)
                for excerpt in written.excerpts
            )
            for written in read_anchored(text)
            if (written.question, written.answer) == pair[:2]
        )


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("’", "'")


@settings(deadline=None, max_examples=50)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(
    ["Question: a", "Answer: b 1", "Excerpt: mill", "Excerpt:", "- ", "```", "**Question:** c", "\ud83d"]
)).map("\n".join)))  # fmt: skip
def test_whatever_a_model_writes_has_a_verdict(text: str) -> None:
    verdict = judge(text, MILL, packaged_template("anchored_qa"), options=AcceptanceOptions())
    assert (verdict.reason is None) == bool(verdict.anchored)
