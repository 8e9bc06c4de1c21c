"""Stage `paragraphs`: lines or paragraphs that occur again and again are cut out of the documents.

Three steps, so that counting can be done over all shards and everything else by shard:
  hash_units     every line or paragraph of a shard, known by a hash of its normalised text
  count_units    how often each one occurs, and where first, over the shards of a snapshot
  remove_units   cuts what repeats, and records every cut, so that `edits.undo` gives back the text

What goes, of the units with at least `min_chars` characters:
  across_documents   units counted at least `min_count` times: with keep `first` everywhere but in the document of the
                     first occurrence by order of registration, with keep `none` everywhere.
  within_document    with `within_document`, units that repeat an earlier one of the same document.
A unit goes with the separator after it; at the end of a text with the one before it. So the lines that stay are joined
by a line feed as before. A document of which nothing, or less than `min_chars_left`, is left is dropped.

The answer depends on the counts and the document alone: counts are exact, not a Bloom filter's, so the order of the
work and the cut into batches do not matter. 64 bits: among a billion different units one pair is alike with chance
0.03.

Sources: CCNet (arXiv 1911.00359), facebookresearch/cc_net cc_net/dedup.py and text_normalizer.py: lines, normalisation,
SHA-1, both modes of keeping. The Llama 3 Herd of Models (arXiv 2407.21783): lines seen more than six times.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash

from gristmill.dedup import _unit_kernels
from gristmill.dedup.edits import EDITS, copy_spans, cut_spans
from gristmill.dedup.options import ParagraphOptions
from gristmill.dedup.sorted_tables import read_by_hash
from gristmill.documents import DECISIONS, DROP, EDIT, KEEP, Schema, empty
from gristmill.errors import StageError
from gristmill.text_buffers import text_buffers

UNITS: Schema = {
    "row": pl.UInt32,  # position of the document in its shard, from 0
    "unit": pl.UInt32,  # position of the line or paragraph in its document, from 0
    "hash": pl.UInt64,  # of the normalised text
    "chars": pl.UInt32,  # of the normalised text
}
COUNTS: Schema = {
    "hash": pl.UInt64,
    "count": pl.UInt64,  # occurrences in the snapshot
    "sequence": pl.UInt32,  # the first one: number of the shard,
    "row": pl.UInt32,  # the document in it,
    "unit": pl.UInt32,  # and the unit in that
}
ACROSS, WITHIN = "across_documents", "within_document"
REPEATED = "repeated_units"  # the rule of decisions

_PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
_DELETED = dict.fromkeys([*map(ord, _PUNCTUATION), *range(32), *range(127, 160)])
_DIGIT = re.compile(r"\d")
_CAPITAL_SIGMA = "Σ"  # the only character whose lower case depends on its neighbours
_SURROGATES = range(0xD800, 0xE000)
_ROWS_AT_ONCE = 4_000_000  # units that are counted together; about 150 bytes each while it lasts


class Removed(NamedTuple):
    """What is left of a batch, what was decided, and every cut."""

    documents: pl.DataFrame  # DOCUMENTS, or whatever columns came in
    decisions: pl.DataFrame  # DECISIONS, one per document that came in
    edits: pl.DataFrame  # EDITS, also of documents that are dropped


# -- units and their hashes -----------------------------------------------------------------------------------------


def normalise_unit(text: str) -> str:
    """The form in which lines or paragraphs are compared; the definition. As CCNet has it."""
    return _DIGIT.sub("0", text.strip().lower()).translate(_DELETED)


def hash_units(documents: pl.DataFrame, *, options: ParagraphOptions, first_row: int = 0) -> pl.DataFrame:
    """UNITS of the documents, in order. Columns in: text (String; null counts as empty).

    first_row: position of the first document in its shard, where a shard comes in batches. Memory: about ten times
    the text. Hash `sha1` runs in Python.
    """
    found = _Units.find(documents["text"], options)
    return pl.DataFrame(
        {
            "row": found.documents + first_row,
            "unit": found.numbers,
            "hash": found.hashes,
            "chars": found.chars,
        }
    ).cast(pl.Schema(UNITS))


@dataclass(frozen=True)
class _Units:
    """The units of many texts, one after the other."""

    data: npt.NDArray[np.uint8]  # the texts
    text_offsets: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]  # which units are of which text; one more than texts
    starts: npt.NDArray[np.int64]  # bytes in `data`
    ends: npt.NDArray[np.int64]
    first_chars: npt.NDArray[np.int64]  # characters in the text
    end_chars: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    chars: npt.NDArray[np.uint32]  # of the normalised unit

    @classmethod
    def find(cls, texts: pl.Series, options: ParagraphOptions) -> _Units:
        data, text_offsets = text_buffers(texts)
        tables = _character_tables()
        used = data[text_offsets[0] : text_offsets[-1]]
        most = int(np.count_nonzero(used == ord("\n"))) + len(texts)
        starts, ends, first_chars, end_chars = (np.empty(most, np.int64) for _ in range(4))
        offsets = np.zeros(len(texts) + 1, np.int64)
        _unit_kernels.find_units(
            data, text_offsets, tables.flags, options.unit == "paragraph",
            starts, ends, first_chars, end_chars, offsets,
        )  # fmt: skip
        count = int(offsets[-1])
        starts, ends = starts[:count], ends[:count]
        hashes, chars = _hash(data, starts, ends, len(used), options)
        return cls(
            data, text_offsets, offsets, starts, ends, first_chars[:count], end_chars[:count], hashes, chars
        )

    @property
    def documents(self) -> npt.NDArray[np.int64]:
        """Position of every unit's text."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Position of every unit in its text."""
        return np.arange(len(self.starts)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))


