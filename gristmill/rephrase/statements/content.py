"""The words of a text that carry its content, each with its place: what rules that compare statements read.

A key stands for a content word (the first five letters, without accents, so that forms of a word agree), or for a
number (its value). Places grow by 1 with each of them, and by more where a clause or a sentence ends, so that the
difference of two places says how closely two words belong together. Function words of English, German and French and
units have no key: they are everywhere; nor have East Asian words, which are not told apart. Rules of Gristmill; no
randomness, linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from gristmill.rephrase.frequent_words import likely_languages
from gristmill.rephrase.numbers.reading import Number, read_numbers
from gristmill.rephrase.numbers.units import is_unit
from gristmill.rephrase.sentences import sentence_spans

STEM_CHARS = 5  # words that begin alike are forms of one word: generate, generation
_CLAUSE_STEP = 2.0  # places; at commas and conjunctions
_SENTENCE_STEP = 6.0
_MIN_CHARS = 3  # of a content word
_CACHED_TEXTS = 16  # the samples of one passage are judged in a row

_ENGLISH = (
    "the and for are but not you all any can had her was one our out has him his how its may new now see two way "
    "who did get got let put say she too use used uses this that with have from they will would been were said each "
    "which their there than then them these those some such what when where while into only over also more most "
    "very just like about after again because before being between both could does doing down during even ever "
    "every few further here itself made make makes many might much must need never no nor off once other others own "
    "same shall should since still take taken takes through thus too under until upon was well were whether whom "
    "whose why within without yet your yours around although among another along already always almost anything "
    "anyone come comes came due either else enough give given gives goes gone going having however instead later "
    "least less lot mean means neither nothing nobody often per perhaps quite rather so something sometimes soon "
    "though three four toward towards unless was went whenever wherever whereas question answer called kind sort "
    "thing things people person keep kept want wants became become becomes hence thereof thereupon whence wherein "
    "thereby therefore lest nearly roughly circa approximately amount total cent"
)
_GERMAN = (
    "der die das den dem des ein eine einen einem einer eines und oder aber doch denn sondern nicht kein keine keinen "
    "keinem keiner ist sind war waren sein wird werden wurde wurden worden hat haben hatte hatten habe kann können "
    "konnte muss müssen musste soll sollen sollte darf dürfen durfte will wollen möchte mag auf aus bei bis durch für "
    "gegen hinter mit nach neben ohne seit über unter vom von vor während wegen zum zur zwischen als auch dann dass "
    "da dazu damit dabei daher darum dort hier ihr ihre ihren ihrem ihrer ihn ihm sie wir uns mich mir dich dir man "
    "sich sei seine seinen seinem seiner dessen deren diese diesen diesem dieser dieses jede jeden jedem jeder jedes "
    "mehr noch nur nun schon sehr sonst sowie viel viele vielen wenn weil wer was wie wieder wieso wo wobei zwar etwa "
    "etwas ganz gar ab im am um zu es er ob immer man gibt geben macht machen gut alle allen alles anderen andere "
    "beim ins erst davon darauf dadurch daran darin rund sogar jedoch zudem"
)
_FRENCH = (
    "le la les un une des du de et ou mais donc car ni que qui quoi dont est sont était étaient être été sera "
    "seront a ont avait avaient avoir aux par pour avec sans sous sur dans entre vers chez depuis pendant avant "
    "après contre ce cet cette ces son sa ses leur leurs mon ton notre nos votre vos il elle ils elles nous vous "
    "lui eux on ne pas plus moins très aussi ainsi alors comme encore même si tout toute tous toutes autre autres "
    "peut peuvent doit doivent fait faire fut furent soit lors lorsque quand où puis dès afin jusqu elle celui "
    "celle ceux celles chaque quel quelle quels quelles combien comment pourquoi deux trois"
)
_FUNCTION_WORDS = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH}".split())
_PARTS_CLAUSES = "and or but while whereas und oder aber sondern während et ou mais tandis"
_CONJUNCTIONS = frozenset(_PARTS_CLAUSES.split())
_EAST_ASIAN = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # scripts without white space
_NO_VALUES = ("0", "1")  # of words: no, none; an, one
_PLURAL = re.compile(r"(?<=...)(?:es|e|s)\Z")
_PIECE = re.compile(r"[^\W\d_]+|[,;:()\u2013\u2014]")


class Mark(NamedTuple):
    """A content word or a number in its place."""

    key: str  # letters for a word, else the number's value
    place: float
    sentence: int
    start: int
    end: int


class Content(NamedTuple):
    """A text and its content words and numbers, in order."""

    text: str
    marks: tuple[Mark, ...]
    languages: tuple[str, ...]  # that its number words were read in
    numbers: Mapping[int, Number]  # by where they begin
    sentences: tuple[tuple[int, int], ...]  # where they begin and end

    @property
    def keys(self) -> frozenset[str]:
        """The keys, without order."""
        return frozenset(mark.key for mark in self.marks)


@lru_cache(maxsize=_CACHED_TEXTS)
def read_content(text: str, languages: tuple[str, ...] | None = None) -> Content:
    """The content words and numbers of a text; numbers in words in its languages, told from the text where null.

    Linear.
    """
    languages = likely_languages(text) if languages is None else languages
    read = {number.start: number for number in read_numbers(text, languages).numbers}
    numbers = {start: (number.end, _value(number)) for start, number in read.items()}
    marks: list[Mark] = []
    place = 0.0
    sentences = tuple(sentence_spans(text))
    for index, (begin, stop) in enumerate(sentences):
        for start, end in _pieces(text, begin, stop, numbers):
            piece = text[start:end]
            if start in numbers:
                key = numbers[start][1]
                if key in _NO_VALUES and not piece[0].isdigit():
                    continue
            elif len(piece) == 1 and not piece.isalnum():
                place += _CLAUSE_STEP
                continue
            else:
                key = stem(piece)
                if piece.lower() in _CONJUNCTIONS:
                    place += _CLAUSE_STEP
            if key:
                place += 1
                marks.append(Mark(key, place, index, start, end))
        place += (
            _CLAUSE_STEP if text[stop - 1] == "?" else _SENTENCE_STEP
        )  # an answer belongs to its question
    return Content(text, tuple(marks), languages, read, sentences)


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The key of a word; empty for one that carries no content."""
    folded = word.lower()
    if len(folded) < _MIN_CHARS or folded in _FUNCTION_WORDS or is_unit(word) or _EAST_ASIAN.search(word):
        return ""
    plain = without_accents(folded)
    if plain in _FUNCTION_WORDS:
        return ""
    return _PLURAL.sub("", plain[:STEM_CHARS])


def without_accents(text: str) -> str:
    """The text with plain letters for accented ones."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _value(number: Number) -> str:
    """A number's key, alike for all ways to write it: its largest reading, the minute of a time of day (`750:`)."""
    if number.times:
        return f"{min(number.times)}:"
    if number.parts or not number.values:
        return number.shown if number.shown[0].isdigit() else ""
    return str(max(number.values))


def _pieces(
    text: str, begin: int, stop: int, numbers: Mapping[int, tuple[int, str]]
) -> Iterator[tuple[int, int]]:
    """Where numbers, words and marks of a sentence stand."""
    place = begin
    while place < stop:
        if place in numbers:
            yield place, numbers[place][0]
            place = numbers[place][0]
            continue
        found = _PIECE.match(text, place, stop)
        if found is None:
            place += 1
            continue
        yield found.span()
        place = found.end()
