"""Compiled loops of fastText classifiers: fastText's hash of words, and its supervised training.

Everything compiled lies in this file, because numba's cache on disk looks only at the file of the function called.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array here is described at the function that takes it.
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_FNV_START, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_NGRAM_PRIME = np.uint64(116049371)
# splitmix64
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@_compiled
def hash_words(data, offsets, out):
    """32-bit FNV-1a of each word in UTF-8, its bytes taken as signed, as fastText's Dictionary::hash has it.

    data uint8, offsets int64[words + 1], out uint32[words].
    """
    for i in range(offsets.shape[0] - 1):
        state = _FNV_START
        for j in range(offsets[i], offsets[i + 1]):
            state = (state ^ np.uint32(np.int8(data[j]))) * _FNV_PRIME
        out[i] = state


@_compiled
def fill_uniform(seed, matrix):
    """Numbers in [-1 / columns, 1 / columns), each from `seed` (uint64) and its own place alone; float32 matrix."""
    rows, columns = matrix.shape
    place = np.uint64(0)
    for i in range(rows):
        for j in range(columns):
            place += np.uint64(1)
            state = seed + place * _STEP
            state = (state ^ (state >> np.uint64(30))) * _MIX_1
            state = (state ^ (state >> np.uint64(27))) * _MIX_2
            state ^= state >> np.uint64(31)
            matrix[i, j] = ((state >> np.uint64(11)) * (2.0 / (1 << 53)) - 1.0) / columns


@_compiled
def train_epoch(ids, hashes, offsets, labels, n_words, word_ngrams, lr, done, total, inputs, outputs):
    """One pass over all examples, one after the other, as FastText::supervised does it with softmax.

    ids int32, -1 for words out of the dictionary; hashes uint32; both per token. offsets int64[examples + 1]; labels
    int64, rows of `outputs`. The rate falls from `lr` to 0 over `total` tokens, of which `done` lie behind. inputs
    float32[words + buckets, dim] and outputs float32[labels, dim] are changed in place.
    """
    dim, n_labels, bucket = inputs.shape[1], outputs.shape[0], inputs.shape[0] - n_words
    hidden, gradient = np.empty(dim, np.float32), np.empty(dim, np.float32)
    scores = np.empty(n_labels, np.float32)
    longest = 0
    for e in range(labels.shape[0]):
        longest = max(longest, offsets[e + 1] - offsets[e])
    features = np.empty(longest * word_ngrams, np.int64)
    for e in range(labels.shape[0]):
        rate = np.float32(lr * (1.0 - done / total))
        done += offsets[e + 1] - offsets[e]
        n = _list_features(ids, hashes, offsets[e], offsets[e + 1], word_ngrams, n_words, bucket, features)
        if n == 0:
            continue
        hidden[:] = 0
        for f in range(n):
            for d in range(dim):
                hidden[d] += inputs[features[f], d]
        for d in range(dim):
            hidden[d] /= np.float32(n)
        _softmax(hidden, outputs, scores)
        gradient[:] = 0
        for label in range(n_labels):
            alpha = rate * (np.float32(label == labels[e]) - scores[label])
            for d in range(dim):
                gradient[d] += alpha * outputs[label, d]
                outputs[label, d] += alpha * hidden[d]
        for d in range(dim):
            gradient[d] /= np.float32(n)
        for f in range(n):
            for d in range(dim):
                inputs[features[f], d] += gradient[d]


@_compiled
def _list_features(ids, hashes, first, last, word_ngrams, n_words, bucket, features):
    """Rows of the known words, then of the runs of 2 to `word_ngrams` words; returns how many."""
    n = 0
    for i in range(first, last):
        if ids[i] >= 0:
            features[n] = ids[i]
            n += 1
    for i in range(first, last):
        state = np.uint64(np.int64(np.int32(hashes[i])))
        for j in range(i + 1, min(last, i + word_ngrams)):
            state = state * _NGRAM_PRIME + np.uint64(np.int64(np.int32(hashes[j])))
            features[n] = n_words + np.int64(state % np.uint64(bucket))
            n += 1
    return n


@_compiled
def _softmax(hidden, outputs, scores):
    largest = -np.inf
    for label in range(outputs.shape[0]):
        score = 0.0
        for d in range(hidden.shape[0]):
            score += outputs[label, d] * hidden[d]
        scores[label] = score
        largest = max(largest, score)
    total = 0.0
    for label in range(outputs.shape[0]):
        scores[label] = math.exp(scores[label] - largest)
        total += scores[label]
    for label in range(outputs.shape[0]):
        scores[label] /= total
