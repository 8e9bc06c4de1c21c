"""What a passage says about numbers, and whether a number of a rephrasing is among it.

A number is said where a reading of it occurs in the passage beside the same unit, in another unit that comes to the
same, or beside no unit on one of the two sides; the same figure beside another unit is something else. Clock times
match as times, dates by their parts, centuries and decades by the years in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from gristmill.rephrase.numbers.beside import MONTHS
from gristmill.rephrase.numbers.clock_times import named_times
from gristmill.rephrase.numbers.digits import CLOCKLIKE, CODE, DATE, PARTS, ROMAN, SCORE, is_year, readings
from gristmill.rephrase.numbers.reading import Compound, Number, Quantity, read_numbers
from gristmill.rephrase.numbers.units import Value, quantities, unit_of_word

# In place of a unit: what is counted is none, it is the day of a month, an article as well, or Roman behind a name.
_THING, _DAY, _ARTICLE, _OF_NAME = "thing", "day of a month", "article", "number of a name"
_ARTICLE_WORDS = "un une ein eine einen einem einer eines um uma una uno een en et"
_ARTICLES = frozenset(_ARTICLE_WORDS.split())
_WEEKDAYS = (
    "monday montag lundi", "tuesday dienstag mardi", "wednesday mittwoch mercredi", "thursday donnerstag jeudi",
    "friday freitag vendredi", "saturday samstag samedi", "sunday sonntag dimanche",
)  # fmt: skip
_DAYS = {name: day for day, names in enumerate(_WEEKDAYS) for name in names.split()}
_NAMED_DAYS = (
    (r"new year['’]s eve|silvester|saint-sylvestre", 31, 12), (r"new year['’]s day|neujahr|jour de l['’]an", 1, 1),
    ("christmas eve|heiligabend", 24, 12), ("christmas day", 25, 12),
)  # fmt: skip
_NAMED_DAY = re.compile("|".join(f"({names})" for names, _, _ in _NAMED_DAYS))
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_HOUR = 60  # minutes
# What is measured in units that a passage always names; years, degrees, money and shares go without saying.
_PHYSICAL = frozenset(
    (
        "length",
        "area",
        "volume",
        "mass",
        "speed",
        "power",
        "energy",
        "pressure",
        "voltage",
        "current",
        "frequency",
    )
)
_ROUNDED = (3, 6, 7, 9, 11, 12)  # parts of a whole whose percentages are written rounded


class Knowledge:
    """The numbers of a passage, by what they mean. Built in time linear in the passage."""

    def __init__(self, text: str, languages: tuple[str, ...]) -> None:
        read = read_numbers(text, languages)
        self.numbers = read.numbers
        self.compounds = read.compounds
        self.units: dict[Value, set[str | None]] = {}
        self.quantities: set[Quantity] = set()
        self.times = set(named_times(text))
        self.periods: set[tuple[str, int]] = set()
        self.parts: set[tuple[str, ...]] = set()
        self.months: set[int] = set()
        self.neighbours: set[tuple[Value, Value]] = set()
        for number in read.numbers:
            self._add(number)
        for one, other in pairwise(read.numbers):
            self.neighbours |= {(a, b) for a in one.values for b in other.values}
        for compound in read.compounds:
            self.quantities |= compound.quantities
            self._add_values(compound.values, None)
        self._add_words(text)
        self.shares = {value for value in self.units if 0 < value < 1}
        self.shares |= {value for dimension, value in self.quantities if dimension == "share"}
        self._dimensions = {kind for kind, _ in self.quantities}
        self.years = {value for value, of in self.units.items() if is_year(value) and of & {None, "year"}}

    def says(self, number: Number) -> bool:
        """Whether the passage has this number."""
        if number.times & self.times or number.quantities & self.quantities:
            return True
        if number.periods and number.periods & self.periods:
            return True
        if number.periods and (self._is_in(number) or not number.also.isdisjoint(self.units)):
            return True
        if number.parts and self._says_parts(number):
            return True
        if number.times and self._says_hour(number):
            return True
        if number.unit is None:
            return any(self._has(value, number) or value in self.shares for value in number.values)
        if any(None in self.units.get(value, ()) for value in number.values) and self._measures(number):
            return True
        shares = [value for kind, value in number.quantities if kind == "share"]
        return any(value in self.shares or self._says_rounded(value) for value in shares)

    def says_compound(self, compound: Compound) -> bool:
        """Whether the passage has what several numbers say together."""
        return bool(compound.quantities & self.quantities) or any(
            value in self.units or value in self.shares for value in compound.values
        )

    def _add(self, number: Number) -> None:
        self._add_values(number.values, _beside(number))
        self._add_values(number.also, None)
        self.quantities |= number.quantities
        self.times |= number.times
        self.periods |= number.periods
        if number.kind == CLOCKLIKE and number.times and number.parts[-1] == "00":
            hour = int(number.parts[0])
            self._add_values({hour, (hour - 1) % 12 + 1}, None)  # 17:00 is 5 as well
        if number.parts:
            self.parts.add(_normal(number.parts))
            if number.kind in (DATE, PARTS) or (number.kind == CLOCKLIKE and not number.times):
                self._add_values({value for part in number.parts for value in readings(part)}, None)

    def _add_words(self, text: str) -> None:
        """Months by name, the time from one to the next, and units without a number: every hour, a day."""
        beside = {number.end + 1 for number in self.numbers if number.unit is not None or number.periods}
        months: list[int] = []
        days: list[int] = []
        lowered = text.lower()
        for match in _LONG_WORD.finditer(lowered):
            word = match.group()
            if (month := MONTHS.get(word)) is not None:
                months.append(month)
            elif (day := _DAYS.get(word)) is not None:
                days.append(day)
            elif (said := unit_of_word(word)) is not None and match.start() not in beside:
                self.quantities |= quantities([said[1]], said[0])
        for match in _NAMED_DAY.finditer(lowered):
            _, day, month = _NAMED_DAYS[(match.lastindex or 1) - 1]
            self._add_values({day}, _DAY)
            months.append(month)
        self.months = set(months)
        for names, cycle, unit in (
            (months, 12, "month"),
            (days, 7, "day"),
        ):  # March to May: two months, or three
            lengths = {(b - a) % cycle + more for a, b in pairwise(names) for more in (0, 1) if a != b}
            self.quantities |= quantities(lengths, unit)

    def _add_values(self, values: frozenset[Value] | set[Value], unit: str | None) -> None:
        for value in values:
            self.units.setdefault(value, set()).add(unit)

    def _is_in(self, number: Number) -> bool:
        """Whether a year of the passage is in the period, or an age in the decade: in his seventies."""
        if any(_holds(period, year) for period in number.periods for year in self.years):
            return True
        return any(age in self.units for first in number.also for age in range(int(first), int(first) + 10))

    def _measures(self, number: Number) -> bool:
        """Whether a number without a unit may have that of the number; metres and the like not out of the blue."""
        measured = {kind for kind, _ in number.quantities}
        return not measured <= _PHYSICAL or not measured.isdisjoint(self._dimensions)

    def _has(self, value: Value, number: Number) -> bool:
        """Whether the passage has the value, where it stands as in the number, which has no unit."""
        beside = self.units.get(value, set())
        if number.kind == DATE:
            return not beside.isdisjoint({None, _DAY})
        if beside == {_OF_NAME}:
            return number.kind == ROMAN or not number.counts
        if number.kind == SCORE:
            return not beside.isdisjoint({None, _THING, _DAY})
        return not beside <= ({_DAY} if number.counts else {_ARTICLE})

    def _says_hour(self, number: Number) -> bool:
        """Whether the passage has the hour without a mark: from 8 to 5."""
        if any(minutes % _HOUR for minutes in number.times):
            return False
        hours = {*number.values, *number.also, *(int(part) for part in number.parts[:1])}
        return any(not self.units.get(hour, set()).isdisjoint({None, "h"}) for hour in hours)

    def _says_parts(self, number: Number) -> bool:
        parts = _normal(number.parts)
        if parts in self.parts:
            return True
        if number.kind == CODE or (number.kind == PARTS and len(parts) > 2):
            return False  # 4.11.0
        values = [set(readings(part)) for part in number.parts]
        if number.kind == DATE:
            known = [bool(value & self.units.keys()) for value in values]
            return all(
                is_known or bool(value & self.months) for is_known, value in zip(known, values, strict=True)
            )
        if number.kind == PARTS:
            return all(value & self.units.keys() for value in values)
        if len(values) == 2 and any((a, b) in self.neighbours for a in values[0] for b in values[1]):
            return True
        return not number.times and all(value & self.units.keys() for value in values)

    def _says_rounded(self, share: Value) -> bool:
        """33 % for a third."""
        return any(
            abs(Fraction(parts) / whole - share) <= Fraction(1, 200)
            for whole in _ROUNDED
            for parts in range(1, whole)
            if Fraction(parts, whole) in self.shares
        )


def _beside(number: Number) -> str | None:
    """The unit of a number, or what is in its place."""
    if number.unit is not None:
        return number.unit
    if number.shown.lower() in _ARTICLES and number.values == {1}:
        return _ARTICLE
    if number.shown.lower() == "one":
        return _THING  # a pronoun as well
    if number.kind == DATE:
        return _DAY
    if number.kind == ROMAN:
        return _OF_NAME
    return _THING if number.counts else None


def _normal(parts: Sequence[str]) -> tuple[str, ...]:
    """Parts without leading noughts."""
    return tuple(part.lstrip("0") or "0" for part in parts)


def _holds(period: tuple[str, int], year: Value) -> bool:
    kind, name = period
    if kind == "decade":
        return name <= year < name + 10
    return 100 * (name - 1) < year <= 100 * name
