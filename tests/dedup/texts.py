"""Texts made for the tests, repeatable and as long as wanted, and all steps of a kind over some shards."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.blocks import covering, parts_of
from gristmill.dedup import (
    SHARDS,
    Block,
    DuplicateOptions,
    Numbering,
    SortedTable,
    SubstringOptions,
    count_stretches,
    count_windows,
    find_duplicates,
    hash_stretches,
    hash_windows,
    index_bands,
    index_texts,
    join_clusters,
    join_neighbours,
    join_twins,
    list_members,
    merge_bands,
    merge_stretches,
    merge_texts,
    merge_windows,
    remove_substrings,
)
from gristmill.dedup.substrings import Removed

_SYLLABLES = [
    a + b for a in ("b", "d", "k", "l", "m", "n", "r", "s", "t", "v") for b in ("a", "e", "i", "o", "u")
]


def make_words(seed: int, count: int) -> list[str]:
    """Words of three syllables, drawn evenly from 125,000."""
    draw = random.Random(seed)
    return ["".join(draw.choices(_SYLLABLES, k=3)) for _ in range(count)]


def edit(words: list[str], share: float, seed: int) -> list[str]:
    """The words with this share of them, evenly spread, replaced."""
    changed = list(words)
    step = round(1 / share)
    for position, word in zip(range(step // 2, len(words), step), make_words(seed, len(words)), strict=False):
        changed[position] = word
    return changed


def frame(texts: list[str], prefix: str = "") -> pl.DataFrame:
    """Documents with ids 0, 1, ... after a prefix."""
    return pl.DataFrame(
        {"id": [f"{prefix}{i}" for i in range(len(texts))], "text": texts},
        schema={"id": pl.String, "text": pl.String},
    )


def table(texts: list[str]) -> pl.DataFrame:
    """Documents with ids d0, d1, ..."""
    return frame(texts, "d")


def index_of(signatures: Sequence[pl.DataFrame], key: str = "s") -> dict[str, Any]:
    """Arguments `index` and `read_signatures` for what comes after these shards, s0, s1, ...; merged as in a store."""
    blocks: dict[int, Block] = {}
    for number, table_ in enumerate(signatures, 1):
        parts = [blocks[part] for part in parts_of(number, blocks)]
        own = pl.DataFrame(
            {
                "sequence": [number],
                "shard": [f"{key}{number - 1}"],
                "signatures": [""],
                "documents": [table_.height],
            },
            schema=SHARDS,
        )
        bands = [*(part.bands for part in parts), SortedTable.of_frame(index_bands(table_, number))]
        texts = [*(part.texts for part in parts), SortedTable.of_frame(index_texts(table_, number))]
        blocks[number] = Block(
            pl.concat([*(part.shards for part in parts), own]),
            SortedTable.of_frame(pl.concat([index_bands(table_.clear(), number), *merge_bands(bands)])),
            SortedTable.of_frame(pl.concat([index_texts(table_.clear(), number), *merge_texts(texts)])),
        )

    def read(shard: str, rows: npt.NDArray[np.int64], columns: list[str]) -> pl.DataFrame:
        return signatures[int(shard.removeprefix(key))][rows].select(columns)

    return {
        "index": [blocks[number] for number in covering(len(signatures), blocks)],
        "read_signatures": read,
    }


def members_of(
    signatures: Sequence[pl.DataFrame],
    options: DuplicateOptions,
    *,
    read_ranks: Callable[[str, npt.NDArray[np.int64]], pl.Series] | None = None,
    shares: int = 1,
) -> pl.DataFrame:
    """MEMBERS of shards s0, s1, ..., whose neighbours are found in so many shares apart."""
    twins = [
        find_duplicates(one, shard=f"s{i}", options=options, **index_of(signatures[:i]))
        for i, one in enumerate(signatures)
    ]
    index, read = index_of(signatures).values()
    numbering = Numbering.of(pl.concat([block.shards for block in index]))
    parents, exact = join_twins(numbering, twins)
    with tempfile.TemporaryDirectory() as folder:
        apart = [parents.copy() for _ in range(shares)]
        for number, own in enumerate(apart):
            scratch = Path(folder) / str(number)
            found = join_neighbours(
                own, exact, numbering, index, read, options, scratch, share=(number, shares), piece_rows=7
            )
            join_clusters(parents, own)
        shingles = found if shares == 1 else None
        return list_members(parents, numbering, read, read_ranks=read_ranks, shingles=shingles)


def cut_substrings(
    shards: list[pl.DataFrame], options: SubstringOptions, *, batch: int = 1000, rows_at_once: int = 1000
) -> list[Removed]:
    """All five steps over some shards; those behind the snapshot are not counted."""
    counted = shards[: options.snapshot_shards]
    stretches = [
        merge_stretches(
            [hash_stretches(part, options=options, first_row=row) for row, part in _batches(one, batch)]
        )
        for one in counted
    ]
    repeated = list(
        count_stretches([one.lazy() for one in stretches], options=options, rows_at_once=rows_at_once)
    )
    whole, parts = (pl.concat([one[kind] for one in repeated]) for kind in (0, 1))
    hashed = []
    for number, one in enumerate(counted):
        mine = parts.filter(pl.col("sequence") == number)
        found = [
            hash_windows(part, mine, options=options, first_row=row) for row, part in _batches(one, batch)
        ]
        hashed.append(merge_windows(found).lazy())
    windows = pl.concat(count_windows(hashed, options=options, rows_at_once=rows_at_once))
    left = []
    for number, one in enumerate(shards):
        sequence = number if number < len(counted) else None
        cut = [
            remove_substrings(part, whole, windows, options=options, sequence=sequence, first_row=row)
            for row, part in _batches(one, batch) or [(0, one)]
        ]
        left.append(Removed(*(pl.concat([one[kind] for one in cut]) for kind in range(4))))
    return left


def _batches(documents: pl.DataFrame, size: int) -> list[tuple[int, pl.DataFrame]]:
    return [(first, documents.slice(first, size)) for first in range(0, documents.height, size)]
