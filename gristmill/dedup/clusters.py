"""Stage `dedup_tables/clusters`: documents that neighbours join, and which of each cluster stays.

A cluster is a connected component of the graph of neighbours (duplicates.py). The twins that were found for rule
`earliest` join most of it; what they leave apart is compared: all documents with a band in common that are in different
clusters by then. So the clusters are those of all verified pairs, whatever the order, as long as no document has more
than `max_candidates` to be compared with.

Rule `earliest` needs no clusters; there they are a report, made from the twins alone. The other rules keep one document
of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup import _cluster_kernels
from gristmill.dedup.duplicates import EXACT_DUPLICATE, NEAR_DUPLICATE, NO_LIMIT, ReadSignatures
from gristmill.dedup.index import Block, split_places
from gristmill.dedup.options import DuplicateOptions
from gristmill.dedup.sorted_tables import PIECE_ROWS, merge
from gristmill.documents import DECISIONS, DROP, KEEP, Schema

# One row per document of a cluster, ascending by shard and row.
MEMBERS: Schema = {
    "cluster": pl.Int64,  # number of its earliest document among all documents, which names the cluster
    "sequence": pl.UInt32,
    "shard": pl.String,
    "row": pl.UInt32,
    "id": pl.String,
    "size": pl.UInt32,
    "kept": pl.Boolean,
    "kept_id": pl.String,
    "kept_shard": pl.String,
    "exact": pl.Boolean,  # of the same normalised text as the one that is kept
    "similarity": pl.Float64,  # to the one that is kept; null where it was not counted
}

_TEXT = ["exact_hi", "exact_lo"]
_RANKED: Schema = {
    "sequence": pl.UInt32,
    "shard": pl.String,
    "row": pl.UInt32,
    "id": pl.String,
    "exact_hi": pl.UInt64,
    "exact_lo": pl.UInt64,
    "rank": pl.Float64,
}

# Numbers by which the one that stays is chosen, given a shard's key and rows (ascending); null comes last.
ReadRanks = Callable[[str, npt.NDArray[np.int64]], pl.Series]


@dataclass(frozen=True)
class Numbering:
    """All documents of some shards, numbered through in order of registration."""

    shards: pl.DataFrame  # sequence, shard, documents; ascending
    starts: npt.NDArray[np.int64]  # number of each shard's first document, and of all

    @classmethod
    def of(cls, shards: pl.DataFrame) -> Numbering:
        """shards: columns sequence, shard, documents (how many), ascending by sequence."""
        return cls(shards, np.concatenate([[0], np.cumsum(shards["documents"].to_numpy(), dtype=np.int64)]))

    def of_places(self, places: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Numbers of documents, given their places in an index."""
        sequences, rows = split_places(places)
        return self.starts[np.searchsorted(self.shards["sequence"].to_numpy(), sequences)] + rows

    def by_shard(self, nodes: npt.NDArray[np.int64]) -> Iterator[tuple[int, str, npt.NDArray[np.int64]]]:
        """(sequence, key, rows) of the shards that have any of these documents, which ascend."""
        edges = np.searchsorted(nodes, self.starts)
        for place, (sequence, key) in enumerate(self.shards.select("sequence", "shard").iter_rows()):
            if edges[place] < edges[place + 1]:
                yield sequence, key, nodes[edges[place] : edges[place + 1]] - self.starts[place]