def _hash(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    size: int,
    options: ParagraphOptions,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Hashes and lengths of the normalised units."""
    tables = _character_tables()
    out, out_offsets = np.empty(size * tables.growth + 1, np.uint8), np.zeros(len(starts) + 1, np.int64)
    chars, hard = np.empty(len(starts), np.uint32), np.empty(len(starts), np.bool_)
    hashes = np.empty(len(starts), np.uint64)
    _unit_kernels.normalise_units(
        data, starts, ends, tables.flags, tables.mapped, tables.expanded, tables.expansion_offsets,
        out, out_offsets, chars, hard,
    )  # fmt: skip
    if options.hash == "sha1":
        whole = out[: out_offsets[-1]].tobytes()
        edges = out_offsets.tolist()
        hashes[:] = [_sha1(whole[i:j]) for i, j in pairwise(edges)]
    else:
        _unit_kernels.hash_texts(out, out_offsets, hashes)
    for unit in np.flatnonzero(hard):
        text = normalise_unit(data[starts[unit] : ends[unit]].tobytes().decode())
        encoded = text.encode()
        hashes[unit] = _sha1(encoded) if options.hash == "sha1" else xxhash.xxh64_intdigest(encoded)
        chars[unit] = len(text)
    return hashes, chars


def _sha1(data: bytes) -> int:
    """The first eight bytes of SHA-1 as a little-endian number, as CCNet has it."""
    return int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest()[:8], "little")


@dataclass(frozen=True)
class _CharacterTables:
    """What the kernels know of every code point."""

    flags: npt.NDArray[np.uint8]  # bits SPACE and HARD of _unit_kernels
    mapped: npt.NDArray[np.int32]  # what becomes of it, see _unit_kernels.DROPPED
    expanded: npt.NDArray[np.int32]  # code points of the characters that become several
    expansion_offsets: npt.NDArray[np.int64]
    growth: int  # bytes out for a byte in, at most


@lru_cache(maxsize=1)
def _character_tables() -> _CharacterTables:
    """6 MB, made in about half a second, once per process."""
    size = sys.maxunicode + 1
    flags, mapped = np.zeros(size, np.uint8), np.arange(size, dtype=np.int32)
    expansions: list[str] = []
    growth = 1
    for code in range(size):
        if code in _SURROGATES:
            continue
        character = chr(code)
        if character.isspace():
            flags[code] |= _unit_kernels.SPACE
        # White space inside a unit stays, but for what is deleted, so nothing is stripped here.
        final = _DIGIT.sub("0", character.lower()).translate(_DELETED)
        if final == character:
            continue
        growth = max(growth, -(-len(final.encode()) // len(character.encode())))
        if len(final) == 1:
            mapped[code] = ord(final)
        elif not final:
            mapped[code] = _unit_kernels.DROPPED
        else:
            mapped[code] = -2 - len(expansions)
            expansions.append(final)
    flags[ord(_CAPITAL_SIGMA)] |= _unit_kernels.HARD
    offsets = np.cumsum([0, *map(len, expansions)], dtype=np.int64)
    expanded = np.array([ord(c) for text in expansions for c in text], np.int32)
    return _CharacterTables(flags, mapped, expanded, offsets, growth)


# -- counts ---------------------------------------------------------------------------------------------------------


def count_units(
    tables: Sequence[pl.LazyFrame], *, options: ParagraphOptions, rows_at_once: int = _ROWS_AT_ONCE
) -> Iterator[pl.DataFrame]:
    """COUNTS of the units that occur at least `min_count` times, in parts, by ascending hash.

    tables: UNITS of whole shards, in order of registration; a shard's place in the list is its `sequence`. They are
    read by ranges of hash, each about `rows_at_once` rows. Memory: about 150 bytes for a row of a range, whatever
    the number of shards. The parts depend on `rows_at_once`, their content together does not.
    """
    yield empty(COUNTS)
    for shards in read_by_hash(tables, "hash", rows_at_once):
        yield _count_range(pl.concat(shards), options)


def _count_range(units: pl.LazyFrame, options: ParagraphOptions) -> pl.DataFrame:
    place = pl.col("row").cast(pl.UInt64) * (1 << 32) + pl.col("unit").cast(pl.UInt64)
    counted = (
        units.filter(pl.col("chars") >= options.min_chars)
        .with_columns(place=place)
        .group_by("hash", "sequence")
        .agg(count=pl.len().cast(pl.UInt64), place=pl.col("place").min())
        .collect(engine="streaming")
        .sort("hash", "sequence")
    )
    return (
        counted.group_by("hash", maintain_order=True)
        .agg(pl.col("count").sum(), pl.col("sequence", "place").first())
        .filter(pl.col("count") >= options.min_count)
        .select(
            "hash", "count", "sequence", row=pl.col("place") // (1 << 32), unit=pl.col("place") % (1 << 32)
        )
        .cast(pl.Schema(COUNTS))
    )


# -- cuts -----------------------------------------------------------------------------------------------------------


def remove_units(
    documents: pl.DataFrame,
    counts: pl.DataFrame,
    *,
    options: ParagraphOptions,
    sequence: int | None,
    first_row: int = 0,
) -> Removed:
    """The documents without their repeated units, in order, and a record of every cut.

    Columns in: id, text (String) and any others, which pass. counts: COUNTS, sorted by hash; rows of other units do not
    matter. sequence: the shard's place among those that were counted; None: it is none of them, and comes after all.
    first_row: as for `hash_units`. Raises StageError if the counts are not sorted.
    """
    if not counts["hash"].is_sorted():
        raise StageError(
            "paragraphs: counts are not sorted by hash; pass the parts of `count_units` in order"
        )
    units = _Units.find(documents["text"], options)
    count, across, within = _choose(units, counts, options, sequence, first_row)
    chosen = np.flatnonzero(across | within)
    spans = _spans(units, across | within, chosen)
    texts = cut_spans(units.data, units.text_offsets, spans.starts, spans.ends, spans.offsets)
    edits = pl.DataFrame(
        {
            "id": documents["id"].gather(spans.documents),
            "unit": units.numbers[chosen],
            "start": spans.first_chars,
            "end": spans.end_chars,
            "text": copy_spans(units.data, spans.starts, spans.ends),
            "hash": units.hashes[chosen],
            "count": pl.Series(count[chosen]).replace(0, None),
            "rule": pl.Series(across[chosen]).replace_strict(
                {True: ACROSS, False: WITHIN}, return_dtype=pl.String
            ),
        }
    ).cast(pl.Schema(EDITS))
    decisions = _decide(documents, texts, spans, units, options)
    kept = decisions["action"] != DROP
    return Removed(documents.with_columns(text=texts).filter(kept), decisions, edits)


def _choose(
    units: _Units,
    counts: pl.DataFrame,
    options: ParagraphOptions,
    sequence: int | None,
    first_row: int,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Per unit: its count (0: not in the table), and whether it goes by either rule."""
    size = len(units.hashes)
    eligible = units.chars >= options.min_chars
    count = np.zeros(size, np.uint64)
    across = np.zeros(size, np.bool_)
    if counts.height:
        place = np.searchsorted(counts["hash"].to_numpy(), units.hashes)
        place[place == counts.height] = 0
        known = (counts["hash"].to_numpy()[place] == units.hashes) & eligible
        count[known] = counts["count"].to_numpy()[place[known]]
        across = known & (count >= np.uint64(options.min_count))
        if options.keep == "first" and sequence is not None:
            rows = units.documents + first_row
            here = (counts["sequence"].to_numpy()[place] == sequence) & (
                counts["row"].to_numpy()[place] == rows
            )
            across &= ~here
    within = np.zeros(size, np.bool_)
    if options.within_document:
        pairs = pl.DataFrame({"document": units.documents, "hash": units.hashes})
        within = (
            eligible & ~pairs.select(pl.struct("document", "hash").is_first_distinct()).to_series().to_numpy()
        )
    return count, across, within


@dataclass(frozen=True)
class _Spans:
    """What is cut: units with a separator."""

    documents: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]  # which spans are of which document
    starts: npt.NDArray[np.int64]  # bytes in `data`
    ends: npt.NDArray[np.int64]
    first_chars: npt.NDArray[np.int64]  # characters in the text
    end_chars: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]  # units that stay, per document


