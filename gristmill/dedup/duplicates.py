"""Stage `duplicates`: which documents of a shard repeat one that was registered before.

Rule `earliest`: a document is dropped if and only if a document registered before it, itself kept or not, is
a neighbour. Registered before means: of an earlier shard, or of an earlier row of the same shard. So the
answer depends on the order of registration alone, never on how or in which order the work was done, and a
document once dropped stays dropped. What that costs: in a chain A ~ B ~ C with A unlike C, both B and C go,
as with clusters.

A neighbour is
  exact  of equal normalised text, or
  near   a text with a band in common, if the Jaccard similarity of the shingle sets is at least `threshold`.
The twin that is named is the earliest exact neighbour; without one, the earliest near neighbour.

Sources: Deduplicating Training Data Makes Language Models Better (arXiv 2107.06499), section 4.2, for the
verified similarity; FineWeb (arXiv 2406.17557) for the bands. FineWeb keeps one member of every connected
component, which one depends on the order of its edges (huggingface/datatrove#106); this rule needs no
components.

Earlier shards are read one after the other: first 16 bytes per document for the exact twins, then the bands
of the documents that are still open, then the shingles of candidates. Memory: this shard's signatures without
the text, and of one earlier shard the bands and the shingles of candidates. Time is linear in the
bands of all earlier shards, plus `max_candidates` comparisons per document at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup import _kernels
from gristmill.dedup.options import DuplicateOptions
from gristmill.documents import DECISIONS, DROP, KEEP, to_meta
from gristmill.errors import StageError

EXACT_DUPLICATE = "exact_duplicate"
NEAR_DUPLICATE = "near_duplicate"

_NO_LIMIT = np.iinfo(np.int64).max
_EXACT = ["exact_hi", "exact_lo"]


@dataclass
class _Twins:
    """The neighbour found for every document of the shard."""

    shard: npt.NDArray[np.int64]  # number of the shard, counted by registration; -1 = none found
    row: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    exact: npt.NDArray[np.bool_]
    stopped: npt.NDArray[np.bool_]  # the limit of comparisons was reached


def find_duplicates(
    this: pl.DataFrame,
    *,
    shard: str,
    earlier: Iterable[tuple[str, pl.LazyFrame]] = (),
    options: DuplicateOptions,
) -> pl.DataFrame:
    """Decisions on the documents of one shard by the rule `earliest`, one per document, in order.

    this: SIGNATURES of the whole shard, by row. shard: its key. earlier: (key, SIGNATURES) of every shard
    registered before it, in order of registration; of them only the columns needed are collected, and shingles
    for candidates only.
    Out: DECISIONS. A drop has rule `exact_duplicate` (value 1) or `near_duplicate` (value: the similarity, null
    where it is not verified; bound: the threshold), other_id, and detail {"shard": key of the twin's}. A document
    that was compared with `max_candidates` others in vain is kept, and its detail says so.
    Raises StageError if rows are missing or out of order.
    """
    if not np.array_equal(this["row"].to_numpy(), np.arange(this.height)):
        raise StageError(
            f"duplicates {shard}: rows of the signatures are not 0, 1, ... {this.height - 1}; "
            "pass all batches of the shard in order, each computed with its first_row"
        )
    shards = [*earlier, (shard, this.lazy())]
    twins = _Twins(
        shard=np.full(this.height, -1),
        row=np.full(this.height, -1),
        similarity=np.full(this.height, np.nan),
        exact=np.zeros(this.height, np.bool_),
        stopped=np.zeros(this.height, np.bool_),
    )
    if options.exact:
        _find_exact(this, [table for _, table in shards[:-1]], options, twins)
    if options.near:
        _find_near(this, [table for _, table in shards[:-1]], options, twins)
    return _decide(this, shards, options, twins)


def _find_exact(
    this: pl.DataFrame, earlier: list[pl.LazyFrame], options: DuplicateOptions, twins: _Twins
) -> None:
    """Note the earliest document of equal normalised text."""
    open_ones = this.select("row", *_EXACT).filter(pl.col("exact_hi").is_not_null())
    if options.skip_empty:
        open_ones = open_ones.filter(this["n_words"] > 0)
    for number, table in enumerate([*earlier, open_ones.lazy()]):
        firsts = (
            table.select(*_EXACT, other=pl.col("row"))
            .join(open_ones.lazy().select(_EXACT).unique(), on=_EXACT, how="semi")
            .group_by(_EXACT)
            .agg(pl.col("other").min())
            .collect()
        )
        found = open_ones.join(firsts, on=_EXACT)
        if number == len(earlier):
            found = found.filter(pl.col("other") < pl.col("row"))
        rows = found["row"].to_numpy()
        twins.shard[rows], twins.row[rows] = number, found["other"].to_numpy()
        twins.similarity[rows], twins.exact[rows] = 1.0, True
        open_ones = open_ones.join(found, on="row", how="anti")


def _find_near(
    this: pl.DataFrame, earlier: list[pl.LazyFrame], options: DuplicateOptions, twins: _Twins
) -> None:
    """Note the earliest verified neighbour of the documents without a twin so far."""
    rows = np.flatnonzero(this["n_shingles"].to_numpy() > 0)
    if not len(rows):
        return
    index = _BandIndex(_flatten(this["bands"])[0].reshape(len(rows), -1))
    shingles, offsets = _flatten(this["shingles"])
    starts, stops = offsets[rows], offsets[rows + 1]
    queries = np.flatnonzero(twins.shard[rows] < 0)
    compared = np.zeros(len(queries), np.int64)
    most = _NO_LIMIT if options.max_candidates is None else options.max_candidates

    for number, table in enumerate([*earlier, None]):
        if not len(queries):
            break
        if table is None:
            # Every document of this shard may be the twin of a later one, also those that have a twin.
            runs, pool_rows, limits = index.numbers, rows, queries
            pool, pool_starts, pool_stops = shingles, starts, stops
        else:
            runs, pool_rows = _find_candidates(table, index, queries)
            if not len(pool_rows):
                continue
            pool, pool_offsets = _flatten(_read_shingles(table, pool_rows))
            pool_starts, pool_stops = pool_offsets[:-1], pool_offsets[1:]
            limits = np.full(len(queries), len(pool_rows))
        run_offsets, run_documents = _list_documents(runs, index.count)
        longest = max(int((stops - starts).max()), int((pool_stops - pool_starts).max()))
        slots = _slots(longest)
        found = np.empty(len(queries), np.int64)
        similarity = np.empty(len(queries))
        _kernels.find_neighbours(
            index.numbers, shingles, starts, stops, queries, limits, run_offsets, run_documents,
            pool, pool_starts, pool_stops, np.empty(slots, np.uint64), np.empty(slots, np.int32),
            options.verify, options.threshold, most, compared, found, similarity,
        )  # fmt: skip
        got = found >= 0
        twins.shard[rows[queries[got]]] = number
        twins.row[rows[queries[got]]] = pool_rows[found[got]]
        twins.similarity[rows[queries[got]]] = similarity[got]
        twins.stopped[rows[queries]] = ~got & (compared >= most)
        queries, compared = queries[~got], compared[~got]


class _BandIndex:
    """The distinct band hashes of a shard, numbered, in a hash table; 18 to 36 bytes for each."""

    def __init__(self, bands: npt.NDArray[np.uint64]) -> None:
        slots = _slots(bands.size)
        self._keys, self._numbers = np.empty(slots, np.uint64), np.full(slots, -1, np.int32)
        self.numbers: npt.NDArray[np.int32] = np.empty(bands.shape, np.int32)  # by document and band
        self.count = _kernels.number_bands(bands, self._keys, self._numbers, self.numbers)

    def look_up(
        self, bands: npt.NDArray[np.uint64], documents: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """The numbers of other documents' bands; -1 for those that none of the given documents has."""
        wanted = np.zeros(self.count, np.bool_)
        wanted[self.numbers[documents].ravel()] = True
        found = np.empty(bands.shape, np.int32)
        _kernels.look_up_bands(bands, self._keys, self._numbers, wanted, found)
        return found


def _find_candidates(
    table: pl.LazyFrame, index: _BandIndex, queries: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Of an earlier shard's documents that share a band with a query: numbers of their bands, and rows, ascending."""
    signed = table.select("row", "bands").filter(pl.col("bands").list.len() > 0).collect().sort("row")
    found = index.look_up(_flatten(signed["bands"])[0].reshape(-1, index.numbers.shape[1]), queries)
    shared = (found >= 0).any(axis=1)
    return found[shared], signed["row"].to_numpy()[shared].astype(np.int64)


def _read_shingles(table: pl.LazyFrame, rows: npt.NDArray[np.int64]) -> pl.Series:
    wanted = pl.Series(rows, dtype=pl.UInt32)
    found = table.select("row", "shingles").filter(pl.col("row").is_in(wanted.implode())).collect()
    return found.sort("row")["shingles"]


def _list_documents(
    runs: npt.NDArray[np.int32], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Documents that have each of the numbered bands, ascending: where they begin, and they."""
    offsets, documents = np.zeros(count + 1, np.int64), np.empty(runs.size, np.int32)
    _kernels.list_documents(runs, offsets, documents)
    return offsets, documents


def _slots(count: int) -> int:
    """Size of a hash table: a power of two, at least a third of it empty."""
    return int(_kernels.count_slots(count))


def _flatten(lists: pl.Series) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Values of all lists, one after the other, and where each begins; not copied where the column is one piece."""
    array = lists.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = array.offsets.to_numpy()
    return array.values.to_numpy()[offsets[0] : offsets[-1]], offsets - offsets[0]


def _decide(
    this: pl.DataFrame, shards: list[tuple[str, pl.LazyFrame]], options: DuplicateOptions, twins: _Twins
) -> pl.DataFrame:
    decisions = pl.DataFrame(
        {
            "id": this["id"],
            "number": twins.shard,
            "twin": twins.row,
            "similarity": twins.similarity,
            "exact": twins.exact,
            "stopped": twins.stopped,
        }
    )
    dropped = pl.col("number") >= 0
    near = dropped & ~pl.col("exact")
    verified = near & pl.lit(options.verify)
    stopped = to_meta({"compared_with_the_first": options.max_candidates})
    return (
        decisions.join(
            _name_twins(decisions, shards), on=["number", "twin"], how="left", maintain_order="left"
        )
        .with_columns(
            action=pl.when(dropped).then(pl.lit(DROP)).otherwise(pl.lit(KEEP)),
            rule=pl.when(near).then(pl.lit(NEAR_DUPLICATE)).when(dropped).then(pl.lit(EXACT_DUPLICATE)),
            value=pl.when(verified | pl.col("exact")).then("similarity"),
            bound=pl.when(verified).then(options.threshold),
            detail=pl.when(dropped).then("detail").when("stopped").then(pl.lit(stopped)),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())
    )


def _name_twins(decisions: pl.DataFrame, shards: list[tuple[str, pl.LazyFrame]]) -> pl.DataFrame:
    """(number, twin, other_id, detail) of every twin."""
    names = [
        pl.DataFrame(
            schema={"number": pl.Int64, "twin": pl.Int64, "other_id": pl.String, "detail": pl.String}
        )
    ]
    for (number,), group in decisions.filter(pl.col("number") >= 0).group_by("number"):
        key, table = shards[int(str(number))]
        rows = group["twin"].unique().cast(pl.UInt32)
        found = table.select("row", "id").filter(pl.col("row").is_in(rows.implode())).collect()
        names.append(
            found.select(
                pl.lit(number, pl.Int64).alias("number"),
                twin=pl.col("row").cast(pl.Int64),
                other_id="id",
                detail=pl.lit(to_meta({"shard": key})),
            )
        )
    return pl.concat(names)
