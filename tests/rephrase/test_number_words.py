from __future__ import annotations

from fractions import Fraction

import pytest

from gristmill.rephrase.numbers.words import read_number_words


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "two hundred and thirty", 230),
        ("en", "twenty-fifth", 25),
        ("de", "neunzehnhundertvierzig", 1940),
        ("fr", "quatre-vingt-dix-sept", 97),
        ("es", "cuarenta y dos", 42),
        ("pt", "vinte e um", 21),
        ("it", "duemila", 2000),
        ("nl", "vijfentwintig", 25),
        ("da", "femogtyve", 25),
        ("de", "anderthalb", Fraction(3, 2)),
        ("de", "dreieinhalb", Fraction(7, 2)),
        ("de", "Fünftel", Fraction(1, 5)),
        ("fr", "tiers", Fraction(1, 3)),
        ("fr", "sept centièmes", Fraction(7, 100)),
        ("en", "seven hundredths", Fraction(7, 100)),
        ("fr", "deux centième", 200),
        ("en", "dozen", 12),
        ("en", "thrice", 3),
    ],
)
def test_a_number_in_words_is_read_as_one(language: str, text: str, value: int | Fraction) -> None:
    (word,) = read_number_words(text, [language])
    assert (word.start, word.end, word.value) == (0, len(text), value)


def test_a_number_may_be_the_beginning_of_a_word() -> None:
    text = "Der zwölfjährige wartet anderthalb Viertelstunden."
    words = [(text[word.start : word.end], word.value) for word in read_number_words(text, ["de"])]
    assert words == [("zwölf", 12), ("anderthalb", Fraction(3, 2)), ("Viertel", Fraction(1, 4))]
    assert [word.value for word in read_number_words("Growth was tenfold.", ["en"])] == [10]


def test_neighbours_that_make_no_number_stay_apart() -> None:
    assert [word.value for word in read_number_words("two, three or four", ["en"])] == [2, 3, 4]


def test_a_word_without_end_is_no_number() -> None:
    assert read_number_words("sieben" * 20_000, ["de"]) == []
