"""The numbers of a passage that a rephrasing lacks, and which of them another number could be in the place of.

A number is of one kind or more: a year, a clock time, a share, a quantity of a dimension, a count. One without a unit
may have that of its neighbour ("412 instead of 380 metres"). A number can be in the place of one of its kind and of
about its size; it is a miswritten one if only a digit differs, or the order of the digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from gristmill.rephrase.numbers.calculations import is_factor
from gristmill.rephrase.numbers.derived import ALL_BUT
from gristmill.rephrase.numbers.digits import CLOCKLIKE, CODE, DATE, ROMAN, SCORE, is_year
from gristmill.rephrase.numbers.knowledge import Knowledge
from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.units import dimensions

_SAME_SIZE = 10  # factor within which one number may be in the place of another
_MAX_NEIGHBOUR_CHARS = 40  # to a number whose unit one without may share
_BETWEEN_COMMAS = re.compile(r",[ \u00a0]\Z"), re.compile(r"[,.;)]")
_DIFFERENCE = re.compile(
    r"(?:[ \u00a0][^\W\d_]+)?[ \u00a0](?:others?|anderen?|weiteren?|autres|more|less|fewer|higher|lower|longer|shorter"
    r"|older|younger|mehr|weniger|höher|niedriger|länger|kürzer|älter|jünger|(?:de|en) (?:plus|moins))\b",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"[.!?]\s")
_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
_MAX_AGE = 120
_MIN_TOLD = 10  # smaller numbers are all like each other
_LOOSE_KINDS = frozenset({DATE, SCORE, CLOCKLIKE})


class Missing:
    """What the text lacks of the passage's numbers, less what is explained meanwhile."""

    def __init__(self, written: Knowledge, source: str, given: Knowledge) -> None:
        self._source = source
        counts, said = (Counter(map(_key, each.numbers)) for each in (given, written))
        self._differences = {
            value
            for each in given.numbers
            if _DIFFERENCE.match(source, each.end) or ALL_BUT.search(source, 0, each.start)
            for value in each.values
        }
        self._shares = given.shares
        self._explained: list[Number] = []
        together = {
            place
            for compound in given.compounds
            if written.says_compound(compound)
            for place in range(compound.first, compound.last + 1)
        }
        self._numbers = [
            (number, kinds_of(source, given.numbers, place))
            for place, number in enumerate(given.numbers)
            if number.kind not in (CODE, ROMAN)
            and place not in together
            and not (number.in_words and number.values <= {0, 1})
            and (
                not written.says(number)
                or (_is_counted(number) and 0 < said[_key(number)] < counts[_key(number)])
            )
        ]

    def explain(self, numbers: Sequence[Number]) -> None:
        """Notes what the text says in another way."""
        self._explained += numbers

    def remove(self, number: Number) -> None:
        """Takes out what the text says after all."""
        self._numbers = [each for each in self._numbers if each[0] is not number]

    def has_room(
        self, number: Number, kinds: frozenset[str], operands: Sequence[Number], *, most: int = 1
    ) -> bool:
        """Whether the text lacks nothing that the number could be in the place of, but for what is explained and
        `most` numbers that it comes from, and that it is none of these miswritten.
        """
        lost_ones = [
            lost
            for lost, of in self._numbers
            if _has_same_figures(number, lost) or (not kinds.isdisjoint(of) and _is_of_size(number, lost))
        ]
        in_its_place = [lost for lost in lost_ones if lost not in self._explained]
        return (
            len(in_its_place) <= most
            and all(lost in operands for lost in in_its_place)
            and not any(self._is_slip(number, lost) for lost in lost_ones)
        )

    def has_miswritten(self, number: Number, kinds: frozenset[str]) -> bool:
        """Whether the number, no year and above nine, is like a missing one of its kind or of another unit."""
        if is_year_like(number) or max(number.values, default=0) < _MIN_TOLD:
            return False
        return any(
            _has_same_figures(number, lost) or (not kinds.isdisjoint(of) and self._is_slip(number, lost))
            for lost, of in self._numbers
        )

    def _is_slip(self, number: Number, lost: Number) -> bool:
        """Whether a missing number is miswritten; one "more" or "less" is there to be calculated with."""
        if _has_same_figures(number, lost):
            return True
        if not _is_miswritten(number, lost):
            return False
        one, other = max(number.values), max(lost.values)
        is_rest = number.unit == lost.unit == "percent" and one + other == 100
        is_part = {Fraction(one) / other, 1 - Fraction(one) / other} & self._shares if other else False
        is_difference = _DIFFERENCE.match(self._source, lost.end) or abs(one - other) in self._differences
        return not (is_rest or is_part or is_difference)


