"""A store with made documents in it, on which benches of deduplication run steps of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from gristmill.recipe import Recipe
    from gristmill.store import Shard, Store
    from resources.tools import Tools

RECIPE = """\
name: bench
sources:
  web: {{kind: jsonl, inputs: ["*.jsonl"]}}
dedup: {section}
"""


def recipe_of(section: str) -> Recipe:
    """A recipe with these options of deduplication."""
    from gristmill.recipe import parse_recipe

    return parse_recipe(RECIPE.format(section=section), Path("bench.yaml"))


def no_tools() -> Tools:
    """Tools of a recipe without models."""
    from resources.tools import Tools

    return Tools({}, base=Path(), answers=Path(), folder=Path())


def add_shard(store: Store, name: str, ids: pl.Series, texts: pl.Series) -> Shard:
    """Register a shard and publish documents of these ids and texts as what was filtered of it."""
    from gristmill.documents import DOCUMENTS, empty
    from gristmill.store import Registry, ShardFile

    shard = Registry(store, "bench").register("web", [ShardFile(name, name, 1, 0, name)])
    rows = empty(DOCUMENTS).clear(len(ids)).with_columns(id=ids, text=texts)
    publish(store, "filtered", "documents", shard, rows)
    return shard


def publish(store: Store, asset: str, table: str, shard: Shard, rows: pl.DataFrame) -> None:
    """Make these rows the current output of an asset."""
    fingerprint = f"{asset} {shard.key}".encode().hex()
    with store.writer(asset=asset, partition=shard.key, fingerprint=fingerprint) as writer:
        writer.write(table, rows)
        store.set_ref("bench", writer.publish(version=1, options={}, inputs={}, figures={}, run={}))
