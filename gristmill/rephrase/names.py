"""Names in a rephrasing that its passage does not have: persons, places, products, identifiers.

A name is told by its capitals: inside a sentence, where a capital is no matter of grammar, or by capitals inside the
word (MySQL), or by an underscore. What follows from the passage is not new: inflected forms, adjectives of its
countries, an abbreviation that it writes out, or the other way round; days, months, titles and the like are no names by
themselves.

Where most nouns have capitals (German, titles), only runs of two and more capitalised words tell a name. A name of one
word that stands at the beginning of a sentence and nowhere else is not found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from gristmill.rephrase.units import is_unit

WORD = re.compile(r"[^\W\d_][\w'’-]*")

_IDENTIFIER = re.compile(r"\w*[^\W_]_+[^\W_]\w*")
_ABBREVIATIONS = ("Mr", "Ms", "Mrs", "Dr", "St", "Prof")  # no sentence ends with them
_BEGINS_SENTENCE = re.compile(
    r"(?:\A|"
    + "".join(rf"(?<!\b{word})" for word in _ABBREVIATIONS)
    + r"\.[\"'”’»)\]]*|[!?:…。！？][\"'”’»)\]]*"
    r"|\n|[\"“„«(\[])\s*\Z"
)
_LOOK_BACK_CHARS = 10
_MAX_CAPITALS = 0.4  # above this share inside sentences, capitals do not mark names: titles, headings
_GERMAN_WORDS = frozenset(
    (
        "der",
        "die",
        "das",
        "und",
        "ist",
        "ein",
        "eine",
        "von",
        "mit",
        "im",
        "den",
        "des",
        "dem",
        "nicht",
        "auf",
        "für",
    )
)
_MIN_GERMAN = 0.1  # share of these words; 0.2 and more in German prose, near 0 in other languages
_MIXED = re.compile(r"[^\W\d_]*[a-zß-ÿ][A-Z]\w*|[A-Z]{2,}[a-z]\w*")
_INITIALS = re.compile(r"[A-Z]{2,6}s?")
_STEM_CHARS = 5  # as in faithfulness: words that begin alike are forms of one word
_DEMONYM_STEM_CHARS = 4
_DEMONYM = re.compile(r"\w+(?:ian|an|ish|ese|ic)s?")
# Adjectives of countries that do not begin like them.
_OF_COUNTRIES = {
    "american": ("us", "usa", "u", "states", "america"), "americans": ("us", "usa", "u", "states", "america"),
    "british": ("uk", "britain", "england"), "english": ("england", "uk"), "french": ("france",),
    "dutch": ("netherlands", "holland"), "spanish": ("spain",), "greek": ("greece",), "swiss": ("switzerland",),
    "danish": ("denmark",), "polish": ("poland",), "finnish": ("finland",), "irish": ("ireland",),
    "welsh": ("wales",), "turkish": ("turkey",), "european": ("eu", "europe"), "europeans": ("eu", "europe"),
}  # fmt: skip
# Capitalised at will, or part of a name that another word tells.
_DAYS_MONTHS_AND_TITLES = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays "
    "sundays january february march april may june july august september october november december montag dienstag "
    "mittwoch donnerstag freitag samstag sonnabend sonntag januar februar märz mai juni juli oktober dezember ok okay "
    "mr mrs ms dr prof christmas easter internet web god ai north south east west northern southern eastern western "
    "earth sun moon mayor president king queen prince professor doctor captain sir lady lord saint university museum "
    "river lake mount street church state states kingdom republic county city town company society war century "
    "the this that these those it he she they we you"
)
_NO_NAMES = frozenset(_DAYS_MONTHS_AND_TITLES.split())
# Before a noun, not before a name; what follows a number is counted, not named.
_GERMAN_DETERMINERS = (
    "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner jede jeder "
    "jedes jeden jedem diese dieser dieses diesen diesem viel viele vielen mehr wenig etwas alle allen "
    "ihre ihr ihren ihrem ihrer seine sein seinen seinem seiner pro je zwei drei"
)
_DETERMINERS = frozenset(_GERMAN_DETERMINERS.split())


class _Token(NamedTuple):
    text: str
    starts_run: bool  # something else than white space stands before it
    begins: bool  # a sentence may begin here
    after_number: bool


def novel_names(text: str, source: str) -> list[str]:
    """Names and identifiers of `text` with a word that `source` does not have, as written, in order, once each."""
    passage = _Passage(source)
    tokens = _tokens(text)
    few_capitals = not (_has_many_capitals(tokens) or _has_many_capitals(_tokens(source)))
    found = _capitalised(tokens, passage) if few_capitals else _runs_of_novel_words(tokens, passage)
    found += [token.text for token in tokens if _MIXED.fullmatch(token.text) and not passage.has(token.text)]
    identifiers = {word.lower() for word in _IDENTIFIER.findall(source)}
    found += [word for word in _IDENTIFIER.findall(text) if word.lower() not in identifiers]
    return list(dict.fromkeys(found))


def names_of(text: str) -> list[str]:
    """The names of a text: runs of capitalised words inside sentences, in order, once each; fewer where nouns have
    capitals, as in `novel_names`.
    """
    tokens = _tokens(text)
    few_capitals = not _has_many_capitals(tokens)
    least = 1 if few_capitals else 2
    runs = [run for run in _runs(tokens) if len(run) >= least]
    if not few_capitals:
        runs = [run for run in runs if not run[0].after_number]
    runs = [run for run in runs if not all(token.text.lower() in _NO_NAMES for token in run)]
    return list(dict.fromkeys(" ".join(token.text for token in run) for run in runs))


class _Passage:
    """What the passage calls by name, in the forms that a rephrasing may use."""

    def __init__(self, source: str) -> None:
        written = WORD.findall(source)
        self._words = {stem(word) for word in written}
        self._words |= {part for word in self._words for part in re.split("[-’']", word)}
        self._beginnings = {word[:_STEM_CHARS] for word in self._words if len(word) >= _STEM_CHARS}
        self._short_beginnings = {word[:_DEMONYM_STEM_CHARS] for word in self._words}
        self._initials = {word.rstrip("s") for word in written if _INITIALS.fullmatch(word)}
        self._first_letters = "".join(word[0].lower() for word in written)

    def has(self, word: str) -> bool:
        """Whether the word is the passage's, or no name at all."""
        word_stem = stem(word)
        if len(word_stem) == 1 or word_stem in self._words or word_stem in _NO_NAMES:
            return True
        if word_stem.removesuffix("s") in self._words or f"{word_stem}s" in self._words:
            return True
        if len(word_stem) >= _STEM_CHARS and word_stem[:_STEM_CHARS] in self._beginnings:
            return True
        if any(country in self._words for country in _OF_COUNTRIES.get(word_stem, ())):
            return True
        if _DEMONYM.fullmatch(word_stem) and word_stem[:_DEMONYM_STEM_CHARS] in self._short_beginnings:
            return True
        if _INITIALS.fullmatch(word) and word.rstrip("s").lower() in self._first_letters:
            return True
        parts = re.split("[-’']", word)
        return len(parts) > 1 and all(not part or part[0].islower() or self.has(part) for part in parts)

    def abbreviates(self, words: Sequence[str]) -> bool:
        """Whether the passage has the initials of these words."""
        return "".join(word[0] for word in words) in self._initials


