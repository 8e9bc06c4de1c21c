"""What of the passage a rephrasing leaves out altogether: conditions, warnings, whole statements.

Both texts are cut at the words that they share. A stretch of the passage none of whose words comes back is normally
said in other words, and these stand beside the same shared words in the rephrasing. Where the rephrasing has next to
nothing there, the stretch is dropped. Short stretches are dropped by good paraphrases too, so a long one counts, or a
shorter one that forbids, demands, warns or sets a condition: what must not be lost. Only for styles that keep all of
a passage. Linear; no randomness. Figures: docs/stages/acceptance.md.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from gristmill.rephrase.statements.content import Content, Mark, without_accents

_FEWER_OF_CONDITION = 2  # words
_MAX_SUBSTITUTE = 1 / 3  # new words beside the stretch's neighbours / words of the stretch

_CONDITION = re.compile(
    r"\b(?:not|never|cannot|must|only|unless|otherwise|if|except|forbid\w*|prohibit\w*|danger\w*|deadly|fatal\w*|poison\w*"
    r"|toxic|warn\w*|immediately|at once|nicht|nie|niemals|kein\w*|muss|müssen|darf|dürfen|nur|sofern|sonst|wenn|falls"
    r"|außer|gefähr\w*|giftig\w*|tödlich\w*|verboten|warnt?|sofort|ne|pas|jamais|doit|doivent|faut|seulement|uniquement"
    r"|sinon|si|sauf|interdi\w*|mortel\w*|toxique|avert\w*)\b|n['’]t\b",
    re.IGNORECASE,
)
_MIN_CHARS_INSIDE = 4
_START, _STOP = "<", ">"  # the ends of a text as neighbours; no keys


class _Stretch(NamedTuple):
    """Words between two shared ones (before, after)."""

    marks: tuple[Mark, ...]
    before: str
    after: str
    start: int  # in the text, from the end of the shared word before


def find_dropped(written: Content, given: Content, *, min_words: int) -> str | None:
    """A stretch of the passage (`given`) that its rephrasing leaves out, as the passage has it, or None.

    `min_words`: of the stretch, different ones and without numbers; two less where it sets a condition.
    """
    shared = written.keys & given.keys
    beside: dict[str, int] = defaultdict(int)  # new words at a shared one, on the side that has more
    for stretch in _stretches(written, shared):
        for neighbour in (stretch.before, stretch.after):
            beside[neighbour] = max(beside[neighbour], len(stretch.marks))
    inside = without_accents(written.text.lower())
    for stretch in _stretches(given, shared):
        if stretch.marks and _is_dropped(stretch, beside, given.text, inside, min_words):
            return given.text[stretch.start : stretch.marks[-1].end].strip()
    return None


def _is_dropped(
    stretch: _Stretch, beside: Mapping[str, int], source: str, inside: str, min_words: int
) -> bool:
    """`inside`: the rephrasing in small letters; a word that stands inside another one there (Blei in Bleirohr) is
    not left out.
    """
    words = _count_words(stretch.marks, inside)
    if words < min_words - _FEWER_OF_CONDITION:
        return False
    substitute = max(beside.get(stretch.before, 0), beside.get(stretch.after, 0))
    if substitute > _MAX_SUBSTITUTE * len(stretch.marks):
        return False
    return words >= min_words or any(
        _count_words(marks, inside) >= min_words - _FEWER_OF_CONDITION
        and _CONDITION.search(source, max(start, stretch.start), marks[-1].end) is not None
        for start, marks in _sentences(stretch)
    )


def _count_words(marks: Sequence[Mark], inside: str) -> int:
    """Different words, without numbers, that the rephrasing has not even inside others."""
    keys = {mark.key for mark in marks if not mark.key[0].isdigit()}
    return sum(len(key) < _MIN_CHARS_INSIDE or key not in inside for key in keys)


def _sentences(stretch: _Stretch) -> Iterator[tuple[int, Sequence[Mark]]]:
    """The parts of a stretch that stand in one sentence each, and where what belongs to them begins."""
    start = stretch.start
    for _, group in groupby(stretch.marks, key=lambda mark: mark.sentence):
        marks = tuple(group)
        yield start, marks
        start = marks[-1].end


def _stretches(content: Content, shared: frozenset[str]) -> Iterator[_Stretch]:
    """The stretches between shared words, empty ones too."""
    run: list[Mark] = []
    before, start = _START, 0
    for mark in content.marks:
        if mark.key in shared:
            yield _Stretch(tuple(run), before, mark.key, start)
            run, before, start = [], mark.key, mark.end
        else:
            run.append(mark)
    yield _Stretch(tuple(run), before, _STOP, start)
