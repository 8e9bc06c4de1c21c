"""Global tables over a declared snapshot of shards: what they read, and which shards they are about."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.step import Input, Work
from gristmill.documents import Schema
from gristmill.store import Manifest

SHARDS: Schema = {"sequence": pl.UInt32, "shard": pl.String}  # those of the snapshot, by place in it


def over_snapshot(asset: str, table: str, first: int | None) -> Input:
    """A table of the `first` registered shards (None: of all), in order of registration."""
    return Input(asset, scope="all", tables=(table,), first=first, ordered=True)


def sentence(first: int | None) -> str:
    """What the description of such a table says of its snapshot."""
    if first is None:
        return "Over all registered shards: a new one makes this table anew, and the shards that it changes."
    return f"Over the first {first:,} registered shards; later ones are compared with them."


def list_shards(manifests: Sequence[Manifest]) -> pl.DataFrame:
    """SHARDS of the partitions that were read, to be kept beside what was found in them."""
    keys = [str(manifest.partition) for manifest in manifests]
    return pl.DataFrame({"sequence": range(len(keys)), "shard": keys}, schema=SHARDS)


def places_in(work: Work, table: str) -> dict[str, int]:
    """Places in the snapshot by the shard's key, ascending; `table`: the asset that kept SHARDS."""
    return dict(work.scan(table, "shards").sort("sequence").select("shard", "sequence").collect().iter_rows())
