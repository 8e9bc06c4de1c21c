"""Numbers written in digits and in Roman numerals: what each can mean.

Separators differ by language, so 1.200 means 1200 and 1.2. What has several parts (a date, a clock time, a score, a
version) keeps them. A digit of a chemical formula is no number, and a code like 0x8F12 is a name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from gristmill.rephrase.numbers.units import Value

DIGITS, FRACTION, DATE, SHORT_YEAR, SCORE, CLOCKLIKE, PARTS, CODE, ROMAN = (
    "digits", "fraction", "date", "short_year", "score", "clocklike", "parts", "code", "roman",
)  # fmt: skip
YEARS = (1000, 2100)  # a number of four digits in this range may be a year
CENTURIES = (1700, 1800, 1900, 2000)  # that a year of two digits may be in
MAX_DIGITS = 30  # longer runs are serial numbers; they are compared as written


@dataclass(slots=True)
class Draft:
    """A number while it is read.

    values: what it can mean; `also`: what it supports beside that, where a passage has it; parts: of what has several;
    periods: ("decade", 1990), ("century", 19); seconds: of what may be a duration (2:27:16); is_claim: whether it says
    a number for sure.
    """

    start: int
    end: int
    kind: str
    values: set[Value] = field(default_factory=set)
    also: set[Value] = field(default_factory=set)
    parts: tuple[str, ...] = ()
    periods: set[tuple[str, int]] = field(default_factory=set)
    seconds: set[Value] = field(default_factory=set)
    times: set[int] = field(default_factory=set)
    unit: str | None = None
    in_words: bool = False
    is_claim: bool = True
    counts: bool = False  # it stands before what it counts, which is no unit


_GROUP = "[ \u00a0\u202f\u2009'’]"
_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_NUMBER = re.compile(
    rf"""
    (?=[\d{_VULGAR}])(?:
    (?P<code>0[xX][0-9A-Fa-f]+)
    |(?P<power>(?:(?P<mantissa>\d+(?:[.,]\d+)?)\s?[×x·⋅*]\s?)?10
        (?:(?:\^|\*\*)\{{?(?P<exponent>[-−]?\d{{1,2}})\}}?(?!\d)|(?P<raised>⁻?[⁰¹²³⁴-⁹]{{1,2}})))
    |(?P<science>\d+(?:\.\d+)?[eE][-+]?\d{{1,2}}(?![\w.]))
    |(?P<iso>\d{{4}}-\d{{2}}-\d{{2}}(?!\d))
    |(?P<day>\d{{1,2}}\.[ \u00a0]\d{{1,2}}\.(?:[ \u00a0]?\d{{4}}(?!\d))?
        |\d{{1,2}}\.\d{{1,2}}\.(?=\s*[a-zà-ÿ(),;–-])
        |(?:(?<=\b[Aa]m[ ])|(?<=\b[Zz]um[ ])|(?<=\b[Vv]om[ ])|(?<=\b[Bb]is[ ])|(?<=\b[Aa]b[ ]))
            \d{{1,2}}\.\d{{1,2}}\.(?!\d))
    |(?P<fraction>(?:\d+[ \u00a0]?)?[{_VULGAR}])
    |(?P<indian>\d{{1,2}}(?:,\d\d)+,\d{{3}}(?!\d))
    |(?P<grouped>\d{{1,3}}(?:{_GROUP}\d{{3}})+(?!\d)(?:[.,]\d+)?)
    |(?P<several>\d+(?:[.,:/]\d+)+)
    |(?P<plain>\d+))
    """,
    re.ASCII | re.VERBOSE,
)
_COMMON_FORMULAS = (
    "H2O CO2 O2 N2 H2 O3 SO2 SO3 SO4 NO2 NO3 N2O NH3 NH4 CH4 H2S H2SO4 HNO3 H2O2 HCO3 NaHCO3 Na2CO3 CaCO3 CaCl2 "
    "MgCl2 C2H4 C2H6 C3H8 C2H5OH C6H6 C6H12O6 PO4 H3PO4 Fe2O3 Fe3O4 Al2O3 SiO2 TiO2 MnO2 UO2 UF6 SF6 KNO3 K2CO3 Cl2"
)
_FORMULAS = frozenset(_COMMON_FORMULAS.split())
_SUFFIX = re.compile(r"(?:st|nd|rd|th|ers?|res?|ère|ème|e|º|ª|a|o)(?![\w²³])")
_SCALES = {
    "k": 10**3,
    "m": 10**6,
    "mn": 10**6,
    "bn": 10**9,
    "b": 10**9,
    "tn": 10**12,
    "t": 10**12,
    "md": 10**9,
}
_SCALE = re.compile(r"[kKmMbBT](?![\w²³/'’])|[ \u00a0]?(?:(?:mn|bn|tn)(?!\w)|(?:k|M|Md)(?=€))")
_CURRENCY = re.compile(r"(?:[$€£¥₹]|\b(?:EUR|USD|GBP|CHF))[ \u00a0]?\Z")
_MONEY = re.compile(r"€|[ \u00a0](?:pounds?|dollars?|euros?|francs?|yen|livres)\b")
_DECADE = re.compile(r"(?:['’]?s|er)(?!\w)")
_SHORT_YEAR = re.compile(r"(?<!\w)['’]\Z")
_ROMAN = re.compile(
    r"(?=[IVXLCM])(?<![\w.-])(?:C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})|MC?[MDCLXVI]+)(?=(?:e|er|ème|th)?(?![\w'’]))"
)
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_AFTER_NAME = re.compile(
    r"(?:[A-ZÀ-Ý][\w.’'-]*|\b(?:siglo|secolo|século|chapter|part|volume|Kapitel|tome))[ \u00a0]\Z"
)
_ORDINAL_ROMAN = re.compile(r"(?:e|ème|er|th|\.)?[ \u00a0](?:siècles?|century|centuries|Jahrhunderts?|eeuw)")
_MAX_LOOK_BACK_CHARS = 24


def read_digits(text: str) -> list[Draft]:
    """The numbers of a text in digits and in Roman numerals, in order, without overlaps. Linear."""
    found: list[Draft] = []
    for match in _NUMBER.finditer(text):
        if _formula_at(text, match.start()) or (found and match.start() < found[-1].end):
            continue
        draft = _draft(match)
        _read_around(text, draft, found[-1] if found else None)
        found.append(draft)
    return found + list(_read_roman(text))


def _formula_at(text: str, start: int) -> bool:
    """Whether a chemical formula stands at this digit."""
    if start == 0 or not text[start - 1].isalpha():
        return False
    first = start
    while first and text[first - 1].isalnum() and start - first < _MAX_LOOK_BACK_CHARS:
        first -= 1
    last = start
    while last < len(text) and text[last].isalnum() and last - start < _MAX_LOOK_BACK_CHARS:
        last += 1
    return text[first:last] in _FORMULAS


def _draft(match: re.Match[str]) -> Draft:
    shown, kind = match.group(), match.lastgroup
    draft = Draft(match.start(), match.end(), DIGITS)
    if sum(c.isdigit() for c in shown) > MAX_DIGITS or match["code"]:
        draft.kind, draft.parts = CODE, (shown.lower(),)
    elif match["power"]:
        exponent = match["exponent"] or unicodedata.normalize("NFKC", match["raised"])
        scale = Fraction(10) ** int(exponent.replace("−", "-"))
        draft.values = {_value(value * scale) for value in readings(match["mantissa"] or "1")}
    elif match["science"]:
        draft.values = {_value(Fraction(shown))}
    elif match["iso"] or match["day"]:
        parts = [part.strip() for part in re.split("[-.]", shown) if part.strip()]
        day, month = (parts[2], parts[1]) if match["iso"] else (parts[0], parts[1])
        draft.kind = DATE if int(day) <= 31 and int(month) <= 12 else PARTS
        draft.parts = tuple(parts)
    elif match["fraction"]:
        whole = shown[:-1].strip()
        part = Fraction(unicodedata.numeric(shown[-1])).limit_denominator(10)
        draft.values = {_value(int(whole or 0) + part)}
        draft.kind = DIGITS if whole else FRACTION
    elif match["several"]:
        _read_parts(shown, draft)
    else:
        draft.values = set(
            readings(re.sub(_GROUP, "", shown) if kind == "grouped" else shown.replace(",", ""))
        )
    return draft


def _read_parts(shown: str, draft: Draft) -> None:
    """What has marks inside: one number where they are separators, else its parts."""
    if ":" in shown:
        draft.kind, draft.parts = CLOCKLIKE, tuple(re.split("[:/]", shown))
        draft.seconds = set(_durations(draft.parts))
    elif "/" in shown:
        draft.parts = tuple(shown.split("/"))
        draft.kind = DATE if len(draft.parts) == 3 else PARTS
        draft.is_claim = shown != "24/7"
        if len(draft.parts) == 2 and shown.replace("/", "").isdigit():
            first, second = draft.parts
            if len(first) == 4 and len(second) == 2 and second > first[2:]:  # 2019/20
                draft.parts = (first, first[:2] + second)
            elif int(second):
                draft.values = {_value(Fraction(int(first), int(second)))}
    elif values := readings(shown):
        draft.values = set(values)
    else:
        draft.parts = tuple(re.split("[.,]", shown))
        is_day = len(draft.parts) == 3 and int(draft.parts[0]) <= 31 and int(draft.parts[1]) <= 12
        draft.kind = DATE if is_day and len(draft.parts[2]) in (2, 4) and "." in shown else PARTS


def is_year(value: Value) -> bool:
    """Whether a number may be a year."""
    return isinstance(value, int) and YEARS[0] <= value <= YEARS[1]


def readings(shown: str) -> tuple[Value, ...]:
    """What digits with points and commas can mean as one number: `1.200` is 1200 or 1.2; empty where none."""
    marks = re.findall(r"[.,]", shown)
    if not marks:
        return (int(shown),)
    whole, (before, _, after) = re.sub(r"[.,]", "", shown), shown.rpartition(marks[-1])
    decimal = _value(Fraction(int(whole), 10 ** len(after)))
    if len(marks) == 1:
        if not (len(after) == 3 and 0 < len(before) <= 3 and before != "0"):
            return (decimal,)
        return (int(whole),) if after == "000" else (decimal, int(whole))  # nobody writes 9.000 for 9
    groups = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?", shown)
    if groups is None or len(set(marks[:-1])) > 1:
        return ()
    return (decimal,) if marks[-1] != marks[0] else ((int(whole),) if len(after) == 3 else ())


def _durations(parts: tuple[str, ...]) -> Iterator[Value]:
    """Seconds of hours:minutes:seconds, minutes:seconds, hours:minutes."""
    values = [readings(part) for part in parts]
    if not all(len(value) == 1 for value in values[:-1]) or not values[-1]:
        return
    numbers = [value[0] for value in values]
    if len(parts) == 3 and numbers[1] < 60 and numbers[2] < 60:
        yield _value(numbers[0] * 3600 + numbers[1] * 60 + Fraction(numbers[2]))
    if len(parts) == 2 and numbers[1] < 60:
        yield _value(numbers[0] * 60 + Fraction(numbers[1]))
        if isinstance(numbers[1], int):
            yield _value(Fraction(numbers[0]) * 3600 + numbers[1] * 60)


def _read_around(text: str, draft: Draft, before: Draft | None) -> None:
    """What is written to a number without a blank: ordinal endings, `k` and `bn`, decades, short years."""
    if draft.kind != DIGITS or not draft.values:
        return
    shown, value = text[draft.start : draft.end], next(iter(draft.values))
    if shown.isdigit() and len(shown) <= 2:
        if len(shown) == 2 and _SHORT_YEAR.search(text, max(0, draft.start - 2), draft.start):
            draft.values = {century + int(shown) for century in CENTURIES}
            draft.kind = SHORT_YEAR
            draft.also = {int(shown)}
        elif before is not None and before.end == draft.start - 1 and text[before.end] in "-–—/":
            _read_end_of_years(text, draft, before)
    if (decade := _DECADE.match(text, draft.end)) and shown.isdigit() and int(value) % 10 == 0:
        years = [int(value)] if len(shown) == 4 else [century + int(value) for century in CENTURIES]
        if len(shown) in (2, 4):
            draft.periods = {("decade", year) for year in years}
            draft.periods |= {("century", year // 100 + 1) for year in years if year % 100 == 0}
            draft.values, draft.also, draft.end = set(), {int(value)}, decade.end()
            return
    if scale := _SCALE.match(text, draft.end):
        factor = _SCALES[scale.group().strip().lower()]
        scaled = {_value(each * factor) for each in draft.values}
        is_money = _CURRENCY.search(text, max(0, draft.start - 4), draft.start) is not None
        is_money = is_money or _MONEY.match(text, scale.end()) is not None
        draft.values = scaled if is_money or len(scale.group()) > 1 else draft.values | scaled
        if is_money or scale.group() not in "mMbBT":
            draft.end = scale.end()
    elif suffix := _SUFFIX.match(text, draft.end):
        draft.end = suffix.end()


def _read_end_of_years(text: str, draft: Draft, before: Draft) -> None:
    """1886–87: the second is 1887 as well."""
    first = text[before.start : before.end]
    if len(first) == 4 and first.isdigit() and YEARS[0] <= int(first) <= YEARS[1]:
        short, cut = int(text[draft.start : draft.end]), 10 ** (draft.end - draft.start)
        if short > int(first) % cut:
            draft.values = {int(first) // cut * cut + short}
            draft.also = {short}


def _read_roman(text: str) -> Iterator[Draft]:
    """Roman numerals behind a name, before a century, or of two letters and more; single letters only support."""
    for match in _ROMAN.finditer(text):
        shown = match.group()
        if not shown:
            continue
        before = _AFTER_NAME.search(text, max(0, match.start() - _MAX_LOOK_BACK_CHARS), match.start())
        century = _ORDINAL_ROMAN.match(text, match.end())
        if len(shown) == 1 and (shown in "CLMD" or not (before or century)):
            continue
        draft = Draft(match.start(), match.end(), ROMAN, {_roman_value(shown)})
        is_small = set(shown) <= {"I", "V", "X"}
        draft.is_claim = is_small and (century is not None or (len(shown) > 1 and before is not None))
        yield draft


def _roman_value(shown: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in shown]
    return sum(-v if any(v < later for later in values[i + 1 : i + 2]) else v for i, v in enumerate(values))


def _value(number: Value) -> Value:
    """A whole number as int, so that sets and messages stay small."""
    return number if isinstance(number, int) or number.denominator != 1 else int(number)
