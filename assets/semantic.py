"""Steps `embeddings`, `dedup_tables/semantic` and `semantic`: documents that say what another one says are dropped.

Similarities are one global table over a declared snapshot of shards; the other two steps are made per shard.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.snapshots import list_shards, over_snapshot, places_in, sentence
from assets.step import Input, Step, Work
from assets.twins import drop_twins
from gristmill.dedup import (
    SEMANTIC_VERSION,
    SIMILARITIES,
    SIMILARITIES_VERSION,
    SemanticOptions,
    count_similar,
    drop_similar,
    find_neighbours,
    fit_centroids,
)
from gristmill.documents import empty
from gristmill.embeddings import EMBEDDINGS_VERSION, embed_documents, embeddings_schema
from gristmill.plots import Curve, Histogram, draw_curves, draw_histograms
from gristmill.progress import advance, expect
from gristmill.recipe import Recipe
from gristmill.store import Manifest

EMBEDDINGS, TABLE, NAME = "embeddings", "dedup_tables/semantic", "semantic"

_SLICE_DOCUMENTS = 256  # embedded between two reports of progress, and sorted by length together on a GPU
_EPS_GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
_VECTOR_COLUMNS = ["id", "row", "vector", "tokens", "unknown"]


def steps(recipe: Recipe, upstream: str) -> list[Step]:
    """The steps for the documents of the asset `upstream`."""
    assert recipe.dedup is not None
    options = recipe.dedup.semantic
    assert options is not None
    comparing = {"max_unknown", "which_to_keep", "seed"}
    return [
        Step(
            name=EMBEDDINGS,
            run=partial(_embed, upstream=upstream, options=options),
            version=EMBEDDINGS_VERSION,
            description=f"A vector of every document by the model {options.model}, to compare what they say.",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include={"max_chunks"}),
            inputs=(Input(upstream),),
            models=(options.model,),
            kinds=frozenset({"parquet", "pytorch"}),
        ),
        Step(
            name=TABLE,
            run=partial(_compare, options=options),
            version=SIMILARITIES_VERSION,
            description="The highest cosine of every document with one before it in its cluster, and that document. "
            f"{sentence(options.snapshot_shards)}",
            group="dedup",
            options=lambda source: options.model_dump(
                mode="json", include={*comparing, "clusters", "snapshot_shards"}
            ),
            inputs=(over_snapshot(EMBEDDINGS, "embeddings", options.snapshot_shards),),
            partitioned=False,
        ),
        Step(
            name=NAME,
            run=partial(_drop, upstream=upstream, options=options),
            version=SEMANTIC_VERSION,
            description=f"Documents that are not within eps = {options.eps:g} of one that comes before them.",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include={*comparing, "eps"}),
            inputs=(
                Input(upstream),
                Input(EMBEDDINGS, tables=("embeddings",)),
                Input(TABLE, scope="global", tables=("similarities", "shards", "centroids", "members")),
            ),
            checked="decisions",
        ),
    ]


# -- embeddings ---------------------------------------------------------------------------------------------------


def _embed(work: Work, *, upstream: str, options: SemanticOptions) -> dict[str, Any]:
    rows = empty_tokens = tokens = unknown = 0
    embedder = work.tools.embedder(options.model)
    work.emit(embeddings=pl.DataFrame(schema=embeddings_schema(embedder.width)))
    for batch in work.batches(upstream, columns=["id", "text"]):
        for part in batch.iter_slices(_SLICE_DOCUMENTS):
            found = embed_documents(part, embedder, max_chunks=options.max_chunks, first_row=rows)
            work.emit(embeddings=found)
            rows += part.height
            empty_tokens += found.filter(pl.col("tokens") == 0).height
            tokens += int(found["tokens"].sum())
            unknown += found.filter(pl.col("unknown") > options.max_unknown).height
            advance(part.height)
    return {
        "rows_in": rows,
        "rows_out": rows,
        "dimensions": embedder.width,
        "tokens_read": tokens,
        "without_tokens": empty_tokens,
        "too_many_unknown_tokens": unknown,
    }


# -- dedup_tables/semantic ------------------------------------------------------------------------------------------


def _compare(work: Work, *, options: SemanticOptions) -> dict[str, Any]:
    manifests = work.inputs.get(EMBEDDINGS, [])
    keys = [str(manifest.partition) for manifest in manifests]
    expect(sum(manifest.rows("embeddings") for manifest in manifests))
    shards = [(key, partial(_vectors, work, manifest)) for key, manifest in zip(keys, manifests, strict=True)]
    centroids = fit_centroids(shards, options=options)
    width = centroids.shape[1]
    figures = _Figures(options)
    work.emit(
        shards=list_shards(manifests),
        centroids=_numbered(centroids),
        similarities=empty(SIMILARITIES),
        members=pl.DataFrame(
            schema={
                "cluster": pl.Int32,
                "shard": pl.String,
                "id": pl.String,
                "vector": pl.Array(pl.Float32, width),
            }
        ),
    )
    found = find_neighbours(shards, centroids, options=options, folder=work.writer.folder)
    for part in found.similarities():
        work.emit(similarities=part)
        figures.add(part)
    if options.snapshot_shards is not None:  # only then do others come after
        for part in found.members():
            work.emit(members=part)
    return {"shards": len(shards), "clusters": len(centroids), **figures.report(), **figures.draw_all()}


def _vectors(work: Work, manifest: Manifest) -> Iterator[pl.DataFrame]:
    return work.store.batches(manifest, "embeddings", _VECTOR_COLUMNS)


def _numbered(centroids: npt.NDArray[np.float32]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cluster": pl.int_range(len(centroids), dtype=pl.Int32, eager=True),
            "vector": pl.Series(centroids, dtype=pl.Array(pl.Float32, centroids.shape[1])),
        }
    )


# -- semantic ---------------------------------------------------------------------------------------------------------


def _drop(work: Work, *, upstream: str, options: SemanticOptions) -> dict[str, Any]:
    assert work.shard is not None
    key = work.shard.key
    in_snapshot = key in places_in(work, TABLE)
    similarities = (
        work.scan(TABLE, "similarities").filter(pl.col("shard") == key).collect()
        if in_snapshot
        else _compare_later(work, key, options)
    )
    decisions = drop_similar(similarities, eps=options.eps)
    figures = _Figures(options)
    figures.add(similarities)
    expect(work.rows(upstream))
    sample = drop_twins(work, decisions, upstream)
    return {"in_snapshot": in_snapshot, **figures.report(), "sample": sample}


def _compare_later(work: Work, key: str, options: SemanticOptions) -> pl.DataFrame:
    """SIMILARITIES of a shard outside the snapshot: with the snapshot's documents, and within the shard."""
    (mine,), (table,) = work.inputs[EMBEDDINGS], work.inputs[TABLE]
    centroids = work.scan(TABLE, "centroids").collect()["vector"].to_numpy()
    folder: Path = work.writer.folder
    found = find_neighbours(
        [(key, partial(_vectors, work, mine))],
        centroids,
        options=options,
        folder=folder,
        before=work.store.batches(table, "members"),
    )
    return pl.concat(found.similarities())


