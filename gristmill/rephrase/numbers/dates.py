"""The days that a text names, and how far apart they are: ages from two dates, the days from one date to another.

A day is read with its month, and its year where it is said: 12 May 1931, May 12, 12. Mai, 1er mai; of "8 to 16 June"
and "vom 10. bis zum 31. Juli" both days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import combinations
from typing import NamedTuple

from gristmill.rephrase.numbers.beside import MONTHS

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = r"(?<![\d.,:])(\d{1,2})(?:st|nd|rd|th|er)?\.?"
_DATE = re.compile(
    rf"(?:{_DAY}[ \u00a0]?(?:[-–—/]|(?:and|to|bis|und|au|et|until)\b)[ \u00a0]?(?:[^\W\d_]+,?[ \u00a0]){{0,2}})?"
    rf"{_DAY}[ \u00a0](?:of |de )?({_MONTH})\b\.?,?(?:[ \u00a0](\d{{4}})(?!\d))?"
    rf"|\b({_MONTH})\.?[ \u00a0](?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?![\d.:])"
    r"(?:[ \u00a0]?(?:[-–—]|to)[ \u00a0]?(\d{1,2})(?!\d))?"
    r"(?:,?[ \u00a0](\d{4})(?!\d))?",
    re.IGNORECASE,
)
_MAX_DATES = 12  # that are compared
_ANY_YEAR = 2001  # no leap year


class Day(NamedTuple):
    """A day; its year is null where the text does not say it."""

    year: int | None
    month: int
    day: int


def read_days(text: str) -> list[Day]:
    """The first days that a text names, in order."""
    days: list[Day] = []
    for match in _DATE.finditer(text):
        first, second, month, year, month_before, day_behind, last, year_behind = match.groups()
        named = MONTHS[(month or month_before).lower()]
        years = year or year_behind
        shown = [int(day) for day in (first, second, day_behind, last) if day]
        days += [Day(int(years) if years else None, named, day) for day in shown if 1 <= day <= 31]
        if len(days) >= _MAX_DATES:
            break
    return days[:_MAX_DATES]


def days_between(days: list[Day]) -> set[int]:
    """How many days lie from one day to another one, for each two."""
    return {abs(b - a) for one, other in combinations(days, 2) for a, b in _ordinals(one, other) if a != b}


def shifted(day: Day, days: int) -> int:
    """The day of the month that is some days after a day; 0 where there is none."""
    try:
        return (date(day.year or _ANY_YEAR, day.month, day.day) + timedelta(days)).day
    except (ValueError, OverflowError):
        return 0


def ages(days: list[Day], first: int, last: int) -> set[int]:
    """The full years from a day of one year to a day of another one; all that is possible where a day is not known."""
    births, ends = ([day for day in days if day.year == year] for year in (first, last))
    if not births or not ends:
        return {last - first, last - first - 1}
    return {
        last - first - ((end.month, end.day) < (birth.month, birth.day)) for birth in births for end in ends
    }


def _ordinals(one: Day, other: Day) -> Iterator[tuple[int, int]]:
    """Two days as numbers; a day without a year is in the year of the other, or in any."""
    year = one.year or other.year or _ANY_YEAR
    try:
        yield (
            date(one.year or year, one.month, one.day).toordinal(),
            date(other.year or year, other.month, other.day).toordinal(),
        )
    except ValueError:
        return  # no such day
