"""What stands beside a number: its unit, the month whose day it is, an age, or what it counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gristmill.rephrase.frequent_words import FREQUENT_WORDS
from gristmill.rephrase.numbers.digits import DATE, DIGITS, FRACTION, SCORE, Draft, is_year
from gristmill.rephrase.numbers.phrases import RANGE
from gristmill.rephrase.numbers.units import is_unit, unit_at
from gristmill.rephrase.numbers.words import CARDINAL

_MAX_LOOK_BACK_CHARS = 32

_OF_UNIT = re.compile(
    r"[ \u00a0-]?(?:of[ \u00a0]|de[ \u00a0]|einer?s?[ \u00a0]|d['’])?(?:(?:an?|une?|eine[rs]?)[ \u00a0])?"
)
_AGAINST = re.compile(
    r"[ \u00a0](?:against|versus|vs\.?|compared (?:with|to)|instead of|rather than|statt|gegen|gegenüber|contre"
    r"|au lieu de)[ \u00a0][$€£]?",
    re.IGNORECASE,
)
_MONTH_NAMES = (
    "january jan januar janvier enero gennaio janeiro januari",
    "february feb februar février febrero febbraio fevereiro",
    "march mar märz mars marzo março maart marts", "april apr avril abril aprile", "may mai mayo maggio maio mei maj",
    "june jun juni juin junio giugno junho", "july jul juli juillet julio luglio julho",
    "august aug août agosto augustus", "september sep sept septembre septiembre settembre setembro",
    "october oct oktober octobre octubre ottobre outubro", "november nov novembre noviembre novembro",
    "december dec dezember décembre diciembre dicembre dezembro",
)  # fmt: skip
MONTHS = {name: month for month, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_MONTHS = "|".join(sorted(MONTHS, key=len, reverse=True))
_MONTH_AFTER = re.compile(rf"\.?[ \u00a0](?:of |de )?(?:{_MONTHS})\b", re.IGNORECASE)
_MONTH_BEFORE = re.compile(rf"\b(?:{_MONTHS})\.?[ \u00a0](?:the )?\Z", re.IGNORECASE)
_THING = re.compile(r"(?:[ \u00a0]|-)(?:[^\W\d_]{3,}|[A-ZÄÖÜ][a-zäöü]\b)(?:[ \u00a0-][^\W\d_]+){0,2}")
_AGE = re.compile(
    r"(\w+)[ \u00a0](?:over|under|aged|unter|über|(?:de )?(?:moins|plus) de)[ \u00a0]\Z", re.IGNORECASE
)
_AGED = re.compile(
    r"\b(?:aged|the age of|im Alter von|l['’]âge de|a los|all['’]età di)[ \u00a0]\Z", re.IGNORECASE
)
_MAX_AGE = 120
_AT = re.compile(r"\b(?:at|à|a)[ \u00a0]\Z", re.IGNORECASE)
_DASH = re.compile(r"[-–—:]")
_MAX_SCORE = 200
# Step 3: a label of the rephrasing's own.
_LABEL = re.compile(r"\b(?:step|schritt|étape|paso|passo|stap|trin)[ \u00a0]\Z", re.IGNORECASE)
_LIST_MARK = re.compile(r"[.)]\s")
_LINE_BEGIN = re.compile(r"(?:\A|\n)[ \t]*\Z")
_NO_THING_WORDS = (
    "will can may must would should could shall do does did have had were been kann muss werden haben hat peut doit "
    "ont more less ago later earlier before after until when while than each every per last years mehr weniger später "
    "früher vor nach wenn sowie pro plus moins avant après tard dont chacun más menos antes después più meno prima "
    "dopo apiece today tomorrow yesterday now then bis hasta tot til oder ou jusqu"
)
_NO_THINGS = frozenset(_NO_THING_WORDS.split())


def read_units(text: str, drafts: Sequence[Draft], *, nouns_have_capitals: bool) -> None:
    """The unit of each number; in ranges and lists ("5 to 10 metres") that of the next number."""
    following: Draft | None = None
    for draft in reversed(drafts):
        if draft.unit is None and not draft.periods:
            draft.unit = unit_at(text, draft.start, draft.end)
        if draft.unit is None and draft.kind == FRACTION and (of := _OF_UNIT.match(text, draft.end)):
            draft.unit = unit_at(text, draft.start, of.end()) if of.end() > draft.end else None
        if (
            draft.unit is None
            and following is not None
            and not draft.parts
            and not (_is_year_like(text, draft) and not _is_year_like(text, following))
            and (
                RANGE.fullmatch(text, draft.end, following.start)
                or _AGAINST.fullmatch(text, draft.end, following.start)
            )
        ):
            draft.unit = following.unit
        if (
            draft.unit is None
            and draft.kind in (DIGITS, CARDINAL)
            and not draft.times
            and _is_age(text, draft)
        ):
            draft.unit = "year"
        draft.counts = draft.unit is None and _counts(text, draft, nouns_have_capitals)
        if draft.unit not in (None, "h") and draft.values:
            draft.times = set()  # 4.15 %
        if _is_of_month(text, draft):
            draft.kind, draft.counts = DATE if draft.kind == DIGITS else draft.kind, False
        elif draft.kind == DIGITS and _LABEL.search(
            text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start
        ):
            draft.is_claim = False
        elif (
            draft.kind == DIGITS
            and _LIST_MARK.match(text, draft.end)
            and _LINE_BEGIN.search(text, max(0, draft.start - 8), draft.start)
        ):
            draft.is_claim, draft.counts = False, True
        if following is not None and _is_score(text, draft, following):
            draft.kind = following.kind = SCORE
        following = draft


def _is_year_like(text: str, draft: Draft) -> bool:
    return text[draft.start : draft.end].isdigit() and any(map(is_year, draft.values))


def _is_age(text: str, draft: Draft) -> bool:
    """Aged 12, swimmers over 65, enfants de moins de dix."""
    if _AGED.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start):
        return all(value <= _MAX_AGE for value in draft.values)
    before = _AGE.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start)
    return (
        before is not None
        and all(value <= _MAX_AGE for value in draft.values)
        and before[1].lower() not in FREQUENT_WORDS
        and _THING.match(text, draft.end) is not None
        and not _counts(text, draft, True)
    )


def _counts(text: str, draft: Draft, nouns_have_capitals: bool) -> bool:
    """Whether a word that is no unit, nor leads to one, stands behind the number: 412 trees, not 8 warm days."""
    behind = _THING.match(text, draft.end)
    if behind is None or any(is_year(value) or not isinstance(value, int) for value in draft.values):
        return False
    words = behind.group().split()
    first = words[0].strip("-")
    if (
        first[0].isupper()
        and not nouns_have_capitals
        and _AT.search(text, max(0, draft.start - 4), draft.start)
    ):
        return False  # at 16 Anna left
    first = first.lower()
    return (
        first not in FREQUENT_WORDS
        and first not in _NO_THINGS
        and not any(is_unit(word.strip("-")) for word in words)
    )


def _is_score(text: str, draft: Draft, following: Draft) -> bool:
    """3–2, and what looks like it."""
    return (
        draft.kind == DIGITS
        and following.kind in (DIGITS, SCORE)
        and draft.unit is following.unit is None
        and bool(draft.values and following.values)
        and _DASH.fullmatch(text, draft.end, following.start) is not None
        and all(value < _MAX_SCORE for each in (draft, following) for value in each.values)
    )


def _is_of_month(text: str, draft: Draft) -> bool:
    value = next(iter(draft.values), 0)
    return 1 <= value <= 31 and (
        _MONTH_AFTER.match(text, draft.end) is not None
        or _MONTH_BEFORE.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start) is not None
    )
