"""Numbers that are the result of an operation on those of a passage: 0.55 % for 6 of 1,090, 152,000 for 4 x 38,000.

Results of two numbers are many, so that chance hits one soon. One counts only where its unit agrees with theirs and the
rephrasing says that it is a result: by a word that hardly says anything else beside the number ("altogether", "on
average", "soit"), or by one that may ("more", "de moins") where both operands stand in the rephrasing as well, so that
the result took the place of none. "Each" in the passage, and a fraction beside the number that it is of, do as well.

Without a word count what one number leads to: the same rate per another amount (41 g per 100 ml, 410 g/l) or turned
round (four times a year), the same quantity in another unit and rounded, the rest of a percentage, a fold as a
percentage, and half of a range where the passage halves. Rules of our own; at most 24 numbers of a passage are
operands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, pairwise

from gristmill.rephrase.numbers.digits import CLOCKLIKE, CODE, DATE, PARTS, ROMAN, SCORE, YEARS
from gristmill.rephrase.numbers.knowledge import Knowledge
from gristmill.rephrase.numbers.phrases import RANGE
from gristmill.rephrase.numbers.reading import Number
from gristmill.rephrase.numbers.rounding import rounds_to
from gristmill.rephrase.numbers.units import Value, dimensions, quantities, unit_at
from gristmill.rephrase.numbers.words import LOOSE, ORDINAL

_MAX_OPERANDS = 24
_MAX_CUE_CHARS = 40  # in which a word that calls a number a result is looked for
_MIN_PART = 10  # of a fraction of a number
_MAX_EACH_CHARS = 48
_MAX_FOLD = 10
# Behind these words a number is a result, whatever else the text says. German "also" is one behind a comma; in English
# it adds.
_SURE_BEFORE = re.compile(
    r"\b(?:that is|i\.e\.|which is|(?:which|that) makes|totall?ing|total of|sum of|altogether|(?:on|an) average"
    r"|averag\w+"
    r"|saving(?: of)?|difference of|majority of|margin of|drop of|rise of|increase of|decrease of|gain of|loss of"
    r"|aggregat\w+|combined|equals?|amount\w* to|soit|c['’]est-à-dire|au total|en tout|en moyenne|écart de"
    r"|économi\w+ de|das sind|insgesamt|zusammen|mithin|im schnitt|durchschnittlich|ersparnis von|unterschied von"
    r"|(?<=, )also|that means|saved(?=[ \u00a0][$€£]?\Z))\b[^.!?\n\d]{0,20}\Z",
    re.IGNORECASE,
)
_SURE_AFTER = re.compile(
    r"[^.!?\n\d]{0,20}\b(?:in total|in all|altogether|combined|together|on average|au total|en tout|en moyenne"
    r"|d['’]économie|insgesamt|zusammen|im schnitt)\b",
    re.IGNORECASE,
)
# Beside these it may be one.
_LIKELY_BEFORE = re.compile(
    r"\b(?:donc|so|thus|mit je|lost?|verloren\w*|hence)\b[^.!?\n\d]{0,20}\Z", re.IGNORECASE
)
_LIKELY_AFTER = re.compile(
    r"[^.!?\n\d]{0,16}\b(?:more|less|fewer|each|apiece|excess|higher|lower|de moins|de plus|chacune?|mehr|weniger)\b",
    re.IGNORECASE,
)
_PER_ONE = re.compile(r"\s?[^\W\d_]+\s(?:per|par|pro|je|an?)\s[^\W\d_]", re.IGNORECASE)
_TIMES = re.compile(
    r"[ \u00a0-]?[^\W\d_]+\s(?:an?|per|each|every|im|pro|par|am|in der)\s([^\W\d_]+)", re.IGNORECASE
)
_EVERY = re.compile(r"\b(?:every|each|alle|tou(?:te)?s les)\s\Z", re.IGNORECASE)
_CROSS = re.compile(r"\s?(?:×|x|by|mal)\s?")
_EACH = re.compile(
    r"\b(?:each|apiece|every|per|jeweils|je|pro|chacune?|chaque|par|l['’]unité|pièce|pour une?|for (?:one|an?)"
    r"|für eine?[nrm]?)\b",
    re.IGNORECASE,
)
_PER = re.compile(
    r"\s?[^\W\d_]+[²³23]?\s?(?:/|(?:per|an?|pro|par|je|every|alle|for)\s)\s?(\d+(?:[.,]\d+)?\s?)?([^\W\d_]+[²³23]?)"
)
_PER_OF_MONEY = re.compile(
    r"[ \u00a0](?:/|(?:per|an?|pro|par|je|every|each)[ \u00a0])(\d+[ \u00a0])?([^\W\d_]+)", re.IGNORECASE
)
_HALF = re.compile(r"\b(?:half|halves|hälfte|halb\w*|moitié)\b", re.IGNORECASE)
_NO_OPERANDS = frozenset({DATE, CODE, ROMAN, SCORE, CLOCKLIKE, PARTS})


class Results:
    """What follows from the numbers of a passage by one operation."""

    def __init__(self, text: str, knowledge: Knowledge) -> None:
        self._text = text
        self._knowledge = knowledge
        self._operands = [number for number in knowledge.numbers if is_operand(number)][:_MAX_OPERANDS]
        self._rates = {rate for number in knowledge.numbers for rate in _rates(text, number)}
        self._has_halves = _HALF.search(text) is not None

    def have(self, place: int, written: Knowledge, text: str) -> bool:
        """Whether the number at this place of a text's numbers is such a result."""
        number = written.numbers[place]
        if not number.values or number.kind in _NO_OPERANDS or _is_side(text, number):
            return False
        sure = _is_called(text, number, _SURE_BEFORE, _SURE_AFTER)
        if _is_year_like(number) and not sure:
            return False
        if not self._rates.isdisjoint(_rates(text, number)):
            return True
        if (
            self._is_frequency(number, text)
            or self._follows_from_one(number, text)
            or self._is_half(place, written, text)
        ):
            return True
        likely = not sure and _is_called(text, number, _LIKELY_BEFORE, _LIKELY_AFTER)
        is_mean = _PER_ONE.match(text, number.end) is not None
        for one, other in combinations(self._operands, 2):
            if self._has_each(one, other) and _agrees(text, number, _products(one, other), called=False):
                return True
            both_said = _is_said(one, written, number) and _is_said(other, written, number)
            if (sure or (likely and both_said)) and _agrees(text, number, _results(one, other), called=True):
                return True
            if is_mean and both_said and _agrees(text, number, _quotients(one, other), called=True):
                return True
        return self._is_part(number, text) or (sure and self._is_twice(number, text))

    def has_share(self, values: frozenset[Value]) -> bool:
        """Whether one of the shares is that of two numbers of the passage: 15 of 100 for 36 of 240."""
        return any(
            Fraction(min(a, b)) / max(a, b) in values
            for one, other in combinations(self._operands, 2)
            if one.unit == other.unit
            for a in one.values
            for b in other.values
        )

    def _is_part(self, number: Number, text: str) -> bool:
        """Whether it is the part of a number that the passage names, or the rest: two thirds of 900."""
        return max(number.values) >= _MIN_PART and any(
            _agrees(text, number, _parts(one, other), called=True) for one, other in pairwise(self._operands)
        )

    def _is_twice(self, number: Number, text: str) -> bool:
        doubles = any(each.kind == LOOSE and 2 in each.values for each in self._knowledge.numbers)
        return doubles and any(
            _agrees(text, number, [(2 * value, each.unit, True)], called=True)
            for each in self._operands
            for value in each.values
        )

    def _has_each(self, one: Number, other: Number) -> bool:
        """Whether the passage gives one number for each of the other."""
        last = max(one.end, other.end)
        first = min(one.start, other.start)
        return (
            last - first <= 2 * _MAX_EACH_CHARS
            and _EACH.search(self._text, first, last + _MAX_EACH_CHARS) is not None
        )

    def _follows_from_one(self, number: Number, text: str) -> bool:
        if number.unit is None:
            return False
        for operand in self._operands:
            if (
                operand.unit is not None
                and operand.unit != number.unit
                and _is_converted(text, number, operand)
            ):
                return True
            if number.unit == operand.unit == "percent" and any(
                100 - v in number.values for v in operand.values if 0 < v < 100
            ):
                return True
            if (
                number.unit == "percent"
                and operand.unit is None
                and any(
                    1 < v <= _MAX_FOLD and not isinstance(v, int) and 100 * (v - 1) in number.values
                    for v in operand.values
                )
            ):
                return True
            if (
                operand.kind == ORDINAL
                and operand.unit == number.unit
                and any(v - 1 in number.values for v in operand.values)
            ):
                return True  # in its third week: after two weeks
        return False

    def _is_frequency(self, number: Number, text: str) -> bool:
        """Whether "four times a year" stands for "every three months"."""
        match = _TIMES.match(text, number.end)
        unit = unit_at(f"1 {match[1]}", 0, 1) if match else None
        if unit is None:
            return False
        lengths = quantities([Fraction(1) / value for value in number.values if value], unit)
        return any(
            operand.quantities & lengths
            and _EVERY.search(self._text, max(0, operand.start - _MAX_CUE_CHARS), operand.start)
            for operand in self._operands
        )

    def _is_half(self, place: int, written: Knowledge, text: str) -> bool:
        """Whether the number is part of a range that is half of one of the passage: 3 to 4 for 6 to 8."""
        if not self._has_halves:
            return False
        near = written.numbers[max(0, place - 1) : place + 2]
        return any(
            (2 * a, 2 * b) in self._knowledge.neighbours
            for one, other in pairwise(near)
            if RANGE.fullmatch(text, one.end, other.start)
            for a in one.values
            for b in other.values
        )


