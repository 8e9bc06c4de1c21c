"""The index of evaluation items: their n-grams, and how much each of their words counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.contamination import _kernels
from gristmill.contamination.benchmarks import Item
from gristmill.contamination.options import ContaminationOptions
from gristmill.contamination.words import hash_words

QUESTION, WHOLE = "question", "whole"  # what of an item was found: the question, or with choices and answer
_SHORT_WORDS, _LONG_WORDS = 6, 30  # between them, the share that is needed falls
_SHARED_BY = 3  # wording that so many items have is a template's
_EXACT_WORDS = 5  # an item looked for as a whole has at least so many


@dataclass(frozen=True)
class Index:
    """All units (a question, or a whole item) and their n-grams, ready for the kernel."""

    items: tuple[Item, ...]
    units: pl.DataFrame  # item (number), part (QUESTION | WHOLE), words, weight, needed
    ngram: int
    keys: npt.NDArray[np.uint64]  # different n-grams, ascending
    table: npt.NDArray[np.int32]  # hash table of the keys' numbers
    key_offsets: npt.NDArray[np.int64]  # into the next two
    key_units: npt.NDArray[np.int32]
    key_places: npt.NDArray[np.int32]
    unit_offsets: npt.NDArray[np.int64]  # into weights
    weights: npt.NDArray[np.float64]  # of every word of every unit, 0..1
    needed: npt.NDArray[np.float64]  # weight that a stretch must hold; infinite: cannot be found
    reach: npt.NDArray[np.int64]  # words of such a stretch

    @property
    def detectable(self) -> pl.Series:
        """Whether each item can be found at all, in any of its parts."""
        units = self.units.with_columns(found=pl.col("needed").is_finite())
        return units.group_by("item", maintain_order=True).agg(pl.col("found").any())["found"]


def build_index(items: Sequence[Item], options: ContaminationOptions) -> Index:
    """Index of items; two units each, the question alone and the whole of question, choices and answer."""
    texts = [
        text
        for item in items
        for text in (item.question, "\n".join([item.question, *item.choices, item.answer]))
    ]
    words = hash_words(pl.Series(texts, dtype=pl.String))
    n_words = np.diff(words.offsets)
    grams, units, places = _ngrams(words.hashes, words.offsets, options.ngram)
    weights = _weigh(grams, units, places, words.offsets, options.ngram)
    order = np.lexsort((places, units, grams))
    keys, first = np.unique(grams[order], return_index=True)
    table = np.full(1 << int(2 * len(keys)).bit_length(), -1, np.int32)
    _kernels.fill_table(keys, table)
    weight = np.add.reduceat(np.append(weights, 0.0), np.minimum(words.offsets[:-1], len(weights)))
    weight[n_words == 0] = 0.0
    needed, reach = _bounds(weight, n_words, weights, words.offsets, options)
    return Index(
        tuple(items),
        pl.DataFrame(
            {
                "item": np.arange(len(texts)) // 2,
                "part": [QUESTION, WHOLE] * len(items),
                "words": n_words,
                "weight": weight,
                "needed": needed,
            }
        ),
        options.ngram,
        keys,
        table,
        np.append(first, len(grams)).astype(np.int64),
        units[order],
        places[order],
        words.offsets,
        weights,
        needed,
        reach,
    )


def _ngrams(
    hashes: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64], n: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """(n-gram, unit, place in the unit) of all n-grams of all units."""
    parts = [_kernels.hash_ngrams(hashes[first:last], n) for first, last in pairwise(offsets)]
    counts = [len(part) for part in parts]
    return (
        np.concatenate([*parts, np.empty(0, np.uint64)]),
        np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        np.concatenate([*(np.arange(count, dtype=np.int32) for count in counts), np.empty(0, np.int32)]),
    )


def _weigh(
    grams: npt.NDArray[np.uint64],
    units: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    n: int,
) -> npt.NDArray[np.float64]:
    """Weight of every word: 1, or 1 / items where every n-gram around it is in _SHARED_BY items or more."""
    shared = pl.DataFrame({"gram": grams, "item": units // 2}).with_columns(
        items=pl.col("item").n_unique().over("gram")
    )["items"]
    value = np.where(shared.to_numpy() >= _SHARED_BY, 1.0 / shared.to_numpy(), 1.0)
    weights = np.zeros(int(offsets[-1]))
    for k in range(n):
        np.maximum.at(weights, offsets[units] + places + k, value)
    return weights


def _bounds(
    weight: npt.NDArray[np.float64],
    n_words: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    options: ContaminationOptions,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """(needed, reach) of every unit."""
    length = np.clip((weight - _SHORT_WORDS) / (_LONG_WORDS - _SHORT_WORDS), 0.0, 1.0)
    share = options.min_share_short + length * (options.min_share - options.min_share_short)
    needed = np.maximum(share * weight, options.min_words)
    reach = 2 * n_words + options.reach
    whole = np.arange(len(weight)) % 2 == 1
    own = np.array([weights[a:b].max(initial=0.0) >= 1.0 for a, b in pairwise(offsets)], bool)
    # Too little of its own for a share of it to tell: all of it, word by word.
    exact = (weight < options.min_words) & whole & own & (n_words >= _EXACT_WORDS)
    needed = np.where(weight < options.min_words, np.where(exact, weight - 1e-6, np.inf), needed)
    return needed, np.where(exact, n_words, reach).astype(np.int64)
