"""Whether two names or two numbers of the passage have changed places in its rephrasing.

An item is known by its company. Of two items A and B, a word that both texts have stands nearer to A or nearer to B,
in the passage by some amount and in the rephrasing by some amount. In a faithful rephrasing the two amounts agree in
sign for most words, however much else is reworded; after an exchange they disagree, for the company of A now stands
around B. So their products are summed over the words (the score), and their cosine says how consistent they are; an
exchange needs both, and one word at least that tells the two clearly apart. Two neighbouring sentences are looked at
by themselves too, with higher bounds, since roles may be exchanged there alone. A number in the place of one that the
rephrasing lacks shows by the same comparison between its own places.

The parts of one name and the numbers of one list have no company of their own and are not compared; nor are numbers
that differ in their units and each have their own in both texts (320 km/h and 556 seats), nor two names of which the
same one stands behind a preposition of place in both: there is more to tell them than company. Nothing is
assumed about a language beyond the function words of content.py. Figures: docs/stages/acceptance.md. Linear but for
pairs of items, at most 40 of a kind.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.rephrase.names.novel import NO_NAMES, names_of
from gristmill.rephrase.names.places import places_of
from gristmill.rephrase.numbers.digits import DATE, is_year
from gristmill.rephrase.numbers.reading import Number, Quantity
from gristmill.rephrase.statements.content import Content, Mark, stem

_REACH = 4.5  # places over which nearness falls to 1/e; recall is flat between 3 and 6
_MIN_SCORE = 0.2
_MIN_SCORE_NEARBY = 0.4  # in two sentences alone, or between the places of one number
_MORE_COSINE_NEARBY = 0.05
_SURE_SCORE = 0.8  # with which less consistency is enough
_LESS_COSINE_IF_SURE = 0.15
_MIN_VOTE = 0.1  # of the word that tells most
_MAX_ITEMS = 40
_MIN_NAME_CHARS = 3
_SMALL = 3  # number words up to it are pronouns and enumerators

_INSIDE_NAME = re.compile(
    r"[ \u00a0.\"“”„«»-]*(?:[^\W\d_]\.[ \u00a0]?)*"
)  # between its words; initials are passed over
_ENUMERATES = re.compile(r"\s*(?:[,;\u2013-]|,?\s*(?:and|or|to|und|oder|bis|et|ou|à))\s*")
_BEHIND_PLACE = re.compile(
    r"\b(?:in|at|on|near|from|to|aus|bei|nach|à|en|au|dans|de)[ \u00a0]"
    r"(?:(?:the|La|Le|Les|den|der|dem|la|le|les)[ \u00a0])?\Z"
)
_MAX_PLACE_CHARS = 16
_YEAR, _DAY_OF_MONTH, _BARE = "date", "day of a month", "none"  # in place of a unit
_PART_OF_WORD = re.compile(r"(?:[^\W\d_]-?|[#_])\Z")

Floats = npt.NDArray[np.float64]
_Places = dict[str, list[float]]  # of each key


class Exchange(NamedTuple):
    """Two items of the rephrasing, as it writes them, that stand in each other's place."""

    first: str
    second: str


class _Item(NamedTuple):
    keys: frozenset[str]
    kind: str
    shown: str


def find_exchange(written: Content, given: Content, *, min_cosine: float) -> Exchange | None:
    """The first pair of items that have changed places between the passage (`given`) and its rephrasing, or None."""
    items = [*_numbers(written, given)[:_MAX_ITEMS], *_names(written, given)[:_MAX_ITEMS]]
    partners = _partners(items, _enumerated(given) | _told_by_units(items, written, given))
    if not partners:
        return None
    in_source = _places(given.marks)
    keys = frozenset(key for item in items for key in item.keys)
    for marks, is_all in _views(written.marks, keys):
        least = _MIN_SCORE if is_all else _MIN_SCORE_NEARBY
        cosine = min_cosine if is_all else min_cosine + _MORE_COSINE_NEARBY
        for pair in _agreements(items, partners, _places(marks), in_source):
            needed = cosine - (_LESS_COSINE_IF_SURE if pair.score < -_SURE_SCORE else 0)
            is_clear = pair.score < -least and pair.cosine < -needed and pair.lowest < -_MIN_VOTE
            first, second = items[pair.first], items[pair.second]
            if is_clear and not _keep_their_place(first, second, written, given):
                return Exchange(first.shown, second.shown)
    return None


