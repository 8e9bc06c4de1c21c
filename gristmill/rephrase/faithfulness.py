"""Numbers, names and web addresses of a rephrasing that its passage does not have.

The cheap, deterministic part of a faithfulness gate: WRAP itself checks only that sentence embeddings of the
pairs are close. It finds invented items, not swapped or dropped ones; those need a comparison of statements.
Names are told in names.py.

A number is a set of readings, because separators differ by language (1.200 is 1200 in German, 1.2 in
English); it is novel where no reading occurs in the passage. Number words of English, German and French up to
the tens, English ordinals, "half", "dozen", "million" and years that follow from "N years later" or "the next
year" count as digits. Words for one to three are not claims of the rephrasing: they are pronouns and
enumerators ("one of them").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from gristmill.rephrase.names import WORD, novel_names
from gristmill.rephrase.units import joins_next, unit_at

_DIGITS = re.compile(r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,:/]\d+)*", re.ASCII)
_MIN_LONG_WORD = 5  # characters; shorter words are mostly grammar
_STEM_CHARS = 5  # words that begin alike are forms of one word: generate, generation
_MAX_DIGITS = 30  # longer runs are serial numbers; their first digits name them
_LIST_MARK = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_MAGNITUDES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "tausend": 10**3, "millionen": 10**6, "milliarden": 10**9, "milliarde": 10**9, "mille": 10**3,
    "millions": 10**6, "milliard": 10**9, "milliards": 10**9, "billions": 10**9,
    "dozen": 12, "dozens": 12, "dutzend": 12, "douzaine": 12, "decade": 10, "decades": 10,
}  # fmt: skip
_COUNTED = frozenset({"dozen", "dutzend", "douzaine", "decade", "decades"})  # three decades: 3 as well as 30
_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen  eighteen nineteen twenty"
)
_ENGLISH_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth  sixteenth seventeenth eighteenth nineteenth twentieth"
)
_GERMAN = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn  achtzehn neunzehn zwanzig"
)
_GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert"
_FRENCH = "deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
_FRENCH_ORDINALS = (
    "deuxième troisième quatrième cinquième sixième septième huitième neuvième dixième onzième douzième "
    "treizième  quatorzième quinzième seizième"
)
_ENGLISH_TENS = "thirty forty fifty sixty seventy eighty ninety"
_WORDS: dict[str, int] = {
    **{word: value for value, word in enumerate(_ENGLISH.split())},
    **{word: 10 * tens for tens, word in enumerate(_ENGLISH_TENS.split(), 3)},
    **{word: value for value, word in enumerate(_ENGLISH_ORDINALS.split(), 1)},
    **{word: value for value, word in enumerate(_GERMAN.split())},
    **{word: 10 * tens for tens, word in enumerate(_GERMAN_TENS.split(), 2)},
    **{
        f"{unit}und{ten}": 10 * tens + value
        for value, unit in enumerate(["ein", *_GERMAN.split()[2:10]], 1)
        for tens, ten in enumerate(_GERMAN_TENS.split()[:-1], 2)
    },
    **{word: value for value, word in enumerate(_FRENCH.split(), 2)},
    **{word: value for value, word in enumerate(_FRENCH_ORDINALS.split(), 2)},
    "vingt": 20, "vingts": 20, "vingtième": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60,
    "cent": 100, "einem": 1, "eine": 1, "un": 1, "une": 1, "nought": 0, "twice": 2, "double": 2, "thrice": 3,
}  # fmt: skip
_FRACTIONS = {
    "half": ("0.5", "50"), "hälfte": ("0.5", "50"), "halb": ("0.5", "50"), "moitié": ("0.5", "50"),
    "quarter": ("0.25", "25"), "viertel": ("0.25", "25"), "quart": ("0.25", "25"),
}  # fmt: skip
# Words of the rephrasing that are no claims: small numbers, and words that mean other things as well.
_NO_CLAIM = frozenset({"null", "cent", "double", "second", "quart"})
_SMALLEST_CLAIM = 4
_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_SPAN_OF_YEARS = re.compile(r"([^\W_]+)\s+(?:years?|jahren?|ans|années)\b", re.IGNORECASE)
_NEXT_YEAR = re.compile(
    r"\b(?:(?:following|next|previous|preceding) year|year (?:after|before|later|earlier)"
    r"|année (?:suivante|précédente)|(?:folgenden|nächsten|vorigen) jahre?|jahr (?:darauf|danach|zuvor|davor)"
    r"|folgejahr|vorjahr)",
    re.IGNORECASE,
)
_YEARS = (1000, 2100)

_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'”’)\]]+", re.IGNORECASE)


@dataclass(frozen=True)
class NovelItems:
    """What a rephrasing has and its passage has not; `number_recall` is the share of the passage's numbers
    kept.
    """

    numbers: tuple[str, ...]
    names: tuple[str, ...]
    urls: tuple[str, ...]
    number_recall: float | None


def novel_word_share(text: str, source: str) -> float:
    """Long words of `text` whose beginning no word of `source` has / long words of `text`; 0 where it has none.

    High for a good paraphrase too: a bound suits small models, which write from memory where they should rewrite.
    """
    known = {word.lower()[:_STEM_CHARS] for word in WORD.findall(source)}
    said = [word.lower()[:_STEM_CHARS] for word in WORD.findall(text) if len(word) >= _MIN_LONG_WORD]
    return sum(stem not in known for stem in said) / len(said) if said else 0.0


def novel_items(text: str, source: str) -> NovelItems:
    """Numbers, names and web addresses of `text` that `source` does not have.

    `number_recall` is null where the passage has no number in digits. Linear; no randomness.
    """
    without_urls, source_without_urls = _URL.sub(" ", text), _URL.sub(" ", source)
    known = _known_readings(source_without_urls) | _known_readings(source)
    in_source, written = _in_digits(source_without_urls), _in_digits(_LIST_MARK.sub(" ", without_urls))
    in_words = [readings for _, readings in _in_words(source_without_urls, claims=False)]
    units = _units_by_reading(in_source, frozenset().union(*in_words))
    numbers = [
        number.shown for number in written if not number.readings & known or _has_other_unit(number, units)
    ]
    numbers += [shown for shown, readings in _in_words(without_urls, claims=True) if not readings & known]
    given = [number.readings for number in in_source]
    kept = frozenset().union(
        *(number.readings for number in written),
        *(readings for _, readings in _in_words(without_urls, claims=False)),
    )
    recall = sum(bool(readings & kept) for readings in given) / len(given) if given else None
    folded = source.lower()
    urls = [url.rstrip(".,;:!?") for url in _URL.findall(text)]
    return NovelItems(
        numbers=tuple(dict.fromkeys(numbers)),
        names=tuple(novel_names(without_urls, source)),
        urls=tuple(dict.fromkeys(url for url in urls if url.lower() not in folded)),
        number_recall=recall,
    )


def _known_readings(source: str) -> frozenset[str]:
    """Every reading of every number of the passage, and the years that follow from it."""
    known = {reading for number in _in_digits(source) for reading in number.readings}
    known |= {reading for _, readings in _in_words(source, claims=False) for reading in readings}
    known |= {str(_WORDS[word]) for word in map(_number_word, _TOKEN.findall(source)) if word in _WORDS}
    years = [int(r) for r in known if r.isdigit() and len(r) == 4 and _YEARS[0] <= int(r) <= _YEARS[1]]
    spans = [1] if _NEXT_YEAR.search(source) else []
    for match in _SPAN_OF_YEARS.finditer(source):
        word = match.group(1).lower()
        span = int(word) if word.isascii() and word.isdigit() and len(word) <= 3 else _WORDS.get(word)
        spans += [] if span is None else [span]
    known |= {str(year + sign * span) for year in years for span in set(spans) for sign in (1, -1)}
    return frozenset(known)


class _Number(NamedTuple):
    """A number in digits: as written, what it can mean, and the unit beside it where one is known."""

    shown: str
    readings: frozenset[str]
    unit: str | None


def _in_digits(text: str) -> list[_Number]:
    """Numbers in digits; parts of dates, times and versions count one by one."""
    found = []
    matches = list(_DIGITS.finditer(text))
    units = _units(text, matches)
    for match, unit in zip(matches, units, strict=True):
        following = re.match(r"[ \u00a0-]?([^\W\d_]+)", text[match.end() : match.end() + 16])
        factor = _MAGNITUDES.get(following.group(1).lower()) if following else None
        for part in _parts(match.group()):
            readings = _readings(part) if len(part) <= _MAX_DIGITS else {part[:_MAX_DIGITS]}
            if factor is not None:
                readings |= {_canonical(Decimal(reading) * factor) for reading in readings}
            found.append(_Number(part, frozenset(readings), unit))
    return found


def _units(text: str, matches: Sequence[re.Match[str]]) -> list[str | None]:
    """The unit of each number; in ranges and lists ("5 to 10 metres") that of the next number."""
    units: list[str | None] = []
    begins, after = -1, None
    for match in reversed(matches):
        unit = unit_at(text, match.start(), match.end())
        if unit is None and begins >= 0 and joins_next(text, match.end()) == begins:
            unit = after
        units.append(unit)
        begins, after = match.start(), unit
    return units[::-1]


def _units_by_reading(numbers: Sequence[_Number], in_words: frozenset[str]) -> dict[str, set[str | None]]:
    """The units that each number of the passage stands beside; of numbers in words none is known."""
    units: dict[str, set[str | None]] = {reading: {None} for reading in in_words}
    for number in numbers:
        for reading in number.readings:
            units.setdefault(reading, set()).add(number.unit)
    return units


def _has_other_unit(number: _Number, units: Mapping[str, set[str | None]]) -> bool:
    """Whether the number has a unit, and stands beside other ones only in the passage."""
    if number.unit is None:
        return False
    beside = set().union(*(units.get(reading, set()) for reading in number.readings))
    return bool(beside) and None not in beside and number.unit not in beside


def _parts(shown: str) -> list[str]:
    """A number as it is, or cut at marks that cannot be separators of one number."""
    if ":" in shown or "/" in shown:
        return [piece for part in re.split("[:/]", shown) for piece in _parts(part)]
    marks = re.findall(r"[.,]", shown)
    grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?", shown) is not None
    if len(marks) <= 1 or (grouped and len(set(marks[:-1])) == 1):
        return [shown]
    return re.split("[.,]", shown)


def _readings(part: str) -> set[str]:
    """What a number can mean: `1.200` is 1200 or 1.2; `1,200.5` is 1200.5."""
    compact = re.sub(r"[ \u00a0\u202f'’]", "", part)
    marks = re.findall(r"[.,]", compact)
    if not marks:
        return {_canonical(compact)}
    whole = re.sub(r"[.,]", "", compact)
    before, _, after = compact.rpartition(marks[-1])
    decimal = f"{re.sub(r'[.,]', '', before)}.{after}"
    if len(set(marks)) > 1:
        return {_canonical(decimal)}
    if len(marks) > 1:
        return {_canonical(whole)}
    return {_canonical(decimal), _canonical(whole)} if len(after) == 3 else {_canonical(decimal)}


def _canonical(number: str | Decimal) -> str:
    try:
        value = Decimal(number)
    except InvalidOperation:
        return str(number)
    return format(value.normalize(), "f") if value else "0"


def _in_words(text: str, *, claims: bool) -> list[tuple[str, frozenset[str]]]:
    """Numbers in words as (as written, readings); with `claims`, only words that can mean nothing else."""
    tokens = [match.group() for match in _TOKEN.finditer(text)]
    found = []
    index = 0
    while index < len(tokens):
        word = _number_word(tokens[index])
        if word in _FRACTIONS and not claims:
            found.append((tokens[index], frozenset(_FRACTIONS[word])))
        if word not in _WORDS:
            index += 1
            continue
        begin = index
        total, index = _compound(tokens, index)
        if claims and (total < _SMALLEST_CLAIM or (index == begin + 1 and word in _NO_CLAIM)):
            continue
        counted = index == begin + 2 and _number_word(tokens[begin + 1]) in _COUNTED
        readings = {str(total)} | ({str(_WORDS[word])} if counted else set())
        found.append((" ".join(tokens[begin:index]), frozenset(readings)))
    return found


def _compound(tokens: list[str], index: int) -> tuple[int, int]:
    """Value of the number words from `index` on (`two hundred thirty`, `three decades`); the token after."""
    total, current, scaled = 0, _WORDS[_number_word(tokens[index])], False
    index += 1
    while index < len(tokens):
        word = _number_word(tokens[index])
        if word in _MAGNITUDES:
            current, scaled = max(current, 1) * _MAGNITUDES[word], True
            if _MAGNITUDES[word] >= 1000:
                total, current = total + current, 0
        elif word in _WORDS and _adds_to(current, _WORDS[word], scaled):
            current += _WORDS[word]
        elif current == 4 and word in ("vingt", "vingts"):  # quatre-vingts
            current = 80
        else:
            break
        index += 1
        if total + current > 10**15:
            break
    return total + current, index


def _adds_to(current: int, value: int, scaled: bool) -> bool:
    """Whether a number word continues the one before: two hundred + thirty, twenty + one, soixante + dix."""
    if value == 0:
        return False
    if scaled and current % 100 == 0:
        return True
    rest = current % 100
    return rest >= 20 and ((rest % 10 == 0 and value < 10) or (rest in (60, 80) and 10 <= value <= 16))


def _number_word(token: str) -> str:
    """Lower case, without the suffix of `fourfold`."""
    word = token.lower()
    return word[:-4] if word.endswith("fold") and word[:-4] in _WORDS else word
