"""Numba kernels of the classifier: oblivious trees, and what the second stage sees of the first stage's answer.

An oblivious tree asks the same question of all blocks on a level, so a leaf's number is made bit by bit, without a
branch, over all blocks of a page at once.
"""

# mypy: disallow-untyped-defs=False
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
from numba import njit

from gristmill.ingest.html._features import GROUP_SIZE, N_CONTEXT, N_LEVELS, group_siblings, place_key
from gristmill.ingest.html._scan import CONTAINER, FIRST_BLOCK, LAST_BLOCK, PARENT, TAG_KIND, WORDS

# numba's decorator has no type hints.
_ROW, _ROW_STEPS = 1 << 7, 6
_MAX_ROW_WORDS = 200
_CHUNK = 512  # blocks that are judged at once: their features stay in the processor's cache

_compiled: Any = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def predict(features, columns, thresholds, leaves, bias):
    """Probability of each block that it is main content: float64[blocks].

    columns int16[trees, depth], thresholds float32[trees, depth], leaves float32[trees, 2 ** depth].
    """
    n = features.shape[1]
    score = np.full(n, bias)
    leaf = np.empty(min(n, _CHUNK), np.int32)
    for first in range(0, n, _CHUNK):
        size = min(_CHUNK, n - first)
        for tree in range(columns.shape[0]):
            leaf[:] = 0
            for level in range(columns.shape[1]):
                column = features[columns[tree, level], first : first + size]
                threshold = thresholds[tree, level]
                bit = np.int32(1) << level
                for b in range(size):  # a sum of choices becomes vector code, bits by shift do not
                    leaf[b] += bit if column[b] > threshold else np.int32(0)
            values = leaves[tree]
            for b in range(size):
                score[first + b] += values[leaf[b]]
    for b in range(n):
        score[b] = 1.0 / (1.0 + exp(-score[b]))
    return score


@_compiled
def describe_context(elements, paths, blocks, features, chance):
    """Fill in CONTEXT, the last rows of `features`, from the first stage's probabilities.

    Means over containers, paths and groups are weighted by words.
    """
    n = blocks.shape[0]
    out = features
    first_context = out.shape[0] - N_CONTEXT
    if n == 0:
        return
    weights, mass = np.zeros(n + 1), np.zeros(n + 1)
    most = 0.0
    for b in range(n):
        w = blocks[b, WORDS] + 0.5
        weights[b + 1] = weights[b] + w
        mass[b + 1] = mass[b] + w * chance[b]
        most = max(most, chance[b])
    size = 16
    while size < 2 * n:
        size *= 2
    keys = np.zeros(size, np.uint64)
    sums = np.zeros((size, 2))
    path_at = np.empty(n, np.int64)
    for b in range(n):
        key = paths[blocks[b, CONTAINER], 1] | np.uint64(1)
        at = place_key(keys, key)
        keys[at] = key
        path_at[b] = at
        sums[at, 0] += weights[b + 1] - weights[b]
        sums[at, 1] += mass[b + 1] - mass[b]
    group, _, group_sums = group_siblings(elements, paths, weights, mass, mass)
    for b in range(n):
        f = first_context
        out[f, b] = chance[b]
        f += 1
        for offset in (-3, -2, -1, 1, 2, 3):
            other = b + offset
            out[f, b] = chance[other] if 0 <= other < n else -1.0
            f += 1
        for width in (2, 5, 12):
            first, last = max(0, b - width), min(n, b + width + 1)
            out[f, b] = (mass[last] - mass[first]) / (weights[last] - weights[first])
            f += 1
        level, held, e = 0, 0, blocks[b, CONTAINER]
        near, large = -1, -1
        while e >= 0:
            first, last = elements[e, FIRST_BLOCK], elements[e, LAST_BLOCK]
            if level < N_LEVELS and last - first > held:
                held = last - first
                out[f + level, b] = (mass[last] - mass[first]) / (weights[last] - weights[first])
                level += 1
            g = group[e]
            if g >= 0 and group_sums[g, 0] >= GROUP_SIZE:
                if near < 0:
                    near = g
                if large < 0 or group_sums[g, 1] > group_sums[large, 1]:
                    large = g
            e = elements[e, PARENT]
        while level < N_LEVELS:
            out[f + level, b] = out[f + level - 1, b] if level > 0 else chance[b]
            level += 1
        f += N_LEVELS
        out[f, b] = sums[path_at[b], 1] / sums[path_at[b], 0]
        out[f + 1, b] = group_sums[near, 2] / group_sums[near, 1] if near >= 0 else -1.0
        out[f + 2, b] = group_sums[large, 2] / group_sums[large, 1] if large >= 0 else -1.0
        out[f + 3, b] = mass[b] / mass[n]
        out[f + 4, b] = (mass[n] - mass[b + 1]) / mass[n]
        out[f + 5, b] = log(1.0 + mass[n])
        out[f + 6, b] = most


@_compiled
def choose_blocks(chance, weights):
    """The blocks that maximise the F1 to be expected, and that F1.

    With probabilities p and weights w, taking all blocks above a threshold is expected to give 2 sum(w p) over
    (sum of w taken + sum of all w p); the best threshold is half of the best F1 (Lipton et al., arXiv 1402.1892).
    """
    n = chance.shape[0]
    order = np.argsort(-chance, kind="mergesort")
    wanted = 0.0
    for b in range(n):
        wanted += weights[b] * chance[b]
    best, cut, taken, right = 0.0, 2.0, 0.0, 0.0
    for k in range(n):
        b = order[k]
        taken += weights[b]
        right += weights[b] * chance[b]
        if taken + wanted > 0:
            value = 2 * right / (taken + wanted)
            if value > best:
                best, cut = value, chance[b]
    return chance >= cut, best


@_compiled
def choose_rows(elements, blocks, keep):
    """Keep a row of a table whole where most of its words are kept, and not at all elsewhere."""
    n = blocks.shape[0]
    first = 0
    row = row_of(elements, blocks[0, CONTAINER]) if n > 0 else -1
    while first < n:
        last = first + 1
        following = np.int64(-1)
        while last < n:
            following = row_of(elements, blocks[last, CONTAINER])
            if row < 0 or following != row:
                break
            last += 1
        if row >= 0 and last - first > 1:
            kept, all_words = 0.0, 0.0
            for b in range(first, last):
                all_words += blocks[b, WORDS] + 0.1
                if keep[b]:
                    kept += blocks[b, WORDS] + 0.1
            # A row that holds whole sections is layout.
            if all_words <= _MAX_ROW_WORDS:
                keep[first:last] = 2 * kept >= all_words
        first, row = last, following


@_compiled
def row_of(elements, element):
    """The nearest row of a table around an element, -1 where there is none within a few steps."""
    for _ in range(_ROW_STEPS):
        if element <= 0:
            return np.int64(-1)
        if elements[element, TAG_KIND] & _ROW:
            return np.int64(element)
        element = elements[element, PARENT]
    return np.int64(-1)