class _Figures:
    """How alike documents are, batch by batch, and what each eps would keep."""

    def __init__(self, options: SemanticOptions) -> None:
        self._eps = options.eps
        self._rows = self._compared = 0
        self._dropped = dict.fromkeys(sorted({*_EPS_GRID, options.eps}), 0)
        self._sizes = np.zeros(0, np.int64)
        self._similarity = Histogram(
            "highest cosine with a document before", np.linspace(0, 1, 51), bounds=(1 - options.eps,)
        )

    def add(self, similarities: pl.DataFrame) -> None:
        """Count the documents of a batch of SIMILARITIES."""
        self._rows += similarities.height
        clusters = similarities["cluster"].drop_nulls().to_numpy()
        self._compared += len(clusters)
        sizes = np.bincount(clusters, minlength=len(self._sizes))
        sizes[: len(self._sizes)] += self._sizes
        self._sizes = sizes
        self._similarity.add(similarities["similarity"])
        for eps, count in count_similar(similarities, self._dropped).items():
            self._dropped[eps] += count

    def report(self) -> dict[str, Any]:
        """The figures of all batches."""
        sizes = self._sizes[self._sizes > 0]
        report: dict[str, Any] = {
            "not_compared": self._rows - self._compared,
            "cluster_size": {
                "smallest": int(sizes.min()) if len(sizes) else 0,
                "median": float(np.median(sizes)) if len(sizes) else 0.0,
                "largest": int(sizes.max(initial=0)),
            },
            "kept_by_eps": [
                {"eps": eps, "dropped": dropped, "kept_share": round(1 - dropped / max(1, self._rows), 6)}
                for eps, dropped in self._dropped.items()
            ],
        }
        if self._compared:
            report["similarity_plot"] = draw_histograms([self._similarity])
        return report

    def draw_all(self) -> dict[str, Any]:
        """Sizes of the clusters, and the share kept by eps, for the whole snapshot."""
        if not self._compared:
            return {}
        edges = np.geomspace(1, max(2, int(self._sizes.max()) + 1), 31)
        sizes = Histogram("documents of a cluster", edges, log_x=True)
        sizes.add(pl.Series(self._sizes[self._sizes > 0]))
        kept = [1 - dropped / self._rows for dropped in self._dropped.values()]
        curve = Curve(
            "share kept", np.array(list(self._dropped)), np.array(kept), bounds=(self._eps,), x_label="eps"
        )
        return {"cluster_size_plot": draw_histograms([sizes]), "kept_by_eps_plot": draw_curves([curve])}
