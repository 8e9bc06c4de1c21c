from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup import NormaliseOptions
from gristmill.dedup.normalise import character_tables, normalise_text, normalise_texts

DEFAULT = NormaliseOptions()

# Characters that meet a special case, among ordinary ones.
_TRICKY = st.sampled_from(
    [
        *"aZß9٣１ .,،٫⎖'—％\t\n\r\x0b\x1c\x85\xa0\u2000\u2003\u200b\u3000\ufeff",
        "Σ",
        "ς",
        "İ",
        "é",
        "é",
        "́",
        "K",
        ";",
        "≠",
        "각",
        "が",
        "क्",
        "𝅗𝅥",
        "᭄",
        "〮",
        "𖿰",
        "𝟘",
        "👍🏽",
    ]
)
_TEXTS = st.lists(st.one_of(_TRICKY, st.characters(exclude_categories=["Cs"]))).map("".join)
_OPTIONS = st.builds(NormaliseOptions, **dict.fromkeys(NormaliseOptions.model_fields, st.booleans()))
# The tables of every set of options are made once per process; a few sets keep the test short.
_SOME_OPTIONS = st.sampled_from(
    [
        DEFAULT,
        NormaliseOptions(whitespace=False, punctuation=False),
        NormaliseOptions(diacritics=False, numbers=False, lowercase=False),
        NormaliseOptions(months=True, weekdays=True),
    ]
)


def by_kernel(texts: list[str], options: NormaliseOptions = DEFAULT) -> list[str]:
    return normalise_texts(pl.Series(texts, dtype=pl.String), options).texts.to_pylist()


@settings(max_examples=60, deadline=None)
@given(st.lists(_TEXTS, max_size=4), _SOME_OPTIONS)
def test_the_kernel_gives_what_the_definition_gives(texts: list[str], options: NormaliseOptions) -> None:
    assert by_kernel(texts, options) == [normalise_text(text, options) for text in texts]


@pytest.mark.parametrize("context", ["{}", "a {} b", "a{}b", "1{}2", "a{}"])
def test_every_character_alone_and_between_others_is_done_as_defined(context: str) -> None:
    everything = [
        chr(code)
        for code in range(0x110000)
        if not 0xD800 <= code < 0xE000 and (code < 0x3000 or code % 7 == 0)
    ]
    texts = [context.format(character) for character in everything]
    wrong = [a for a, b in zip(texts, by_kernel(texts), strict=True) if normalise_text(a, DEFAULT) != b]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \t\n", ""),
        ("...", ""),
        ("The Mill,   the  RIVER!\n\nEnd.", "the mill the river end"),
        ("1|2|3", "0 0 0"),
        ("1.2.3 and 1,299.99", "0 0 and 0 0"),
        ("3.14", "0"),
        ("５月３日", "0月0日"),
        ("Café, naïve", "cafe naive"),
        ("ΟΔΟΣ ΣΟΦΙΑ", "οδος σοφια"),
        ("İstanbul", "istanbul"),
        ("a \u0301 b", "a  b"),
        ("a≠b", "a=b"),
        ("मुंबई", "मबई"),
        ("Monday in May", "monday in may"),
    ],
)
def test_texts_become(text: str, expected: str) -> None:
    assert by_kernel([text]) == [expected]


def test_one_decimal_part_per_number_where_punctuation_stays() -> None:
    assert by_kernel(["1.2.3 1,299.99 7. x"], NormaliseOptions(punctuation=False)) == ["0.0 0.0 0. x"]


def test_names_of_days_and_months_are_replaced_inside_words_too() -> None:
    options = NormaliseOptions(weekdays=True, months=True)
    assert by_kernel(["Mondays, the mayor"], options) == ["WEEKDAYs the MONTHor"]


def test_null_counts_as_empty() -> None:
    assert normalise_texts(pl.Series(["a", None, "B"]), DEFAULT).texts.to_pylist() == ["a", "", "b"]


def test_a_slice_of_a_column_is_read_where_it_begins() -> None:
    assert normalise_texts(pl.Series(["One", "Two", "Thrée", "Four"])[1:3], DEFAULT).texts.to_pylist() == [
        "two",
        "three",
    ]


def test_scripts_without_blanks_are_noticed() -> None:
    texts = pl.Series(["東京の天気は晴れです。", "the mill", "mill 東京", "안녕하세요", "ประเทศไทย", ""])
    assert normalise_texts(texts, DEFAULT).unspaced.tolist() == [True, False, False, False, True, False]


@settings(max_examples=3, deadline=None)
@given(_OPTIONS)
def test_no_white_space_becomes_several_characters_or_none(options: NormaliseOptions) -> None:
    mapped = character_tables(options).mapped
    blanks = [code for code in range(0x110000) if chr(code).isspace()]
    assert all(chr(mapped[code]).isspace() for code in blanks)
