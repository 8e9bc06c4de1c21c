"""The numbers of a text with all that they can mean: in digits or words, with unit, as clock time or period.

A number has several readings where its writing is ambiguous (1.200, 12/5, "a fifth"). Words that belong together are
one number: `one and a half million`, `nineteen forty`, `zweieinhalb`, `2½`. What two numbers say together (1 h 40 min,
one in three) is a compound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from gristmill.rephrase.numbers.beside import read_units
from gristmill.rephrase.numbers.clock_times import read_times
from gristmill.rephrase.numbers.digits import CENTURIES, Draft, read_digits
from gristmill.rephrase.numbers.phrases import (
    ONE_UNIT_BEFORE,
    choose_centuries,
    join_fractions,
    join_scales,
    join_years,
    read_centuries,
)
from gristmill.rephrase.numbers.units import Value, dimensions, is_unit, quantities, unit_at
from gristmill.rephrase.numbers.words import CARDINAL, DECADE, LOOSE, MULTIPLE, ORDINAL, read_number_words

Quantity = tuple[str, Value]  # dimension and value in its base unit, see units.py


class Compound(NamedTuple):
    """What the numbers from `first` to `last` (places in a list) say together: one of the values or quantities."""

    first: int
    last: int
    values: frozenset[Value]
    quantities: frozenset[Quantity]


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text; see `Draft` for values, also, parts, periods, times (minutes of the day)."""

    start: int
    end: int
    shown: str
    kind: str
    values: frozenset[Value]
    also: frozenset[Value]
    unit: str | None
    quantities: frozenset[Quantity]
    times: frozenset[int]
    parts: tuple[str, ...]
    periods: frozenset[tuple[str, int]]
    in_words: bool
    is_claim: bool
    counts: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a text in order, and what neighbours say together."""

    numbers: tuple[Number, ...]
    compounds: tuple[Compound, ...]


_SMALLEST_CLAIM = 4  # words for smaller numbers are pronouns and enumerators as well, unless a unit follows
_SMALLEST_MEASURE = 2  # "one hour" may be any hour
_RATIO = re.compile(
    r"\s(?:[^\W\d_]+\s){0,2}?(?:in|out of|of|of every|in every|sur|von|su|de cada|auf)\s(?:the\s|every\s)?"
)
_MAX_RATIO = 1000
_MAX_PARTS = 4  # of one quantity: days, hours, minutes, seconds
_MEASURED = frozenset({"time", "calendar", "length", "mass", "dollar", "euro", "sterling"})
_NEXT_PART = re.compile(r"[ \u00a0-]?(?:square )?[^\W\d_]+\.?,?\s?(?:and\s|und\s|et\s|&\s)?")
_COINS = re.compile(
    r"[ \u00a0]?(?:€|euros?|dollars?|francs?|franken|mark|pounds?|livres)[ \u00a0]", re.IGNORECASE
)
_MAX_LOOK_BACK_CHARS = 32
_CACHED_TEXTS = (
    32  # several rules read the numbers of one text, and samples of one passage are judged in a row
)


@lru_cache(maxsize=_CACHED_TEXTS)
def read_numbers(text: str, languages: tuple[str, ...]) -> Numbers:
    """The numbers of a text; number words in the languages, see frequent_words.py. Linear; never fails."""
    drafts = _without_overlaps([*read_digits(text), *_word_drafts(text, languages)])
    read_centuries(text, drafts)
    drafts = read_times(text, drafts)
    drafts = join_fractions(text, drafts)
    drafts = join_scales(text, drafts)
    drafts = join_years(text, drafts)
    read_units(text, drafts, nouns_have_capitals=languages[0] == "de")
    choose_centuries(drafts)
    numbers = tuple(_freeze(text, draft) for draft in drafts)
    return Numbers(numbers, (*_ratios(text, numbers), *_measures(text, numbers), *_prices(text, numbers)))


def _word_drafts(text: str, languages: Sequence[str]) -> list[Draft]:
    drafts = []
    for start, end, value, kind in read_number_words(text, languages):
        draft = Draft(
            start, end, kind, {value}, in_words=True, is_claim=kind in (CARDINAL, ORDINAL, MULTIPLE)
        )
        if kind == DECADE:
            draft.values = set()
            draft.periods = {("decade", century + int(value)) for century in CENTURIES}
        drafts.append(draft)
    return drafts


def _without_overlaps(drafts: list[Draft]) -> list[Draft]:
    kept: list[Draft] = []
    for draft in sorted(drafts, key=lambda each: (each.start, -each.end)):
        if not kept or draft.start >= kept[-1].end:
            kept.append(draft)
    return kept


def _freeze(text: str, draft: Draft) -> Number:
    is_claim = draft.is_claim and (
        draft.values != {0} or draft.unit is not None
    )  # nought is said in many ways
    if is_claim and draft.in_words and not (draft.times and draft.unit is None):
        least = _SMALLEST_CLAIM if draft.unit is None or draft.kind == ORDINAL else _SMALLEST_MEASURE
        is_claim = any(value >= least for value in draft.values) and draft.kind != LOOSE
    measured = frozenset(quantities(draft.values, draft.unit)) if draft.unit is not None else frozenset()
    return Number(
        start=draft.start,
        end=draft.end,
        shown=text[draft.start : draft.end],
        kind=draft.kind,
        values=frozenset(draft.values),
        also=frozenset(draft.also),
        unit=draft.unit,
        quantities=measured | {("time", seconds) for seconds in draft.seconds},
        times=frozenset(draft.times),
        parts=draft.parts,
        periods=frozenset(draft.periods),
        in_words=draft.in_words,
        is_claim=is_claim,
        counts=draft.counts,
    )


def _ratios(text: str, numbers: Sequence[Number]) -> list[Compound]:
    """One in three, 8 out of 10, une sur deux."""
    found = []
    for place, (one, other) in enumerate(pairwise(numbers)):
        if one.values and other.values and _RATIO.fullmatch(text, one.end, other.start):
            whole = [
                (a, b) for a in one.values for b in other.values if isinstance(a, int) and isinstance(b, int)
            ]
            shares = {Fraction(a, b) for a, b in whole if 0 < a < b <= _MAX_RATIO}
            found.append(Compound(place, place + 1, frozenset(shares), frozenset()))
    return found


def _prices(text: str, numbers: Sequence[Number]) -> Iterator[Compound]:
    """4 euros 50."""
    for place, (one, other) in enumerate(pairwise(numbers)):
        are_cents = len(other.shown) == 2 and other.shown.isdecimal() and other.unit is None
        if one.quantities and are_cents and _COINS.fullmatch(text, one.end, other.start):
            more = Fraction(int(other.shown), 100)
            price = frozenset((kind, value + more) for kind, value in one.quantities)
            yield Compound(place, place + 1, frozenset(), price)


def _measures(text: str, numbers: Sequence[Number]) -> list[Compound]:
    """1 h 40 min, 2 hours, 27 minutes and 16 seconds, 5 feet 7 inches: sums, where each unit is smaller."""
    found: list[Compound] = []
    open_ones: list[Compound] = []  # that end at the number before
    for place, number in enumerate(numbers):
        head = ONE_UNIT_BEFORE.search(text, max(0, number.start - _MAX_LOOK_BACK_CHARS), number.start)
        if number.unit is not None and head and is_unit(head[1]) and (unit := unit_at(f"1 {head[1]}", 0, 1)):
            first = Compound(place, place, frozenset(), frozenset(quantities([1], unit)))
            if (compound := _add_part(first, first, number, place)).quantities:
                found.append(compound)  # a year and two months
    for place, (one, other) in enumerate(pairwise(numbers)):
        longer: list[Compound] = []
        if _have_parts(one, other) and _NEXT_PART.fullmatch(text, one.end, other.start):
            heads = [*open_ones[:_MAX_PARTS], Compound(place, place, frozenset(), one.quantities)]
            longer = [_add_part(head, one, other, place + 1) for head in heads]
        open_ones = [compound for compound in longer if compound.quantities]
        found += open_ones
    return found


def _have_parts(one: Number, other: Number) -> bool:
    """Whether two numbers have different units of one thing: hours and minutes."""
    if one.unit is None or other.unit is None or one.unit == other.unit:
        return False
    return not _MEASURED.isdisjoint(dimensions(one.unit) & dimensions(other.unit))


def _add_part(head: Compound, before: Number | Compound, part: Number, place: int) -> Compound:
    smaller = {
        (kind, b) for kind, b in part.quantities if any(kind == of and b < a for of, a in before.quantities)
    }
    sums = frozenset((kind, a + b) for kind, a in head.quantities for of, b in smaller if kind == of)
    return Compound(head.first, place, frozenset(), sums)
