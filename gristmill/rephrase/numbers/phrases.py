"""Words and digits that are one number together: three quarters, one and a half million, nineteen forty, 1 3/4.

Each function takes the numbers of a text in order and gives them back with neighbours joined, or completes them in
place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from gristmill.rephrase.numbers.digits import CENTURIES, DIGITS, FRACTION, PARTS, SHORT_YEAR, Draft, is_year
from gristmill.rephrase.numbers.units import Value, is_unit, unit_at
from gristmill.rephrase.numbers.words import CARDINAL, LOOSE, MULTIPLE, ORDINAL

_MAX_LOOK_BACK_CHARS = 32

_SMALLEST_SCALE = 1000
_SCALES = frozenset({100, 1000, 10**6, 10**9, 10**12})
_ABBREVIATED = re.compile(r"(?:mio|mrd|tsd|mill)\.(?=[ \u00a0][^\W\d_])", re.IGNORECASE)
_BLANK = re.compile(r"[ \u00a0\u202f-]")
_AND_FRACTION = re.compile(r"[ \u00a0-]?(?:and|und|et|y|e)[ \u00a0-](?:(?:an?|une?|eine?)[ \u00a0-])?")
_AND_AFTER_UNIT = re.compile(
    r"[ \u00a0]([^\W\d_]+)[ \u00a0](?:and|und|et|y|e)[ \u00a0](?:an?[ \u00a0]|eine?[ \u00a0])?"
)
ONE_UNIT_BEFORE = re.compile(
    r"\b(?:an?|one|une?|eine?[rnms]?)[ \u00a0]([^\W\d_]+)[ \u00a0](?:and|und|et)[ \u00a0]"
    r"(?:an?[ \u00a0]|eine?[ \u00a0])?\Z"
)
_OF = re.compile(r"[ \u00a0-](?:of[ \u00a0])?(?:(?:an?|une?|eine?[rnms]?)[ \u00a0]|d['’](?:une?[ \u00a0])?)?")
RANGE = re.compile(
    r"\s?(?:[-–—−]|and|or|to|und|oder|bis|auf|et|ou|à|a|y|o|e|en|tot|x|×|by)\s?[$€£]?", re.IGNORECASE
)
_ARTICLE = re.compile(r"\b(?:an?|une?|eine?)[ \u00a0](?:[^\W\d_]+[ \u00a0])?\Z", re.IGNORECASE)
_OF_WHOLE = re.compile(
    r"[ \u00a0](?:of|de|des|du|der|d['’]|van|di|dei|af|less|more|fewer|weniger|mehr)\b", re.IGNORECASE
)
_OH = re.compile(r"[ -]oh[ -]")
_CENTURY = re.compile(
    r"\.?[ \u00a0-]?(?:e|ème|st|nd|rd|th)?[ \u00a0-]?"
    r"(?:century|centuries|jahrhunderts?|jh\b\.?|siècles?|secolo|eeuw|århundrede)",
    re.IGNORECASE,
)
_DECADE_BEFORE = re.compile(r"\bannées[ \u00a0]\Z", re.IGNORECASE)
_DECADES = range(20, 100, 10)
_CENTURY_BEFORE = re.compile(r"(?:siglo|secolo|século)[ \u00a0]\Z", re.IGNORECASE)


def read_centuries(text: str, drafts: Sequence[Draft]) -> None:
    """Completes the numbers of centuries and of French decades: 19th century, siglo XIX, années soixante."""
    for draft in drafts:
        if draft.values and (
            _CENTURY.match(text, draft.end)
            or _CENTURY_BEFORE.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start)
        ):
            draft.periods = {("century", int(value)) for value in draft.values}
            draft.periods |= {("decade", 100 * (int(value) - 1)) for value in draft.values}
        elif draft.in_words and _DECADE_BEFORE.search(
            text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start
        ):
            decades = {int(value) for value in draft.values if value in _DECADES}
            draft.periods = {("decade", century + decade) for decade in decades for century in CENTURIES}
            draft.values, draft.also = draft.values - decades, draft.also | decades


def join_fractions(text: str, drafts: Sequence[Draft]) -> list[Draft]:
    """Three quarters, two fifths, one and a half, an hour and a half."""
    joined: list[Draft] = []
    for draft in drafts:
        before = joined[-1] if joined else None
        if before is not None and _join_parts(text, before, draft):
            draft = joined.pop()  # one and three quarters
            before = joined[-1] if joined else None
        is_fraction = draft.kind == FRACTION or _is_part(draft)
        if draft.kind == ORDINAL and _is_part_of_whole(text, draft):
            draft.values |= {Fraction(1, int(value)) for value in draft.values if value > 2}
        if is_fraction and before is not None and _is_plain(before):
            after_unit = _AND_AFTER_UNIT.fullmatch(text, before.end, draft.start)
            gap = _BLANK if draft.kind == PARTS else _AND_FRACTION
            if gap.fullmatch(text, before.end, draft.start):
                before.values = _sums(before, draft)
                before.end = draft.end
                continue
            if after_unit and is_unit(after_unit[1]):
                before.also |= before.values
                before.values = _sums(before, draft)
                continue
        if (
            is_fraction
            and (one := ONE_UNIT_BEFORE.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start))
            and is_unit(one[1])
        ):
            draft.also, draft.values = draft.values, {1 + value for value in draft.values}
            draft.unit = unit_at(f"1 {one[1]}", 0, 1)
        joined.append(draft)
    return joined


def _is_part(draft: Draft) -> bool:
    """3/4, which 1 3/4 cups have behind the 1."""
    return draft.kind == PARTS and len(draft.parts) == 2 and any(0 < value < 1 for value in draft.values)


def _is_part_of_whole(text: str, draft: Draft) -> bool:
    """A third of, un cinquième des."""
    before = _ARTICLE.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start)
    return before is not None and _OF_WHOLE.match(text, draft.end) is not None


def _join_parts(text: str, before: Draft, draft: Draft) -> bool:
    """Two thirds, one fifth: the number becomes a part; whether it does."""
    if not _is_plain(before) or draft.kind not in (FRACTION, ORDINAL):
        return False
    if not _BLANK.fullmatch(text, before.end, draft.start):
        return False
    value = next(iter(draft.values))
    if value == Fraction(1, 2) and before.values != {1}:
        return False  # 480 half a century later
    if draft.kind == ORDINAL:
        if not isinstance(value, int) or value < 3:
            return False
        is_plural = text[draft.end - 1] == "s"
        if not is_plural and before.values != {1}:
            return False
        value = Fraction(1, value)
        before.also |= set() if is_plural else draft.values
    before.also |= before.values
    before.values = {each * value for each in before.values}
    before.kind, before.end, before.is_claim = FRACTION, draft.end, False
    return True


def _is_plain(draft: Draft) -> bool:
    return draft.kind in (DIGITS, CARDINAL) and bool(draft.values) and not draft.times


def _sums(one: Draft, other: Draft) -> set[Value]:
    return {a + b for a in one.values for b in other.values}


def join_scales(text: str, drafts: Sequence[Draft]) -> list[Draft]:
    """3 million, half a million, two dozen; of "5 to 10 million" the first may be millions as well."""
    joined: list[Draft] = []
    for draft in drafts:
        before = joined[-1] if joined else None
        scale = _scale_of(draft)
        if scale is not None and before is not None and before.values:
            gap = _OF if before.kind == FRACTION else _BLANK
            if before.kind in (DIGITS, CARDINAL, FRACTION) and gap.fullmatch(text, before.end, draft.start):
                before.values = {value * scale for value in before.values}
                before.end = draft.end + (_ABBREVIATED.match(text, draft.start) is not None)
                before.times = set()  # 4.45 million is no time
                before.is_claim, before.kind = True, DIGITS if not before.in_words else CARDINAL
                if len(joined) > 1 and RANGE.fullmatch(text, joined[-2].end, before.start):
                    first = joined[-2]
                    first.values |= {value * scale for value in first.values if value < _SMALLEST_SCALE}
                continue
        first_scale = _scale_in_words(before, draft) if before is not None else None
        if before is not None and first_scale and RANGE.fullmatch(text, before.end, draft.start):
            before.values |= {value * first_scale for value in before.values}
        joined.append(draft)
    return joined


def _scale_in_words(one: Draft, other: Draft) -> int | None:
    """The thousands or millions of the second number in words, where the first has none: fifteen to twenty thousand."""
    if not (one.in_words and other.in_words and one.kind == other.kind == CARDINAL):
        return None
    (first, *_), (second, *_) = one.values or {0}, other.values or {0}
    if not first < _SMALLEST_SCALE <= second:
        return None
    return next((scale for scale in (10**9, 10**6, 1000) if second % scale == 0), None)


def _scale_of(draft: Draft) -> int | None:
    value = next(iter(draft.values)) if len(draft.values) == 1 else None
    if not isinstance(value, int):
        return None
    if draft.kind == MULTIPLE or (draft.in_words and draft.kind in (CARDINAL, LOOSE) and value in _SCALES):
        return value
    return None


def join_years(text: str, drafts: Sequence[Draft]) -> list[Draft]:
    """Nineteen forty, twenty oh five: two number words that are read as a year."""
    joined: list[Draft] = []
    for draft in drafts:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.in_words
            and draft.in_words
            and before.kind == draft.kind == CARDINAL
            and before.values
            and draft.values
        ):
            first, second = (next(iter(each.values)) for each in (before, draft))
            gap = _BLANK if second > 9 else _OH
            if 11 <= first <= 20 and 0 < second < 100 and gap.fullmatch(text, before.end, draft.start):
                before.also |= {first, second}
                before.values, before.end = {100 * first + second}, draft.end
                continue
        joined.append(draft)
    return joined


def choose_centuries(drafts: Sequence[Draft]) -> None:
    """'31 is of a century that another year of the text is in, where there is one."""
    centuries = {
        int(value) // 100 * 100
        for draft in drafts
        for value in draft.values
        if is_year(value) and draft.kind == DIGITS
    }
    for draft in drafts:
        if draft.kind == SHORT_YEAR:
            near = {value for value in draft.values if int(value) // 100 * 100 in centuries}
            draft.values, draft.kind = near or draft.values, DIGITS