def is_operand(number: Number) -> bool:
    """Whether something may be worked out from the number."""
    return (
        bool(number.values)
        and number.kind not in _NO_OPERANDS
        and not _is_year_like(number)
        and min(number.values) > 0
    )


def _is_year_like(number: Number) -> bool:
    return (
        number.unit is None
        and number.shown.isdigit()
        and all(YEARS[0] <= v <= YEARS[1] for v in number.values)
    )


def _is_side(text: str, number: Number) -> bool:
    """Whether it stands in a row of measures: 40 x 30 x 20 cm."""
    before = text[max(0, number.start - 3) : number.start]
    return _CROSS.match(text, number.end) is not None or before.strip() in ("×", "x")


def _is_said(operand: Number, written: Knowledge, result: Number) -> bool:
    """Whether the rephrasing has the operand, too, elsewhere."""
    if operand.values & result.values and operand.unit == result.unit:
        return False
    return any(
        other is not result and (other.values & operand.values or other.quantities & operand.quantities)
        for other in written.numbers
    )


def _is_called(text: str, number: Number, before: re.Pattern[str], after: re.Pattern[str]) -> bool:
    return (
        before.search(text, max(0, number.start - _MAX_CUE_CHARS), number.start) is not None
        or after.match(text, number.end, number.end + _MAX_CUE_CHARS) is not None
    )


