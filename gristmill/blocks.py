"""Runs of shards that are merged into blocks, so that what came before a shard is read from few files.

The block of the shard with the number n in the registry covers the shards n - b + 1 ... n, where b is the lowest bit of
n that is set. So every shard makes one block, the shards before any one are covered by at most log2 n blocks, and a row
is merged log2 n times at most. A shard that was removed is missing from the blocks that cover its number, and only
those are made anew. Source of the scheme: Fenwick, A New Data Structure for Cumulative Frequency Tables, Software:
Practice and Experience 24(3), 1994.
"""

from __future__ import annotations

from collections.abc import Container


def covering(last: int, known: Container[int]) -> list[int]:
    """Numbers of the blocks that cover all known shards up to `last`, ascending; distinct shards in each."""
    return _walk(last, 0, known)


def parts_of(number: int, known: Container[int]) -> list[int]:
    """Numbers of the blocks that, with the shard itself, make up the block of this shard, ascending."""
    return _walk(number - 1, number - (number & -number), known)


def _walk(last: int, before: int, known: Container[int]) -> list[int]:
    found = []
    while last > before:
        if last in known:
            found.append(last)
            last -= last & -last
        else:  # removed, so it made no block; what it would cover is looked at one by one
            last -= 1
    return found[::-1]
