from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.passages import split_passages


def _count_words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def _count_characters(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def _count_unevenly(texts: list[str]) -> list[int]:
    """Joins cost tokens, as they can in a real tokenizer."""
    return [len(text.split()) + text.count("\n") + text.count(". ") for text in texts]


def _split(text: str, max_tokens: int, min_tokens: int = 0) -> list[str]:
    passages = split_passages([text], _count_words, max_tokens=max_tokens, min_tokens=min_tokens)[0]
    return [text[p.start : p.end] for p in passages]


def test_sentences_are_added_while_they_fit() -> None:
    text = "One two three. Four five six. Seven eight nine."
    assert _split(text, 6) == ["One two three. Four five six.", "Seven eight nine."]


def test_a_paragraph_break_inside_a_passage_stays() -> None:
    text = "One two three.\n\nFour five six."
    assert _split(text, 10) == [text]


def test_a_sentence_above_the_limit_is_cut_at_white_space_and_marked() -> None:
    text = " ".join(f"w{i}" for i in range(40)) + ". Short end here."
    passages = split_passages([text], _count_words, max_tokens=16, min_tokens=0)[0]
    assert all(p.tokens <= 16 for p in passages)
    assert [p.hard_split for p in passages] == [True] * len(passages)
    assert " ".join(text[p.start : p.end] for p in passages) == text


def test_a_run_without_white_space_is_cut_between_characters() -> None:
    passages = split_passages(["x" * 100], _count_characters, max_tokens=16, min_tokens=0)[0]
    assert sum(p.tokens for p in passages) == 100
    assert max(p.tokens for p in passages) <= 16


def test_a_short_last_passage_joins_the_one_before() -> None:
    text = "One two three four. Five six."
    assert _split(text, 4) == ["One two three four.", "Five six."]
    assert _split(text, 4, min_tokens=3) == [text]


def test_a_short_passage_stays_where_the_sum_is_too_large() -> None:
    assert _split("One two three four five. Six seven.", 5, min_tokens=1) == [
        "One two three four five.",
        "Six seven.",
    ]


def test_skipped_blocks_are_passages_of_their_kind_between_prose() -> None:
    text = "Mix these.\n\n- flour\n- water\n\nBake it."
    passages = split_passages([text], _count_words, max_tokens=100, min_tokens=50)[0]
    assert [(p.kind, text[p.start : p.end]) for p in passages] == [
        ("prose", "Mix these."),
        ("list", "- flour\n- water"),
        ("prose", "Bake it."),
    ]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_words_has_no_passage(text: str) -> None:
    assert split_passages([text], _count_words) == [[]]


def test_texts_do_not_affect_each_other() -> None:
    texts = ["One two. Three four.", "", "Five six seven. Eight."]
    together = split_passages(texts, _count_words, max_tokens=3, min_tokens=0)
    assert together == [split_passages([t], _count_words, max_tokens=3, min_tokens=0)[0] for t in texts]


@settings(deadline=None)
@given(
    st.text(alphabet=st.sampled_from("aB .\n-|。`1"), max_size=200),
    st.integers(3, 40),
    st.integers(0, 10),
    st.sampled_from([_count_words, _count_characters, _count_unevenly]),
)
def test_passages_cover_the_text_and_respect_the_limit(
    text: str, max_tokens: int, min_tokens: int, count: Callable[[list[str]], list[int]]
) -> None:
    passages = split_passages([text], count, max_tokens=max_tokens, min_tokens=min_tokens)[0]
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert "".join("".join(text[p.start : p.end] for p in passages).split()) == "".join(text.split())
    prose = [p for p in passages if p.kind == "prose"]
    assert all(p.tokens <= max_tokens + min_tokens or p.end - p.start == 1 for p in prose)
