"""What the days, years and lengths of time of a passage lead to: ages, years by an interval, days between two days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction
from functools import cached_property
from itertools import combinations

from gristmill.rephrase.numbers.approximations import DAY_SECONDS, MONTH_DAYS
from gristmill.rephrase.numbers.dates import Day, ages, days_between, read_days, shifted
from gristmill.rephrase.numbers.derived import Derivations, spans_of_years
from gristmill.rephrase.numbers.digits import DATE, DIGITS
from gristmill.rephrase.numbers.knowledge import Knowledge
from gristmill.rephrase.numbers.missing import is_year_like
from gristmill.rephrase.numbers.reading import Number, Quantity
from gristmill.rephrase.numbers.rounding import is_roughly
from gristmill.rephrase.numbers.units import Value, dimensions, quantities
from gristmill.rephrase.numbers.words import CARDINAL

_MAX_YEARS = 24
_MAX_LENGTHS = 12
_MAX_AGE = 120
_MAX_DAYS_OFF = 3  # of a number of months
_MAX_SHIFT_DAYS = 100
_LOOK_CHARS = 24
_AGE_BEFORE = re.compile(
    r"\b(?:at|aged?|age of|was|is|were|turned|only|just|mit|Alter von|war|wurde|nur|erst|âge de|à|avait|a)[ \u00a0]\Z",
    re.IGNORECASE,
)
_NO_THING_BEHIND = re.compile(
    r"\s*(?:[.,;:!?)]|\Z)|\s(?:or|and|when|years?|jahren?|in|he|she|they|oder|und|als|ans|ou|et|quand|lorsqu)\b",
    re.IGNORECASE,
)
_OLD_BEHIND = re.compile(r"[ -]years?[ -](?:old|of age)|[ -]?jährig|[ \u00a0]Jahren? alt", re.IGNORECASE)
_DAY_BEFORE = re.compile(
    r"\b(?:vorabend|vortage?|day before|previous day|eve of|evening before|veille)\b", re.IGNORECASE
)
_DAY_AFTER = re.compile(
    r"\b(?:day after|next day|following day|folgetag|tag danach|tags darauf|lendemain)\b", re.IGNORECASE
)


class Intervals:
    """The times of a passage; origins are the numbers of it that another number may come from."""

    def __init__(self, source: str, given: Knowledge, derived: Derivations) -> None:
        self._source, self._given, self._derived = source, given, derived
        self._years = [number for number in given.numbers if is_year_like(number)][:_MAX_YEARS]

    def years_apart(self, lengths: Set[Value]) -> Iterator[tuple[Number, Number]]:
        """Two years of the passage, one of these numbers of years apart."""
        for one, other in combinations(self._years, 2):
            if abs(max(one.values) - max(other.values)) in lengths:
                yield one, other

    def year_origins(self, number: Number) -> Iterator[tuple[Number]]:
        """A year of the passage from which it is as far as the passage says somewhere."""
        numbers = self._given.numbers
        spans = {span for each in numbers for span in spans_of_years(each)}
        lived = {
            value
            for place, each in enumerate(numbers)
            if _is_age(self._source, numbers, place)
            for value in each.values
        }
        for each in self._years:
            for years in (value - year for value in number.values for year in each.values):
                if years in spans or -years in spans or -years in lived or -years - 1 in lived:
                    yield (each,)

    def age_origins(self, text: str, numbers: Sequence[Number], place: int) -> Iterator[tuple[Number, ...]]:
        """Two years of the passage that lead to it as an age."""
        number = numbers[place]
        if number.unit not in (None, "year") or not all(0 < value <= _MAX_AGE for value in number.values):
            return
        if not _is_age(text, numbers, place):
            return
        for one, other in combinations(self._years, 2):
            first, last = sorted(int(max(each.values)) for each in (one, other))
            if first != last and not number.values.isdisjoint(ages(self._days, first, last)):
                yield one, other

    def is_interval(self, text: str, number: Number) -> bool:
        """Whether it is the time between two days, clock times or years of the passage, or about that."""
        if not number.values or number.unit is None or not dimensions(number.unit) & {"time", "calendar"}:
            return False
        values: list[Value] = sorted(number.values)
        said = values[-1]
        days = days_between(self._days)
        if number.unit == "day" and number.values & (days | {each + 1 for each in days}):
            return True
        if number.unit == "week" and any(abs(Fraction(7) * said - each) <= 1 for each in days):
            return True
        if number.unit == "month" and any(
            abs(int(MONTH_DAYS * said) - each) <= _MAX_DAYS_OFF for each in days
        ):
            return True
        lengths = {
            "time": {Fraction(seconds) for _, seconds in self._derived.durations},
            "calendar": {12 * Fraction(years) for years in self._derived.years_between},
        }
        return any(
            is_roughly(text, number.start, said, length / size)
            for kind, size in quantities([1], number.unit)
            for length in lengths.get(kind, ())
        )

    @cached_property
    def _days(self) -> list[Day]:
        return read_days(self._source)

    def length_origins(self, number: Number) -> Iterator[tuple[Number, ...]]:
        """Two lengths of time of the passage between which it is the difference: 4 years, 3 years and 4 months."""
        numbers = self._given.numbers
        lengths: list[tuple[tuple[Number, ...], frozenset[Quantity]]] = [
            ((number,), number.quantities) for number in numbers if number.quantities
        ]
        lengths += [(numbers[each.first : each.last + 1], each.quantities) for each in self._given.compounds]
        timed = [each for each in lengths if any(kind in ("time", "calendar") for kind, _ in each[1])]
        for (one, here), (other, there) in combinations(timed[:_MAX_LENGTHS], 2):
            if any(
                (kind, abs(a - b)) in number.quantities for kind, a in here for of, b in there if kind == of
            ):
                yield *one, *other

    def day_origins(self, number: Number) -> Iterator[tuple[Number]]:
        """A day of the passage from which it is as far as the passage says."""
        if number.kind != DATE:
            return
        spans = {
            int(v / DAY_SECONDS)
            for each in self._given.numbers
            for kind, v in each.quantities
            if kind == "time"
        }
        spans |= {-span for span in spans}
        spans = {span for span in spans if 0 < abs(span) <= _MAX_SHIFT_DAYS}
        yield from self._days_apart(number, spans)

    def is_next_day(self, number: Number) -> bool:
        """Whether it is the day before or after one of the passage, of which the passage speaks."""
        spans = {1} if _DAY_AFTER.search(self._source) else set()
        spans |= {-1} if _DAY_BEFORE.search(self._source) else set()
        return number.kind == DATE and any(self._days_apart(number, spans))

    def _days_apart(self, number: Number, spans: Set[int]) -> Iterator[tuple[Number]]:
        for each in self._given.numbers:
            days = [day for day in self._days if each.kind == DATE and day.day in each.values]
            if any(shifted(day, span) in number.values for day in days for span in spans):
                yield (each,)


def _is_age(text: str, numbers: Sequence[Number], place: int) -> bool:
    """At 33, when she was 21 or 22, mit 31 Jahren, à l'âge de 12 ans, the 71-year-old."""
    number = numbers[place]
    if number.unit == "year" and _OLD_BEHIND.match(text, number.end):
        return True
    if (
        number.unit not in (None, "year")
        or number.kind not in (DIGITS, CARDINAL)
        or not _NO_THING_BEHIND.match(text, number.end)
    ):
        return False
    if _AGE_BEFORE.search(text, max(0, number.start - _LOOK_CHARS), number.start):
        return True
    is_second = place > 0 and text[numbers[place - 1].end : number.start].strip() in ("or", "oder", "ou")
    return is_second and _is_age(text, numbers, place - 1)
