"""Stage `substrings`: passages that occur word for word elsewhere are cut out of the documents.

A *window* is `min_length` symbols of a document in a row (bytes, or words). It repeats if it occurs at least
`min_count` times over the shards of a snapshot, in one document or in several, overlapping or not. What repeats of a
document is the union of its windows that do: exactly what a suffix array over the corpus would find. Five steps:

  hash_stretches    every document as *stretches*: windows in a row that share their minimizer, the gram (half a window)
                    with the least hash. Equal windows have equal minimizers, so they lie in stretches of one key
                    (winnowing: Schleimer et al., SIGMOD 2003). One row for about a quarter of `min_length` symbols.
  count_stretches   over the snapshot, by range of the key. Where all stretches of a key are equal, so are their
                    windows: they are counted whole. Only where they differ, single windows must be looked at (and
                    where shards may come that are not counted, as theirs may differ).
  hash_windows      of those stretches, by shard.
  count_windows     over the snapshot, by range of the hash.
  remove_substrings finds the windows of a shard in both tables, joins them to ranges, and cuts.

With keep `first` the first occurrence of every window stays, by order of registration, and so does what overlaps it in
its document; every character that is cut has an equal one, in equal surroundings, in an earlier place. With `none`
all occurrences go, as in the reference, which says that a cut can make new repetitions: one pass is not a fixed point.

The answer depends on the counts and the document alone, never on the order of the work or the cut into batches. Nothing
is compared byte by byte: a stretch or a window is known by two hashes of 64 bits, of its minimizer and of all of it.

A cut ends at characters, not inside them, leaves words whole where there are blanks, and takes along the white space
that would be left over. Every cut is recorded; `undo` gives back the text byte for byte.

Why no suffix array: one over the corpus lies in memory (9 bytes for each of the text with 64-bit places) and is made
anew for every shard that comes; ours is a sorted table by shard, of about the size of the text.

Sources: Deduplicating Training Data Makes Language Models Better (arXiv 2107.06499), section 4.1;
google-research/deduplicate-text-datasets. Minimizers: Roberts et al., Bioinformatics 20(18), 2004.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup import _substring_kernels, _unit_kernels
from gristmill.dedup.edits import EDITS, copy_spans, cut_spans
from gristmill.dedup.options import SubstringOptions
from gristmill.dedup.sorted_tables import read_by_hash
from gristmill.documents import DECISIONS, DROP, EDIT, KEEP, Schema, empty
from gristmill.errors import StageError
from gristmill.text_buffers import text_buffers

STRETCHES: Schema = {
    "key": pl.UInt64,  # hash of the minimizer
    "hash": pl.UInt64,  # of the whole stretch
    "windows": pl.UInt32,
    "count": pl.UInt64,  # occurrences in the shard, or in the snapshot
    "row": pl.UInt32,  # the first one: document in its shard, from 0,
    "start": pl.UInt32,  # and symbol in that
}
COUNTED_STRETCHES: Schema = {**STRETCHES, "sequence": pl.UInt32}  # number of the shard of the first one
WINDOWS: Schema = {
    "hash": pl.UInt64,
    "key": pl.UInt64,  # hash of its minimizer
    "count": pl.UInt64,
    "row": pl.UInt32,
    "start": pl.UInt32,
}
COUNTED_WINDOWS: Schema = {**WINDOWS, "sequence": pl.UInt32}
RANGES: Schema = {
    "id": pl.String,
    "start": pl.Int64,  # characters, the largest that lie inside
    "end": pl.Int64,
    "count": pl.UInt64,  # occurrences in the snapshot, of the window that has most
    "first_sequence": pl.UInt32,  # first occurrence of the first window: number of the shard,
    "first_row": pl.UInt32,  # and document in it
}
REPEATED_SUBSTRINGS = "repeated_substrings"  # the rule of decisions and edits

_ROWS_AT_ONCE = 4_000_000  # rows that are counted together; about 150 bytes each while it lasts
_MAX_BUCKET_BITS = 24
_NOWHERE = (1 << 32) - 1  # sequence of a shard that was not counted
_SURROGATES = range(0xD800, 0xE000)


class Repeated(NamedTuple):
    """Stretches that repeat over a snapshot."""

    whole: pl.DataFrame  # COUNTED_STRETCHES whose windows occur nowhere else
    parts: pl.DataFrame  # COUNTED_STRETCHES of which some windows may; `hash_windows` looks at those


class Removed(NamedTuple):
    """What is left of a batch, what was decided, every cut, and all that repeats."""

    documents: pl.DataFrame  # DOCUMENTS, or whatever columns came in
    decisions: pl.DataFrame  # DECISIONS, one per document that came in
    edits: pl.DataFrame  # EDITS, also of documents that are dropped; only with action `cut`
    ranges: pl.DataFrame  # RANGES, as they were found


# -- hashes of a shard ----------------------------------------------------------------------------------------------


def hash_stretches(documents: pl.DataFrame, *, options: SubstringOptions, first_row: int = 0) -> pl.DataFrame:
    """STRETCHES of the documents, in order. Columns in: text (String; null counts as empty).

    first_row: position of the first document in its shard, where a shard comes in batches. Equal ones may have several
    rows; `merge_stretches` makes one of them. Shorter documents than `min_length` have none.
    """
    return _stretches(_Symbols.find(documents["text"], options), options, first_row, collapse=True)


def merge_stretches(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """STRETCHES of a whole shard, one row for equal ones, by ascending key. parts: of its batches, in order."""
    return _merge_equal(pl.concat([empty(STRETCHES), *parts]), "key", "hash")


def hash_windows(
    documents: pl.DataFrame, stretches: pl.DataFrame, *, options: SubstringOptions, first_row: int = 0
) -> pl.DataFrame:
    """WINDOWS of stretches whose first occurrence is in these documents.

    stretches: those of `Repeated.parts`, in any order; those of other documents do not matter.
    """
    rows = pl.col("row")
    mine = stretches.filter((rows >= first_row) & (rows < first_row + documents.height)).sort("row", "start")
    symbols = _Symbols.find(documents["text"], options)
    of, starts = (
        mine["row"].to_numpy().astype(np.int64) - first_row,
        mine["start"].to_numpy().astype(np.int64),
    )
    windows = mine["windows"].to_numpy().astype(np.int64)
    offsets = np.zeros(mine.height + 1, np.int64)
    np.cumsum(windows, out=offsets[1:])
    hashes = np.empty(offsets[-1], np.uint64)
    _substring_kernels.hash_windows(
        symbols.values, symbols.offsets, options.length, of, starts, offsets, hashes
    )
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], windows)
    stretch = pl.Series(np.repeat(np.arange(mine.height), windows), dtype=pl.UInt32)
    return pl.DataFrame(
        {
            "hash": hashes,
            "key": mine["key"].gather(stretch),
            "count": mine["count"].gather(stretch),
            "row": mine["row"].gather(stretch),
            "start": np.repeat(starts, windows) + inside,
        }
    ).cast(pl.Schema(WINDOWS))


def merge_windows(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """WINDOWS of a whole shard, one row for equal ones, by ascending hash. parts: of its batches, in order."""
    return _merge_equal(pl.concat([empty(WINDOWS), *parts]), "hash", "key")


def _merge_equal(table: pl.DataFrame, *names: str) -> pl.DataFrame:
    """By ascending hashes (the columns `names`), one row for equal ones: the first of them, with all occurrences."""
    # Several times faster than grouping, which would have to be sorted all the same.
    ordered = table.sort(names, maintain_order=True)
    new = np.ones(ordered.height, np.bool_)
    one, other = (ordered[name].to_numpy() for name in names)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    first = np.flatnonzero(new)
    if not len(first):
        return ordered
    counts = np.add.reduceat(ordered["count"].to_numpy(), first)
    return ordered[first].with_columns(count=pl.Series(counts))


@dataclass(frozen=True)
class _Symbols:
    """The symbols of many texts, one after the other."""

    values: npt.NDArray[np.uint8] | npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]  # which symbols are of which text; one more than texts
    data: npt.NDArray[np.uint8]  # the symbols as bytes, `width` each
    width: int
    texts: npt.NDArray[np.uint8]
    text_offsets: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64] | None  # of words: their bytes in `texts`
    ends: npt.NDArray[np.int64] | None

    @classmethod
    def find(cls, texts: pl.Series, options: SubstringOptions) -> _Symbols:
        data, offsets = text_buffers(texts)
        if options.unit == "bytes":
            return cls(data, offsets, data, 1, data, offsets, None, None)
        most = int((np.diff(offsets) + 1).sum()) // 2 + 1
        starts, ends, values = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.uint64)
        word_offsets = np.zeros(len(offsets), np.int64)
        _substring_kernels.find_words(data, offsets, _space_flags(), starts, ends, values, word_offsets)
        count = int(word_offsets[-1])
        # There is always a symbol, so that compiled code can look at the first one.
        values = values[: max(count, 1)]
        return cls(
            values, word_offsets, values.view(np.uint8), 8, data, offsets, starts[:count], ends[:count]
        )

    def bytes_of(
        self, documents: npt.NDArray[np.int64], firsts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Bytes in `texts` where ranges of a text's symbols begin and end."""
        first, end = self.offsets[documents] + firsts, self.offsets[documents] + ends
        if self.starts is None or self.ends is None:
            return first, end
        return self.starts[first], self.ends[end - 1]


