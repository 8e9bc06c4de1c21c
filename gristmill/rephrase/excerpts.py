"""Where the excerpts that a model quotes stand in the passage: exactly, but for white space, or nearly.

An excerpt is looked for in three ways, and the first that finds it counts: as it is; with white space, quotes and
dashes made alike; by similarity. What is given back is always a place in the passage, so the passage's own text stands
in for what the model wrote. Similarity is 1 - d / (length of both), where d counts characters to insert and delete; it
is the `ratio` of rapidfuzz, and that of difflib at its best alignment. It is computed exactly by dynamic programming
(Sellers, "The theory and computation of evolutionary distances"), and only around places of the passage where a piece
of the excerpt stands that must be intact at that similarity.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from gristmill.rephrase.spans import Span, merge_spans

MAX_CELLS = 20_000_000  # characters of excerpts times passage, compared for one answer; some 0.05 s
_RUN = re.compile(r"\S+")
_ALIKE = str.maketrans("‘’‚“”„–—‑", "'''\"\"\"---")  # one character for one, so that places stay
_QUOTES = "\"'`“”„‘’«»*"
_ENDS = _QUOTES + ".…,;: \t\n"  # what a model puts around an excerpt
_NOTHING = 0x110000  # a code that no character has

Codes = npt.NDArray[np.uint32]
Distances = npt.NDArray[np.int32]


class ExcerptFinder:
    """Finds excerpts in one passage, for one answer; comparisons by similarity are bounded for both together."""

    def __init__(self, source: str, *, min_ratio: float | None) -> None:
        """`min_ratio`: least similarity, above 0; None finds no similar text."""
        self._source = source
        self._min_ratio = min_ratio
        self._cells = MAX_CELLS
        runs = list(_RUN.finditer(source))
        self._plain = " ".join(run.group() for run in runs).translate(_ALIKE)
        self._starts = [run.start() for run in runs]  # of each run of characters in the passage
        lengths = [len(run.group()) + 1 for run in runs]
        self._plain_starts = list(accumulate(lengths[:-1], initial=0)) if runs else []  # and in `_plain`

    def find(self, excerpt: str, used: Sequence[Span] = ()) -> Span | None:
        """The place of an excerpt: the first that overlaps none of `used`, or if all do the first; None if missing.

        Quotes around it, and a full stop or dots at its ends, are taken off where the passage lacks them.
        """
        forms = dict.fromkeys((excerpt.strip(), excerpt.strip().strip(_QUOTES).strip(), excerpt.strip(_ENDS)))
        found = None
        for form in forms:
            if form:
                found = found or self._find_exactly(form, used) or self._find_plainly(form, used)
        barest = _plain(excerpt.strip(_ENDS))
        return found or self._find_similar(barest, used) or (self._find_similar(barest, ()) if used else None)

    def _find_exactly(self, excerpt: str, used: Sequence[Span]) -> Span | None:
        start = _first_unused(self._source, excerpt, used)
        return None if start < 0 else (start, start + len(excerpt))

    def _find_plainly(self, excerpt: str, used: Sequence[Span]) -> Span | None:
        plain = _plain(excerpt)
        start = _first_unused(self._plain, plain, [self._in_plain(span) for span in used])
        return None if start < 0 else self._in_source(start, start + len(plain))

    def _find_similar(self, excerpt: str, used: Sequence[Span]) -> Span | None:
        """The most similar stretch, the first of equals; None below the bound, or where the work would be too much."""
        if self._min_ratio is None or not excerpt or not self._plain:
            return None
        # similarity r allows d <= (1 - r) (n + m), and the stretch has m <= n + d characters
        bound = math.floor(2 * len(excerpt) * (1 - self._min_ratio) / self._min_ratio + 1e-9)
        windows = _windows(excerpt, self._plain, bound) if bound else []
        self._cells -= len(excerpt) * sum(stop - start for start, stop in windows)
        if not windows or self._cells < 0:
            return None
        wanted, given = _codes(excerpt), _codes(self._plain)
        for start, stop in map(self._in_plain, used):
            given[start:stop] = _NOTHING
        ends = [(start, _distances(wanted, given[start:stop], anywhere=True)) for start, stop in windows]
        fewest, end = min((int(found.min()), start + int(found.argmin())) for start, found in ends)
        if fewest > bound:
            return None
        window = given[max(0, end - len(excerpt) - bound) : end][::-1]
        by_length = _distances(wanted[::-1], window, anywhere=False)
        ratios = 1 - by_length / (len(excerpt) + np.arange(len(by_length)))
        length = int(np.argmax(ratios))
        if ratios[length] < self._min_ratio - 1e-9:
            return None
        stretch = self._plain[end - length : end]
        blanks = len(stretch) - len(stretch.lstrip())
        return self._in_source(end - length + blanks, end - len(stretch) + len(stretch.rstrip()))

    def _in_source(self, start: int, end: int) -> Span:
        """The place in the passage of a stretch of `_plain` that begins and ends without white space."""
        first = bisect_right(self._plain_starts, start) - 1
        last = bisect_right(self._plain_starts, end - 1) - 1
        return (
            self._starts[first] + start - self._plain_starts[first],
            self._starts[last] + end - self._plain_starts[last],
        )

    def _in_plain(self, span: Span) -> Span:
        """The place in `_plain` of a span of the passage that begins and ends without white space."""
        first = bisect_right(self._starts, span[0]) - 1
        last = bisect_right(self._starts, span[1] - 1) - 1
        return (
            self._plain_starts[first] + span[0] - self._starts[first],
            self._plain_starts[last] + span[1] - self._starts[last],
        )


def shared_in_order(first: Sequence[str], second: Sequence[str]) -> int:
    """How many words two texts have in common in the same order (the longest common subsequence)."""
    number = {word: i for i, word in enumerate(dict.fromkeys((*first, *second)))}
    codes = [np.array([number[word] for word in words], dtype=np.uint32) for words in (first, second)]
    codes.sort(key=len)
    return (len(first) + len(second) - int(_distances(*codes, anywhere=False)[-1])) // 2


def _first_unused(text: str, part: str, used: Sequence[Span]) -> int:
    """Where the part first stands without overlap, else where it first stands, else -1. Linear."""
    first = at = text.find(part)
    while at >= 0:
        clash = max((end for start, end in used if start < at + len(part) and at < end), default=None)
        if clash is None:
            return at
        at = text.find(part, clash)
    return first


def _windows(excerpt: str, text: str, edits: int) -> list[Span]:
    """Where a stretch of the text can be that many edits away: one of `edits` + 1 pieces must stand there intact."""
    length = len(excerpt)
    cuts = [length * i // (edits + 1) for i in range(edits + 2)]
    found: list[Span] = []
    for a, b in pairwise(cuts):
        at = text.find(excerpt[a:b])
        while at >= 0:  # the window holds what other places up to the next search need
            found.append((max(0, at - a - edits), min(len(text), at - a + 2 * length + edits)))
            at = text.find(excerpt[a:b], at + length)
    return merge_spans(found)


def _distances(wanted: Codes, given: Codes, *, anywhere: bool) -> Distances:
    """As `edit_distances` of the kernels, which are imported when something is compared."""
    from gristmill.rephrase._kernels import edit_distances

    found: Distances = edit_distances(np.ascontiguousarray(wanted), np.ascontiguousarray(given), anywhere)
    return found


def _plain(text: str) -> str:
    return " ".join(text.split()).translate(_ALIKE)


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).copy()