def _spans(units: _Units, removed: npt.NDArray[np.bool_], chosen: npt.NDArray[np.int64]) -> _Spans:
    """A unit goes with the separator after it, or before it where no unit stays behind it."""
    documents = units.documents
    first, end = units.offsets[:-1], units.offsets[1:]
    numbers = np.arange(len(removed))
    last_kept = np.full(len(first), -1)
    np.maximum.at(last_kept, documents[~removed], numbers[~removed])
    left = np.bincount(documents[~removed], minlength=len(first))
    of = documents[chosen]
    behind = chosen > last_kept[of]
    # Of a document that loses all its units, what stands before the first one is not cut.
    before = np.maximum(chosen - 1, 0)
    after = np.minimum(chosen + 1, len(removed) - 1)
    leads = behind & (chosen > first[of])
    trails = ~behind & (chosen + 1 < end[of])
    offsets = np.zeros(len(first) + 1, np.int64)
    np.cumsum(np.bincount(of, minlength=len(first)), out=offsets[1:])
    return _Spans(
        of,
        offsets,
        np.where(leads, units.ends[before], units.starts[chosen]),
        np.where(trails, units.starts[after], units.ends[chosen]),
        np.where(leads, units.end_chars[before], units.first_chars[chosen]),
        np.where(trails, units.first_chars[after], units.end_chars[chosen]),
        left,
    )


