"""Names in a rephrasing that its passage does not have: persons, places, products, identifiers.

A name is told by its capitals: inside a sentence, where a capital is no matter of grammar, or by capitals inside the
word (MySQL), or by an underscore. What follows from the passage is not new: inflected forms, adjectives of its
countries, an abbreviation that it writes out, or the other way round; days, months, titles and the like are no names by
themselves.

Where most nouns have capitals (German, titles), only runs of two and more capitalised words tell a name. A name of one
word that stands at the beginning of a sentence and nowhere else is found only where it is spelt much like one of the
passage. Software that is written in small letters (redis) is told by a list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence, Set
from functools import cached_property, lru_cache
from typing import NamedTuple

from gristmill.rephrase.names.forms import MIN_NAME_CHARS, are_forms, is_misspelling, stem
from gristmill.rephrase.names.places import called_to_mind, places_of
from gristmill.rephrase.names.words import NO_NAMES, SOFTWARE, is_formula, is_prefixed_unit
from gristmill.rephrase.numbers.units import is_unit

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
_CACHED_TEXTS = 16  # the samples of one passage are judged in a row, and each is asked for its names twice
_MAX_CAPITALS = 0.4  # above this share inside sentences, capitals do not mark names: titles, headings
_OFTEN_IN_GERMAN = "der die das und ist ein eine von mit im den des dem nicht auf für"
_GERMAN_WORDS = frozenset(_OFTEN_IN_GERMAN.split())
_MIN_GERMAN = 0.1  # share of these words; 0.2 and more in German prose, near 0 in other languages
_MIXED = re.compile(r"[^\W\d_]*[a-zß-ÿ][A-Z]\w*|[A-Z]{2,}[a-z]\w*")
_SMALL_WORD = re.compile(r"(?<![\w./-])[a-z][a-z0-9]+(?![\w/-])")
_AFTER_NUMBER = re.compile(r"\d\s*\Z")
_BEFORE_NUMBER = re.compile(r"\s\d")
_OF_TOWN = re.compile(r"\w{3,}er")  # Frankfurter; a noun behind it and before a name is a trade: Handelsherr
_INITIALS = re.compile(r"[A-Z]{2,6}s?")
_STEM_CHARS = 5  # as in faithfulness: words that begin alike are forms of one word
_DEMONYM_STEM_CHARS = 4
_DEMONYM = re.compile(r"\w+(?:ian|an|ish|ese|ic)s?")
# Before a noun, not before a name; what follows a number is counted, not named.
_GERMAN_DETERMINERS = (
    "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner jede jeder "
    "jedes jeden jedem diese dieser dieses diesen diesem viel viele vielen mehr wenig etwas alle allen "
    "ihre ihr ihren ihrem ihrer seine sein seinen seinem seiner pro je zwei drei"
)
_DETERMINERS = frozenset(_GERMAN_DETERMINERS.split())


_SMALL_WORDS_INSIDE_NAMES = (
    "of for and the on in to de la le les du des et pour für und der die das des y del e di"
)
_INSIDE_NAMES = frozenset(_SMALL_WORDS_INSIDE_NAMES.split())


class _Token(NamedTuple):
    text: str
    starts_run: bool  # something else than white space stands before it
    begins: bool  # a sentence may begin here
    after_number: bool
    before_number: bool


def novel_names(text: str, source: str) -> list[str]:
    """Names and identifiers of `text` with a word that `source` does not have, as written, in order, once each."""
    tokens = _tokens(text)
    in_source = _tokens(source)
    passage = _Passage(source, {token.text for token in tokens if token.text.islower()} - SOFTWARE)
    few_capitals = not (_has_many_capitals(tokens) or _has_many_capitals(in_source))
    spelt_out = passage.spelt_out(tokens)
    tokens = tuple(
        token._replace(text=token.text.lower()) if i in spelt_out else token for i, token in enumerate(tokens)
    )
    found = _capitalised(tokens, passage) if few_capitals else _runs_of_novel_words(tokens, passage)
    found += [token.text for token in tokens if _MIXED.fullmatch(token.text) and not passage.has(token.text)]
    found += [
        word for word in sorted(SOFTWARE.intersection(_SMALL_WORD.findall(text))) if not passage.has(word)
    ]
    if few_capitals:
        found += _misspelt(tokens, in_source, passage)
        found += _behind_prefixes(tokens, passage)
    if "_" in text:  # the search takes quadratic time in the length of a word
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
    runs = [run for run in runs if not all(token.text.lower() in NO_NAMES for token in run)]
    return list(dict.fromkeys(" ".join(token.text for token in run) for run in runs))


class _Passage:
    """What the passage calls by name, in the forms that a rephrasing may use."""

    def __init__(self, source: str, ordinary: Set[str]) -> None:
        """`ordinary`: words that the rephrasing has without a capital, too."""
        written = WORD.findall(source)
        self._ordinary = ordinary
        self._words = {stem(word) for word in written}
        self._whole_words = frozenset(self._words)
        self._words |= {part for word in self._words for part in re.split("[-’']", word)}
        self._beginnings: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._words):
            if len(word) >= _STEM_CHARS:
                self._beginnings[word[:_STEM_CHARS]].append(word)
        self._of_demonyms = {
            word[:_DEMONYM_STEM_CHARS].lower()
            for word in written
            if word[0].isupper() and _DEMONYM.fullmatch(stem(word))
        }
        self._short_beginnings = {word[:_DEMONYM_STEM_CHARS] for word in self._words}
        self._initials = {word.rstrip("s") for word in written if _INITIALS.fullmatch(word)}
        self._first_letters = "".join(word[0].lower() for word in written)

    @cached_property
    def _places(self) -> frozenset[int]:
        return frozenset[int]().union(*map(called_to_mind, self._words))

    def has(self, word: str) -> bool:
        """Whether the word is the passage's, or no name at all."""
        word_stem = stem(word)
        if len(word_stem) == 1 or word_stem in self._words or word_stem in NO_NAMES:
            return True
        if word.lower() in self._ordinary:
            return True
        if word_stem.removesuffix("s") in self._words or f"{word_stem}s" in self._words:
            return True
        if places := places_of(word_stem):
            return not places.isdisjoint(self._places)
        if any(are_forms(word_stem, other) for other in self._beginnings.get(word_stem[:_STEM_CHARS], ())):
            return True
        if _DEMONYM.fullmatch(word_stem) and word_stem[:_DEMONYM_STEM_CHARS] in self._short_beginnings:
            return True
        if word_stem[:_DEMONYM_STEM_CHARS] in self._of_demonyms:
            return True
        if _INITIALS.fullmatch(word) and word.rstrip("s").lower() in self._first_letters:
            return True
        if is_prefixed_unit(word) or is_formula(word, self._whole_words):
            return True
        parts = re.split("[-’']", word)
        return len(parts) > 1 and all(not part or part[0].islower() or self.has(part) for part in parts)

    def has_possessor(self, word: str) -> bool:
        """Whether the word is a German genitive of one of the passage: what follows is had, and no name."""
        folded = stem(word)
        return folded.endswith("s") and folded not in self._whole_words and folded[:-1] in self._whole_words

    def abbreviates(self, words: Sequence[str]) -> bool:
        """Whether the passage has the initials of these words."""
        return "".join(word[0] for word in words) in self._initials

    def spelt_out(self, tokens: Sequence[_Token]) -> set[int]:
        """The places of the words of names that the passage has the initials of, small words between them left out:
        American Society of Civil Engineers for ASCE.
        """
        found: set[int] = set()
        names: list[list[int]] = [[]]
        for place, token in enumerate(tokens):
            if token.starts_run:
                names.append([])
            if token.text[0].isupper():
                names[-1].append(place)
            elif token.text not in _INSIDE_NAMES:
                names.append([])
        for name in names:
            initials = "".join(tokens[place].text[0] for place in name)
            for length in range(len(name), 1, -1):
                if initials[-length:] in self._initials:
                    found.update(name[-length:])
                    break
        return found


