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

Earlier shards are looked up in the merged blocks of their index (index.py): first the texts, for exact twins, then the
bands of the documents that are still open, then, shard by shard, the shingles of the documents found. Memory: this
shard's signatures without the text, the index rows found (at most `max_candidates` for each band), and of one earlier
shard the shingles of candidates. Time: a pass over the index, which is a merge of two sorted lists, and at most
`max_candidates` comparisons per document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup import _kernels
from gristmill.dedup.index import Block, split_places
from gristmill.dedup.options import DuplicateOptions
from gristmill.documents import DECISIONS, DROP, KEEP, to_meta
from gristmill.errors import StageError

EXACT_DUPLICATE = "exact_duplicate"
NEAR_DUPLICATE = "near_duplicate"

# Rows of an earlier shard's signatures, given its key, their numbers (ascending) and the columns.
ReadSignatures = Callable[[str, npt.NDArray[np.int64], list[str]], pl.DataFrame]

NO_LIMIT = np.iinfo(np.int64).max
_EXACT = ["exact_hi", "exact_lo"]
_THIS = -2  # as number of the shard at hand; -1: none


@dataclass
class _Twins:
    """The neighbour found for every document of the shard."""

    shard: npt.NDArray[
        np.int64
    ]  # number of the shard in the registry; -1 = none found, _THIS = the shard itself
    row: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    exact: npt.NDArray[np.bool_]
    stopped: npt.NDArray[np.bool_]  # the limit of comparisons was reached


def find_duplicates(
    this: pl.DataFrame,
    *,
    shard: str,
    options: DuplicateOptions,
    index: Sequence[Block] = (),
    read_signatures: ReadSignatures | None = None,
) -> pl.DataFrame:
    """Decisions on the documents of one shard by the rule `earliest`, one per document, in order.

    this: SIGNATURES of the whole shard, by row. shard: its key. index: blocks that cover the shards registered before
    it, in order of registration; read_signatures: reads rows of their SIGNATURES.
    Out: DECISIONS. A drop has rule `exact_duplicate` (value 1) or `near_duplicate` (value: the similarity, null
    where it is not verified; bound: the threshold), other_id, and detail {"row": the twin's, "shard": its key}. A
    document
    that was compared with `max_candidates` others in vain is kept, and its detail says so.
    Raises StageError if rows are missing or out of order.
    """
    if not np.array_equal(this["row"].to_numpy(), np.arange(this.height)):
        raise StageError(
            f"duplicates {shard}: rows of the signatures are not 0, 1, ... {this.height - 1}; "
            "pass all batches of the shard in order, each computed with its first_row"
        )
    twins = _Twins(
        shard=np.full(this.height, -1),
        row=np.full(this.height, -1),
        similarity=np.full(this.height, np.nan),
        exact=np.zeros(this.height, np.bool_),
        stopped=np.zeros(this.height, np.bool_),
    )
    earlier = _Earlier(index, read_signatures)
    if options.exact:
        _find_exact(this, index, options, twins)
    if options.near:
        _find_near(this, earlier, options, twins)
    return _decide(this, shard, earlier, options, twins)


class _Earlier:
    """The shards registered before."""

    def __init__(self, index: Sequence[Block], read_signatures: ReadSignatures | None) -> None:
        self.index = index
        self.names = {
            number: key
            for block in index
            for number, key in block.shards.select("sequence", "shard").iter_rows()
        }
        self._read = read_signatures

    def read(self, number: int, rows: npt.NDArray[np.int64], columns: list[str]) -> pl.DataFrame:
        """Rows of a shard's signatures."""
        assert self._read is not None, "an index needs read_signatures"
        return self._read(self.names[number], rows, columns)


def _find_exact(this: pl.DataFrame, index: Sequence[Block], options: DuplicateOptions, twins: _Twins) -> None:
    """Note the earliest document of equal normalised text."""
    open_ones = this.select("row", *_EXACT).filter(pl.col("exact_hi").is_not_null())
    if options.skip_empty:
        open_ones = open_ones.filter(this["n_words"] > 0)
    for block in index:
        wanted = open_ones["exact_hi"].unique().sort().to_numpy()
        parts = [rows for rows, _ in block.texts.find(wanted)]
        if not parts:
            continue
        found = open_ones.join(pl.concat(parts), on=_EXACT)
        rows = found["row"].to_numpy()
        twins.shard[rows], twins.row[rows] = split_places(found["place"].to_numpy())
        open_ones = open_ones.join(found, on="row", how="anti")
    firsts = open_ones.group_by(_EXACT).agg(other=pl.col("row").min())
    found = open_ones.join(firsts, on=_EXACT).filter(pl.col("other") < pl.col("row"))
    rows = found["row"].to_numpy()
    twins.shard[rows], twins.row[rows] = _THIS, found["other"].to_numpy()
    twins.exact[:] = twins.shard != -1
    twins.similarity[twins.exact] = 1.0