def _stretches(
    symbols: _Symbols, options: SubstringOptions, first_row: int, *, collapse: bool
) -> pl.DataFrame:
    rows = _roll(symbols, options, collapse=collapse)
    low = np.uint64((1 << 32) - 1)
    return pl.DataFrame(
        {
            "key": rows[:, 0],
            "hash": rows[:, 1],
            "windows": rows[:, 3] >> np.uint64(32),
            "count": rows[:, 3] & low,
            "row": (rows[:, 2] >> np.uint64(32)) + np.uint64(first_row),
            "start": rows[:, 2] & low,
        }
    ).cast(pl.Schema(STRETCHES))


def _roll(symbols: _Symbols, options: SubstringOptions, *, collapse: bool) -> npt.NDArray[np.uint64]:
    # Grams of half a window: shorter ones make fewer stretches, but more that differ behind a common phrase, whose
    # windows must be looked at one by one.
    gram = max(1, options.length // 2)
    found: npt.NDArray[np.uint64] = _substring_kernels.find_stretches(
        symbols.values, symbols.offsets, symbols.data, symbols.width, options.length, gram, collapse
    )
    return found


@lru_cache(maxsize=1)
def _space_flags() -> npt.NDArray[np.uint8]:
    """Which code points are white space, as `str.isspace` has it."""
    flags = np.zeros(sys.maxunicode + 1, np.uint8)
    for code in range(len(flags)):
        if code not in _SURROGATES and chr(code).isspace():
            flags[code] = _substring_kernels.SPACE
    return flags


# -- counts over the snapshot ---------------------------------------------------------------------------------------


def count_stretches(
    tables: Sequence[pl.LazyFrame], *, options: SubstringOptions, rows_at_once: int = _ROWS_AT_ONCE
) -> Iterator[Repeated]:
    """The stretches of which windows may occur at least `min_count` times, in parts, by ascending key.

    tables: STRETCHES of whole shards, in order of registration, each by ascending key; a shard's place in the list is
    its `sequence`. They are read by ranges of key, each about `rows_at_once` rows. Memory: about 150 bytes for a row of
    a range, whatever the number of shards. The parts depend on `rows_at_once`, their content together does not.
    """
    for counted in _count(tables, COUNTED_STRETCHES, ("key", "hash"), rows_at_once):
        different, occurrences = pl.len().over("key"), pl.col("count").sum().over("key")
        found = counted.with_columns(different=different, occurrences=occurrences).filter(
            pl.col("occurrences") >= options.min_count
        )
        # A shard that is not counted may have another stretch of the key, with some of the windows.
        whole = (pl.col("different") == 1) & (options.snapshot_shards is None)
        yield Repeated(*(found.filter(kind).select(*COUNTED_STRETCHES) for kind in (whole, ~whole)))


def count_windows(
    tables: Sequence[pl.LazyFrame], *, options: SubstringOptions, rows_at_once: int = _ROWS_AT_ONCE
) -> Iterator[pl.DataFrame]:
    """COUNTED_WINDOWS of the windows that occur at least `min_count` times, in parts, by ascending hash.

    tables: WINDOWS of whole shards, in order of registration, each by ascending hash. Memory as for `count_stretches`.
    """
    for counted in _count(tables, COUNTED_WINDOWS, ("hash", "key"), rows_at_once):
        yield counted.filter(pl.col("count") >= options.min_count)


def _count(
    tables: Sequence[pl.LazyFrame], schema: Schema, names: tuple[str, str], rows_at_once: int
) -> Iterator[pl.DataFrame]:
    yield empty(schema)
    for shards in read_by_hash(tables, names[0], rows_at_once):
        # Of rows with equal hashes the first one stays, so it is of the shard that was registered first.
        yield _merge_equal(pl.concat(shards).select(*schema).collect(), *names)


# -- ranges and cuts ------------------------------------------------------------------------------------------------


def remove_substrings(
    documents: pl.DataFrame,
    whole: pl.DataFrame,
    windows: pl.DataFrame,
    *,
    options: SubstringOptions,
    sequence: int | None,
    first_row: int = 0,
) -> Removed:
    """The documents without what repeats, in order, and a record of every cut.

    Columns in: id, text (String) and any others, which pass. whole: COUNTED_STRETCHES by ascending key (the part of
    `Repeated` by that name); windows: COUNTED_WINDOWS by ascending hash; rows of other documents do not matter, so
    those whose keys occur in the shard are enough. sequence: the shard's place among those that were counted; None: it
    is none of them, and comes after all. first_row: as for `hash_stretches`.
    Raises StageError if a table is not sorted.
    """
    symbols = _Symbols.find(documents["text"], options)
    found = _find_ranges(symbols, whole, windows, options, sequence, first_row)
    of, counts = found[:, 0], found[:, 3]
    starts, ends = symbols.bytes_of(of, found[:, 1], found[:, 2])
    spans = _Spans.of(symbols, of, starts, ends, counts)
    ranges = pl.DataFrame(
        {
            "id": documents["id"].gather(spans.documents),
            "start": spans.first_chars,
            "end": spans.end_chars,
            "count": spans.counts,
            "first_sequence": found[spans.chosen, 4],
            "first_row": found[spans.chosen, 5],
        }
    ).cast(pl.Schema(RANGES))
    cuts = spans.clean(symbols)
    texts = cut_spans(symbols.texts, symbols.text_offsets, cuts.starts, cuts.ends, cuts.offsets)
    decisions = _decide(documents, texts, ranges, cuts, options)
    kept = decisions["action"] != DROP
    if options.action == "cut":
        documents, edits = documents.with_columns(text=texts), _edits(documents, cuts, symbols)
    else:
        edits = empty(EDITS)
    return Removed(documents.filter(kept), decisions, edits, ranges)


def _find_ranges(
    symbols: _Symbols,
    whole: pl.DataFrame,
    windows: pl.DataFrame,
    options: SubstringOptions,
    sequence: int | None,
    first_row: int,
) -> npt.NDArray[np.int64]:
    """Ranges of symbols, as _substring_kernels.find_ranges gives them."""
    for name, table in (("stretches", whole["key"]), ("windows", windows["hash"])):
        if not table.is_sorted():
            raise StageError(
                f"substrings: {name} are not sorted by hash; pass the parts that were counted in order"
            )
    if not whole.height and not windows.height:
        return np.empty((0, 6), np.int64)
    keys = np.unique(windows["key"].to_numpy())
    found: npt.NDArray[np.int64] = _substring_kernels.find_ranges(
        _roll(symbols, options, collapse=False),
        symbols.values,
        symbols.offsets,
        options.length,
        _table(whole, "key", "hash"),
        _table(windows, "hash", "key"),
        (keys, *_buckets(keys)),
        _NOWHERE if sequence is None else sequence,
        first_row,
        options.keep == "first",
    )
    return found


def _table(
    counted: pl.DataFrame, value: str, other: str
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], np.uint64]:
    """A counted table as the kernels look it up: rows (all of one lie together in memory), edges and shift of buckets.

    Columns of a row: both hashes, occurrences, shard << 32 | document of the first one, symbol in that.
    """
    rows = np.empty((counted.height, 5), np.uint64)
    for place, name in enumerate((value, other, "count", "sequence", "start")):
        rows[:, place] = counted[name].to_numpy()
    rows[:, 3] = rows[:, 3] << np.uint64(32) | counted["row"].to_numpy().astype(np.uint64)
    return rows, *_buckets(counted[value].to_numpy())


