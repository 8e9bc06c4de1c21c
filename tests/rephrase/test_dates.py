from __future__ import annotations

import pytest

from gristmill.rephrase.numbers.dates import Day, ages, days_between, read_days, shifted


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 12 May 1931", [Day(1931, 5, 12)]),
        ("on May 12, 1931, at 3", [Day(1931, 5, 12)]),
        ("le 1er mai 1931", [Day(1931, 5, 1)]),
        ("vom 10. bis zum 31. Juli", [Day(None, 7, 10), Day(None, 7, 31)]),
        ("du samedi 8 au dimanche 16 novembre", [Day(None, 11, 8), Day(None, 11, 16)]),
        ("June 3–14", [Day(None, 6, 3), Day(None, 6, 14)]),
        ("40 May 1931 and 12 of them", []),
    ],
)
def test_days_are_read_with_month_and_year(text: str, days: list[Day]) -> None:
    assert read_days(text) == days


def test_days_between_two_days_need_no_year() -> None:
    assert days_between([Day(None, 2, 11), Day(2003, 2, 19)]) == {8}
    assert days_between([Day(None, 2, 30), Day(2003, 2, 19)]) == set()


def test_an_age_is_exact_where_both_days_are_known() -> None:
    days = [Day(1902, 8, 14), Day(1971, 2, 2)]
    assert ages(days, 1902, 1971) == {68}
    assert ages(days, 1902, 1935) == {32, 33}


def test_a_day_is_shifted_over_the_end_of_a_month() -> None:
    assert shifted(Day(None, 12, 31), 1) == 1
    assert shifted(Day(1, 1, 1), -1) == 0  # there is none
