"""Numbers that stand for one of a passage: rounded, in months for weeks, near a clock time, or short of their scale."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction

from gristmill.rephrase.numbers.missing import SENTENCE_END, is_year_like
from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.rounding import is_roughly
from gristmill.rephrase.numbers.units import Value, quantities

MONTH_DAYS = Fraction(3044, 100)
_ROUND_MONTHS_OFF = Fraction(1, 50)
_DAYS_OF_ROUND_MONTH = 28
_CLOCK_OFF = 15  # minutes
_DAY = 24 * 60  # minutes
DAY_SECONDS = 86_400
_LOOK_CHARS = 24
_NEAR_TIME = re.compile(
    r"\b(?:after|before|past|around|about|towards?|by|nearly|nach|vor|gegen|um|etwa|rund|kurz|fast|vers|après|avant"
    r"|environ|près de)[ \u00a0]\Z",
    re.IGNORECASE,
)
_AT_MOST = re.compile(
    r"\b(?:at most|up to|no more than|not more than|maximum(?: of)?|höchstens|maximal|bis zu|au plus|au maximum"
    r"|jusqu['’]à)"
    r"[ \u00a0]\Z",
    re.IGNORECASE,
)
_FEWER_THAN = re.compile(
    r"\b(?:fewer than|less than|under|weniger als|unter|moins de)[ \u00a0]\Z", re.IGNORECASE
)
_AT_LEAST = re.compile(
    r"\b(?:at least|no fewer than|no less than|minimum(?: of)?|mindestens|wenigstens|au moins|au minimum)[ \u00a0]\Z",
    re.IGNORECASE,
)
_MORE_THAN = re.compile(r"\b(?:more than|over|mehr als|über|plus de)[ \u00a0]\Z", re.IGNORECASE)
_SCALES = (
    (10**3, re.compile(r"thousand|tausend|tsd|mille", re.IGNORECASE)),
    (10**6, re.compile(r"mill?ion|mio", re.IGNORECASE)),
    (10**9, re.compile(r"billion|milliard|mrd", re.IGNORECASE)),
)
_MAX_SCALE_CHARS = 80


def rounded_number(text: str, number: Number, given: Sequence[Number]) -> Number | None:
    """The number of a passage (`given`) that it rounds: about 50 for 47, three months for 12 weeks."""
    said = max(number.values)
    for other in given:
        if is_year_like(other) != is_year_like(number):
            continue
        if number.unit is not None and other.quantities:
            values = list(_in_unit(other, number.unit))
        elif other.values and other.unit is number.unit is None:
            values = [max(other.values)]
        else:
            continue
        if any(is_roughly(text, number.start, said, value) for value in values):
            return other
        if any(_are_round_months(number, other)):
            return other
    return None


def scaled_number(text: str, written: Sequence[Number], place: int, given: Sequence[Number]) -> Number | None:
    """The number of a passage (`given`) that one has the scale of the next for: 3.2 here and 1.4 million there."""
    number = written[place]
    for following in written[place + 1 : place + 3]:
        between = text[number.end : following.start]
        if len(between) > _MAX_SCALE_CHARS or SENTENCE_END.search(between):
            break
        for scale, pattern in _SCALES:
            if pattern.search(following.shown):
                scaled = {value * scale for value in number.values}
                return next((each for each in given if scaled & each.values), None)
    return None


def is_bound(text: str, number: Number, source: str, given: Sequence[Number]) -> bool:
    """Whether it bounds what a number of a passage does by another word: at most four for fewer than five."""
    for here, there, more in ((_AT_MOST, _FEWER_THAN, 1), (_AT_LEAST, _MORE_THAN, -1)):
        if here.search(text, max(0, number.start - _LOOK_CHARS), number.start):
            return any(
                {value + more for value in number.values} & other.values
                and there.search(source, max(0, other.start - _LOOK_CHARS), other.start)
                for other in given
            )
    return False


def is_near_time(text: str, number: Number, known: Set[int]) -> bool:
    """Whether it is called near one of the times (minutes of the day): shortly after half past nine, for 21:40."""
    if not _NEAR_TIME.search(text, max(0, number.start - _LOOK_CHARS), number.start):
        return False
    return any(min((a - b) % _DAY, (b - a) % _DAY) <= _CLOCK_OFF for a in number.times for b in known)


def _in_unit(number: Number, unit: str | None) -> Iterator[Value]:
    """A quantity in another unit."""
    sizes = dict(quantities([1], unit)) if unit is not None else {}
    for kind, amount in number.quantities:
        if kind == "time" and "calendar" in sizes:
            yield Fraction(amount) / (MONTH_DAYS * DAY_SECONDS * sizes["calendar"])
        elif kind == "calendar" and "time" in sizes:
            yield Fraction(amount) * MONTH_DAYS * DAY_SECONDS / sizes["time"]
        elif kind != "temperature" and sizes.get(kind):
            yield Fraction(amount) / sizes[kind]


def _are_round_months(number: Number, other: Number) -> Iterator[bool]:
    """Three months for 12 weeks or 90 days, and the reverse."""
    for a, b in ((number, other), (other, number)):
        months = [value for kind, value in a.quantities if kind == "calendar"]
        days = [Fraction(value) / DAY_SECONDS for kind, value in b.quantities if kind == "time"]
        for month in months:
            for day in days:
                yield b.unit == "week" and day == _DAYS_OF_ROUND_MONTH * month
                yield abs(day - MONTH_DAYS * month) <= _ROUND_MONTHS_OFF * day
