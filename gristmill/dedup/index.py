"""Stage `signature_index`: which documents of the shards so far have a band or a text, in merged blocks.

A new shard is compared with all earlier ones. Read shard by shard, that would open as many files as there are shards;
so the bands and texts of runs of shards are merged into blocks (gristmill/blocks.py), sorted by hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup.sorted_tables import SortedTable, merge
from gristmill.documents import Schema

BANDS: Schema = {"hash": pl.UInt64, "place": pl.UInt64}  # ascending by both
TEXTS: Schema = {"exact_hi": pl.UInt64, "exact_lo": pl.UInt64, "place": pl.UInt64}  # of each text the first
SHARDS: Schema = {
    "sequence": pl.UInt32,  # number in the registry
    "shard": pl.String,
    "signatures": pl.String,  # digest of the signatures that are in the block
    "documents": pl.UInt32,
}

_ROW_BITS = 32  # of a place: the shard's number above them, the row below


@dataclass(frozen=True)
class Block:
    """The merged bands and texts of some shards; see BANDS, TEXTS and SHARDS."""

    shards: pl.DataFrame
    bands: SortedTable
    texts: SortedTable


def index_bands(signatures: pl.DataFrame, sequence: int) -> pl.DataFrame:
    """The BANDS of one shard; signatures: columns row (ascending) and bands."""
    return (
        signatures.lazy()
        .select(hash="bands", place=_place(sequence))
        .filter(pl.col("hash").list.len() > 0)
        .explode("hash")
        .sort("hash", maintain_order=True)  # places ascend already
        .collect()
    )


def index_texts(signatures: pl.DataFrame, sequence: int) -> pl.DataFrame:
    """The TEXTS of one shard; signatures: columns row (ascending), exact_hi and exact_lo."""
    texts = signatures.filter(pl.col("exact_hi").is_not_null()).select(
        "exact_hi", "exact_lo", place=_place(sequence)
    )
    return _firsts(texts.sort("exact_hi", maintain_order=True))


def merge_bands(tables: Sequence[SortedTable]) -> Iterator[pl.DataFrame]:
    """BANDS of blocks that follow one another in the registry, merged, in pieces."""
    return merge(tables)


def merge_texts(tables: Sequence[SortedTable]) -> Iterator[pl.DataFrame]:
    """TEXTS of blocks that follow one another in the registry, merged, in pieces."""
    return (_firsts(piece) for piece in merge(tables))


def split_places(places: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the shards, and rows."""
    return (places >> np.uint64(_ROW_BITS)).astype(np.int64), (places & np.uint64(2**_ROW_BITS - 1)).astype(
        np.int64
    )


def _place(sequence: int) -> pl.Expr:
    return pl.lit(sequence << _ROW_BITS, pl.UInt64) | pl.col("row").cast(pl.UInt64)


def _firsts(texts: pl.DataFrame) -> pl.DataFrame:
    return texts.unique(["exact_hi", "exact_lo"], keep="first", maintain_order=True)
