"""Numbers written as words, in eight languages.

Cardinal and ordinal numbers are read by text2num (MIT), which knows English, German, French, Spanish, Portuguese,
Italian, Dutch and Danish. What it lacks is small data here: fractions, dozens, decades, "twice", and numbers at the
beginning of a longer word (dreijährig, Viertelstunde, tenfold, zweieinhalb).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from text_to_num import find_numbers  # type: ignore[import-untyped]

from gristmill.rephrase.numbers.digits import FRACTION
from gristmill.rephrase.numbers.units import Value, is_unit

CARDINAL, ORDINAL, MULTIPLE, DECADE, LOOSE = "cardinal", "ordinal", "multiple", "decade", "loose"


class NumberWord(NamedTuple):
    """A number in words; `kind` is one of the names above, `loose` for what is no claim of a number ("both")."""

    start: int
    end: int
    value: Value
    kind: str


_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN = re.compile(r"[ \u00a0\u202f]|-|\n")
_CONNECTING = "and und et y e en og point komma virgule coma virgola vírgula"
_CONNECTORS = frozenset(_CONNECTING.split())
_MAX_RUN = 24  # words of one number
_MAX_WORD_CHARS = 60  # longer ones are no words
_MAX_VALUE = 10**18

_FRACTIONS = {
    Fraction(
        1, 2
    ): "half halves halb halbe halber halbes halben halbem hälfte demi demie moitié medio media mitad "
    "metà mezzo mezza metade meio meia helft halve halv halvdelen",
    Fraction(1, 3): "drittel dritteln tiers tercio tercios terço tredjedel",
    Fraction(1, 4): "quarter quarters viertel vierteln quart quarts kwart kvart fjerdedel",
    Fraction(3, 4): "dreiviertel",
    Fraction(
        1, 10
    ): "tenths dixièmes décimas decimi décimos tienden",  # one of them is an ordinal in these languages
    Fraction(1, 100): "hundredths centièmes centésimas centesimi centésimos honderdsten",
    Fraction(1, 1000): "thousandths millièmes milésimas millesimi milésimos duizendsten",
    Fraction(3, 2): "anderthalb anderthalbe anderthalben halvanden halvandet",
}
_MULTIPLES = {
    10: "dizaine dizaines decena decenas diecina decina decine",
    12: "dozen dozens dutzend dutzende douzaine douzaines docena docenas dozzina dozzine dúzia dúzias dozijn dusin",
    15: "quinzaine",
    20: "vingtaine veintena",
    30: "trentaine", 40: "quarantaine", 50: "cinquantaine", 60: "soixantaine",
    100: "centaine centaines centinaio centinaia",
    1000: "millier milliers migliaio migliaia tsd", 10**5: "lakh", 10**7: "crore",
    10**6: "mio mln", 10**9: "mrd mld bn",
}  # fmt: skip
_LOOSE = {
    0: "no nil none nought nothing kein keine keinen keiner keinem aucun aucune ningún ninguna nessuno nenhum geen",
    1: "once single only einmal einzige einziger einzigen einem einer seul seule",
    2: "twice double couple pair both doppelt doppelte doppelten zweimal beide beiden paar deux-fois second seconde "
    "ambos entrambi beide doubled twins duo alternate",
    3: "thrice triple tripled trio triplets",
    4: "quadruple quadrupled quartet",
}
_DECADES = {
    20: "twenties zwanziger", 30: "thirties dreißiger", 40: "forties vierziger", 50: "fifties fünfziger",
    60: "sixties sechziger", 70: "seventies siebziger", 80: "eighties achtziger", 90: "nineties neunziger",
}  # fmt: skip
# Plurals without a number before them, and numbers that are other words as well (new, old, hundred as a name).
_VAGUE_WORDS = (
    "hundreds thousands millions billions hunderte tausende millionen milliarden milliers milliards cientos miles "
    "millones centinaia migliaia dozens neuf cent null sei second"
)
_VAGUE = frozenset(_VAGUE_WORDS.split())
_OTHER_WORDS: dict[str, tuple[Value, str]] = {
    word: (value, kind)
    for table, kind in ((_LOOSE, LOOSE), (_FRACTIONS, FRACTION), (_MULTIPLES, MULTIPLE), (_DECADES, DECADE))
    for value, words in table.items()
    for word in words.split()
}
_GERMAN_HALVES = re.compile(r"(\w+?)einhalb(?:e[nmrs]?)?")
_GERMAN_PARTS = re.compile(r"(\w{3,}?)s?teln?")
_GERMAN_BEGINNING = re.compile(r"(dreiviertel|viertel|drittel|achtel|halb)(\w{3,})")
_BEGINNING = re.compile(
    r"(\w{3,}?)((?:jähr|täg|stünd|minüt|wöch|monat|köpf|teil|stell|stöck|seit|sprach)ig(?:e[rnms]?)?"
    r"|fach(?:e[rnms]?)?|mal|erlei|fold)"
)
_GERMAN_NOUN = re.compile(r"-|[ \u00a0](?:\w+e[nrs]?[ \u00a0])?(?:[A-ZÄÖÜ]|bis|oder|und)")
_GERMAN_TIME = re.compile(r"\b(?:halb|viertel|nach|vor|um|bis|von|gegen|ab)[ \u00a0]\Z", re.IGNORECASE)
_MAX_LOOK_BACK_CHARS = 12
_LONG_PARTS = {"drit": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieb": 7, "ach": 8, "neun": 9, "zehn": 10}


def read_number_words(text: str, languages: Sequence[str]) -> list[NumberWord]:
    """The numbers in words of a text, in order, without overlaps; where languages differ the longer number counts.

    `twenty-five`, `two hundred and thirty`, `vingt et un` are one each. Linear.
    """
    tokens = [(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]
    found: list[NumberWord] = []
    taken: set[int] = set()  # tokens
    runs = [
        (first - last, place, first, last)
        for place, language in enumerate(languages)
        for first, last in _runs(text, tokens, language)
    ]
    for _, place, first, last in sorted(runs):
        if taken.isdisjoint(range(first, last)):
            taken.update(range(first, last))
            found += _read_run(text, tokens[first:last], languages[place])
    for place, (start, end, word) in enumerate(tokens):
        if place in taken or len(word) > _MAX_WORD_CHARS:
            continue
        if word.lower() == "other" and place and tokens[place - 1][2].lower() == "every":
            found.append(NumberWord(start, end, 2, LOOSE))
        elif (other := _other_number(word, languages[0])) is not None:
            value, kind, length = other
            found.append(NumberWord(start, end if length is None else start + length, value, kind))
    return sorted(found)


@lru_cache(maxsize=65_536)
def is_number_word(word: str, language: str) -> bool:
    """Whether a word alone is a number."""
    return bool(find_numbers([_Token(word)], language, 0.0))


class _Token:
    """A word or what stands between words, as text2num takes it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self) -> str:
        return self._text

    def nt_separated(self, previous: object) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def _runs(text: str, tokens: Sequence[tuple[int, int, str]], language: str) -> Iterator[tuple[int, int]]:
    """Places of tokens that may make up one number: number words with blanks, hyphens and connectors between."""
    index = 0
    while index < len(tokens):
        if not _is_number(tokens[index], language):
            index += 1
            continue
        last = index + 1
        while last < len(tokens) and last - index < _MAX_RUN and _touch(text, tokens[last - 1], tokens[last]):
            if _is_number(tokens[last], language):
                last += 1
            elif (
                tokens[last][2].lower() in _CONNECTORS
                and last + 1 < len(tokens)
                and _touch(text, tokens[last], tokens[last + 1])
                and _is_number(tokens[last + 1], language)
            ):
                last += 2
            else:
                break
        yield index, last
        index = last


