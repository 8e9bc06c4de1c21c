"""How steps read the merged blocks of `signature_index`, and through them the signatures of single documents."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.step import Work, content_of
from gristmill.dedup import Block, ReadSignatures, SortedTable
from gristmill.errors import StoreError
from gristmill.store import Manifest


def read_blocks(work: Work, asset: str) -> list[Block]:
    """The merged blocks among a step's inputs, in order of registration."""
    store = work.store
    return [
        Block(
            shards=store.scan(block, "shards").collect(),
            bands=SortedTable.of_parquet(store.path(block, "bands")),
            texts=SortedTable.of_parquet(store.path(block, "texts")),
        )
        for block in work.inputs.get(asset, [])
    ]


def signature_reader(work: Work, blocks: list[Block]) -> ReadSignatures:
    """Reads rows of the signatures that are in these blocks; raises StoreError where they were made anew since."""
    indexed = dict(row for block in blocks for row in block.shards.select("shard", "signatures").iter_rows())

    @cache
    def manifest_of(key: str) -> Manifest:
        manifest = work.store.current(work.recipe.name, "signatures", key)
        if content_of(manifest, ("signatures",)) != indexed[key]:
            raise StoreError(
                f"{work.step.name}: the signatures of shard {key!r} are other ones than those in the index; build "
                "that first: --select signature_index"
            )
        return manifest

    def read(key: str, rows: npt.NDArray[np.int64], columns: list[str]) -> pl.DataFrame:
        return work.store.take(manifest_of(key), "signatures", rows.tolist(), columns)

    return read