def kinds_of(text: str, numbers: Sequence[Number], place: int) -> frozenset[str]:
    """What a number of a text is about: its own kind, and for one without a unit that of its neighbours."""
    number = numbers[place]
    if is_factor(text, number):
        return frozenset(["factor"])
    own = _kind(number)
    if own != "count" or number.counts:
        return frozenset([own])
    kinds = {own}
    for other in (*numbers[max(0, place - 1) : place], *numbers[place + 1 : place + 2]):
        between = text[min(number.end, other.end) : max(number.start, other.start)]
        if (
            other.unit is not None
            and not other.times
            and len(between) <= _MAX_NEIGHBOUR_CHARS
            and not SENTENCE_END.search(between)
        ):
            kinds.add(_kind(other))
    before, behind = _BETWEEN_COMMAS
    stands_alone = before.search(text, max(0, number.start - 2), number.start) and behind.match(
        text, number.end
    )
    if stands_alone and all(value <= _MAX_AGE for value in number.values):
        kinds.add("calendar")  # Dale Hutchins, 58,
    return frozenset(kinds)


def is_year_like(number: Number) -> bool:
    """Whether it is written as a year is."""
    shown = number.shown
    return number.unit is None and len(shown) == 4 and shown.isdecimal() and any(map(is_year, number.values))


def _kind(number: Number) -> str:
    if number.times and not number.values:
        return "time of day"
    if number.kind in _LOOSE_KINDS:
        return number.kind
    if is_year_like(number):
        return "year"
    if number.unit is None:
        return "share" if number.values and max(number.values) < 1 else "count"
    return min(dimensions(number.unit))


def _is_counted(number: Number) -> bool:
    """Whether it matters how often it is said."""
    return not is_year_like(number) and number.kind != DATE


def _is_of_size(number: Number, other: Number) -> bool:
    if not (number.values and other.values):
        return True
    a, b = max(number.values), max(other.values)
    if number.unit != other.unit and number.quantities and other.quantities:
        a, b = (max(value for _, value in each.quantities) for each in (number, other))
    return b <= _SAME_SIZE * a and a <= _SAME_SIZE * b


def _has_same_figures(number: Number, other: Number) -> bool:
    """Whether a number has the figures of another one beside another unit: 0.9 % for 0.9 million."""
    if number.in_words or number.unit == other.unit or other.kind == DATE:
        return False
    one, two = (_FIGURES.match(each.shown) for each in (number, other))
    return one is not None and two is not None and one.group() == two.group() and len(one.group()) > 1


def _is_miswritten(number: Number, other: Number) -> bool:
    """Whether the figures differ in one digit or in its place only; a word is no slip of figures."""
    if number.in_words or not (number.values and other.values):
        return False
    one, two = (f"{float(max(each.values)):.12g}" for each in (number, other))
    if len(one) != len(two):
        return False
    return sorted(one) == sorted(two) or sum(a != b for a, b in zip(one, two, strict=True)) == 1


def _key(number: Number) -> tuple[object, ...]:
    return (number.parts, max(number.values, default=0), number.unit)
