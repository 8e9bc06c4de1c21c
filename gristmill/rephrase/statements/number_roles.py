"""Numbers that have changed places as what stands beside them shows: "in 6000 they made 1918 portraits", 46 to 35.

Two cases, told without the words further away. A year of the passage has a unit, or counts something, in the
rephrasing, and an amount stands there behind "in" or "since" as a year does. Or a range runs downwards that runs
upwards in the passage. Linear, but for pairs of a year and an amount, at most 24 of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from gristmill.rephrase.frequent_words import FREQUENT_WORDS
from gristmill.rephrase.numbers.digits import SCORE, is_year
from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.units import Value
from gristmill.rephrase.statements.content import Content

_MAX_NUMBERS = 24
_LOOK_BACK_CHARS = 16
_BEHIND_YEAR_WORD = re.compile(
    r"\b(?:in|since|until|im jahr|jahr|seit|en|depuis|année|jusqu['’]en)[ \u00a0]\Z", re.IGNORECASE
)
_WORD_BEHIND = re.compile(r"[ \u00a0]([^\W\d_]{3,})")
_RANGE = re.compile(r"\s?(?:[-–—]|to|till|bis|à)\s?")
_BETWEEN = re.compile(r"\b(?:between|zwischen|entre)[ \u00a0]\Z", re.IGNORECASE)
_AND = re.compile(r"\s(?:and|und|et)\s")


def find_number_out_of_role(written: Content, given: Content) -> tuple[str, str] | None:
    """Two numbers of the rephrasing that stand in each other's place, or None."""
    here, there = _by_start(written), _by_start(given)
    upwards = set(_ranges(given.text, there))
    for low, high in _ranges(written.text, here):
        if low > high and (high, low) in upwards and (low, high) not in upwards:
            return str(low), str(high)
    dated = {value for number in there if number.unit is None for value in number.values if is_year(value)}
    amounts = {value for number in there if _is_amount(number) for value in number.values}
    years = [
        each
        for each in here
        if bool(each.values) and each.values <= dated - amounts and _counts(written.text, each)
    ][:_MAX_NUMBERS]
    if not years:
        return None
    for number in here:
        if number.values <= amounts - dated and _is_dated(written.text, number):
            return years[0].shown, number.shown
    return None


def _by_start(content: Content) -> Sequence[Number]:
    return [number for _, number in sorted(content.numbers.items())]


def _is_dated(text: str, number: Number) -> bool:
    """Whether it stands as a year: without a unit, behind "in" or "since", counting nothing."""
    return (
        number.unit is None
        and not number.counts
        and bool(number.values)
        and number.shown.isdecimal()
        and _BEHIND_YEAR_WORD.search(text, max(0, number.start - _LOOK_BACK_CHARS), number.start) is not None
    )


def _counts(text: str, number: Number) -> bool:
    """Whether a year has a unit or a thing behind it, as no year has."""
    if _is_dated(text, number):
        return False
    behind = _WORD_BEHIND.match(text, number.end)
    return number.unit is not None or (behind is not None and behind[1].lower() not in FREQUENT_WORDS)


def _is_amount(number: Number) -> bool:
    return bool(number.values) and (number.unit is not None or number.counts)


def _ranges(text: str, numbers: Sequence[Number]) -> Iterator[tuple[Value, Value]]:
    """The ends of ranges as they are written."""
    for one, other in pairwise(numbers):
        if not (one.values and other.values):
            continue
        is_range = _RANGE.fullmatch(text, one.end, other.start) is not None or (
            _AND.fullmatch(text, one.end, other.start) is not None
            and _BETWEEN.search(text, max(0, one.start - _LOOK_BACK_CHARS), one.start) is not None
        )
        if is_range and SCORE not in (one.kind, other.kind):
            yield max(one.values), max(other.values)