Result = tuple[Value, str | None, bool]  # value, unit, whether it is exact


def _results(one: Number, other: Number) -> Iterator[Result]:
    """Results of two numbers with their units."""
    yield from _products(one, other)
    yield from _quotients(one, other)
    same = _same_unit(one, other)
    for a in one.values:
        for b in other.values:
            if same is not None or one.unit == other.unit:
                unit = one.unit
                yield a + b, unit, True
                yield (a - b if a > b else b - a), unit, True
                less, more = (a, b) if a < b else (b, a)
                yield Fraction(100 * less) / more, "percent", False
                yield Fraction(100 * (more - less)) / less, "percent", False
                yield Fraction(100 * (more - less)) / more, "percent", False
                yield Fraction(more) / less, None, False
            elif one.unit is None or other.unit is None:
                unit = one.unit or other.unit
                follows = one if one.unit is None else other
                if not follows.counts and 0 <= other.start - one.end <= _MAX_EACH_CHARS:
                    yield a + b, unit, True  # 38 litres and 6 in the lid
                    yield (a - b if a > b else b - a), unit, True


def _products(one: Number, other: Number) -> Iterator[Result]:
    if one.unit is not None and other.unit is not None:
        shares = [each for each in (one, other) if each.unit == "percent"]
        if len(shares) != 1:
            return
        whole = other if shares[0] is one else one
        yield from (
            (Fraction(a * b) / 100, whole.unit, False) for a in shares[0].values for b in whole.values
        )
        return
    for a in one.values:
        for b in other.values:
            if min(a, b) > 1:
                yield a * b, one.unit or other.unit, True