def _buckets(values: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], np.uint64]:
    """Where the sorted values of every bucket begin, and by how many bits a value is shifted to its bucket."""
    bits = min(_MAX_BUCKET_BITS, max(1, len(values).bit_length()))
    shift = np.uint64(64 - bits)
    edges = np.zeros((1 << bits) + 1, np.int64)
    np.cumsum(np.bincount((values >> shift).astype(np.int64), minlength=1 << bits), out=edges[1:])
    return edges, shift


@dataclass(frozen=True)
class _Spans:
    """Spans of bytes of some texts, ascending and disjoint, none of them empty."""

    chosen: npt.NDArray[np.int64]  # of which range each one was made
    documents: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]  # which spans are of which text
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    first_chars: npt.NDArray[np.int64]  # characters of the text
    end_chars: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        symbols: _Symbols,
        documents: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
    ) -> _Spans:
        """Only whole characters."""
        _substring_kernels.shrink_to_characters(symbols.texts, starts, ends)
        chosen = np.flatnonzero(starts < ends)
        documents, starts, ends = documents[chosen], starts[chosen], ends[chosen]
        first_chars, end_chars = np.empty(len(chosen), np.int64), np.empty(len(chosen), np.int64)
        _substring_kernels.count_characters(
            symbols.texts, symbols.text_offsets, documents, starts, ends, first_chars, end_chars
        )
        offsets = np.zeros(len(symbols.text_offsets), np.int64)
        np.cumsum(np.bincount(documents, minlength=len(offsets) - 1), out=offsets[1:])
        return cls(chosen, documents, offsets, starts, ends, first_chars, end_chars, counts[chosen])

    def clean(self, symbols: _Symbols) -> _Spans:
        """The spans that are cut: with whole words and clean seams; those that then touch are one."""
        starts, ends = self.starts.copy(), self.ends.copy()
        _substring_kernels.clean_seams(
            symbols.texts, symbols.text_offsets, self.documents, starts, ends, _space_flags()
        )
        rest = starts < ends
        documents, starts, ends, counts = (a[rest] for a in (self.documents, starts, ends, self.counts))
        joined = np.zeros(len(starts), np.bool_)
        joined[1:] = (documents[1:] == documents[:-1]) & (starts[1:] <= ends[:-1])
        first = np.flatnonzero(~joined)
        if not len(first):
            return _Spans.of(symbols, documents, starts, ends, counts)
        return _Spans.of(
            symbols,
            documents[first],
            np.minimum.reduceat(starts, first),
            np.maximum.reduceat(ends, first),
            np.maximum.reduceat(counts, first),
        )


