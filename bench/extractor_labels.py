"""Labels of blocks for the extractor: which words of a page are in its gold text.

The page's words and the gold's are aligned in order; a run of k equal words counts k - 1, so that a single word that
happens to be in both is no match. What is left on both sides is aligned again, which finds what was moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

_ROUNDS = 3
_MAX_CELLS = 400_000_000  # bytes of the table of one alignment
_MAX_WORDS = 20_000
_STEP_GOLD, _MATCH, _LONGER = 1, 2, 4

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


def label_blocks(blocks: Sequence[Sequence[str]], gold: Sequence[str]) -> tuple[Any, Any]:
    """Share of each block's words that are in the gold text (float64), and its words (int64)."""
    numbers: dict[str, int] = {}
    words = np.array(
        [numbers.setdefault(word, len(numbers)) for block in blocks for word in block][:_MAX_WORDS], np.int32
    )
    sizes = np.array([len(block) for block in blocks], np.int64)
    owners = np.repeat(np.arange(len(blocks)), sizes)[:_MAX_WORDS]
    wanted = np.array([numbers.get(word, -1) for word in gold], np.int32)
    matched = np.zeros(len(blocks))
    for _ in range(_ROUNDS):
        if min(words.size, wanted.size) < 2 or words.size * wanted.size > _MAX_CELLS:
            break
        used, used_gold = np.zeros(words.size, np.bool_), np.zeros(wanted.size, np.bool_)
        _align(words, wanted, used, used_gold)
        if not used.any():
            break
        np.add.at(matched, owners[used], 1)
        words, owners, wanted = words[~used], owners[~used], wanted[~used_gold]
    return matched / np.maximum(1, sizes), sizes


@_compiled
def _align(words, gold, used, used_gold):
    """Mark what an alignment matches; the score of a run of k equal words is k - 1."""
    n, m = words.shape[0], gold.shape[0]
    moves = np.zeros((n + 1, m + 1), np.uint8)
    best, best_before = np.zeros(m + 1, np.float32), np.zeros(m + 1, np.float32)
    run, run_before = np.full(m + 1, -1e9, np.float32), np.full(m + 1, -1e9, np.float32)
    for i in range(1, n + 1):
        run[0], best[0] = -1e9, 0
        for j in range(1, m + 1):
            move = 0
            matching = np.float32(-1e9)
            if words[i - 1] == gold[j - 1]:
                longer = run_before[j - 1] + np.float32(1)
                if longer >= best_before[j - 1]:
                    matching = longer
                    move = _LONGER
                else:
                    matching = best_before[j - 1]
            run[j] = matching
            value = best_before[j]
            if best[j - 1] > value:
                value = best[j - 1]
                move |= _STEP_GOLD
            if matching > value:
                value = matching
                move |= _MATCH
            best[j] = value
            moves[i, j] = move
        best, best_before = best_before, best
        run, run_before = run_before, run
    i, j, inside = n, m, False
    while i > 0 and j > 0:
        move = moves[i, j]
        if inside or move & _MATCH:
            used[i - 1], used_gold[j - 1] = True, True
            inside = (move & _LONGER) != 0
            i -= 1
            j -= 1
        elif move & _STEP_GOLD:
            j -= 1
        else:
            i -= 1
