from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup import (
    SIMILARITIES,
    Neighbours,
    SemanticOptions,
    count_similar,
    default_clusters,
    drop_similar,
    find_neighbours,
    fit_centroids,
    semantic,
)
from gristmill.dedup import centroids as centroids_module
from gristmill.documents import DECISIONS
from gristmill.embeddings import embeddings_schema
from gristmill.errors import StageError
from gristmill.hashing import random_u64

WIDTH = 3
Shard = tuple[str, Any]


def unit(rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
    vectors = np.asarray(rows, np.float64).reshape(-1, WIDTH)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def table(vectors: npt.NDArray[np.float32], prefix: str = "", **columns: Any) -> pl.DataFrame:
    rows = range(len(vectors))
    values = {
        "id": [f"{prefix}{i}" for i in rows],
        "row": rows,
        "vector": vectors,
        "tokens": 9,
        "unknown": 0.0,
    }
    return pl.DataFrame({**values, **columns}, schema=embeddings_schema(WIDTH), strict=False)


def shard(key: str, frame: pl.DataFrame, rows: int = 1_000) -> Shard:
    def batches() -> Iterator[pl.DataFrame]:
        yield from frame.iter_slices(rows) if frame.height else [frame]

    return key, batches


def found(
    shards: list[Shard], centroids: npt.NDArray[np.float32], folder: Path, **options: Any
) -> tuple[pl.DataFrame, Neighbours]:
    before = options.pop("before", ())
    neighbours = find_neighbours(
        shards, centroids, options=SemanticOptions(**options), folder=folder, before=before
    )
    return pl.concat([pl.DataFrame(schema=SIMILARITIES), *neighbours.similarities()]), neighbours


# -- the rule ---------------------------------------------------------------------------------------------------------


def naive(
    frames: dict[str, pl.DataFrame], centroids: npt.NDArray[np.float32], keep: str, snapshot: int
) -> dict[str, tuple[int, float | None, str | None]]:
    """Cluster, similarity and neighbour by id, with whole numbers of any size."""
    whole = {
        key: [round(float(x) * 2**26) for x in vector]
        for frame in frames.values()
        for key, vector in zip(frame["id"], frame["vector"].to_numpy(), strict=True)
    }
    middles = [[round(float(x) * 2**26) for x in centroid] for centroid in centroids]

    def product(a: list[int], b: list[int]) -> int:
        return sum(x * y for x, y in zip(a, b, strict=True))

    cluster = {}
    order = []
    for number, frame in enumerate(frames.values()):
        for row, key in enumerate(frame["id"]):
            near = [product(whole[key], middle) for middle in middles]
            cluster[key] = near.index(max(near))
            value = {"hard": max(near), "easy": -max(near), "random": random_u64(1, "semantic.keep", key)}[
                keep
            ]
            order.append((number >= snapshot, value, number, row, key))
    answer: dict[str, tuple[int, float | None, str | None]] = {}
    before: list[str] = []
    for *_, key in sorted(order):
        others = [
            (product(whole[key], whole[other]), other) for other in before if cluster[other] == cluster[key]
        ]
        best = max((value for value, _ in others), default=None)
        neighbour = next((other for value, other in others if value == best), None)
        answer[key] = (cluster[key], None if best is None else round(min(1.0, best / 2**52), 6), neighbour)
        before.append(key)
    return answer


# Few directions, so that vectors are equal and cosines tie.
DIRECTIONS = st.sampled_from([(1, 0, 0), (0, 1, 0), (3, 1, 0), (3, 1, 1), (1, 1, 1), (9, 2, 3), (-1, 0, 2)])
SHARDS = st.lists(st.lists(DIRECTIONS, max_size=12), min_size=1, max_size=3)


@settings(max_examples=30)
@given(
    given_shards=SHARDS,
    middles=st.lists(DIRECTIONS, min_size=1, max_size=3),
    keep=st.sampled_from(["hard", "easy", "random"]),
    later=st.booleans(),
    block=st.integers(1, 5),
    batch=st.integers(1, 5),
)
def test_each_document_has_its_nearest_before_it_in_its_cluster(
    tmp_path_factory: pytest.TempPathFactory,
    given_shards: list[list[tuple[int, int, int]]],
    middles: list[tuple[int, int, int]],
    keep: str,
    later: bool,
    block: int,
    batch: int,
) -> None:
    frames = {f"s{i}": table(unit(rows), f"{i}/") for i, rows in enumerate(given_shards)}
    centroids = unit(middles)
    shards = [shard(key, frame, batch) for key, frame in frames.items()]
    snapshot = len(shards) - 1 if later else len(shards)
    folder = tmp_path_factory.mktemp("vectors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "_BLOCK_ROWS", block)
        patch.setattr(semantic, "_BLOCK_CELLS", block)
        rows, neighbours = found(shards[:snapshot], centroids, folder, which_to_keep=keep)
        if later:
            before = list(neighbours.members())
            more, _ = found(shards[snapshot:], centroids, folder, which_to_keep=keep, before=before)
            rows = pl.concat([rows, more])
    answer = {
        key: (cluster, value, neighbour)
        for key, cluster, value, neighbour in rows.select(
            "id", "cluster", "similarity", "neighbour"
        ).iter_rows()
    }
    assert answer == naive(frames, centroids, keep, snapshot)
    assert rows.select("shard", "row").rows() == [
        (key, row) for key, frame in frames.items() for row in range(frame.height)
    ]
    shown = rows.filter(pl.col("neighbour").is_not_null())
    assert shown["neighbour_shard"].to_list() == ["s" + key.split("/")[0] for key in shown["neighbour"]]


def test_which_one_of_two_stays(tmp_path: Path) -> None:
    # The second is nearer to the centroid.
    frame, centroid = table(unit([(10, 1, 0), (10, 0, 0)])), unit([(1, 0, 0)])
    first = {
        keep: found([shard("s", frame)], centroid, tmp_path, which_to_keep=keep)[0]
        .filter(pl.col("similarity").is_null())["id"]
        .to_list()
        for keep in ("hard", "easy")
    }
    assert first == {"hard": ["0"], "easy": ["1"]}


def test_documents_of_different_clusters_are_not_compared(tmp_path: Path) -> None:
    frame = table(unit([(10, 9, 0), (9, 10, 0)]))
    rows, _ = found([shard("s", frame)], unit([(1, 0, 0), (0, 1, 0)]), tmp_path)
    assert rows.select("cluster", "similarity").rows() == [(0, None), (1, None)]


def test_what_cannot_be_compared_is_kept(tmp_path: Path) -> None:
    frame = table(unit([(1, 0, 0)] * 4), tokens=[9, 0, 9, 9], unknown=[0.0, 0.0, 0.2, 0.1])
    rows, neighbours = found([shard("s", frame)], unit([(1, 0, 0)]), tmp_path, max_unknown=0.15)
    assert rows.select("cluster", "similarity", "neighbour").rows() == [
        (0, None, None),
        (None, None, None),
        (None, None, None),
        (0, 1.0, "0"),
    ]
    assert drop_similar(rows, eps=0.01)["action"].to_list() == ["keep", "keep", "keep", "drop"]
    assert pl.concat(neighbours.members())["id"].to_list() == ["0", "3"]


def test_no_documents_and_no_shards(tmp_path: Path) -> None:
    options = SemanticOptions()
    for shards in ([], [shard("s", table(unit([])))]):
        centroids = fit_centroids(shards, options=options)
        assert len(centroids) == 0
        rows, neighbours = found(shards, centroids, tmp_path)
        assert (rows.height, list(neighbours.members())) == (0, [])


# -- decisions --------------------------------------------------------------------------------------------------------


def similarities(*rows: tuple[str, float | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "shard": "s",
            "row": range(len(rows)),
            "id": [row[0] for row in rows],
            "cluster": 2,
            "to_centroid": 0.5,
            "similarity": [row[1] for row in rows],
            "neighbour": [row[2] for row in rows],
            "neighbour_shard": [row[2] and "t" for row in rows],
        },
        schema=SIMILARITIES,
        strict=False,
    )


def test_above_the_bound_is_dropped_and_names_its_neighbour() -> None:
    rows = similarities(("a", None, None), ("b", 0.99, "a"), ("c", 0.990001, "b"), ("d", 1.0, "c"))
    decisions = drop_similar(rows, eps=0.01)
    assert decisions.schema == pl.Schema(DECISIONS)
    assert decisions.rows() == [
        ("a", "keep", None, None, None, None, None),
        ("b", "keep", None, None, None, None, None),
        ("c", "drop", "semantic_duplicate", 0.990001, 0.99, "b", '{"cluster": 2, "shard": "t"}'),
        ("d", "drop", "semantic_duplicate", 1.0, 0.99, "c", '{"cluster": 2, "shard": "t"}'),
    ]


def test_eps_can_be_tried_on_the_same_similarities() -> None:
    rows = similarities(("a", None, None), ("b", 0.9, "a"), ("c", 0.95, "b"), ("d", -0.2, "a"))
    counts = count_similar(rows, [0, 0.05, 0.051, 0.2, 2])
    assert counts == {0: 0, 0.05: 0, 0.051: 1, 0.2: 2, 2: 3}
    for eps, count in counts.items():
        assert drop_similar(rows, eps=eps)["rule"].count() == count


# -- clusters ---------------------------------------------------------------------------------------------------------


def test_the_number_of_clusters_follows_that_of_documents() -> None:
    sizes = [0, 500, 10_000, 1_000_000, 4_000_000, 100_000_000]
    assert [default_clusters(size) for size in sizes] == [1, 1, 10, 1_000, 2_000, 10_000]


def cloud(seed: int = 0) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal((90, WIDTH)) * 0.05
    return unit(np.repeat(np.eye(WIDTH), 30, axis=0) + noise)


def test_centroids_are_where_the_documents_are_and_of_length_one() -> None:
    centroids = fit_centroids([shard("s", table(cloud()))], options=SemanticOptions(clusters=3))
    assert np.linalg.norm(centroids, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)
    assert (centroids @ np.eye(WIDTH)).max(axis=0) == pytest.approx([1, 1, 1], abs=0.01)


def test_centroids_depend_on_the_documents_and_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centroids_module, "_SAMPLE_PER_CLUSTER", 10)
    frame, options = table(cloud(), "x"), SemanticOptions(clusters=3)
    parts = [frame[:40], frame[40:41], frame[41:41], frame[41:]]
    cuts: list[list[Shard]] = [
        [shard("s", frame)],
        [shard("s", frame, 7)],
        [shard(str(i), part, 9) for i, part in enumerate(parts)],
        [shard(str(i), part, 9) for i, part in enumerate(parts[::-1])],
    ]
    assert len({fit_centroids(cut, options=options).tobytes() for cut in cuts}) == 1
    other = fit_centroids(cuts[0], options=options.model_copy(update={"seed": 2}))
    assert other.tobytes() != fit_centroids(cuts[0], options=options).tobytes()


def test_there_are_no_more_clusters_than_documents() -> None:
    frame = table(unit([(1, 0, 0), (0, 1, 0), (1, 0, 0)]), unknown=[0.0, 0.0, 1.0])
    assert fit_centroids([shard("s", frame)], options=SemanticOptions(clusters=9)).shape == (2, WIDTH)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(StageError, match=r"gristmill\[semantic\]"):
        fit_centroids([shard("s", table(cloud()))], options=SemanticOptions())