def find_misplaced_number(written: Content, given: Content, *, min_cosine: float) -> Exchange | None:
    """A number that stands more often in the rephrasing than in the passage, once where another one belongs that the
    rephrasing lacks: (the number, the other one), or None.
    """
    in_text, in_source = _places(written.marks), _places(given.marks)
    usable = _usable_numbers(given)
    told = {quantity for number in written.numbers.values() for quantity in number.quantities}
    missing = [key for key in usable if key not in in_text and not _is_told(key, given, told)]
    units, units_here = _units(given), _units(written)
    repeated = [
        key for key in _usable_numbers(written) if 0 < len(in_source.get(key, ())) < len(in_text[key])
    ]
    for key, lost in ((key, lost) for key in repeated for lost in missing):
        if key not in usable or units_here[key].isdisjoint(units[lost]):
            continue
        for place in in_text[key]:
            # Read as if the number itself stood at its other places, and here the missing one.
            view = {**in_text, key: [other for other in in_text[key] if other != place], lost: [place]}
            for pair in _agreements([usable[key], usable[lost]], {0: [1]}, view, in_source):
                if (
                    pair.score > _MIN_SCORE_NEARBY
                    and pair.cosine > min_cosine + _MORE_COSINE_NEARBY
                    and pair.highest > _MIN_VOTE
                ):
                    return Exchange(usable[key].shown, usable[lost].shown)
    return None


def _keep_their_place(first: _Item, second: _Item, written: Content, given: Content) -> bool:
    """Whether one of two names stands behind a preposition of place in both texts, and the other one in neither."""
    if first.kind != "name":
        return False
    here, there = (
        tuple(_is_place(item, content) for item in (first, second)) for content in (written, given)
    )
    return here == there and here[0] != here[1]


def _told_by_units(items: Sequence[_Item], written: Content, given: Content) -> set[frozenset[str]]:
    """Pairs of numbers that differ in their units, and each have their own in both texts."""
    of_text, of_passage = _units(written), _units(given)
    kept = [
        key
        for item in items
        for key in item.keys
        if key in of_text and of_text[key] <= of_passage.get(key, set())
    ]
    return {
        frozenset((first, second))
        for first, second in combinations(kept, 2)
        if of_passage[first].isdisjoint(of_passage[second])
    }


def _is_place(item: _Item, content: Content) -> bool:
    return any(
        mark.key in item.keys
        and _BEHIND_PLACE.search(content.text, max(0, mark.start - _MAX_PLACE_CHARS), mark.start)
        for mark in content.marks
    )


def _is_told(key: str, given: Content, told: set[Quantity]) -> bool:
    """Whether the text has the quantity of a number in another unit."""
    return any(
        mark.key == key and mark.start in given.numbers and given.numbers[mark.start].quantities & told
        for mark in given.marks
    )


class _Agreement(NamedTuple):
    """Of two items (by number): the sum of the products, their cosine, the lowest and the highest of a word."""

    first: int
    second: int
    score: float
    cosine: float
    lowest: float
    highest: float


def _agreements(
    items: Sequence[_Item], partners: Mapping[int, list[int]], view: _Places, in_source: _Places
) -> Iterator[_Agreement]:
    """How well the company of items in a view of the rephrasing agrees with that in the passage, pair by pair."""
    seen = [i for i, item in enumerate(items) if any(key in view for key in item.keys)]
    shared = [key for key in in_source if key in view]
    if len(seen) < 2 or not shared:
        return
    row = {item: place for place, item in enumerate(seen)}
    in_passage = _nearness([items[i] for i in seen], shared, in_source)
    in_rephrasing = _nearness([items[i] for i in seen], shared, view)
    rarity = np.array([(len(in_source[key]) * len(view[key])) ** -0.5 for key in shared])
    own = np.array([[key in items[i].keys for key in shared] for i in seen])
    are_words = np.array([not key[0].isdigit() for key in shared])
    for i in seen:
        others = [j for j in partners.get(i, ()) if j in row]
        if not others:
            continue
        rows = [row[j] for j in others]
        weights = rarity * ~(own[row[i]] | own[rows])
        given = in_passage[row[i]] - in_passage[rows]
        said = in_rephrasing[row[i]] - in_rephrasing[rows]
        products = weights * given * said
        scores = products.sum(axis=1)
        norms = np.sqrt((weights * given**2).sum(axis=1) * (weights * said**2).sum(axis=1))
        cosines = np.divide(scores, norms, out=np.zeros_like(scores), where=norms > 0)
        of_words = products * are_words  # numbers alone tell little: their order is changed freely
        lowest, highest = of_words.min(axis=1), of_words.max(axis=1)
        for j, *figures in zip(others, scores, cosines, lowest, highest, strict=True):
            yield _Agreement(i, j, *map(float, figures))