def stem(word: str) -> str:
    """Lower case without a possessive ending."""
    return re.sub(r"['’]s?$", "", word.lower())


def _tokens(text: str) -> list[_Token]:
    tokens = []
    end = 0
    for match in WORD.finditer(text):
        gap = text[end : match.start()]
        before = text[max(0, match.start() - _LOOK_BACK_CHARS) : match.start()]
        begins = _BEGINS_SENTENCE.search(before) is not None
        broken = bool(gap.strip()) or "\n" in gap
        tokens.append(_Token(match.group(), broken, begins, re.search(r"\d\s*\Z", before) is not None))
        end = match.end()
    return tokens


def _runs(tokens: Sequence[_Token]) -> list[list[_Token]]:
    """Runs of capitalised words inside sentences."""
    runs: list[list[_Token]] = [[]]
    for token in tokens:
        if token.starts_run or not token.text[0].isupper() or token.begins:
            runs.append([])
        if token.text[0].isupper() and not token.begins and not _is_pronoun(token.text):
            runs[-1].append(token)
    return [run for run in runs if run]


def _is_pronoun(word: str) -> bool:
    return word == "I" or word.startswith(("I'", "I’"))


def _capitalised(tokens: Sequence[_Token], passage: _Passage) -> list[str]:
    """Where few words have capitals: every run with a word that the passage lacks."""
    found = []
    for run in _runs(tokens):
        words = [token.text for token in run]
        if not all(map(passage.has, words)) and not passage.abbreviates(words):
            found.append(" ".join(words))
    return found


def _runs_of_novel_words(tokens: Sequence[_Token], passage: _Passage) -> list[str]:
    """Where nouns have capitals: two or more novel capitalised words in a row, or one after a word of the passage.

    A noun has a determiner or a number before it where it stands next to another ("eine Tasse Kaffee").
    """
    found = []
    before: _Token | None = None
    run: list[_Token] = []
    in_front: _Token | None = None  # what stands before the run
    for token in (*tokens, _Token(".", True, True, False)):
        novel = (
            token.text[0].isupper()
            and not token.begins
            and not is_unit(token.text)
            and not passage.has(token.text)
        )
        if run and (not novel or token.starts_run):
            words = [each.text for each in run]
            if _reads_as_name(run, in_front) and not passage.abbreviates(words):
                found.append(" ".join(words))
            run = []
        if novel:
            if not run:
                in_front = None if token.starts_run else before
            run.append(token)
        before = token
    return found


def _reads_as_name(run: Sequence[_Token], in_front: _Token | None) -> bool:
    if run[0].after_number or (in_front is not None and in_front.text.lower() in _DETERMINERS):
        return False
    if len(run) > 1:
        return True
    return (
        in_front is not None
        and in_front.text[0].isupper()
        and not in_front.begins
        and not in_front.after_number
        and not is_unit(in_front.text)
    )


def _has_many_capitals(tokens: Sequence[_Token]) -> bool:
    """Whether ordinary words have capitals, too: in German, and in titles."""
    inside = [token.text[0].isupper() for token in tokens if not token.begins]
    german = sum(token.text.lower() in _GERMAN_WORDS for token in tokens)
    return sum(inside) > _MAX_CAPITALS * len(inside) or german > _MIN_GERMAN * len(tokens)