def _is_number(token: tuple[int, int, str], language: str) -> bool:
    return len(token[2]) <= _MAX_WORD_CHARS and is_number_word(token[2].lower(), language)


def _touch(text: str, one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return _BETWEEN.fullmatch(text, one[1], other[0]) is not None


def _read_run(text: str, run: Sequence[tuple[int, int, str]], language: str) -> Iterator[NumberWord]:
    """The numbers of a run, which may be several: `two or three`, `nineteen forty`."""
    pieces: list[tuple[int, int]] = [run[0][:2]]
    for before, token in pairwise(run):
        pieces += [(before[1], token[0]), token[:2]]
    tokens = [_Token(text[start:end].lower()) for start, end in pieces]
    for number in find_numbers(tokens, language, 0.0):
        start, end = pieces[number.start][0], pieces[number.end - 1][1]
        if not abs(number.value) < _MAX_VALUE:
            continue
        value = Fraction(str(number.value))
        kind = ORDINAL if number.is_ordinal else CARDINAL
        part = _OTHER_WORDS.get(text[pieces[number.end - 1][0] : end].lower())
        if kind == ORDINAL and part is not None and part[1] == FRACTION and value * part[0] > 1:
            yield NumberWord(
                start, end, value * part[0] ** 2, FRACTION
            )  # seven hundredths, read as the 700th
            continue
        if text[start:end].lower() in _VAGUE or _is_other_word(text, start, end, language):
            kind = LOOSE
        yield NumberWord(start, end, int(value) if value.denominator == 1 else value, kind)


def _is_other_word(text: str, start: int, end: int, language: str) -> bool:
    """Whether a word is hardly a number where it stands: Mehl sieben, le 3 sept. 2024."""
    word = text[start:end].lower()
    if language == "de" and word in ("sieben", "acht"):
        is_time = _GERMAN_TIME.search(text, max(0, start - _MAX_LOOK_BACK_CHARS), start) is not None
        return not is_time and _GERMAN_NOUN.match(text, end) is None
    return word == "sept" and text[end : end + 1] == "."


@lru_cache(maxsize=65_536)
def _other_number(word: str, language: str) -> tuple[Value, str, int | None] | None:
    """(value, kind, length where the number is the beginning only) of a word that text2num does not read, or None."""
    folded = word.lower()
    if folded in _OTHER_WORDS:
        return (*_OTHER_WORDS[folded], None)
    if language not in ("de", "en") or len(folded) < 6:
        return None
    if found := _GERMAN_HALVES.fullmatch(folded):
        whole = _value(found[1], language)
        return None if whole is None else (whole + Fraction(1, 2), CARDINAL, None)
    if found := _GERMAN_BEGINNING.fullmatch(folded):
        return (
            (*_OTHER_WORDS.get(found[1], (Fraction(1, 8), FRACTION)), len(found[1]))
            if is_unit(found[2])
            else None
        )
    if found := _BEGINNING.fullmatch(folded):
        value = _value(found[1], language)
        return None if value is None else (value, CARDINAL, len(found[1]))
    if language == "de" and (found := _GERMAN_PARTS.fullmatch(folded)):
        parts = _LONG_PARTS.get(found[1]) or _value(found[1], language)
        return (Fraction(1, int(parts)), FRACTION, None) if parts else None
    return None


def _value(word: str, language: str) -> Value | None:
    numbers = find_numbers([_Token(word)], language, 0.0)
    if len(numbers) != 1 or not abs(numbers[0].value) < _MAX_VALUE:
        return None
    return int(numbers[0].value)