def _quotients(one: Number, other: Number) -> Iterator[Result]:
    """Kilometres a day, kilograms for each of 12."""
    for part, whole in ((one, other), (other, one)):
        if part.unit is not None and part.unit != whole.unit:
            yield from ((Fraction(a) / b, part.unit, False) for a in part.values for b in whole.values)


def _parts(one: Number, other: Number) -> Iterator[Result]:
    """The part of a number and its rest, where the other one is a fraction or a percentage."""
    for share, whole in ((one, other), (other, one)):
        if share.unit == "percent" or (share.unit is None and max(share.values) < 1):
            size = Fraction(1, 100) if share.unit == "percent" else 1
            for part in share.values:
                if 0 < part * size < 1:
                    for value in whole.values:
                        yield part * size * value, whole.unit, False
                        yield (1 - part * size) * value, whole.unit, False


def _same_unit(one: Number, other: Number) -> str | None:
    if one.unit is None or other.unit is None:
        return None
    return one.unit if dimensions(one.unit) & dimensions(other.unit) and one.unit == other.unit else None


def _agrees(text: str, number: Number, results: Sequence[Result] | Iterator[Result], *, called: bool) -> bool:
    """Whether the number is one of the results, in its unit, or rounded as it is written."""
    for value, unit, exact in results:
        if not value or (not called and number.unit is None and value < 100):
            continue
        if number.unit == unit or (number.unit is None and called and unit != "percent"):
            if value in number.values or (not exact and rounds_to(text, value, number, called=called)):
                return True
        elif number.unit is not None and unit is not None and dimensions(number.unit) & dimensions(unit):
            measured = quantities([value], unit)
            if measured & number.quantities or any(
                rounds_to(text, Fraction(amount) / size, number, called=called)
                for kind, amount in measured
                for of, size in quantities([1], number.unit)
                if kind == of and size
            ):
                return True
    return False


def _is_converted(text: str, number: Number, operand: Number) -> bool:
    """Whether it is the same quantity in another unit, rounded: 54 m, 177 ft."""
    if number.unit is None or number.unit == operand.unit:
        return False
    return any(
        rounds_to(text, Fraction(amount) / size, number, called=False)
        for kind, amount in operand.quantities
        for of, size in quantities([1], number.unit)
        if kind == of and kind not in ("temperature", "share") and size and amount
    )


def _rates(text: str, number: Number) -> Iterator[tuple[str, str, Value]]:
    """What a number with a unit is per amount of another unit: (dimension, dimension, value in base units)."""
    if number.unit is None:
        return
    before_sign = text[max(0, number.start - 1) : number.start] in ("$", "£", "€")  # $9 a month
    if (match := (_PER_OF_MONEY if before_sign else _PER).match(text, number.end)) is None:
        return
    unit = unit_at(f"1 {match[2]}", 0, 1)
    if unit is None:
        return
    amount = Fraction((match[1] or "1").strip().replace(",", "."))
    if not amount:
        return
    for kind, value in number.quantities:
        for of, base in quantities([amount], unit):
            if base:
                yield kind, of, Fraction(value) / base