def _nearness(items: Sequence[_Item], shared: Sequence[str], places: _Places) -> Floats:
    """How near each item (rows) stands to each key, 0..1, in the places where they are nearest."""
    of_items = [[place for key in item.keys for place in places.get(key, ())] for item in items]
    of_keys = [places[key] for key in shared]
    gaps = np.abs(np.concatenate(of_items)[:, None] - np.concatenate(of_keys)[None, :])
    rows, columns = (np.cumsum([0, *map(len, each[:-1])]) for each in (of_items, of_keys))
    gaps = np.minimum.reduceat(np.minimum.reduceat(gaps, rows, axis=0), columns, axis=1)
    nearness: Floats = np.exp(-gaps / _REACH)
    return nearness


def _places(marks: Iterable[Mark]) -> _Places:
    places: _Places = defaultdict(list)
    for mark in marks:
        places[mark.key].append(mark.place)
    return dict(places)


def _views(marks: Sequence[Mark], keys: frozenset[str]) -> Iterator[tuple[Sequence[Mark], bool]]:
    """All marks, then those of each two neighbouring sentences with an item (by its keys) that stands elsewhere too."""
    yield marks, True
    sentences: dict[int, list[Mark]] = defaultdict(list)
    of_keys: dict[str, set[int]] = defaultdict(set)
    for mark in marks:
        sentences[mark.sentence].append(mark)
        if mark.key in keys:
            of_keys[mark.key].add(mark.sentence)
    for first, second in pairwise(sentences):
        if any(not here.isdisjoint((first, second)) and here - {first, second} for here in of_keys.values()):
            yield [*sentences[first], *sentences[second]], False


def _partners(items: Sequence[_Item], apart: frozenset[frozenset[str]]) -> dict[int, list[int]]:
    """For each item, by number, the later ones that it can be exchanged with."""
    partners: dict[int, list[int]] = defaultdict(list)
    for (i, first), (j, second) in combinations(enumerate(items), 2):
        if (
            first.kind == second.kind
            and first.keys | second.keys not in apart
            and not _belong_to_one_place(first, second)
        ):
            partners[i].append(j)
    return dict(partners)


def _belong_to_one_place(first: _Item, second: _Item) -> bool:
    """Whether two names are of one place (the Dutch, the Netherlands), or one only says where the other one, of two
    words or more, is from (the German chemist Johann Glauber).
    """
    if first.kind != "name":
        return False
    places = [
        {place for word in item.shown.split() for place in places_of(word.lower())}
        for item in (first, second)
    ]
    if places[0] and places[1]:
        return not places[0].isdisjoint(places[1])
    origin, other = (first, second) if places[0] else (second, first)
    return bool(places[0] or places[1]) and len(origin.shown.split()) == 1 < len(other.shown.split())


def _numbers(written: Content, given: Content) -> list[_Item]:
    known = _usable_numbers(given)
    here, there = (Counter(mark.key for mark in content.marks) for content in (written, given))
    # What is said again was worked out, or stands for another one (find_misplaced_number): it has two companies.
    return [
        item for key, item in _usable_numbers(written).items() if key in known and here[key] <= there[key]
    ]