def _edits(documents: pl.DataFrame, cuts: _Spans, symbols: _Symbols) -> pl.DataFrame:
    texts = copy_spans(symbols.texts, cuts.starts, cuts.ends)
    hashes = np.empty(len(texts), np.uint64)
    _unit_kernels.hash_texts(*text_buffers(texts), hashes)
    return pl.DataFrame(
        {
            "id": documents["id"].gather(cuts.documents),
            "unit": pl.Series([None] * len(texts), dtype=pl.UInt32),
            "start": cuts.first_chars,
            "end": cuts.end_chars,
            "text": texts,
            "hash": hashes,
            "count": cuts.counts,
            "rule": pl.Series([REPEATED_SUBSTRINGS] * len(texts), dtype=pl.String),
        }
    ).cast(pl.Schema(EDITS))


def _decide(
    documents: pl.DataFrame, texts: pl.Series, ranges: pl.DataFrame, cuts: _Spans, options: SubstringOptions
) -> pl.DataFrame:
    """value: characters that repeat (with action `cut`: that are cut), or those left where they are too few."""
    size = documents.height
    cut = np.bincount(cuts.documents, cuts.end_chars - cuts.first_chars, minlength=size)
    table = pl.DataFrame(
        {
            "id": documents["id"],
            "chars": documents["text"].str.len_chars().fill_null(0),
            "left": texts.str.strip_chars().str.len_chars(),
            "cuts": np.diff(cuts.offsets),
            "cut": cut.astype(np.float64),
        }
    ).join(
        ranges.group_by("id").agg(ranges=pl.len(), repeated=(pl.col("end") - pl.col("start")).sum()),
        on="id",
        how="left",
        maintain_order="left",
    )
    repeats = pl.col("ranges").is_not_null()
    bound = pl.max_horizontal(
        pl.lit(float(options.min_chars_left)), (pl.col("chars") * options.min_share_left).ceil()
    )
    dropped = repeats & (pl.col("left") < bound) & (options.action != "mask")
    edited = (pl.col("cuts") > 0) & (options.action == "cut")
    value = "cut" if options.action == "cut" else "repeated"
    said = repeats & (edited | dropped | (options.action != "cut"))
    return table.with_columns(
        action=pl.when(dropped).then(pl.lit(DROP)).when(edited).then(pl.lit(EDIT)).otherwise(pl.lit(KEEP)),
        rule=pl.when(said).then(pl.lit(REPEATED_SUBSTRINGS)),
        value=pl.when(dropped).then("left").when(said).then(value),
        bound=pl.when(dropped).then(bound),
        other_id=pl.lit(None),
        detail=pl.when(said).then(
            pl.format("{} of {} characters repeat, in {} ranges", "repeated", "chars", "ranges")
        ),
    ).select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())
