"""Stage `semantic`: documents that say what another one says, though perhaps in other words, are dropped.

Vectors of documents (gristmill.embeddings) are clustered by spherical k-means. Only documents of one cluster are
compared, which is what makes the work possible, and loses the pairs that a border parts. In a cluster documents stand
in keep order, and each is compared with all that come before it: it is dropped if the highest of these cosines is above
1 - eps, whether the other one was dropped or not. So that highest cosine, and whose it is, is all there is to keep, and
every eps can be tried on it.

  fit_centroids    k-means on a sample of the documents (gristmill/dedup/centroids.py)
  find_neighbours  cluster, highest cosine and neighbour of every document
  drop_similar     decisions for one eps

Given the centroids, everything is exact: components of vectors are rounded to 26 binary places, so that products and
sums of them are whole numbers below 2^53, and floating point makes no error, in whatever order and on however many
threads it adds.

Source: SemDeDup (arXiv 2303.09540), section 3; which document of a pair is compared with which, and what `hard` and
`easy` mean, also NVIDIA-NeMo/Curator, stages/deduplication/semantic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup.centroids import Batches, comparable, vectors_of
from gristmill.dedup.options import SemanticOptions
from gristmill.documents import DECISIONS, DROP, KEEP, Schema, to_meta
from gristmill.hashing import random_u64
from gristmill.progress import advance

SIMILARITIES: Schema = {
    "shard": pl.String,
    "row": pl.UInt32,  # position of the document in its shard
    "id": pl.String,
    "cluster": pl.Int32,  # null: not compared
    "to_centroid": pl.Float64,  # cosine with the cluster's centroid
    "similarity": pl.Float64,  # highest cosine with a document before it in keep order; null: none, or not compared
    "neighbour": pl.String,  # the id of that document
    "neighbour_shard": pl.String,
}
SEMANTIC_DUPLICATE = "semantic_duplicate"  # the rule of decisions

_SCALE = 2.0**26  # a product of two vectors of length 1 is then below 2^53
_PLACES = 6  # of cosines that are kept; the vectors themselves are float32
_BLOCK_ROWS = 1_024  # compared with as many at a time: 8 MB of cosines
_BLOCK_CELLS = 1 << 22  # documents times centroids at a time: 32 MB

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


# -- neighbours -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Neighbours:
    """What was found out about the documents of some shards."""

    shards: tuple[str, ...]
    offsets: tuple[int, ...]  # which documents are of which shard; one more than shards
    _clustered: _Clustered
    _similarity: Floats  # by document; nan: none
    _neighbour: pl.DataFrame  # by document: neighbour, neighbour_shard

    def similarities(self) -> Iterator[pl.DataFrame]:
        """SIMILARITIES, shard by shard, in the order of the documents."""
        found = self._clustered
        for key, (first, end) in zip(self.shards, pairwise(self.offsets), strict=True):
            here = slice(first, end)
            yield pl.DataFrame(
                {
                    "shard": pl.repeat(key, end - first, eager=True, dtype=pl.String),
                    "row": found.rows[here],
                    "id": found.ids[here],
                    "cluster": pl.Series(found.cluster[here]).replace(-1, None),
                    "to_centroid": pl.Series(found.to_centroid[here].round(_PLACES)).fill_nan(None),
                    "similarity": pl.Series(self._similarity[here]).fill_nan(None),
                    "neighbour": self._neighbour["neighbour"][here],
                    "neighbour_shard": self._neighbour["neighbour_shard"][here],
                }
            ).cast(pl.Schema(SIMILARITIES))

    def members(self) -> Iterator[pl.DataFrame]:
        """cluster, shard, id, vector of every compared document, by cluster, in keep order: for `find_neighbours`."""
        found = self._clustered
        names = pl.Series(self.shards, dtype=pl.String)
        for first in range(0, len(found.order), _BLOCK_ROWS):
            here = found.order[first : first + _BLOCK_ROWS]
            vectors = np.array(found.vectors[first : first + _BLOCK_ROWS])
            yield pl.DataFrame(
                {
                    "cluster": found.cluster[here],
                    "shard": names.gather(np.searchsorted(self.offsets, here, side="right") - 1),
                    "id": found.ids.gather(here),
                    "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])),
                }
            )


def find_neighbours(
    shards: Sequence[tuple[str, Batches]],
    centroids: npt.NDArray[np.float32],
    *,
    options: SemanticOptions,
    folder: Path,
    before: Iterable[pl.DataFrame] = (),
) -> Neighbours:
    """Cluster, highest cosine and neighbour of every document, among those before it in its cluster.

    shards: (key, batches) in order of registration. Keep order is by cosine with the centroid (`hard`: lowest first),
    or by a hash of seed and id (`random`); ties in order of registration. Of equal cosines the first in keep order
    counts.
    before: frames as `Neighbours.members` gives them, by cluster; they come before all documents of `shards`.
    folder: for a file of the vectors in order of comparison, 1.5 KB for a document of 384 dimensions; it must last as
    long as the answer. Memory: about 150 bytes for a document, whatever the size of clusters. Time grows with the
    square of a cluster's size.
    """
    found, offsets = _sort(shards, centroids, options, folder)
    places = _compare_within(found)  # of documents in `found.order`
    best = np.full(found.ids.len(), np.nan)
    best[found.order] = places.similarity
    names = pl.Series([key for key, _ in shards], dtype=pl.String)
    other = np.full(found.ids.len(), -1, np.int64)
    known = places.other >= 0
    other[found.order[known]] = found.order[places.other[known]]
    at = pl.Series(other).replace(-1, None)
    neighbour = pl.DataFrame(
        {
            "neighbour": found.ids.gather(at),
            "neighbour_shard": names.gather(_shard_of(other, offsets)),
        }
    )
    outside = _compare_with(found, before)
    if len(outside):
        # An equal cosine with a document of before goes first.
        better = ~(best[outside["document"].to_numpy()] > outside["similarity"].to_numpy())
        outside = outside.filter(pl.Series(better))
        best[outside["document"].to_numpy()] = outside["similarity"].to_numpy()
        neighbour = (
            neighbour.with_row_index("document")
            .cast({"document": pl.Int64})
            .update(outside.select("document", "neighbour", "neighbour_shard"), on="document")
            .drop("document")
        )
    rounded = np.clip(best / _SCALE**2, -1, 1).round(_PLACES)
    return Neighbours(tuple(names), tuple(offsets), found, rounded, neighbour)


def _shard_of(documents: Places, offsets: Sequence[int]) -> pl.Series:
    number = np.searchsorted(offsets, documents, side="right") - 1
    return pl.Series(np.where(documents >= 0, number, -1)).replace(-1, None)


@dataclass(frozen=True)
class _Clustered:
    """Documents as they are registered, and the order in which they are compared."""

    ids: pl.Series
    rows: npt.NDArray[np.uint32]
    cluster: npt.NDArray[np.int32]  # -1: not compared
    to_centroid: Floats  # nan: not compared
    order: Places  # documents that are compared, by cluster, in keep order
    starts: Places  # where in `order` each cluster begins; one more than clusters
    vectors: npt.NDArray[np.float32]  # in `order`; a file


def _sort(
    shards: Sequence[tuple[str, Batches]],
    centroids: npt.NDArray[np.float32],
    options: SemanticOptions,
    folder: Path,
) -> tuple[_Clustered, list[int]]:
    ids, rows, clusters, cosines, keys = [pl.Series(dtype=pl.String)], [], [], [], []
    offsets = [0]
    for _, batches in shards:
        offsets.append(offsets[-1])
        for batch in batches():
            ids.append(batch["id"])
            rows.append(batch["row"].to_numpy())
            cluster, cosine = _assign(batch, centroids, options)
            clusters.append(cluster)
            cosines.append(cosine)
            keys.append(_keep_keys(batch["id"], cosine, options))
            offsets[-1] += batch.height
    cluster = np.concatenate([*clusters, np.empty(0, np.int32)])
    key = np.concatenate([*keys, np.empty(0, keys[0].dtype if keys else np.float64)])
    by_cluster = np.lexsort((key, cluster))  # stable: ties stay in order of registration
    order = by_cluster[cluster[by_cluster] >= 0]
    place = np.full(len(cluster), -1, np.int64)
    place[order] = np.arange(len(order))
    width = centroids.shape[1]
    vectors: npt.NDArray[np.float32] = (
        np.memmap(folder / "vectors.f32", np.float32, "w+", shape=(len(order), width))
        if len(order)
        else np.empty((0, width), np.float32)
    )
    first = 0
    for _, batches in shards:
        for batch in batches():
            here = place[first : first + batch.height]
            known = here >= 0
            if known.any():
                vectors[here[known]] = vectors_of(batch)[known]
            first += batch.height
    starts = np.searchsorted(cluster[order], np.arange(len(centroids) + 1))
    return (
        _Clustered(
            pl.concat(ids),
            np.concatenate([*rows, np.empty(0, np.uint32)]),
            cluster,
            np.concatenate([*cosines, np.empty(0)]),
            order,
            starts,
            vectors,
        ),
        offsets,
    )


def _assign(
    batch: pl.DataFrame, centroids: npt.NDArray[np.float32], options: SemanticOptions
) -> tuple[npt.NDArray[np.int32], Floats]:
    """The nearest centroid of every document, and the cosine with it; -1 and nan where it is not compared."""
    cluster, cosine = np.full(batch.height, -1, np.int32), np.full(batch.height, np.nan)
    if not len(centroids):
        return cluster, cosine
    known = np.flatnonzero(batch.select(comparable(options)).to_series().to_numpy())
    vectors, columns = vectors_of(batch), _whole(centroids).T
    step = max(1, _BLOCK_CELLS // len(centroids))
    for first in range(0, len(known), step):
        here = known[first : first + step]
        products = _whole(vectors[here]) @ columns
        cluster[here] = products.argmax(1)
        cosine[here] = products[np.arange(len(here)), cluster[here]] / _SCALE**2
    return cluster, cosine


def _keep_keys(ids: pl.Series, cosine: Floats, options: SemanticOptions) -> npt.NDArray[Any]:
    """The lowest comes first."""
    if options.which_to_keep == "random":
        return np.array([random_u64(options.seed, "semantic.keep", key) for key in ids], np.uint64)
    return cosine if options.which_to_keep == "hard" else -cosine


def _whole(vectors: npt.NDArray[np.float32]) -> Floats:
    """Components as whole numbers, so that sums of their products are exact."""
    whole: Floats = np.rint(vectors.astype(np.float64) * _SCALE)
    return whole


@dataclass(frozen=True)
class _Best:
    similarity: Floats  # times the square of _SCALE; nan: no document before it
    other: Places  # place of the neighbour; -1: none


def _compare_within(found: _Clustered) -> _Best:
    """Every document with those before it in its cluster, block by block."""
    similarity, other = np.full(len(found.order), np.nan), np.full(len(found.order), -1, np.int64)
    for start, end in pairwise(found.starts):
        for first in range(start, end, _BLOCK_ROWS):
            last = min(first + _BLOCK_ROWS, end)
            best, at = np.full(last - first, -np.inf), np.full(last - first, -1, np.int64)
            rows = _whole(found.vectors[first:last])
            for column in range(start, last, _BLOCK_ROWS):
                products = rows @ _whole(found.vectors[column : min(column + _BLOCK_ROWS, last)]).T
                if column == first:
                    products[np.triu_indices(last - first)] = -np.inf
                _take_better(products, best, at, column)
            known = at >= 0
            similarity[first:last][known], other[first:last][known] = best[known], at[known]
            advance(last - first)
    return _Best(similarity, other)


def _take_better(products: Floats, best: Floats, at: Places, first_column: int) -> None:
    """Put in `best` and `at` what is higher in a block; of equal ones the first stays."""
    column = products.argmax(1)
    value = products[np.arange(len(column)), column]
    better = value > best
    best[better], at[better] = value[better], column[better] + first_column


def _compare_with(found: _Clustered, before: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """document, similarity, neighbour and neighbour_shard of all that have one of `before` in their cluster."""
    best = np.full(len(found.order), -np.inf)
    at = np.full(
        len(found.order), -1, np.int64
    )  # number of the neighbour among those that were ever the best
    kept: list[pl.DataFrame] = []
    count = 0
    for batch in before:
        clusters, vectors = batch["cluster"].to_numpy(), vectors_of(batch)
        for cluster in np.unique(clusters):
            mine = slice(found.starts[cluster], found.starts[cluster + 1])
            if mine.start == mine.stop:
                continue
            theirs = np.flatnonzero(clusters == cluster)
            for first in range(mine.start, mine.stop, _BLOCK_ROWS):
                here = slice(first, min(first + _BLOCK_ROWS, mine.stop))
                rows = _whole(found.vectors[here])
                for column in range(0, len(theirs), _BLOCK_ROWS):
                    chosen = theirs[column : column + _BLOCK_ROWS]
                    now = np.full(here.stop - here.start, -1, np.int64)
                    _take_better(rows @ _whole(vectors[chosen]).T, best[here], now, 0)
                    better = now >= 0
                    used, number = np.unique(chosen[now[better]], return_inverse=True)
                    at[here][better] = number + count
                    kept.append(batch[used].select("id", "shard"))
                    count += len(used)
    known = np.flatnonzero(at >= 0)
    names = pl.concat([pl.DataFrame(schema={"id": pl.String, "shard": pl.String}), *kept])
    return names[at[known]].select(
        pl.Series("document", found.order[known]),
        pl.Series("similarity", best[known]),
        neighbour="id",
        neighbour_shard="shard",
    )


# -- decisions ------------------------------------------------------------------------------------------------------


def drop_similar(similarities: pl.DataFrame, *, eps: float) -> pl.DataFrame:
    """DECISIONS, one per row of SIMILARITIES: dropped where the similarity is above 1 - eps.

    value: the similarity; bound: 1 - eps; other_id: the neighbour, itself kept or not; detail: its shard and the
    cluster. Null for what is kept.
    """
    bound, dropped = _bound(eps), _is_similar(eps)
    where = similarities.select("neighbour_shard", "cluster").unique()
    details = where.with_columns(
        detail=pl.Series(
            [to_meta({"shard": shard, "cluster": cluster}) for shard, cluster in where.iter_rows()],
            dtype=pl.String,
        )
    )
    return (
        similarities.join(
            details, on=["neighbour_shard", "cluster"], how="left", nulls_equal=True, maintain_order="left"
        )
        .select(
            "id",
            pl.when(dropped).then(pl.lit(DROP)).otherwise(pl.lit(KEEP)).alias("action"),
            pl.when(dropped).then(pl.lit(SEMANTIC_DUPLICATE)).alias("rule"),
            pl.when(dropped).then("similarity").alias("value"),
            pl.when(dropped).then(pl.lit(bound)).alias("bound"),
            pl.when(dropped).then("neighbour").alias("other_id"),
            pl.when(dropped).then("detail").alias("detail"),
        )
        .cast(pl.Schema(DECISIONS))
    )


def count_similar(similarities: pl.DataFrame, grid: Iterable[float]) -> dict[float, int]:
    """How many rows of SIMILARITIES each eps would drop."""
    return {eps: int(similarities.select(_is_similar(eps).sum()).item()) for eps in grid}


def _bound(eps: float) -> float:
    return round(1 - eps, _PLACES)


def _is_similar(eps: float) -> pl.Expr:
    return (pl.col("similarity") > _bound(eps)).fill_null(False)
