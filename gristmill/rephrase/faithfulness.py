"""Numbers, names and web addresses of a rephrasing that its passage does not have.

The cheap, deterministic part of a faithfulness gate: WRAP itself checks only that sentence embeddings of the
pairs are close. It finds invented items, not swapped or dropped ones; those need a comparison of statements.
Names are told in names/, numbers are read and compared in numbers/, where those that follow from the passage are told
too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from gristmill.rephrase.frequent_words import likely_languages
from gristmill.rephrase.names.novel import WORD, novel_names
from gristmill.rephrase.numbers.additions import Additions
from gristmill.rephrase.numbers.derived import Derivations
from gristmill.rephrase.numbers.digit_runs import places_in_digit_runs
from gristmill.rephrase.numbers.digits import ROMAN
from gristmill.rephrase.numbers.knowledge import Knowledge
from gristmill.rephrase.numbers.missing import Missing, kinds_of
from gristmill.rephrase.numbers.reading import read_numbers
from gristmill.rephrase.numbers.results import Results
from gristmill.rephrase.numbers.units import Value

_MIN_LONG_WORD = 5  # characters; shorter words are mostly grammar
_STEM_CHARS = 5  # words that begin alike are forms of one word: generate, generation
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'”’)\]]+", re.IGNORECASE)
_MAX_COMPARED = 40  # numbers that are not the passage's and are looked at for what they may come from
_CACHED_PASSAGES = 16  # samples of one passage, and facts of one text, are compared in a row


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


def novel_items(text: str, source: str, language: str | None = None) -> NovelItems:
    """Numbers, names and web addresses of `text` that `source` does not have.

    `language` is that of both, told from the words where it is null or none of those in frequent_words.py.
    `number_recall` is null where the passage has no number in digits. Linear, but for a bounded number of pairs of
    numbers; no randomness.
    """
    passage = _read_passage(source, language)
    without_urls = _URL.sub(_blank, text)
    written = Knowledge(without_urls, passage.languages)
    numbers = _novel_numbers(without_urls, written, passage)
    given = [number for number in passage.knowledge.numbers if not number.in_words and number.kind != ROMAN]
    recall = sum(map(written.says, given)) / len(given) if given else None
    folded = source.lower()
    urls = [url.rstrip(".,;:!?") for url in _URL.findall(text)]
    return NovelItems(
        numbers=tuple(dict.fromkeys(numbers)),
        names=tuple(novel_names(_lower_number_words(without_urls, written, passage), source)),
        urls=tuple(dict.fromkeys(url for url in urls if url.lower() not in folded)),
        number_recall=recall,
    )


def _lower_number_words(text: str, written: Knowledge, passage: _Passage) -> str:
    """The text without capitals in number words that the passage has: Charles the Second."""
    for number in written.numbers:
        if number.in_words and text[number.start].isupper() and passage.knowledge.says(number):
            text = text[: number.start] + text[number.start : number.end].lower() + text[number.end :]
    return text


class NumberSpan(NamedTuple):
    """Where a number stands in a text, and what it can mean."""

    start: int
    end: int
    readings: frozenset[str]


def number_spans(text: str, language: str | None = None) -> list[NumberSpan]:
    """The numbers of a text, in digits or in words, in order; `two hundred` and `3 million` are one each.

    What has several parts (`12:30`, `1.2.3`) has itself as its only reading.
    """
    return [
        NumberSpan(
            number.start,
            number.end,
            frozenset(
                {number.shown} if number.parts or not number.values else map(_canonical, number.values)
            ),
        )
        for number in read_numbers(text, likely_languages(text, language)).numbers
    ]


class _Passage(NamedTuple):
    text: str
    languages: tuple[str, ...]
    knowledge: Knowledge
    derivations: Derivations
    results: Results


@lru_cache(maxsize=_CACHED_PASSAGES)
def _read_passage(source: str, language: str | None) -> _Passage:
    """What the passage says and what follows from it; numbers of its addresses count too."""
    languages = likely_languages(source, language)
    knowledge = Knowledge(source, languages)
    return _Passage(source, languages, knowledge, Derivations(source, knowledge), Results(source, knowledge))


def _novel_numbers(text: str, written: Knowledge, passage: _Passage) -> list[str]:
    """The numbers of a text that the passage neither has nor leads to."""
    together = {
        place
        for compound in written.compounds
        if passage.knowledge.says_compound(compound)
        or passage.derivations.has_compound(compound)
        or passage.results.has_share(compound.values)
        for place in range(compound.first, compound.last + 1)
    }
    together |= places_in_digit_runs(text, written.numbers, passage.text)
    others = [
        place
        for place, number in enumerate(written.numbers)
        if number.is_claim and place not in together and not passage.knowledge.says(number)
    ]
    repeated = [place for place in _repeated(written, passage.knowledge) if place not in others]
    if not others and not repeated:
        return []
    if len(others) > _MAX_COMPARED:  # no text that anybody worked out
        return [written.numbers[place].shown for place in others]
    missing = Missing(written, passage.text, passage.knowledge)
    misplaced = [
        place
        for place in repeated[:_MAX_COMPARED]
        if missing.has_miswritten(written.numbers[place], kinds_of(text, written.numbers, place))
    ]
    novel = [
        place
        for place in others
        if missing.has_miswritten(written.numbers[place], kinds_of(text, written.numbers, place))
        or not (passage.derivations.has(written.numbers[place]) or passage.results.have(place, written, text))
    ]
    if novel:
        additions = Additions(text, written, passage.text, passage.knowledge, passage.derivations, missing)
        added = additions.among(others)
        novel = [place for place in novel if place not in added]
    return [written.numbers[place].shown for place in sorted([*novel, *misplaced])]


def _repeated(written: Knowledge, given: Knowledge) -> list[int]:
    """The places of numbers that the text has more often than the passage; one may stand for another one."""
    here, there = (Counter(max(n.values) for n in each.numbers if n.values) for each in (written, given))
    return [
        place
        for place, number in enumerate(written.numbers)
        if number.is_claim and number.values and 0 < there[max(number.values)] < here[max(number.values)]
    ]


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _canonical(value: Value) -> str:
    """As digits with a point where the value has an end in decimals, else as a fraction."""
    if isinstance(value, int) or not _ends(value.denominator):
        return str(value)
    return format(Decimal(value.numerator) / Decimal(value.denominator), "f")


def _ends(denominator: int) -> bool:
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1
