"""How options and texts reach the kernels: switches, pieces for threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from gristmill.filter.options import C4Options


def line_rules(
    c4: C4Options | None, *, long_line_chars: int = 0, short_line_chars: int = 0
) -> npt.NDArray[np.int64]:
    """Switches and bounds in the order in which the kernels read them."""
    if c4 is None:
        switches = [0] * 9
    else:
        switches = [
            1,
            c4.filter_no_terminal_punct,
            c4.filter_javascript,
            c4.filter_policy,
            c4.filter_lorem_ipsum,
            c4.filter_curly_bracket,
            c4.remove_citations,
            c4.min_line_words or 0,
            np.iinfo(np.int64).max if c4.max_word_chars is None else c4.max_word_chars,
        ]
    return np.array([*switches, short_line_chars, long_line_chars], np.int64)


def run_in_pieces(work: Callable[[int, int], None], offsets: npt.NDArray[np.int64], threads: int) -> None:
    """Call work(first, end) on ranges of texts of about equal size, in as many threads."""
    pieces = _pieces(offsets, threads)
    if len(pieces) > 1:
        with ThreadPoolExecutor(len(pieces)) as pool:
            list(pool.map(lambda piece: work(*piece), pieces))
    else:
        for piece in pieces:
            work(*piece)


def _pieces(offsets: npt.NDArray[np.int64], threads: int) -> list[tuple[int, int]]:
    """Ranges of texts of about equal size, one per thread."""
    cuts = np.linspace(offsets[0], offsets[-1], max(threads, 1) + 1)[1:-1]
    edges = [0, *np.searchsorted(offsets, cuts).tolist(), len(offsets) - 1]
    return [(lo, hi) for lo, hi in itertools.pairwise(edges) if lo < hi]
