"""Clock times in digits and words: 13:30, 1.30 p.m., 5 h 42, half past one, halb elf, midi et quart.

A time is a set of minutes of the day: without a.m. or p.m., 1:30 is 01:30 and 13:30.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from gristmill.rephrase.numbers.digits import CLOCKLIKE, DIGITS, Draft
from gristmill.rephrase.numbers.words import CARDINAL

_HOUR = 60
_NOON = 12 * _HOUR
_MARK = re.compile(
    r"[ \u00a0\u202f]?(?:(?P<half>[ap])\.?[ \u00a0]?m\b\.?|(?P<day>o['’]clock|uhr\b|horas\b|hrs\b|klokken\b)"
    r"|(?P<hour>h(?:eures?)?(?![\w/²³]))|(?P<joined>h(?=\d)))",
    re.IGNORECASE,
)
_MINUTES_AFTER = re.compile(r"[ \u00a0\u202f]?(\d{2})(?!\d|[.,:]\d|[ \u00a0]?[%€$])")
_PART_OF_DAY = re.compile(
    r"\s?(?:in the (?P<am>morning)|(?:in the (?:afternoon|evening)|at night|(?P<noon>noon))"
    r"|(?P<am2>morgens|vormittags|du matin|de la mañana|del mattino)"
    r"|nachmittags|abends|de l['’]après-midi|du soir|de la tarde|de la noche)\b",
    re.IGNORECASE,
)
_HOURS = re.compile(r"[ \u00a0](?:hours|hrs)\b")  # 1900 hours
_MINUTE_WORDS = {
    "quarter": 15, "a quarter": 15, "half": 30, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25,
    "viertel": 15, "fünf": 5, "zehn": 10, "zwanzig": 20,
}  # fmt: skip
# "Five to ten" is a range as well, so numbers need a preposition before them, or "past".
_BEFORE = re.compile(
    r"(?<!\w)(?:(?P<part>(?:a )?quarter|half)[ -](?P<past>past|to|after|before)"
    r"|(?P<part2>twenty-five|five|ten|twenty|\d{1,2})(?: minutes)? (?P<past2>past)"
    r"|(?<=\bat )(?P<part3>twenty-five|five|ten|twenty)(?: minutes)? (?P<past3>to|after|before)"
    r"|(?P<part4>viertel) (?P<past4>nach|vor)|(?<=\bum )(?P<part5>fünf|zehn|zwanzig)(?: minuten)? (?P<past5>nach|vor)"
    r"|(?P<halb>halb|viertel|dreiviertel|drei viertel))\s\Z",
    re.IGNORECASE,
)
_FRENCH_AFTER = re.compile(
    r"\s(?:et (?P<plus>quart|demie?)|moins (?P<minus>le quart|cinq|dix|vingt|vingt-cinq))\b", re.IGNORECASE
)
_FRENCH_MINUTES = {"quart": 15, "demie": 30, "demi": 30, "le quart": -15, "cinq": -5, "dix": -10, "vingt": -20,
                   "vingt-cinq": -25}  # fmt: skip
_NAMED = re.compile(
    r"(?<!\w)(?:(?P<noon>noon|midday|midi|mittags?|mediodía|mezzogiorno|12 uhr mittags)|midnight|minuit|mitternachts?"
    r"|medianoche|mezzanotte)(?!\w)(?:\s(?P<after>et demie?|et quart|moins le quart))?",
    re.IGNORECASE,
)
_NAMES = ("noon", "mid", "mitt", "minuit", "mediod", "mezzo", "mezza", "mediano")  # one of them is in each
_BEHIND_MINUTES = re.compile(
    r"\s(?:du|de l|et|à|au|en|par|pour|am|im|in|an|und|bis|nach|vor|morgens|abends|nachmittags)\b|\s*(?:[.,;:!?)]|\Z)",
    re.IGNORECASE,
)
_MIN_MINUTES_IN_WORDS = 5  # fewer may count what follows
_MAX_HOURS = 999
_MAX_LOOK_BACK_CHARS = 28
_TO_NEXT = re.compile(r"\s?(?:[-–—]|to|and|until|till|bis|und|à|a|et|or|oder|ou)\s?", re.IGNORECASE)


def read_times(text: str, drafts: Sequence[Draft]) -> list[Draft]:
    """The numbers with `times` where they can be clock times; the minutes of a time are no number of their own.

    Right to left, since "from 8 to 10 p.m." has its mark at the end.
    """
    kept: list[Draft] = []
    for draft in reversed(drafts):
        following = kept[-1] if kept else None
        begin, end = draft.start, draft.end
        _read_time(text, draft, following)
        while draft.end > end and kept and kept[-1].start < draft.end:
            kept.pop()  # 30 of `10 Uhr 30`
        if draft.times and (words := _BEFORE.search(text, max(0, begin - _MAX_LOOK_BACK_CHARS), begin)):
            draft.start = words.start()
        kept.append(draft)
    ordered = kept[::-1]
    return [each for i, each in enumerate(ordered) if not any(each.end <= o.end and each.start >= o.start
            for o in ordered[i + 1 : i + 2])]  # fmt: skip


def named_times(text: str) -> Iterator[int]:
    """Minutes of the day of noon and midnight, with what follows them."""
    if not any(word in text.lower() for word in _NAMES):
        return
    for match in _NAMED.finditer(text):
        minutes = _NOON if match["noon"] else 0
        after = (match["after"] or "").lower()
        yield (
            minutes + {"et demi": 30, "et demie": 30, "et quart": 15, "moins le quart": -15}.get(after, 0)
        ) % (24 * _HOUR)


def _read_time(text: str, draft: Draft, following: Draft | None) -> None:
    hour_and_minute = _hour_and_minute(text, draft)
    if hour_and_minute is None:
        _read_long(text, draft)
        return
    hour, minute, written = hour_and_minute
    before = _BEFORE.search(text, max(0, draft.start - _MAX_LOOK_BACK_CHARS), draft.start)
    shift = _shift(before) if before and not written and hour <= 24 else None
    before_shifts = shift is not None
    mark = _MARK.match(text, draft.end)
    if mark and (mark["day"] or mark["hour"] or mark["joined"]) and not written:
        minutes_after = _MINUTES_AFTER.match(text, mark.end())
        french = _FRENCH_AFTER.match(text, mark.end())
        if french:
            shift = _FRENCH_MINUTES[(french["plus"] or french["minus"]).lower()]
            draft.also, draft.end, draft.unit = {hour}, french.end(), "h"
            draft.values = {hour + Fraction(shift, _HOUR)}
        elif minutes_after and int(minutes_after[1]) < _HOUR and _is_no_duration(text, minutes_after.end()):
            minute, written = int(minutes_after[1]), True
            draft.end, draft.values, draft.kind = minutes_after.end(), set(), CLOCKLIKE
            draft.parts = (str(hour), f"{minute:02}")
            if mark["hour"] or mark["joined"]:
                draft.seconds = {60 * (_HOUR * hour + minute)}  # 1 h 10 is a duration as well
            mark = _MARK.match(text, draft.end)
        elif following is not None and _is_minutes(text, mark.end(), following):
            minute, written = int(next(iter(following.values or following.also))), True
            draft.end, draft.values, draft.kind = following.end, set(), CLOCKLIKE
            draft.parts = (str(hour), f"{minute:02}")
            mark = _MARK.match(text, draft.end)
    part = _PART_OF_DAY.match(text, mark.end() if mark else draft.end)
    near = following is not None and _TO_NEXT.fullmatch(text, draft.end, following.start) is not None
    if not (
        written or mark or part or shift is not None or (near and following is not None and following.times)
    ):
        return
    if mark is None and part is None and shift is None and not written and not _plain_hour(draft):
        return
    half = (mark["half"] or "").lower() if mark else ""
    if not half and part is not None:
        half = "a" if part["am"] or part["am2"] else "p"
    draft.times = set(_minutes_of_day(hour, minute, half, shift or 0))
    if before_shifts or half or (mark and mark["day"]):
        draft.values, draft.also = set(), draft.also | {hour}  # a time for sure, no other number
    if mark and half:
        draft.end = mark.end()


def _read_long(text: str, draft: Draft) -> None:
    """33 h 30: longer than a day."""
    shown = text[draft.start : draft.end]
    if draft.kind != DIGITS or not shown.isdecimal() or not 24 < int(shown) <= _MAX_HOURS:
        return
    mark = _MARK.match(text, draft.end)
    if mark and (mark["hour"] or mark["joined"]) and (minutes := _MINUTES_AFTER.match(text, mark.end())):
        draft.seconds = {60 * (_HOUR * int(shown) + int(minutes[1]))}
        draft.end, draft.values, draft.kind = minutes.end(), set(), CLOCKLIKE
        draft.parts = (shown, minutes[1])


def _is_minutes(text: str, start: int, following: Draft) -> bool:
    """Whether the number in words behind an hour is its minutes: dix heures vingt, zehn Uhr fünf."""
    value = next(iter(following.values or following.also), None)  # also: with a part of the day behind it
    return (
        following.in_words
        and following.kind == CARDINAL
        and following.start == start + 1
        and isinstance(value, int)
        and _MIN_MINUTES_IN_WORDS <= value < _HOUR
        and _BEHIND_MINUTES.match(text, following.end) is not None
    )


def _hour_and_minute(text: str, draft: Draft) -> tuple[int, int, bool] | None:
    """(hour, minute, whether the minute is written) of what may be a clock time."""
    if draft.kind == CLOCKLIKE:
        parts = draft.parts
        if all(part.isdigit() for part in parts) and len(parts[1]) == 2:
            hour, minute = int(parts[0]), int(parts[1])
            is_exact = len(parts) == 2 or (len(parts) == 3 and parts[2] == "00")  # 2:27:16 is a duration
            return (hour, minute, True) if _is_time(hour, minute) and is_exact else None
        return None
    shown = text[draft.start : draft.end]
    if draft.kind == DIGITS and (found := re.fullmatch(r"(\d{1,2})\.(\d\d)", shown)):
        hour, minute = int(found[1]), int(found[2])
        return (hour, minute, True) if _is_time(hour, minute) else None
    if draft.kind == DIGITS and re.fullmatch(r"\d{4}", shown) and _HOURS.match(text, draft.end):
        hour, minute = int(shown[:2]), int(shown[2:])
        return (hour, minute, True) if _is_time(hour, minute) else None
    if _plain_hour(draft):
        return next(int(value) for value in draft.values), 0, False
    return None


def _plain_hour(draft: Draft) -> bool:
    if draft.kind not in (DIGITS, CARDINAL) or len(draft.values) != 1:
        return False
    value = next(iter(draft.values))
    return isinstance(value, int) and 0 <= value <= 24


def _is_time(hour: int, minute: int) -> bool:
    return minute < _HOUR and (hour < 24 or (hour == 24 and minute == 0))


def _is_no_duration(text: str, end: int) -> bool:
    return re.compile(r"[ \u00a0]?min", re.IGNORECASE).match(text, end) is None


def _shift(before: re.Match[str]) -> int:
    """Minutes that the words before an hour add to it."""
    if halb := before["halb"]:
        return {"halb": -30, "viertel": -45}.get(halb.lower(), -15)
    word, direction = (group.lower() for group in before.groups() if group)
    minutes = int(word) if word.isdigit() else _MINUTE_WORDS[word]
    return minutes if direction in ("past", "after", "nach") else -minutes


def _minutes_of_day(hour: int, minute: int, half: str, shift: int) -> Iterator[int]:
    if half and hour <= 12:
        hours = [hour % 12 + (12 if half == "p" else 0)]
    else:
        hours = [hour, hour + 12] if hour <= 12 else [hour]
    for each in hours:
        yield (each * _HOUR + minute + shift) % (24 * _HOUR)
