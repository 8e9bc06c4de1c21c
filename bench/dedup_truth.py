"""Every pair of texts from a Jaccard similarity on, exactly: the truth that deduplication is measured by.

Words are runs of letters, digits and underscores of the composed (NFC), lower-cased text; shingles are the set of its
windows of five words, and a text of fewer words has one shingle of all of them. No MinHash is involved: two sets that
are similar enough must share one of their rarest members (prefix filtering, Chaudhuri, Ganti and Kaushik, "A Primitive
Operator for Similarity Joins in Data Cleaning", ICDE 2006), and every pair that does is counted out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import xxhash

NGRAM = 5

_WORD = re.compile(r"\w+")

Hashes = npt.NDArray[np.uint64]
Pair = tuple[int, int, int, int]  # (lesser index, greater index, common shingles, shingles of both)


def list_words(text: str) -> list[str]:
    """Words of a text as they stand in it."""
    return _WORD.findall(text)


def hash_set(text: str) -> Hashes:
    """The set of a text's shingles as sorted 64-bit hashes."""
    return hash_windows(list_words(unicodedata.normalize("NFC", text).lower()), NGRAM)


def hash_windows(words: list[str], ngram: int) -> Hashes:
    """The set of windows of so many words as sorted hashes; one of all the words if there are fewer."""
    if not words:
        return np.empty(0, np.uint64)
    windows = (" ".join(words[i : i + ngram]).encode() for i in range(max(1, len(words) - ngram + 1)))
    return np.unique(np.fromiter(map(xxhash.xxh64_intdigest, windows), np.uint64))


def count_common(a: Hashes, b: Hashes) -> tuple[int, int]:
    """(shingles that both have, shingles that either has)."""
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common, len(a) + len(b) - common


def find_pairs(sets: list[Hashes], *, percent: int) -> list[Pair]:
    """All pairs whose similarity is at least `percent` / 100, in order of their indices.

    Empty sets are in no pair. Memory: the sets twice, and a list for every prefix member.
    """
    if not sets:
        return []
    known, counts = np.unique(np.concatenate(sets), return_counts=True)
    having: dict[int, list[int]] = defaultdict(list)  # of shingles in a prefix: the sets so far, by size
    pairs: list[Pair] = []
    for i in sorted((i for i, one in enumerate(sets) if len(one)), key=lambda i: (len(sets[i]), i)):
        rarity = counts[np.searchsorted(known, sets[i])]
        for other in sorted(_candidates(sets[i], rarity, having, i, percent)):
            if 100 * len(sets[other]) < percent * len(sets[i]):
                continue
            common, union = count_common(sets[i], sets[other])
            if 100 * common >= percent * union:
                pairs.append((min(i, other), max(i, other), common, union))
    return sorted(pairs)


def _candidates(
    members: Hashes, rarity: npt.NDArray[np.int64], having: dict[int, list[int]], i: int, percent: int
) -> Iterable[int]:
    """Earlier sets with a common member in the prefix; enters this set's prefix.

    Of n members at least ceil(percent n / 100) are common with a similar set, so one of the rarest others plus one is.
    """
    size = len(members)
    prefix = size - -(-percent * size // 100) + 1
    rarest = np.lexsort((members, rarity))[:prefix]
    found: set[int] = set()
    for member in members[rarest[rarity[rarest] > 1]].tolist():
        found.update(having[member])
        having[member].append(i)
    return found
