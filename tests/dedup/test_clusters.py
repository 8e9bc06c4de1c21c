from __future__ import annotations

from itertools import pairwise

import networkx
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup import (
    DuplicateOptions,
    SignatureOptions,
    _cluster_kernels,
    compute_signatures,
    decide_by_clusters,
)
from gristmill.documents import DECISIONS, check_schema
from tests.dedup.texts import edit, make_words, members_of, table

# Many bands of one row find nearly every pair, so that few documents give many candidates.
LOOSE = SignatureOptions(bands=20, rows=1, ngram=2)


def cluster(
    texts: list[str],
    cuts: list[int],
    options: DuplicateOptions,
    ranks: list[float | None] | None = None,
    signature_options: SignatureOptions = LOOSE,
    shares: int = 1,
) -> pl.DataFrame:
    """MEMBERS of texts that are cut into shards s0, s1, ... before these numbers, found in so many shares apart."""
    edges = [0, *sorted(cuts), len(texts)]
    ids = table(texts)
    tables = [
        compute_signatures(ids[first:last], options=signature_options) for first, last in pairwise(edges)
    ]

    def read_ranks(key: str, rows: npt.NDArray[np.int64]) -> pl.Series:
        assert ranks is not None
        return pl.Series([ranks[edges[int(key[1:])] + row] for row in rows], dtype=pl.Float64)

    return members_of(tables, options, read_ranks=read_ranks if ranks else None, shares=shares)


def expected_clusters(texts: list[str], options: DuplicateOptions) -> set[frozenset[str]]:
    """The definition: components of the graph of all verified pairs."""
    signed = compute_signatures(table(texts), options=LOOSE).rows(named=True)
    graph = networkx.Graph()
    for here, row in enumerate(signed):
        for other in signed[:here]:
            same = row["n_words"] and row["exact_lo"] == other["exact_lo"]
            left, right = set(row["shingles"]), set(other["shingles"])
            near = set(row["bands"]) & set(other["bands"]) and (
                not options.verify or len(left & right) / len(left | right) >= options.threshold
            )
            if same or near:
                graph.add_edge(row["id"], other["id"])
    return set(map(frozenset, networkx.connected_components(graph)))


_TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=7).map(" ".join), min_size=1, max_size=9)


@settings(max_examples=40)
@given(
    _TEXTS,
    st.builds(
        DuplicateOptions,
        verify=st.booleans(),
        threshold=st.sampled_from([0.4, 0.8]),
        max_candidates=st.none(),
    ),
    st.data(),
)
def test_clusters_are_the_components_of_all_verified_pairs_however_the_shards_are_cut(
    texts: list[str], options: DuplicateOptions, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(texts)), max_size=4))
    ranks = data.draw(st.lists(st.sampled_from([None, 1.0, 2.0]), min_size=len(texts), max_size=len(texts)))
    members = cluster(texts, cuts, options, ranks)
    found = {frozenset(group["id"]) for _, group in members.group_by("cluster")}
    assert found == expected_clusters(texts, options)
    for _, group in members.group_by("cluster"):
        by_rank = [(-(ranks[int(name[1:])] or 0.0), int(name[1:]), name) for name in group["id"]]
        assert group.filter("kept")["id"].to_list() == [min(by_rank)[2]]
    plain = ["id", "size", "kept", "kept_id", "exact", "similarity"]
    assert members.select(plain).equals(cluster(texts, [], options, ranks).select(plain))
    plain.remove("similarity")
    assert members.select(plain).equals(cluster(texts, cuts, options, ranks, shares=3).select(plain))


@settings(max_examples=40)
@given(st.integers(1, 30).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, n - 1)] * 2), max_size=60)))
def test_union_find_gives_the_components_of_networkx(edges: list[tuple[int, int]]) -> None:
    graph = networkx.Graph()
    graph.add_nodes_from(range(30))
    graph.add_edges_from(edges)
    parents = np.arange(30)
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    _cluster_kernels.join(parents, left, right)
    for component in networkx.connected_components(graph):
        assert {_cluster_kernels.find_root(parents, node) for node in component} == {min(component)}


def test_a_chain_is_one_cluster_and_similarity_is_to_the_one_that_stays() -> None:
    words = make_words(1, 400)
    chain = [words, words[40:] + make_words(2, 40), words[80:] + make_words(2, 40) + make_words(3, 40)]
    options = DuplicateOptions(threshold=0.75, rule="longest")
    texts = [" ".join(one) for one in chain] + ["something else", " ".join(words).upper()]
    members = cluster(texts, [2], options, [1.0, 1.0, 2.0, 1.0, 1.0], SignatureOptions())
    assert members["id"].to_list() == ["d0", "d1", "d2", "d4"]
    assert members["kept_id"].unique().to_list() == ["d2"]
    assert members["exact"].to_list() == [False, False, True, False]
    assert members["similarity"].to_list() == pytest.approx([0.66, 0.82, 1.0, 0.66], abs=0.02)
    decisions = decide_by_clusters(pl.Series(["d2", "d3", "d4"]), members.filter(pl.col("shard") == "s1"))
    check_schema(decisions, DECISIONS, "decisions")
    assert decisions.select("id", "action", "rule", "other_id", "detail").rows() == [
        ("d2", "keep", None, None, None),
        ("d3", "keep", None, None, None),
        ("d4", "drop", "near_duplicate", "d2", '{"cluster_size": 4, "shard": "s1"}'),
    ]


def test_no_document_has_no_cluster() -> None:
    assert cluster(["", "", "one"], [1], DuplicateOptions()).height == 0
    near = " ".join(edit(make_words(1, 200), 0.005, 3))
    lonely = DuplicateOptions(near=False)
    assert cluster([" ".join(make_words(1, 200)), near], [], lonely, None, SignatureOptions()).height == 0
