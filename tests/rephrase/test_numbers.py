from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.faithfulness import novel_items
from gristmill.rephrase.numbers.reading import read_numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,846", {1846, Fraction(1846, 1000)}),
        ("9.000", {9000}),
        ("1 200,50", {Fraction(2401, 2)}),
        ("12,34,567", {1234567}),
        ("3 × 10^9", {3 * 10**9}),
        ("10⁹", {10**9}),
        ("3e9", {3 * 10**9}),
        ("£1.2m", {1_200_000}),
        ("1.2bn", {1_200_000_000}),
        ("14,2 Mio.", {14_200_000}),
        ("zu drei Vierteln", {Fraction(3, 4)}),
        ("$4.45 billion", {4_450_000_000}),
        ("2½", {Fraction(5, 2)}),
        ("1 3/4", {Fraction(7, 4)}),
        ("one and a half million", {1_500_000}),
        ("half a million", {500_000}),
        ("two and three quarters", {Fraction(11, 4)}),
        ("nineteen oh five", {1905}),
        ("XIV", {14}),
        ("two dozen", {24}),
    ],
)
def test_a_number_has_its_readings(text: str, values: set[int | Fraction]) -> None:
    (number,) = read_numbers(text, ("en", "de")).numbers
    assert number.values == values


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It went up in 1886 and 1887.", "It went up in 1886–87."),
        ("In 2019 and 2020.", "In the season of 2019/20."),
        ("In 1931 she married.", "She married in '31, after the fire of 1923."),
        ("In 1940 it burnt.", "It burnt in nineteen forty."),
        ("In the nineties it closed.", "It closed in the 1990s."),
        ("In the 1990s it closed.", "It closed in 1994."),
        ("In the 1800s it was a mill.", "It was a mill in the 19th century."),
        ("Au XIXe siècle.", "C'était au dix-neuvième siècle."),
        ("He is in his 70s.", "He is 74."),
        ("Louis the 14th.", "It was Louis XIV."),
        ("Until 30. 9. it is free.", "Until 30 September it is free."),
        ("On 2024-03-05 it opened.", "It opened on 5 March 2024."),
        ("CO₂ and CO2 rose.", "Carbon dioxide rose."),
        ("Rated 8 out of 10.", "Rated 8/10."),
        ("He won 2–0.", "He won two-nil."),
        ("It took 100 minutes.", "It took 1 h 40 min."),
        ("She took 2 hours, 27 minutes and 16 seconds.", "Her time was 2:27:16."),
    ],
)
def test_ways_of_writing_do_not_matter(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source", "novel"),
    [
        ("In 1932 she married.", "She married in '31.", "1932"),
        ("In the 1980s it closed.", "It closed in 1994.", "1980s"),
        ("Under Konrad III.", "It was under Konrad II.", "III"),
        ("It costs £1.3m.", "It costs £1.2m.", "1.3m"),
        ("It costs £1.2.", "It costs £1.2m.", "1.2"),
        ("In 1:07.43.", "In 1:07.34.", "1:07.43"),
        ("Version 4.11.1.", "It is version 4.11.0 now.", "4.11.1"),
        ("Error 0x8F13.", "It says error 0x8F12.", "0x8F13"),
        ("It has 3,000 rooms.", "It has three rooms.", "3,000"),
        ("Add 2½ cups.", "Add 3½ cups.", "2½"),
    ],
)
def test_another_number_is_novel(text: str, source: str, novel: str) -> None:
    assert novel_items(text, source).numbers == (novel,)


_PIECES = (
    "1 12 1.2 1,200 13:30 ½ 2019/20 '31 1990s XIV m² h % € half three nineteen forty million halb elf Viertel quarter "
    "to past an hour and demi et p.m. kg km/h in of five th k °C - – : / . × 10^9 century years later dozen 0x8F CO2"
)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.sampled_from(_PIECES.split()), max_size=10), st.sampled_from(["", " "]))
def test_a_text_has_no_numbers_beside_its_own(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    assert novel_items(text, text).numbers == ()


def test_long_texts_of_numbers_are_read_in_linear_time() -> None:
    text = "1 h 40 min, 3:15 and twenty-one, 1990–95; " * 500 + "7" * 50_000
    assert len(read_numbers(text, ("en",)).numbers) == 6 * 500 + 1
