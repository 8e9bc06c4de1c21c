from __future__ import annotations

from itertools import pairwise

from gristmill.rephrase.statements.content import read_content, stem


def _keys(text: str) -> list[str]:
    return [mark.key for mark in read_content(text).marks]


def test_forms_of_a_word_have_one_key_and_function_words_and_units_none() -> None:
    assert stem("generated") == stem("generation") == "gener"
    assert stem("Häuser") == stem("Hauser")
    assert stem("mills") == stem("mill")
    assert [stem(word) for word in ("the", "und", "kg", "of")] == [""] * 4


def test_a_number_has_one_key_however_it_is_written() -> None:
    assert _keys("1,846 goats") == _keys("1846 goats") == ["1846", "goat"]
    assert _keys("forty pupils") == _keys("40 pupils")
    assert _keys("leaves at 7:30 pm") == _keys("leaves at 19:30")


def test_articles_and_pronouns_are_no_numbers() -> None:
    assert _keys("No one saw a goat.") == ["saw", "goat"]


def test_places_part_clauses_and_sentences_but_keep_an_answer_with_its_question() -> None:
    places = [mark.place for mark in read_content("Red mill, blue barn. Green gate? Brown hut.").marks]
    gaps = [after - before for before, after in pairwise(places)]
    assert gaps == [1, 3, 1, 7, 1, 3, 1]


def test_east_asian_words_are_not_told_apart() -> None:
    assert _keys("粉をひく水車 2 台") == ["2"]
