"""Whether two facts, or two answers, are the same but for the way of writing.

Compared are sequences of words in lower case, without articles and marks; numbers by value (1,846 and 1846, seven and
7), dates by day (5 March 1921 and 1921-03-05), units by one name (km and kilometres). Order counts: "Ann paid Tom" and
"Tom paid Ann" have the same words. So a match is certain, and what does not match is for a model to judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from gristmill.rephrase.faithfulness import NumberSpan, number_spans
from gristmill.rephrase.numbers.beside import MONTHS
from gristmill.rephrase.numbers.units import unit_at

MAX_DIFFERENCE = 1e-6  # of numbers that are the same; absolute

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ISO = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b")
_DAY_FIRST = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: of)? (?P<month>{_MONTH})\.?,? (?P<year>\d{{4}})\b",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"\b(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})\b", re.IGNORECASE
)
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_ARTICLES = frozenset({"the", "a", "an"})
_BETWEEN_ITEMS = re.compile(r"[,;](?=\s)|\s(?:and|und|et|&)\s|\n", re.IGNORECASE)
_NEGATIVE = re.compile(r"(?:\A|(?<=[\s(]))[-−–]\Z")


class _Number(NamedTuple):
    """A number with what it can mean, and the unit beside it."""

    readings: frozenset[str]
    unit: str | None


Token = str | _Number


def same_statement(one: str, other: str) -> bool:
    """Whether two statements are the same words in the same order."""
    return _equal(_normalise(one), _normalise(other), needs_units=True)


def same_answer(one: str, other: str) -> bool:
    """Whether two short answers are equal: the same words, numbers within 1e-6, or lists of the same items.

    A unit that only one of them has is no difference, since the question has it. Two empty answers are not equal.
    """
    first, second = _normalise(one), _normalise(other)
    if not first or not second:
        return False
    if _equal(first, second, needs_units=False):
        return True
    items, others = _items(one), _items(other)
    if len(items) == len(others) == 1:
        return False
    return _holds_all(items, others) and _holds_all(others, items)


def statement_key(text: str) -> tuple[object, ...]:
    """Equal for statements that are the same, to drop repeats; numbers with two readings count as written."""
    return tuple(_normalise(text))


def _holds_all(items: Sequence[list[Token]], others: Sequence[list[Token]]) -> bool:
    return all(any(_equal(item, other, needs_units=False) for other in others) for item in items)


def _items(text: str) -> list[list[Token]]:
    return [item for part in _BETWEEN_ITEMS.split(text) if (item := _normalise(part))]


def _equal(one: Sequence[Token], other: Sequence[Token], *, needs_units: bool) -> bool:
    return len(one) == len(other) and all(
        _same_number(a, b, needs_units=needs_units)
        if isinstance(a, _Number) and isinstance(b, _Number)
        else a == b
        for a, b in zip(one, other, strict=True)
    )


def _same_number(one: _Number, other: _Number, *, needs_units: bool) -> bool:
    if one.unit != other.unit and (needs_units or (one.unit is not None and other.unit is not None)):
        return False
    if one.readings & other.readings:
        return True
    return any(abs(a - b) <= MAX_DIFFERENCE for a in _values(one.readings) for b in _values(other.readings))


def _values(readings: frozenset[str]) -> list[float]:
    return [float(reading) for reading in readings if re.fullmatch(r"-?\d+(?:\.\d+)?", reading, re.ASCII)]


def _normalise(text: str) -> list[Token]:
    text = unicodedata.normalize("NFKC", text)
    for pattern in (_ISO, _DAY_FIRST, _MONTH_FIRST):
        text = pattern.sub(_as_day, text)
    tokens: list[Token] = []
    numbers = {span.start: span for span in number_spans(text)}
    place = 0
    while place < len(text):
        if (span := numbers.get(place)) is not None:
            tokens.append(_number(text, span))
            place = _after_unit(text, span.end) if _last_unit(tokens) else span.end
            continue
        word = _WORD.match(text, place)
        # A number inside a word, as in `B12`, is part of it; so is a day.
        if word is None:
            place += 1
            continue
        folded = word.group().casefold()
        for ending in ("'s", "’s"):
            folded = folded.removesuffix(ending)
        if folded not in _ARTICLES:
            tokens.append(folded)
        place = word.end()
    return tokens


def _as_day(found: re.Match[str]) -> str:
    """One word for a day, which no other rule takes apart; what is no day stays."""
    written = found["month"].casefold()
    month = int(written) if written.isdigit() else MONTHS[written]
    day = int(found["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found.group()
    return f"day_{found['year']}_{month:02}_{day:02}"


def _number(text: str, span: NumberSpan) -> Token:
    minus = "-" if _NEGATIVE.search(text, max(0, span.start - 2), span.start) else ""
    readings = frozenset(f"{minus}{reading}" for reading in span.readings)
    return _Number(readings, unit_at(text, span.start, span.end))


def _last_unit(tokens: Sequence[Token]) -> str | None:
    last = tokens[-1]
    return last.unit if isinstance(last, _Number) else None


def _after_unit(text: str, end: int) -> int:
    """Where the text goes on after the unit of a number that ends at `end`."""
    word = re.compile(r"[ \u00a0\u202f-]?[^\W\d_]+").match(text, end)
    if word is None or unit_at(f"1{word.group()}", 0, 1) is None:
        return end
    return word.end()
