from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import RecipeError
from gristmill.filter import words
from gristmill.filter._characters import character_bits
from gristmill.filter._kernels import find_words
from gristmill.filter.words import split_words


def split(text: str) -> list[str]:
    codes = np.array([ord(c) for c in text], np.int32)
    starts, ends = np.empty(len(text) + 1, np.int32), np.empty(len(text) + 1, np.int32)
    count = find_words(codes, len(text), character_bits(), starts, ends)
    return [text[starts[i] : ends[i]] for i in range(count)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t", []),
        ("The mill, 4th snake_case.", ["The", "mill", ",", "4th", "snake_case", "."]),
        ("example.com 3.5 1,000 3.5%", ["example.com", "3.5", "1,000", "3.5", "%"]),
        ("J. U.S. e.g. AB.", ["J.", "U.S.", "e.g.", "AB", "."]),
        ("it's don't O'Brien we'll", ["it", "'s", "do", "n't", "O'Brien", "we", "'ll"]),
        ("WE’RE aujourd'hui", ["WE", "’RE", "aujourd'hui"]),
        ("e-mail -- wait...", ["e", "-", "mail", "--", "wait", "..."]),
        ("漢字 ひら カタカナ", ["漢", "字", "ひ", "ら", "カタカナ"]),
        ("e\u0301te\u0301 👩\u200d🔬", ["e\u0301te\u0301", "👩\u200d", "🔬"]),
        ("#tag $5", ["#", "tag", "$", "5"]),
    ],
)
def test_words_are_cut_by_the_rules(text: str, words: list[str]) -> None:
    assert split(text) == words


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("aZ9_.,-'’ \u0301漢#\n") | st.characters(exclude_categories=["Cs"]), max_size=40)
)
def test_words_hold_every_character_but_white_space_once(text: str) -> None:
    bare = "".join(c for c in text if not c.isspace())
    assert "".join(split(text)) == bare


def test_the_unicode_splitter_leaves_the_work_to_the_kernels() -> None:
    offsets, spans = split_words(pl.Series(["a b"]), "unicode")
    assert offsets.size == spans.size == 0


def test_without_spacy_its_splitter_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    words._chunk_splitter.cache_clear()
    words._spacy_tokenizer.cache_clear()
    with pytest.raises(RecipeError, match=r"gristmill\[spacy\]"):
        split_words(pl.Series(["a b"]), "spacy_en")


# What the rules of spaCy's English take for one word or several, blanks of all kinds, and special cases beside blanks.
_PIECES = (
    *(
        " ",
        "  ",
        "\n",
        "\t",
        "\u3000",
        ":",
        ")",
        "(",
        "-",
        "8",
        "D",
        "'",
        '"',
        ".",
        "...",
        ";",
        "/",
        "_",
        "=",
        "o",
        "*",
    ),
    *(
        "don't",
        "a.m.",
        "10km",
        "U.S.",
        "e.g.",
        ":-)",
        "http://a.b/c?d",
        "Mr.",
        "e-mail",
        "#1",
        "3.5%",
        "café",
        "漢字",
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(_PIECES), max_size=20).map("".join), min_size=1, max_size=4))
def test_chunks_give_the_words_that_spacy_gives_for_whole_texts(texts: list[str]) -> None:
    spacy = pytest.importorskip("spacy")
    whole = _whole_tokenizer(spacy)
    offsets, spans = split_words(pl.Series([*texts, None]), "spacy_en")
    for i, text in enumerate(texts):
        found = [tuple(span) for span in spans[offsets[i] : offsets[i + 1]].tolist()]
        assert found == [(t.idx, t.idx + len(t)) for t in whole(text) if not t.is_space]
    assert offsets[-1] == offsets[-2] == len(spans)


@cache
def _whole_tokenizer(spacy: Any) -> Any:
    return spacy.blank("en").tokenizer