def _find_near(this: pl.DataFrame, earlier: _Earlier, options: DuplicateOptions, twins: _Twins) -> None:
    """Note the earliest verified neighbour of the documents without a twin so far."""
    rows = np.flatnonzero(this["n_shingles"].to_numpy() > 0)
    if not len(rows):
        return
    # The distinct bands, and by document and band their numbers among them.
    hashes, inverse = np.unique(_flatten(this["bands"])[0], return_inverse=True)
    numbers: npt.NDArray[np.int32] = inverse.astype(np.int32).reshape(len(rows), -1)
    shingles, offsets = _flatten(this["shingles"])
    starts, stops = offsets[rows], offsets[rows + 1]
    queries = np.flatnonzero(twins.shard[rows] == -1)
    compared = np.zeros(len(queries), np.int64)
    most = NO_LIMIT if options.max_candidates is None else options.max_candidates

    def compare(
        number: int,
        limits: npt.NDArray[np.int64],
        runs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
        pool_rows: npt.NDArray[np.int64],
        pool: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.int64]],
    ) -> None:
        nonlocal queries, compared
        slots = _slots(max(int((stops - starts).max()), int((pool[2] - pool[1]).max())))
        found = np.empty(len(queries), np.int64)
        similarity = np.empty(len(queries))
        _kernels.find_neighbours(
            numbers, shingles, starts, stops, queries, limits, *runs, *pool,
            np.empty(slots, np.uint64), np.empty(slots, np.int32),
            options.verify, options.threshold, most, compared, found, similarity,
        )  # fmt: skip
        got = found >= 0
        twins.shard[rows[queries[got]]] = number
        twins.row[rows[queries[got]]] = pool_rows[found[got]]
        twins.similarity[rows[queries[got]]] = similarity[got]
        twins.stopped[rows[queries]] = ~got & (compared >= most)
        queries, compared = queries[~got], compared[~got]

    bands, places = _look_up(earlier.index, hashes, _mark(numbers, queries, len(hashes)), most)
    shards, place_rows = split_places(places)
    edges = [*np.flatnonzero(np.diff(shards, prepend=-1)), len(shards)]
    wanted, asked = _mark(numbers, queries, len(hashes)), len(queries)
    for first, last in pairwise(edges):
        if len(queries) < asked:
            wanted, asked = _mark(numbers, queries, len(hashes)), len(queries)
        here = first + np.flatnonzero(wanted[bands[first:last]])
        if not len(here):
            continue
        pool_rows, documents = np.unique(place_rows[here], return_inverse=True)
        run_offsets, order = _list_documents(bands[here].reshape(-1, 1), len(hashes))
        pool, pool_offsets = _flatten(earlier.read(int(shards[first]), pool_rows, ["shingles"])["shingles"])
        compare(
            int(shards[first]),
            np.full(len(queries), len(pool_rows)),
            (run_offsets, documents[order].astype(np.int32)),
            pool_rows,
            (pool, pool_offsets[:-1], pool_offsets[1:]),
        )
    if len(queries):
        # Every document of this shard may be the twin of a later one, also those that have a twin.
        compare(_THIS, queries, _list_documents(numbers, len(hashes)), rows, (shingles, starts, stops))


def _mark(
    numbers: npt.NDArray[np.int32], documents: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.bool_]:
    """Which of the bands any of the documents has."""
    wanted = np.zeros(count, np.bool_)
    wanted[numbers[documents].ravel()] = True
    return wanted


def _look_up(
    index: Sequence[Block], hashes: npt.NDArray[np.uint64], wanted: npt.NDArray[np.bool_], most: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """Where the wanted bands occur earlier: their numbers and the places, ascending by place.

    Of each band only the first `most` places, since no document is compared with more.
    """
    chosen = np.flatnonzero(wanted)
    keys = hashes[chosen]
    counts = np.zeros(len(chosen), np.int64)
    bands: list[npt.NDArray[np.int32]] = []
    places: list[npt.NDArray[np.uint64]] = []
    for block in index:
        for found, numbers in block.bands.find(keys):
            firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
            lengths = np.diff(firsts, append=len(numbers))
            ranks = counts[numbers] + np.arange(len(numbers)) - np.repeat(firsts, lengths)
            counts[numbers[firsts]] += lengths
            few = ranks < most
            bands.append(chosen[numbers[few]].astype(np.int32))
            places.append(found["place"].to_numpy()[few])
    if not bands:
        return np.empty(0, np.int32), np.empty(0, np.uint64)
    all_places = np.concatenate(places)
    order = np.argsort(all_places, kind="stable")
    return np.concatenate(bands)[order], all_places[order]


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
    this: pl.DataFrame, shard: str, earlier: _Earlier, options: DuplicateOptions, twins: _Twins
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
    dropped = pl.col("number") != -1
    near = dropped & ~pl.col("exact")
    verified = near & pl.lit(options.verify)
    stopped = to_meta({"compared_with_the_first": options.max_candidates})
    return (
        decisions.join(
            _name_twins(decisions, this, shard, earlier),
            on=["number", "twin"],
            how="left",
            maintain_order="left",
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


def _name_twins(decisions: pl.DataFrame, this: pl.DataFrame, shard: str, earlier: _Earlier) -> pl.DataFrame:
    """(number, twin, other_id, detail) of every twin."""
    names = [
        pl.DataFrame(
            schema={"number": pl.Int64, "twin": pl.Int64, "other_id": pl.String, "detail": pl.String}
        )
    ]
    for (number,), group in decisions.filter(pl.col("number") != -1).group_by("number"):
        own = number == _THIS
        rows = group["twin"].unique().sort().to_numpy()
        ids = this["id"].gather(rows) if own else earlier.read(int(str(number)), rows, ["id"])["id"]
        key = shard if own else earlier.names[int(str(number))]
        names.append(
            pl.DataFrame({"twin": rows, "other_id": ids}).select(
                pl.lit(number, pl.Int64).alias("number"),
                pl.col("twin").cast(pl.Int64),
                "other_id",
                detail=pl.concat_str(pl.lit('{"row": '), "twin", pl.lit(f', "shard": "{key}"}}')),
            )
        )
    return pl.concat(names)
