"""Texts made for the tests: repeatable, and as long as wanted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.blocks import covering, parts_of
from gristmill.dedup import SHARDS, Block, SortedTable, index_bands, index_texts, merge_bands, merge_texts

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


def table(texts: list[str]) -> pl.DataFrame:
    """Documents with ids d0, d1, ..."""
    return pl.DataFrame(
        {"id": [f"d{i}" for i in range(len(texts))], "text": texts}, schema={"id": str, "text": str}
    )


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
