from __future__ import annotations

import re
import time
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.score.raters.preparation import clean_texts, truncate_texts


class Words:
    """A tokenizer whose tokens are words with the blank before them, numbered as they come."""

    control_tokens: Sequence[str] = ()

    def __init__(self) -> None:
        self.known: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        found = []
        for text in texts:
            words = re.findall(r"\s?\S+|\s+", text)
            found.append(list(range(len(self.known), len(self.known) + len(words))))
            self.known += words
        return found

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.known[i] for i in ids)


def cut(text: str, max_tokens: int, max_chars: int = 1000) -> tuple[str, int, bool]:
    (prepared,) = truncate_texts([text], Words(), max_tokens=max_tokens, max_chars=max_chars)
    return prepared.text, prepared.tokens, prepared.truncated


def test_a_long_text_keeps_its_first_and_last_half_around_a_mark() -> None:
    assert cut("a b c d e f g", 4) == ("a b... f g", 5, True)
    assert cut("a b c d e f g", 5) == ("a b... e f g", 6, True)
    assert cut("a b c d", 4) == ("a b c d", 4, False)


def test_beyond_the_limit_of_characters_the_halves_are_joined_without_a_mark() -> None:
    assert cut("aa bb cc dd", 10, max_chars=5) == ("aa dd", 2, True)


def test_an_empty_text_stays_empty() -> None:
    assert cut("", 4) == ("", 0, False)
    assert cut(" \n ", 4)[0] == ""


@given(st.text("ab ", max_size=60), st.integers(2, 20), st.integers(2, 40))
@settings(max_examples=80)
def test_no_text_has_more_tokens_than_allowed_and_a_mark(text: str, max_tokens: int, max_chars: int) -> None:
    prepared, tokens, truncated = cut(text, max_tokens, max_chars)
    assert tokens <= max_tokens + 1
    assert truncated or prepared == text.strip()


PIECES = st.sampled_from(["![](", ")", "\n", "/", "x", "![a](", "]", '"', "…", "...", ".", "”"])


@given(st.lists(PIECES, max_size=20).map("".join))
@settings(max_examples=60)
def test_cleaning_removes_what_the_published_expressions_match(text: str) -> None:
    expected = re.sub('^["\u201c\u201d](?:\u2026+|\\.\\.\\.+)["\u201c\u201d]', "", text, count=1)
    expected = re.sub(r"!\[\]\(/?[^)]+\)\n", "", expected)
    assert clean_texts(pl.Series([text]))[0] == expected


@pytest.mark.parametrize("piece", ["![](", "![](x)\n", "![](x", '"…'])
def test_cleaning_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    clean_texts(pl.Series([piece * 100_000]))
    assert time.process_time() - started < 5
