from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.contamination.words import hash_words, word_hash


def words(text: str) -> list[int]:
    return hash_words(pl.Series([text])).hashes.tolist()


def seen(text: str) -> list[str]:
    """The stretches of the text that became words."""
    return [text[start:end] for start, end in hash_words(pl.Series([text])).spans.tolist()]


def test_a_word_has_the_hash_of_its_definition() -> None:
    assert words("How many eggs") == [word_hash("how"), word_hash("many"), word_hash("eggs")]


@pytest.mark.parametrize(
    "dressed",
    [
        "HOW MANY EGGS, THEN?",
        "  how\n\tmany   eggs … then",
        "**How** many _eggs_, then",
        "> How many\n> eggs then",
        "<p>How <b class='x y'>many</b>&nbsp;eggs,&#32;then</p>",
        "Ｈｏｗ many eg\u00adgs \u200bthen",
        "How many eg-\ngs then",
        "How many eg-  \n> gs then",
        "$\\left( How \\text{many} \\displaystyle eggs \\right)$ then",
        "how“many”eggs—then",
    ],
)
def test_dress_does_not_count(dressed: str) -> None:
    assert words(dressed) == words("how many eggs then")


def test_forms_of_unicode_are_one() -> None:
    assert words("caf\u00e9 ﬁnd") == words("cafe\u0301 find") == words("CAFE FIND")


def test_what_differs_stays_different() -> None:
    assert words("10 eggs") != words("11 eggs")
    assert words("non-increasing") == words("non increasing") != words("nonincreasing")


def test_commands_of_latex_that_say_the_same_are_one() -> None:
    assert words(r"\dfrac{1}{2} \le x") == words(r"\frac{1}{2} \leq x")
    assert seen(r"\textbf{a} left") == ["a", "left"]  # only a command is dress


def test_comparisons_are_no_tags() -> None:
    assert seen("a < b and c > d") == ["a", "b", "and", "c", "d"]
    assert seen("a <b") == ["a", "b"]


def test_han_and_kana_are_words_one_by_one() -> None:
    assert seen("大鹏 カナ x") == ["大", "鹏", "カ", "ナ", "x"]


def test_spans_count_characters_of_any_width() -> None:
    assert seen("Ünïcödé — 𝒜b 大<i>é</i>&amp;z") == ["Ünïcödé", "𝒜b", "大", "é", "z"]


@given(st.lists(st.text(max_size=60), max_size=5))
def test_words_of_a_text_do_not_depend_on_the_others(texts: list[str]) -> None:
    together = hash_words(pl.Series(texts, dtype=pl.String))
    for i, text in enumerate(texts):
        alone = hash_words(pl.Series([text]))
        first, last = together.offsets[i], together.offsets[i + 1]
        assert together.hashes[first:last].tolist() == alone.hashes.tolist()
        assert together.spans[first:last].tolist() == alone.spans.tolist()
        for start, end in alone.spans.tolist():
            assert 0 <= start < end <= len(text)
