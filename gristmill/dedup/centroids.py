"""Centroids of the stage `semantic`: spherical k-means on a sample of the documents.

K-means is faiss's, on one thread, so that the same sample gives the same centroids. The sample is chosen by a hash of
seed and id: neither the order of documents nor the way they are cut into shards and batches matters.

Source: SemDeDup (arXiv 2303.09540), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup.options import SemanticOptions
from gristmill.errors import StageError
from gristmill.hashing import random_u64

_SAMPLE_PER_CLUSTER = 100  # faiss warns below 39 and by default takes 256 at most
_ITERATIONS = 20  # after which little moves; faiss's default is 25
_DOCUMENTS_PER_CLUSTER = 1_000

# Each call reads a shard's vectors anew: id, row, vector, tokens, unknown.
Batches = Callable[[], Iterator[pl.DataFrame]]


def default_clusters(documents: int) -> int:
    """One cluster for 1,000 documents, and from a million documents on the square root of their number.

    With n documents in k clusters, assigning takes n k comparisons and comparing n n / 2 k, so more than about the
    square root of n only lose pairs.
    """
    return max(1, min(documents // _DOCUMENTS_PER_CLUSTER, math.isqrt(documents)))


def fit_centroids(
    shards: Sequence[tuple[str, Batches]], *, options: SemanticOptions
) -> npt.NDArray[np.float32]:
    """Centroids (clusters, width) of length 1; none where no document can be compared.

    A sample of 100 documents for each cluster, chosen by seed and id alone, is held in memory: 150 KB for a cluster of
    384 dimensions. Raises StageError where faiss is missing.
    """
    rows = sum(batch.height for _, batches in shards for batch in batches())
    clusters = options.clusters or default_clusters(rows)
    sample = _choose_sample(shards, clusters * _SAMPLE_PER_CLUSTER, options)
    if not len(sample):
        return sample
    faiss = _faiss()
    kmeans = faiss.Kmeans(
        sample.shape[1],
        min(clusters, len(sample)),
        spherical=True,
        niter=_ITERATIONS,
        seed=options.seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),  # the sample was chosen here
    )
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # sums of floating point depend on how they are shared out
    try:
        kmeans.train(sample)
    finally:
        faiss.omp_set_num_threads(threads)
    centroids: npt.NDArray[np.float32] = kmeans.centroids
    return centroids


def _choose_sample(
    shards: Sequence[tuple[str, Batches]], size: int, options: SemanticOptions
) -> npt.NDArray[np.float32]:
    """Vectors of the documents with the lowest hashes of seed and id, by that hash."""
    keys, vectors = np.empty(0, np.uint64), np.empty((0, 0), np.float32)
    for _, batches in shards:
        for batch in batches():
            known = batch.filter(comparable(options))
            found = [random_u64(options.seed, "semantic.sample", key) for key in known["id"]]
            keys = np.concatenate([keys, np.array(found, np.uint64)])
            new = vectors_of(known)
            vectors = np.concatenate([vectors, new]) if len(vectors) else new
            lowest = np.argsort(keys, kind="stable")[:size]
            keys, vectors = keys[lowest], vectors[lowest]
    return np.ascontiguousarray(vectors)


def comparable(options: SemanticOptions) -> pl.Expr:
    """Whether a document has tokens, and enough of them are known to the model."""
    return (pl.col("tokens") > 0) & (pl.col("unknown") <= options.max_unknown)


def vectors_of(batch: pl.DataFrame) -> npt.NDArray[np.float32]:
    """The column `vector` as an array of one row per document."""
    vectors: npt.NDArray[np.float32] = batch["vector"].to_numpy()
    return vectors


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise StageError(
            f"dedup.semantic needs faiss: {error}; install it: pip install 'gristmill[semantic]'"
        ) from error
    return faiss
