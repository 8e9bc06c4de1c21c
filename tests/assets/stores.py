"""A store with documents in it, for tests of single steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from gristmill.documents import DOCUMENTS, NATURAL, document_id, frame
from gristmill.recipe import Recipe, parse_recipe
from gristmill.store import Registry, Shard, ShardFile, Store
from resources.tools import Tools

NO_TOOLS = Tools({}, base=Path("/nowhere"), answers=Path("/nowhere"), folder=Path("/nowhere"))


def recipe_of(sections: str, *sources: str) -> Recipe:
    """A recipe `demo` with these sources and sections."""
    lines = "".join(
        f"  {source}: {{kind: jsonl, inputs: [{source}.jsonl]}}\n" for source in sources or ("web",)
    )
    return parse_recipe(f"name: demo\nsources:\n{lines}{sections}", Path("/nowhere/demo.yaml"))


def documents_of(
    texts: dict[str, str], shard: str, lang: str = "en", dates: dict[str, str | None] | None = None
) -> pl.DataFrame:
    """DOCUMENTS by the name of the record."""
    rows: list[dict[str, Any]] = [
        {
            "id": document_id("web", name),
            "text": text,
            "source": shard.rpartition("-")[0],
            "shard": shard,
            "date": (dates or {}).get(name),
            "lang": lang,
            "method": NATURAL,
            "generation_depth": 0,
            "meta": "{}",
            "file": "a.jsonl",
        }
        for name, text in texts.items()
    ]
    return frame(rows, DOCUMENTS)


def add_shard(
    store: Store,
    texts: dict[str, str],
    *,
    source: str = "web",
    asset: str = "filtered",
    batch: int = 1000,
    dates: dict[str, str | None] | None = None,
) -> Shard:
    """Register a shard and publish its documents as the current output of `asset`."""
    registry = Registry(store, "demo")
    number = len(registry.shards())
    shard = registry.register(source, [ShardFile(f"/{number}", str(number), 1, 0, f"digest-{number}")])
    documents = documents_of(texts, shard.key, dates=dates)
    with store.writer(asset=asset, partition=shard.key, fingerprint=f"{number:032x}") as writer:
        writer.write("documents", documents.clear())
        for part in documents.iter_slices(batch):
            writer.write("documents", part)
        manifest = writer.publish(version=1, options={}, inputs={}, figures={}, run={})
    store.set_ref("demo", manifest)
    return shard
