"""Numbers that a passage does not have and that follow from those it has.

What follows: a year some years before or after another one, the years between two of them, all but N of M, the sum or
difference of two numbers, the time from one hour to the next, and half or twice a number where the passage speaks of
halves or doubles. Sums and differences are many, so they count only where chance is unlikely to hit one: of numbers
that follow each other with the same unit as the result, or with none where the result has three digits and more.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from gristmill.rephrase.numbers.digits import DATE, DIGITS, YEARS, is_year
from gristmill.rephrase.numbers.knowledge import Knowledge
from gristmill.rephrase.numbers.reading import Compound, Number, Quantity
from gristmill.rephrase.numbers.units import Value, quantities
from gristmill.rephrase.numbers.words import CARDINAL

_NEXT_YEAR = re.compile(
    r"\b(?:(?:following|next|previous|preceding) (?:year|spring|summer|autumn|fall|winter)"
    r"|year (?:after|before|later|earlier)"
    r"|année d['’](?:avant|après)|(?:année|printemps|été|automne|hiver) (?:suivante?|précédente?)"
    r"|(?:folgenden|nächsten|vorigen) (?:jahre?|frühjahr|frühling|sommer|herbst|winter)s?"
    r"|jahr (?:darauf|danach|zuvor|davor|später)"
    r"|folgejahr|vorjahr|año siguiente|anno (?:dopo|seguente)|jaar later)",
    re.IGNORECASE,
)
ALL_BUT = re.compile(r"\b(?:all but|bis auf|sauf|todos menos|tutti tranne)[ \u00a0]\Z", re.IGNORECASE)
HALVES = re.compile(r"\b(?:half|halved|hälfte|halb\w*|moitié|mitad|metà|metade|helft)\b", re.IGNORECASE)
_DOUBLES = re.compile(
    r"\b(?:twice|double[ds]?|doubling|doppelt\w*|verdoppel\w*|double\w*|deux fois|doble|doppio|dobro|dubbel\w*)\b",
    re.IGNORECASE,
)
_DECADE = re.compile(r"\b(?:an?|une|ein) (?:decade|décennie|jahrzehnt)\b", re.IGNORECASE)
_CENTURY = re.compile(r"\b(?:an?|un|ein) (?:century|siècle|jahrhundert)\b", re.IGNORECASE)
_LATER = re.compile(
    r"\A\W*\w+ (?:later|afterwards|später|danach|darauf|plus tard|después|dopo)", re.IGNORECASE
)
_EARLIER = re.compile(r"\A\W*\w+ (?:earlier|ago|zuvor|davor|früher|plus tôt|antes|prima)", re.IGNORECASE)
_DAY = 24 * 60  # minutes
_CALENDAR = ("year", "decade", "century")
_MONTHS = Fraction(12)  # of a year
_MINUTE = 60  # seconds
_MAX_TIMES = 24
_MAX_DASH = 6  # characters between two days
_MAX_YEARS = 24  # whose differences are taken
_MAX_SPANS = 100
_MIN_APART = 3  # characters between two numbers of which a sum is made
_MIN_BARE_RESULT = 100  # without a unit
_MAX_LOOK_BACK_CHARS = 24
_MAX_LOOK_AHEAD_CHARS = 40


class Derivations:
    """What follows from the numbers of a passage, made when the first number asks for it."""

    def __init__(self, text: str, knowledge: Knowledge) -> None:
        self._text = text
        self._numbers = knowledge.numbers
        self._written_years = sorted(knowledge.years)[:_MAX_YEARS]
        self._sums: dict[str | None, set[Value]] = {}

    @cached_property
    def _years(self) -> set[Value]:
        return set(_shifted_years(self._text, self._numbers))

    @cached_property
    def years_between(self) -> set[Value]:
        """How many years lie between two years that the passage has or leads to."""
        every = {*self._written_years, *sorted(self._years)[: 2 * _MAX_YEARS]}
        return {max(a, b) - min(a, b) for a in every for b in self._written_years}

    @cached_property
    def durations(self) -> set[Quantity]:
        """From one clock time to the next, and the other way round."""
        timed = [number.times for number in self._numbers if number.times]
        return {
            ("time", (b - a) % _DAY * _MINUTE) for one, other in pairwise(timed) for a in one for b in other
        }

    @cached_property
    def times(self) -> set[int]:
        """Times that lie as long before or after another one as the passage says."""
        lengths = [
            int(value // _MINUTE)
            for number in self._numbers
            if number.unit in ("h", "min")
            for kind, value in number.quantities
            if kind == "time"
        ]
        times = [minutes for number in self._numbers for minutes in number.times]
        return {
            (time + sign * length) % _DAY
            for time in times[:_MAX_TIMES]
            for length in lengths[:_MAX_TIMES]
            for sign in (1, -1)
        }

    @cached_property
    def _days(self) -> set[Value]:
        """How long from one day to the next takes, with and without the last: 12 to 14 June."""
        return {
            last - first + more
            for one, other in pairwise(self._numbers)
            if other.kind == DATE and len(other.values) == 1 and other.start - one.end <= _MAX_DASH
            for first in one.values
            for last in other.values
            if last > first
            for more in (0, 1)
        }

    @cached_property
    def _all_but(self) -> set[Value]:
        return set(_all_but(self._text, self._numbers))

    def has_compound(self, compound: Compound) -> bool:
        """Whether several numbers together are a time between two clock times: an hour and 45 minutes."""
        return not compound.quantities.isdisjoint(self.durations)

    def has(self, number: Number) -> bool:
        """Whether the number follows from the passage."""
        if number.unit is None and number.kind in (DIGITS, CARDINAL) and number.values & self._years:
            return True
        if number.values & self._all_but or number.times & self.times:
            return True
        if number.unit == "day" and number.values & self._days:
            return True
        if number.unit in ("h", "min") and not number.quantities.isdisjoint(self.durations):
            return True
        if number.unit in _CALENDAR:
            years = {value / _MONTHS for kind, value in number.quantities if kind == "calendar"}
            if years & self.years_between:
                return True
        if number.unit == "year":
            return False
        if number.unit is None and all(value < _MIN_BARE_RESULT for value in number.values):
            return False
        if any(_is_year_like(number, value) for value in number.values):
            return False
        if number.unit not in self._sums:
            self._sums[number.unit] = self._sums_of(number.unit)
        return bool(number.values & self._sums[number.unit])

    def _sums_of(self, unit: str | None) -> set[Value]:
        """Sums and differences of numbers of this unit that follow each other, and halves and doubles of one."""
        operands = [
            number
            for number in self._numbers
            if _is_same(number.unit, unit)
            and number.kind in (DIGITS, CARDINAL)
            and number.is_claim
            and not any(unit is None and _is_year_like(number, value) for value in number.values)
        ]
        found: set[Value] = set()
        for one, other in pairwise(operands):
            if other.start - one.end > _MIN_APART:  # not 40 x 30 cm
                found |= {
                    value for a in one.values for b in other.values for value in _sum_and_difference(a, b)
                }
        known = {value for number in operands for value in number.values}
        if HALVES.search(self._text) or _DOUBLES.search(
            self._text
        ):  # twice as much as before: half of it before
            found |= {Fraction(value) / 2 for value in known} | {2 * value for value in known}
        return {value for value in found if unit is not None or value >= _MIN_BARE_RESULT}


def _shifted_years(text: str, numbers: Sequence[Number]) -> Iterator[Value]:
    """The years that "N years later", "the next year" and ages lead to, from the nearest year on either side."""
    years = [
        (number.start, value)
        for number in numbers
        if number.unit is None and (number.in_words or number.shown.isdecimal())
        for value in number.values
        if is_year(value)
    ]
    spans = [(number.start, number.end, span) for number in numbers for span in spans_of_years(number)]
    for pattern, years_named in ((_NEXT_YEAR, 1), (_DECADE, 10), (_CENTURY, 100)):
        spans += [(match.start(), match.end() - 1, years_named) for match in pattern.finditer(text)]
    starts = [start for start, _ in years]
    for start, end, span in spans[:_MAX_SPANS]:
        place = bisect(starts, start)
        behind = text[end : end + _MAX_LOOK_AHEAD_CHARS]
        signs = [1] * (not _EARLIER.search(behind)) + [-1] * (not _LATER.search(behind))
        yield from (year + sign * span for _, year in years[max(0, place - 1) : place + 1] for sign in signs)


def spans_of_years(number: Number) -> Iterator[Value]:
    """How many years a number says, where it says any."""
    if number.unit == "year":
        yield from (value for value in number.values if 0 < value < YEARS[0] and isinstance(value, int))
    elif number.unit == "decade":
        yield from (10 * value for value in number.values)


def _sum_and_difference(one: Value, other: Value) -> tuple[Value, Value]:
    return one + other, one - other if one > other else other - one


def _is_same(one: str | None, other: str | None) -> bool:
    """Whether the units are one, or may be: degrees and °C, pounds and £."""
    return one == other or (
        one is not None and other is not None and not quantities([1], one).isdisjoint(quantities([1], other))
    )


def _is_year_like(number: Number, value: Value) -> bool:
    """Whether it is written as a year is: four digits without a mark between them."""
    return YEARS[0] <= value <= YEARS[1] and number.shown.isdigit()


def _all_but(text: str, numbers: tuple[Number, ...]) -> Iterator[Value]:
    for place, number in enumerate(numbers[:-1]):
        before = text[max(0, number.start - _MAX_LOOK_BACK_CHARS) : number.start]
        if number.values and ALL_BUT.search(before):
            following = numbers[place + 1]
            yield from (b - a for a in number.values for b in following.values if b > a)