@lru_cache(maxsize=_CACHED_TEXTS)
def _tokens(text: str) -> tuple[_Token, ...]:
    tokens: list[_Token] = []
    end = 0
    for match in WORD.finditer(text):
        gap = text[end : match.start()]
        numbered = _BEFORE_NUMBER.match(text, match.end()) is not None
        if gap == " " and tokens:  # nothing that could begin a sentence
            tokens.append(_Token(match.group(), False, False, False, numbered))
        else:
            before = text[max(0, match.start() - _LOOK_BACK_CHARS) : match.start()]
            in_brackets = before.endswith("(") and text.startswith(
                ")", match.end()
            )  # an abbreviation, a name
            begins = not in_brackets and _BEGINS_SENTENCE.search(before) is not None
            broken = bool(gap.strip()) or "\n" in gap
            after = _AFTER_NUMBER.search(before) is not None
            tokens.append(_Token(match.group(), broken, begins, after, numbered))
        end = match.end()
    return tuple(tokens)


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


def _behind_prefixes(tokens: Sequence[_Token], passage: _Passage) -> list[str]:
    """Names that a hyphen joins to a small word: non-EU."""
    parts = [token.text.split("-") for token in tokens if token.text[0].islower() and "-" in token.text]
    return [
        part
        for _, *others in parts
        for part in others
        if len(part) > 1 and part[0].isupper() and not passage.has(part)
    ]


