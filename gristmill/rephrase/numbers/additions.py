"""Numbers that a rephrasing adds to those that it keeps: 74 for 110 after 36 more, an age, 20 % for 9 of 45.

A wrong number stands in the place of a right one, which the rephrasing then lacks; a number that somebody worked out
stands beside those it comes from, or in the place of one of them. So what follows from numbers of the passage counts
where the rephrasing lacks no number that it could be in the place of (missing.py), but for one that it comes from.
Or where it stands beside those that it comes from. What rounds a number of the passage needs no such condition.

A number that is found to be such explains those of the passage that it comes from, so that the next one may be found:
three rounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gristmill.rephrase.numbers.approximations import is_bound, is_near_time, rounded_number, scaled_number
from gristmill.rephrase.numbers.calculations import counts_one_more, is_factor, operands_of
from gristmill.rephrase.numbers.derived import HALVES, Derivations, spans_of_years
from gristmill.rephrase.numbers.digits import CODE, ROMAN, SCORE
from gristmill.rephrase.numbers.intervals import Intervals
from gristmill.rephrase.numbers.knowledge import Knowledge
from gristmill.rephrase.numbers.lists import list_lengths
from gristmill.rephrase.numbers.missing import Missing, is_year_like, kinds_of
from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.results import is_operand
from gristmill.rephrase.numbers.rounding import is_roughly
from gristmill.rephrase.numbers.scores import is_score_before

_ROUNDS = 3
_MAX_OPERANDS = 24
_MAX_COMPOUNDS = 40
_MAX_BESIDE_CHARS = 100  # between a number and those of the text that it comes from
_MIN_BESIDE = 10  # smaller numbers are the sum or difference of others too often
_LIST = (4, 12)  # items
_LOOK_CHARS = 24
_POINTS_BEHIND = re.compile(r"[ \u00a0](?:points?|punkte?)\b", re.IGNORECASE)
_REST_BEFORE = re.compile(
    r"\b(?:remaining|other|still|leaves?|leaving|übrige[nr]?|restliche[nr]?|noch|reste(?:nt)?|autres)[ \u00a0]\Z",
    re.IGNORECASE,
)
_REST_BEHIND = re.compile(
    r"(?:[ \u00a0][^\W\d_]+)?[ \u00a0](?:remain\w*|are left|left|over|übrig|others?|weitere|restants?|autres)\b",
    re.IGNORECASE,
)
_FORMULA_BEFORE = re.compile(r"[=+*/^<>≤≥−×]\s?\Z|[\w.]\Z")
_FORMULA_BEHIND = re.compile(r"\s?[=+*/^<>≤≥−×_]|\.\w|[A-Z]")
_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|until|till|by|from|of|to|and|year|jahre?|seit|bis|von|ab|um|und|en|depuis|de|à|et|dès)|[(–-])\s?\Z",
    re.IGNORECASE,
)


class Additions:
    """What a text adds to the numbers of a passage."""

    def __init__(
        self,
        text: str,
        written: Knowledge,
        source: str,
        given: Knowledge,
        derived: Derivations,
        missing: Missing,
    ) -> None:
        self._text, self._written, self._missing = text, written, missing
        self._source, self._given, self._derived = source, given, derived
        self._operands = [number for number in given.numbers if is_operand(number)][:_MAX_OPERANDS]
        self._intervals = Intervals(source, given, derived)

    def among(self, places: Sequence[int]) -> set[int]:
        """Those places of the text's numbers whose number rounds one of the passage, or follows from some."""
        lengths = {value for number in self._written.numbers for value in spans_of_years(number)}
        self._missing.explain([each for pair in self._intervals.years_apart(lengths) for each in pair])
        found = self._rounded_shares()
        for place in places:
            scaled = scaled_number(self._text, self._written.numbers, place, self._given.numbers)
            if scaled is not None:
                found.add(place)
                self._missing.remove(scaled)
        self._found: list[Number] = []
        for _ in range(_ROUNDS):
            before = len(found)
            for place in places:
                if place not in found and self._has(place):
                    found.add(place)
                    self._found.append(self._written.numbers[place])
            if len(found) in (before, len(places)):
                break
        return found

    def _rounded_shares(self) -> set[int]:
        """Places of what says a share of the passage roughly by two numbers: almost one in five for 18 %."""
        found: set[int] = set()
        for compound in self._written.compounds[:_MAX_COMPOUNDS]:
            start = self._written.numbers[compound.first].start
            for number in self._given.numbers:
                shares = [value for kind, value in number.quantities if kind == "share"]
                if any(is_roughly(self._text, start, a, b) for a in compound.values for b in shares):
                    found.update(range(compound.first, compound.last + 1))
                    self._missing.explain([number])
        return found

    def _has(self, place: int) -> bool:
        number = self._written.numbers[place]
        if number.kind in (CODE, ROMAN):
            return False
        if number.times and is_near_time(self._text, number, self._given.times | self._derived.times):
            return True
        if number.parts or number.kind == SCORE:
            return is_score_before(number, self._written.numbers, self._given.numbers)
        if not number.values:
            return False
        others = [each for each in self._operands if counts_one_more(number, each, self._source)]
        is_bounded = is_bound(self._text, number, self._source, self._given.numbers)
        if others or is_bounded or self._intervals.is_next_day(number):
            self._missing.explain(others)
            return True
        beside = [*self._said_beside(number), *self._found]
        for operands in self._origins(place, beside):
            kinds = self._kinds(place, operands)
            most = 2 if self._is_rest(number) else 1
            if self._missing.has_room(number, kinds, operands, most=most) or _stand_beside(
                number, operands, beside
            ):
                self._missing.explain(operands)
                return True
        rounded = rounded_number(self._text, number, self._given.numbers)
        if rounded is not None:
            self._missing.explain([rounded])
        return rounded is not None

    def _kinds(self, place: int, operands: Sequence[Number]) -> frozenset[str]:
        """What a number is about, if it comes from some of the passage."""
        number = self._written.numbers[place]
        units = {each.unit for each in operands}
        if operands and all(map(is_year_like, operands)) and not is_year_like(number):
            return frozenset(["calendar"])
        if number.unit is None and len(units) == 1 and None not in units:
            return kinds_of(self._source, operands, 0)
        return kinds_of(self._text, self._written.numbers, place)

    def _origins(self, place: int, beside: Sequence[Number]) -> Iterator[tuple[Number, ...]]:
        """The numbers that it may come from, way by way."""
        number = self._written.numbers[place]
        yield from self._intervals.age_origins(self._text, self._written.numbers, place)
        if is_year_like(number):
            yield from self._intervals.year_origins(number)
            if _YEAR_BEFORE.search(self._text, max(0, number.start - _LOOK_CHARS), number.start):
                return
        yield from self._intervals.day_origins(number)
        yield from self._intervals.length_origins(number)
        if (
            self._intervals.is_interval(self._text, number)
            or self._is_length_of_list(number)
            or self._is_of_half(number)
        ):
            yield ()
        if not _is_plain(self._text, number):
            return
        # What was worked out just before may be calculated with, too.
        near = [
            each
            for each in self._found
            if 0 < number.start - each.end <= _MAX_BESIDE_CHARS and is_operand(each)
        ]
        if number.unit is None and _POINTS_BEHIND.match(self._text, number.end):
            number = replace(number, unit="percent")  # half a point less
        yield from operands_of(self._text, number, self._operands, near, beside)

    def _said_beside(self, number: Number) -> list[Number]:
        """The numbers of the passage that the text has near the number."""
        near = [
            other
            for other in self._written.numbers
            if other is not number
            and other.start - number.end <= _MAX_BESIDE_CHARS
            and number.start - other.end <= _MAX_BESIDE_CHARS
        ]
        return [
            each
            for each in self._operands
            if any(other.values & each.values or other.quantities & each.quantities for other in near)
        ]

    def _is_rest(self, number: Number) -> bool:
        """Whether it is called what is left: noch 70 Karten."""
        return (
            _REST_BEFORE.search(self._text, max(0, number.start - _LOOK_CHARS), number.start) is not None
            or _REST_BEHIND.match(self._text, number.end, number.end + _LOOK_CHARS) is not None
        )

    def _is_length_of_list(self, number: Number) -> bool:
        least, most = _LIST
        is_small = number.unit is None and all(least <= value <= most for value in number.values)
        return is_small and not number.values.isdisjoint(list_lengths(self._source))

    def _is_of_half(self, number: Number) -> bool:
        return number.unit == "percent" and number.values == {50} and HALVES.search(self._source) is not None


def _stand_beside(number: Number, operands: Sequence[Number], beside: Sequence[Number]) -> bool:
    """Whether it comes from two or more numbers of one unit, all of them beside it."""
    return (
        len(operands) > 1
        and len({each.unit for each in operands}) == 1
        and max(number.values) >= _MIN_BESIDE
        and all(each in beside for each in operands)
    )


def _is_plain(text: str, number: Number) -> bool:
    """Whether it stands as a number of things or of a unit, not in a formula or a version; a small one must count."""
    before, behind = text[max(0, number.start - 2) : number.start], text[number.end : number.end + 3]
    if _FORMULA_BEFORE.search(before) or _FORMULA_BEHIND.match(behind):
        return False
    is_small = number.unit is None and max(number.values) < _MIN_BESIDE
    return not is_small or number.counts or number.in_words or is_factor(text, number)
