"""A store with documents in it, for tests of single steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.step import Built, Step, build
from gristmill.documents import DOCUMENTS, NATURAL, document_id, frame
from gristmill.recipe import Recipe, parse_recipe
from gristmill.store import Registry, Shard, ShardFile, Store, tables
from resources.tools import Tools

NO_TOOLS = Tools({}, base=Path("/nowhere"), answers=Path("/nowhere"), folder=Path("/nowhere"))


def recipe_of(sections: str, *sources: str) -> Recipe:
    """A recipe `demo` with these sources and sections."""
    lines = "".join(
        f"  {source}: {{kind: jsonl, inputs: [{source}.jsonl]}}\n" for source in sources or ("web",)
    )
    return parse_recipe(f"name: demo\nsources:\n{lines}{sections}", Path("/nowhere/demo.yaml"))


def key(name: str) -> str:
    """Id of the document with this name of a record."""
    return document_id("web", name)


def documents_of(
    texts: dict[str, str],
    shard: str,
    *,
    urls: dict[str, str | None] | None = None,
    dates: dict[str, str | None] | None = None,
) -> pl.DataFrame:
    """DOCUMENTS by the name of the record."""
    rows: list[dict[str, Any]] = [
        {
            "id": key(name),
            "text": text,
            "source": shard.rpartition("-")[0],
            "shard": shard,
            "url": (urls or {}).get(name),
            "date": (dates or {}).get(name),
            "lang": "en",
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
    urls: dict[str, str | None] | None = None,
    dates: dict[str, str | None] | None = None,
) -> Shard:
    """Register a shard and publish its documents as the current output of `asset`, read in batches of so many rows."""
    registry = Registry(store, "demo")
    number = len(registry.shards())
    shard = registry.register(source, [ShardFile(f"/{number}", str(number), 1, 0, f"digest-{number}")])
    documents = documents_of(texts, shard.key, urls=urls, dates=dates)
    with (
        pytest.MonkeyPatch.context() as patch,
        store.writer(asset=asset, partition=shard.key, fingerprint=f"{number:032x}") as writer,
    ):
        patch.setattr(tables, "ROW_GROUP_ROWS", batch)
        writer.write("documents", documents)
        manifest = writer.publish(version=1, options={}, inputs={}, figures={}, run={})
    store.set_ref("demo", manifest)
    return shard


def build_all(
    steps: Callable[[Recipe, str], Sequence[Step]],
    recipe: Recipe,
    store: Store,
    shards: Sequence[Shard] | None = None,
    *,
    upstream: str = "deduped",
    tools: Tools = NO_TOOLS,
) -> dict[str, Built]:
    """Every step in turn over these shards, or all; by `asset` where it is global, by `asset/shard` elsewhere."""
    built = {}
    chosen = Registry(store, "demo").shards() if shards is None else shards
    for step in steps(recipe, upstream):
        for shard in chosen if step.partitioned else [None]:
            name = f"{step.name}/{shard.key}" if shard else step.name
            built[name] = build(step, recipe, store, shard, tools)
    return built


def contents(built: dict[str, Built]) -> dict[str, Any]:
    """All that is in the store of what was built: the digest of its tables, and its figures."""
    return {name: (done.manifest.content, done.manifest.figures) for name, done in built.items()}


def table(store: Store, built: Built, name: str) -> pl.DataFrame:
    """A table of what was built."""
    return store.scan(built.manifest, name).collect()


def texts_of(store: Store, built: Built) -> dict[str, str]:
    """Texts of the documents by their ids."""
    return dict(table(store, built, "documents").select("id", "text").iter_rows())