def _decide(
    documents: pl.DataFrame, texts: pl.Series, spans: _Spans, units: _Units, options: ParagraphOptions
) -> pl.DataFrame:
    """value: characters cut, or those left where they are too few; bound: how many must be left."""
    cut = np.bincount(spans.documents, spans.end_chars - spans.first_chars, minlength=documents.height)
    table = pl.DataFrame(
        {
            "id": documents["id"],
            "edits": np.diff(spans.offsets),
            "units": np.diff(units.offsets),
            "cut": cut.astype(np.float64),
            "unit_left": spans.left > 0,
            "left": texts.str.strip_chars().str.len_chars().cast(pl.Float64),
        }
    )
    edited = pl.col("edits") > 0
    dropped = edited & (~pl.col("unit_left") | (pl.col("left") < options.min_chars_left))
    return table.with_columns(
        action=pl.when(dropped).then(pl.lit(DROP)).when(edited).then(pl.lit(EDIT)).otherwise(pl.lit(KEEP)),
        rule=pl.when(edited).then(pl.lit(REPEATED)),
        value=pl.when(dropped).then("left").when(edited).then("cut"),
        bound=pl.when(dropped).then(float(options.min_chars_left)),
        other_id=pl.lit(None),
        detail=pl.when(edited).then(pl.format("{} of {} units were cut", "edits", "units")),
    ).select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())
