"""Compiled loops of clusters: union-find over numbered documents, and comparing those that are still apart.

`parents` (int64) holds 0, 1, 2, ... at first; the root of a cluster is its least node. Nothing here is compiled with a
helper of another file, so numba's cache on disk notices every change.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array is described where it is an argument of a public kernel.
from __future__ import annotations

from gristmill.dedup._kernels import _compiled


@_compiled
def find_root(parents, node):
    """The least node of its cluster; the path to it is halved on the way."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@_compiled
def join(parents, left, right):
    """Join the clusters of each left and right node."""
    for i in range(left.shape[0]):
        a, b = find_root(parents, left[i]), find_root(parents, right[i])
        parents[max(a, b)] = min(a, b)


@_compiled
def mark_mixed_runs(ends, nodes, parents, marked):
    """Mark the nodes of every run that belongs to more than one cluster. ends: where each run of nodes ends."""
    start = 0
    for end in ends:
        root = find_root(parents, nodes[start])
        for i in range(start + 1, end):
            if find_root(parents, nodes[i]) != root:
                marked[nodes[start:end]] = True
                break
        start = end


@_compiled
def join_similar(ends, nodes, places, parents, values, offsets, threshold, verify, most, compared):
    """Join the nodes of a run that are similar enough, unless they are in one cluster already; how many were compared.

    ends: where each run of nodes ends; nodes ascend in it. places: of each node among the lists `values` (ascending,
    distinct shingles) by offsets; -1: the node was in no mixed run. compared (int64): by place; a node is compared with
    `most` before it at most.
    """
    comparisons = 0
    start = 0
    for end in ends:
        for j in range(start + 1, end):
            here = places[j]
            if here < 0:
                continue
            for i in range(start, j):
                if find_root(parents, nodes[i]) == find_root(parents, nodes[j]):
                    continue
                if compared[here] >= most:
                    break
                compared[here] += 1
                comparisons += 1
                if not verify or _similarity_of(places[i], here, values, offsets) >= threshold:
                    a, b = find_root(parents, nodes[i]), find_root(parents, nodes[j])
                    parents[max(a, b)] = min(a, b)
        start = end
    return comparisons


@_compiled
def similarities(left, right, values, offsets, out):
    """Jaccard similarity of the lists `left` and `right`, by their places; 0 for two empty ones."""
    for i in range(left.shape[0]):
        out[i] = _similarity_of(left[i], right[i], values, offsets)


@_compiled
def _similarity_of(a, b, values, offsets):
    i, i_end, j, j_end = offsets[a], offsets[a + 1], offsets[b], offsets[b + 1]
    total = i_end - i + j_end - j
    common = 0
    while i < i_end and j < j_end:
        left, right = values[i], values[j]
        common += left == right
        i += left <= right
        j += right <= left
    return common / (total - common) if total > 0 else 0.0
