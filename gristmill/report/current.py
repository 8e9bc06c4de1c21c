"""What is current of one recipe: its registered shards, and its tables through the refs.

The only way by which the reports reach the store. Partitions come in order of registration; a shard that was removed
is not part of the corpus, so its tables are not read even where a ref was left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import polars as pl

from gristmill.store import Manifest, Registry, Shard, Store

ORDER = (
    "raw",
    "models",  # models/NAME: the classifiers
    "filtered",
    "url_keys",
    "dedup_tables/urls",
    "unique_urls",
    "signatures",
    "signature_index",
    "duplicates",
    "dedup_tables/clusters",
    "deduped",
    "unit_hashes",
    "dedup_tables/paragraphs",
    "paragraphs",
    "substring_hashes",
    "dedup_tables/substring_stretches",
    "substring_windows",
    "dedup_tables/substrings",
    "substrings",
    "embeddings",
    "dedup_tables/semantic",
    "semantic",
    "document_kept",
    "refiner/labels",
    "models/refiner",
    "refiner/evaluation",
    "refined",
    "rephrased",
    "contamination",
    "models/quality",
    "scores/quality",
    "scores",  # scores/NAME: the raters
    "tokens",
    "scored",
    "selected",
    "mixed",
)  # of the graph, for lists that people read; an asset that is not named here stands with its folder, or last


class Corpus:
    """The current state of a recipe; manifests are read once and kept."""

    def __init__(self, store: Store, recipe: str) -> None:
        self.store = store
        self.recipe = recipe
        self._found: dict[tuple[str, str | None], Manifest | None] = {}

    @cached_property
    def shards(self) -> list[Shard]:
        """Shards of the corpus in order of registration."""
        return Registry(self.store, self.recipe).shards()

    @cached_property
    def assets(self) -> list[str]:
        """Assets that have a ref, in the order of the graph."""
        prefix = f"refs/{self.recipe}/"
        keys = [listed.key.removeprefix(prefix) for listed in self.store.files.list(f"refs/{self.recipe}")]
        return sorted({key.rpartition("/")[0] for key in keys}, key=place)

    def manifest(self, asset: str, partition: str | None) -> Manifest | None:
        """The current object of a partition (None: the global one), or None where it was never built."""
        if (asset, partition) not in self._found:
            ref = self.store.ref(self.recipe, asset, partition)
            self._found[asset, partition] = self.store.find(ref.fingerprint) if ref else None
        return self._found[asset, partition]

    def manifests(self, asset: str, shard: str | None = None) -> list[Manifest]:
        """The current objects of an asset, or of one shard of it; a global asset has one, whatever the shard."""
        partitions = [shard] if shard is not None else [known.key for known in self.shards]
        found = [self.manifest(asset, partition) for partition in [*partitions, None]]
        return [manifest for manifest in found if manifest is not None]

    def scan(
        self,
        asset: str,
        table: str = "documents",
        shard: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame | None:
        """Rows of a table over the partitions that have it, or None where none has.

        `columns` are those wanted; None is returned as well where one of them is missing.
        """
        holders = [m for m in self.manifests(asset, shard) if table in m.schemas]
        if columns is not None:
            holders = [m for m in holders if set(columns) <= set(m.schemas[table])]
        if not holders:
            return None
        frames = [self.store.scan(manifest, table) for manifest in holders]
        if columns is not None:
            frames = [frame.select(columns) for frame in frames]
        return pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]

    def texts_before(self, asset: str) -> list[str]:
        """Assets with the documents that an asset was made from, nearest first, as its objects' inputs name them."""
        reached: list[str] = []
        waiting = [asset]
        found: list[str] = []
        while waiting:
            current = waiting.pop(0)
            names = {name for manifest in self.manifests(current) for name in _inputs(manifest)}
            for name in sorted(names - set(reached), key=place, reverse=True):
                reached.append(name)
                waiting.append(name)
                if any("documents" in manifest.schemas for manifest in self.manifests(name)):
                    found.append(name)
        return found

    def source_of(self, manifest: Manifest) -> str | None:
        """Source of a partition's shard; None for a global one."""
        return next((shard.source for shard in self.shards if shard.key == manifest.partition), None)


def recipes_in(store: Store) -> list[str]:
    """Names of the recipes that have built anything into the store."""
    return sorted({listed.key.split("/")[1] for listed in store.files.list("refs")})


def _inputs(manifest: Manifest) -> set[str]:
    """Assets that an object was made from; names of inputs are ASSET/PARTITION, besides models and files."""
    return {name.rpartition("/")[0] for name in manifest.inputs} - {"", "model"}


def place(asset: str) -> tuple[int, str]:
    """Where an asset stands in the order of the graph."""
    known = asset if asset in ORDER else asset.partition("/")[0]
    return (ORDER.index(known) if known in ORDER else len(ORDER), asset)