def join_twins(
    numbering: Numbering, decisions: Iterable[pl.DataFrame]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Clusters by the twins of `find_duplicates`, shard by shard: the parent of each document, and the exact copies."""
    count = int(numbering.starts[-1])
    parents, exact = np.arange(count), np.zeros(count, np.bool_)
    first = dict(zip(numbering.shards["shard"], numbering.starts, strict=False))
    starts = pl.DataFrame({"twin_shard": list(first), "start": list(first.values())})
    for start, found in zip(numbering.starts, decisions, strict=False):
        twins = (
            found.with_row_index("row")
            .filter(pl.col("action") == DROP)
            .select(
                pl.col("row").cast(pl.Int64),
                exact=pl.col("rule") == EXACT_DUPLICATE,
                twin_shard=pl.col("detail").str.json_path_match("$.shard"),
                twin_row=pl.col("detail").str.json_path_match("$.row").cast(pl.Int64),
            )
            .join(starts, on="twin_shard", how="left", maintain_order="left")
        )
        here = twins["row"].to_numpy() + start
        exact[here] = twins["exact"].to_numpy()
        _cluster_kernels.join(parents, here, (twins["start"] + twins["twin_row"]).to_numpy())
    return parents, exact


def join_neighbours(
    parents: npt.NDArray[np.int64],
    exact: npt.NDArray[np.bool_],
    numbering: Numbering,
    index: Sequence[Block],
    read_signatures: ReadSignatures,
    options: DuplicateOptions,
    scratch: Path,
    *,
    share: tuple[int, int] = (0, 1),
    piece_rows: int = PIECE_ROWS,
) -> Shingles:
    """Join what the twins left apart; returns the shingles of all documents that are in a cluster or were compared.

    parents, exact: from `join_twins`; parents are changed. index: blocks that cover all shards. scratch: a file for the
    shingles, 8 bytes for each. Memory: 17 bytes for each document of all shards, a piece of the merged index, and what
    the machine keeps of the file.
    share: (number, of how many) equal ranges of the band hashes; only that one is looked at. Shares need nothing of
    each other, so several machines can work on them; `join_clusters` puts together what they found.
    """
    needed = _in_clusters(parents)

    def runs() -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Documents that have a band in common, exact copies left out: where each run ends, and their numbers."""
        for piece in merge([block.bands for block in index], piece_rows, share):
            nodes = numbering.of_places(piece["place"].to_numpy())
            single = ~exact[nodes]
            hashes, nodes = piece["hash"].to_numpy()[single], nodes[single]
            ends = np.flatnonzero(np.diff(hashes, append=~hashes[-1:])) + 1
            yield ends, nodes

    if options.near:
        for ends, nodes in runs():
            _cluster_kernels.mark_mixed_runs(ends, nodes, parents, needed)
    shingles = Shingles.write(scratch, np.flatnonzero(needed), numbering, read_signatures)
    if options.near:
        most = NO_LIMIT if options.max_candidates is None else options.max_candidates
        compared = np.zeros(len(shingles.nodes), np.int64)
        for ends, nodes in runs():
            _cluster_kernels.join_similar(
                ends, nodes, shingles.find(nodes), parents, shingles.values, shingles.offsets,
                options.threshold, options.verify, most, compared,
            )  # fmt: skip
    return shingles


def join_clusters(parents: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> None:
    """Join, in `parents`, what is joined in the parents of the same documents that another share gave."""
    _cluster_kernels.join(parents, np.arange(len(parents)), others)


@dataclass(frozen=True)
class Shingles:
    """Ascending, distinct shingles of some documents, in a file that is mapped into memory."""

    nodes: npt.NDArray[np.int64]  # ascending
    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.uint64]

    @classmethod
    def write(
        cls, path: Path, nodes: npt.NDArray[np.int64], numbering: Numbering, read_signatures: ReadSignatures
    ) -> Shingles:
        """Copy the shingles of these documents from their signatures."""
        lengths = [np.zeros(1, np.int64)]
        with path.open("wb") as file:
            for _, key, rows in numbering.by_shard(nodes):
                found = read_signatures(key, rows, ["shingles"]).select(
                    pl.col("shingles").list.unique().list.sort()
                )
                lengths.append(found["shingles"].list.len().cast(pl.Int64).to_numpy())
                file.write(found["shingles"].explode(empty_as_null=False).to_numpy().tobytes())
        offsets = np.cumsum(np.concatenate(lengths))
        values = np.memmap(path, np.uint64, "r") if offsets[-1] else np.empty(0, np.uint64)
        return cls(nodes, offsets, np.asarray(values))

    def find(self, nodes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Places of documents among them, -1 for others."""
        if not len(self.nodes):
            return np.full(len(nodes), -1)
        places = np.minimum(np.searchsorted(self.nodes, nodes), len(self.nodes) - 1)
        return np.where(self.nodes[places] == nodes, places, -1)

    def similarities(
        self, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Jaccard similarity of pairs of documents."""
        out = np.empty(len(left))
        _cluster_kernels.similarities(self.find(left), self.find(right), self.values, self.offsets, out)
        return out


def list_members(
    parents: npt.NDArray[np.int64],
    numbering: Numbering,
    read_signatures: ReadSignatures,
    *,
    read_ranks: ReadRanks | None = None,
    shingles: Shingles | None = None,
) -> pl.DataFrame:
    """MEMBERS of all clusters of two documents or more; the highest rank stays, the earliest of several.

    Without `read_ranks` the earliest stays. Without `shingles` no similarity is counted.
    """
    nodes = np.flatnonzero(_in_clusters(parents))
    parts = [pl.DataFrame(schema=_RANKED)]
    for sequence, key, rows in numbering.by_shard(nodes):
        found = read_signatures(key, rows, ["id", "exact_hi", "exact_lo"])
        ranks = pl.Series([None] * len(rows)) if read_ranks is None else read_ranks(key, rows)
        parts.append(
            found.with_columns(
                sequence=pl.lit(sequence),
                shard=pl.lit(key),
                row=pl.Series(rows),
                rank=ranks,
            ).select(pl.col(name).cast(dtype) for name, dtype in _RANKED.items())
        )
    members = pl.concat(parts).with_columns(node=nodes, cluster=_roots(parents, nodes))
    best = (
        members.sort("cluster", "rank", "node", descending=[False, True, False], nulls_last=True)
        .group_by("cluster", maintain_order=True)
        .agg(pl.col("node", "id", "shard", *_TEXT).first().name.prefix("kept_"), size=pl.len())
    )
    members = members.join(best, on="cluster", how="left", maintain_order="left")
    counted = None
    if shingles is not None:
        counted = shingles.similarities(members["node"].to_numpy(), members["kept_node"].to_numpy())
    return (
        members.with_columns(
            kept=pl.col("node") == pl.col("kept_node"),
            exact=pl.all_horizontal(pl.col(name) == pl.col(f"kept_{name}") for name in _TEXT),
            similarity=pl.lit(None, pl.Float64) if counted is None else pl.Series(counted),
        )
        .with_columns(similarity=pl.when("exact").then(1.0).otherwise("similarity"))
        .select(pl.col(name).cast(dtype) for name, dtype in MEMBERS.items())
    )


def decide_by_clusters(ids: pl.Series, members: pl.DataFrame, first_row: int = 0) -> pl.DataFrame:
    """DECISIONS on documents, the first of which is row `first_row`: those of MEMBERS that are not kept are dropped.

    value is the similarity to the one that is kept, which may lie below the threshold: others may join the two.
    """
    found = members.filter(~pl.col("kept")).select(
        "row", "exact", "kept_id", "kept_shard", "size", "similarity", dropped=pl.lit(True)
    )
    rows = pl.DataFrame({"id": ids}).with_row_index("row", offset=first_row)
    dropped = pl.col("dropped").is_not_null()
    return (
        rows.join(found, on="row", how="left", maintain_order="left")
        .with_columns(
            action=pl.when(dropped).then(pl.lit(DROP)).otherwise(pl.lit(KEEP)),
            rule=pl.when(dropped & pl.col("exact"))
            .then(pl.lit(EXACT_DUPLICATE))
            .when(dropped)
            .then(pl.lit(NEAR_DUPLICATE)),
            value="similarity",
            bound=pl.lit(None, pl.Float64),
            other_id="kept_id",
            detail=pl.when(dropped).then(
                pl.concat_str(
                    pl.lit('{"cluster_size": '), "size", pl.lit(', "shard": "'), "kept_shard", pl.lit('"}')
                )
            ),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())
    )


def _in_clusters(parents: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which documents are in a cluster of two or more."""
    joined = parents != np.arange(len(parents))
    joined[parents[joined]] = True
    return joined


def _roots(parents: npt.NDArray[np.int64], nodes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    roots = parents[nodes]
    while True:
        above = parents[roots]
        if np.array_equal(above, roots):
            return roots
        roots = above
