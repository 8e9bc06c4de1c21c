"""What two numbers of a passage, or a list of them, lead to, if the number of a rephrasing is of the right kind.

Sums and differences of one unit (without a unit: of neighbours), sums of a list, shares and changes in percent,
multiples, parts of a number by a fraction or a percentage, products, amounts per unit, one more than a number of
others. How far that counts is decided in additions.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.rounding import is_roughly, rounds_to
from gristmill.rephrase.numbers.units import Value, quantities, unit_at

_MAX_RUN = 8  # numbers of a list that are summed
_MAX_GAP_CHARS = 120  # between two numbers of different units that are calculated with
_LOOK_CHARS = 24
_TIMES_BEHIND = re.compile(r"[ \u00a0-]?(?:times|fold|fach\w*|mal|fois)\b", re.IGNORECASE)
_FACTOR_BEFORE = re.compile(
    r"\b(?:factor of|Faktor(?: von)?|facteur(?: de)?)[ \u00a0](?:\w+[ \u00a0])?\Z", re.IGNORECASE
)
_OTHERS_BEHIND = re.compile(
    r"[ \u00a0](?:(?:of the )?others?|further|more|additional|weiteren?|anderen?|autres)\b", re.IGNORECASE
)
_PER_UNIT = re.compile(
    r"(?:[ \u00a0]?[^\W\d_]+)?[ \u00a0](?:per|an?|each|pro|je|par)[ \u00a0]([^\W\d_]+)", re.IGNORECASE
)

Result = tuple[Value, str | None, bool]  # value, unit, whether it is exact


def operands_of(
    text: str, number: Number, operands: Sequence[Number], near: Sequence[Number], beside: Sequence[Number]
) -> Iterator[tuple[Number, ...]]:
    """The numbers of a passage that lead to a number of a text, in each way that is possible.

    `near`: numbers of the text, close to it, that were worked out and may be one of two. `beside`: those of the passage
    that the text has close to it.
    """
    pairs = [
        (one, other, j - i == 1 or (one in beside and other in beside))
        for (i, one), (j, other) in combinations(enumerate(operands), 2)
    ]
    pairs += [(one, other, True) for one in near for other in (*operands, *near) if one is not other]
    for one, other, neighbours in pairs:
        if any(
            _agrees(text, number, *each) for each in _results(text, number, one, other, neighbours=neighbours)
        ):
            yield one, other
    yield from _lists(text, number, operands)


def counts_one_more(number: Number, others: Number, source: str) -> bool:
    """Whether it is one more than a number of others in the passage: it and 37 others."""
    more = {value + 1 for value in others.values} & number.values
    return bool(more) and number.unit == others.unit and _OTHERS_BEHIND.match(source, others.end) is not None


def is_factor(text: str, number: Number) -> bool:
    """Whether it says how many times as much something is."""
    return number.unit is None and (
        _TIMES_BEHIND.match(text, number.end) is not None
        or _FACTOR_BEFORE.search(text, max(0, number.start - _LOOK_CHARS), number.start) is not None
    )


def _results(text: str, number: Number, one: Number, other: Number, *, neighbours: bool) -> Iterator[Result]:
    """What two numbers lead to, of the kind of the number of the text."""
    a, b = max(one.values), max(other.values)
    less, more = min(a, b), max(a, b)
    same = one.unit == other.unit
    if is_factor(text, number):
        if same:
            yield Fraction(more) / less, None, False
        return
    if number.unit == "percent":
        if same and one.unit != "percent":
            yield Fraction(100 * less) / more, "percent", False
            yield Fraction(100 * (more - less)) / more, "percent", False
            yield Fraction(100 * (more - less)) / less, "percent", False
        elif same:
            yield more - less, "percent", True
            yield more + less, "percent", True
        return
    gap = other.start - one.end
    if same:
        if one.unit is not None or neighbours:
            yield a + b, one.unit, True
            yield more - less, one.unit, True
        return
    if 0 <= gap <= _MAX_GAP_CHARS or (gap >= 0 and "percent" in (one.unit, other.unit)):
        yield from _of_different_units(text, number, one, other)


def _of_different_units(text: str, number: Number, one: Number, other: Number) -> Iterator[Result]:
    if one.unit is not None and other.unit is None and not other.counts:
        amount, more = max(one.values), max(other.values)
        yield amount + more, one.unit, True  # 463 million euros, 77 million more than planned
        yield abs(Fraction(amount) - more), one.unit, True
    per = _PER_UNIT.match(text, number.end)
    unit = unit_at(f"1 {per[1]}", 0, 1) if per else None
    for share, whole in ((one, other), (other, one)):
        a, b = max(share.values), max(whole.values)
        part = Fraction(a) / 100 if share.unit == "percent" else Fraction(a)
        if share.unit in (None, "percent") and part < 1:
            yield part * b, whole.unit, False
            yield (1 - part) * b, whole.unit, False
        elif share.unit is None and whole.unit != "percent":
            yield Fraction(a) * b, whole.unit, True
            yield Fraction(b) / a, whole.unit, False
        elif unit is not None and share.unit == unit and whole.unit != "percent":
            yield Fraction(b) / a, whole.unit, False


def _lists(text: str, number: Number, operands: Sequence[Number]) -> Iterator[tuple[Number, ...]]:
    """Numbers in a row with one unit whose sum it is."""
    for first, one in enumerate(operands):
        total = max(one.values)
        for last in range(first + 1, min(len(operands), first + _MAX_RUN)):
            if operands[last].unit != one.unit:
                break
            total += max(operands[last].values)
            if _agrees(text, number, total, one.unit, True):
                yield tuple(operands[first : last + 1])


def _agrees(text: str, number: Number, value: Value, unit: str | None, exact: bool) -> bool:
    """Whether a number is a result, in its unit or in one that comes to the same, rounded where that is said."""
    if not value:
        return False
    values: list[Value] = []
    if number.unit == unit or (number.unit is None and not number.counts and unit != "percent"):
        values = [value]
    elif number.unit is not None and unit is not None:
        sizes = dict(quantities([1], number.unit))
        values = [Fraction(v) / sizes[kind] for kind, v in quantities([value], unit) if sizes.get(kind)]
    said = max(number.values)
    return any(
        each in number.values
        or (
            is_roughly(text, number.start, said, each)
            if exact
            else rounds_to(text, each, number, called=True)
        )
        for each in values
    )