def _misspelt(tokens: Sequence[_Token], in_source: Sequence[_Token], passage: _Passage) -> list[str]:
    """Words at the beginnings of sentences that are spelt much like a name of the passage which is not there itself."""
    said = {stem(token.text) for token in tokens}
    opening = [
        token.text
        for token in tokens
        if token.begins
        and token.text[0].isupper()
        and len(token.text) >= MIN_NAME_CHARS
        and token.text.lower() not in {each.text for each in tokens}
        and not passage.has(token.text)
    ]
    if not opening:
        return []
    names = {
        stem(token.text)
        for run in _runs(in_source)
        for token in run
        if len(token.text) >= MIN_NAME_CHARS and stem(token.text) not in said
    }
    return [word for word in opening if any(is_misspelling(stem(word), name) for name in names)]


def _runs_of_novel_words(tokens: Sequence[_Token], passage: _Passage) -> list[str]:
    """Where nouns have capitals: two or more novel capitalised words in a row, or one after a word of the passage.

    A noun has a determiner or a number before it where it stands next to another ("eine Tasse Kaffee").
    """
    found = []
    before: _Token | None = None
    run: list[_Token] = []
    in_front: _Token | None = None  # what stands before the run
    two_before, behind_place = "", False
    for token in (*tokens, _Token(".", True, True, False, False)):
        novel = (
            token.text[0].isupper()
            and not token.begins
            and not is_unit(token.text)
            and not passage.has(token.text)
        )
        if run and (not novel or token.starts_run):
            words = [each.text for each in run]
            before_name = not token.starts_run and token.text[0].isupper() and passage.has(token.text)
            is_object = behind_place and len(run) == 1  # hatten im See Platz
            if (
                not is_object
                and _reads_as_name(run, in_front, passage, before_name=before_name)
                and not passage.abbreviates(words)
            ):
                found.append(" ".join(words))
            run = []
        if novel:
            if not run:
                in_front = None if token.starts_run else before
                behind_place = in_front is not None and two_before in ("in", "im")
            run.append(token)
        two_before, before = before.text.lower() if before is not None else "", token
    return found


def _reads_as_name(
    run: Sequence[_Token], in_front: _Token | None, passage: _Passage, *, before_name: bool
) -> bool:
    if run[0].after_number or (in_front is not None and in_front.text.lower() in _DETERMINERS):
        return False
    if len(run) > 1:
        return True
    return (
        in_front is not None
        and in_front.text[0].isupper()
        and not in_front.begins
        and not in_front.after_number
        and not run[0].before_number
        and not (before_name and _OF_TOWN.fullmatch(in_front.text))
        and not is_unit(in_front.text)
        and not passage.has_possessor(in_front.text)
    )


def _has_many_capitals(tokens: Sequence[_Token]) -> bool:
    """Whether ordinary words have capitals, too: in German, and in titles."""
    inside = [token.text[0].isupper() for token in tokens if not token.begins]
    german = sum(token.text.lower() in _GERMAN_WORDS for token in tokens)
    return sum(inside) > _MAX_CAPITALS * len(inside) or german > _MIN_GERMAN * len(tokens)