def _usable_numbers(content: Content) -> dict[str, _Item]:
    """Numbers by value, without parts of identifiers (K-113) and small ones in words."""
    usable: dict[str, _Item] = {}
    parts = set()
    for mark in content.marks:
        if not mark.key[0].isdigit():
            continue
        shown = content.text[mark.start : mark.end]
        in_word = _PART_OF_WORD.search(content.text[max(0, mark.start - 2) : mark.start])
        if in_word or (shown.isalpha() and mark.key.isdigit() and int(mark.key) <= _SMALL):
            parts.add(mark.key)
        usable.setdefault(mark.key, _Item(frozenset([mark.key]), "number", shown))
    return {key: item for key, item in usable.items() if key not in parts}


def _units(content: Content) -> dict[str, set[str]]:
    """What stands beside each number, by key: units, that it is written as a year, or nothing."""
    units: dict[str, set[str]] = defaultdict(set)
    for mark in content.marks:
        if (number := content.numbers.get(mark.start)) is not None:
            units[mark.key].add(
                number.unit
                or (_YEAR if _is_year_like(number) else _DAY_OF_MONTH if number.kind == DATE else _BARE)
            )
    return units


def _is_year_like(number: Number) -> bool:
    return number.shown.isdigit() and any(map(is_year, number.values))


def _enumerated(given: Content) -> frozenset[frozenset[str]]:
    """Pairs of numbers that stand in one list or range of the passage."""
    pairs = set()
    chain: list[str] = []
    for first, second in pairwise(given.marks):
        listed = first.key[0].isdigit() and second.key[0].isdigit()
        if listed and _ENUMERATES.fullmatch(given.text, first.end, second.start):
            chain = chain or [first.key]
            pairs |= {frozenset((key, second.key)) for key in chain}
            chain.append(second.key)
        else:
            chain = []
    return frozenset(pairs)


def _names(written: Content, given: Content) -> list[_Item]:
    """Names that both texts have. Words that stand together in a name anywhere are one, but for a family name that
    several share, which is one of its own.
    """
    keys = _name_keys(written, given)
    runs = [run for content in (given, written) for run in _runs(content, keys)]
    before: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for first, second in pairwise(run):
            before[second].add(first)
    whole = {key: frozenset([key]) for key in keys}
    together: dict[str, list[frozenset[str]]] = defaultdict(list)
    for name in dict.fromkeys(map(frozenset, runs)):
        for key in name:
            if len(together[key]) < _MAX_ITEMS:
                together[key].append(name)
    for run in runs:
        for first, second in pairwise(run):
            if len(before[second]) == 1:
                joined = whole[first] | whole[second]
                if any(joined <= name for name in together[first]):  # not Lakehead Air and Air Transport
                    whole.update(dict.fromkeys(joined, joined))
    in_source = {mark.key for mark in given.marks}
    names: dict[frozenset[str], list[str]] = defaultdict(list)
    for mark in written.marks:
        if mark.key in whole:
            names[whole[mark.key]].append(written.text[mark.start : mark.end])
    return [
        _Item(name, "name", " ".join(dict.fromkeys(shown)))
        for name, shown in names.items()
        if name & in_source
    ]


def _name_keys(written: Content, given: Content) -> frozenset[str]:
    """Keys of the words of names; what stands without a capital somewhere is none."""
    ordinary = {
        word for word in re.findall(r"[^\W\d_]+", f"{written.text} {given.text}") if word[0].islower()
    }
    parts = (
        part
        for content in (written, given)
        for name in names_of(content.text)
        for part in re.findall(r"[^\W\d_]+", name)
    )
    return frozenset(
        stem(part)
        for part in parts
        if len(part) >= _MIN_NAME_CHARS and part.lower() not in ordinary and part.lower() not in NO_NAMES
    ) - {""}


def _runs(content: Content, keys: frozenset[str]) -> list[list[str]]:
    """Names of two words and more, as keys in order."""
    runs: list[list[str]] = []
    last: Mark | None = None
    for mark in content.marks:
        if mark.key not in keys or not content.text[mark.start].isupper():
            last = None
            continue
        if (
            last is not None
            and last.sentence == mark.sentence
            and _INSIDE_NAME.fullmatch(content.text, last.end, mark.start)
        ):
            runs[-1].append(mark.key)
        else:
            runs.append([mark.key])
        last = mark
    return [run for run in runs if len(run) > 1]
