"""Steps of repeated substrings: passages that occur word for word elsewhere are cut out.

    substring_hashes -> dedup_tables/substring_stretches -> substring_windows -> dedup_tables/substrings -> substrings

The two tables are global, over a declared snapshot of shards; the other steps are made per shard. What they count, and
why in two turns, is told in gristmill/dedup/substrings.py.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from assets.edits import SAMPLE_CHARS, EditedDocuments
from assets.size_classes import SizeClasses
from assets.snapshots import list_shards, over_snapshot, places_in, sentence
from assets.step import Input, Step, Work
from gristmill.dedup import (
    COUNTED_STRETCHES,
    COUNTED_STRETCHES_VERSION,
    COUNTED_WINDOWS,
    COUNTED_WINDOWS_VERSION,
    EDITS,
    RANGES,
    STRETCHES_VERSION,
    SUBSTRINGS_VERSION,
    WINDOWS_VERSION,
    SubstringOptions,
    count_stretches,
    count_windows,
    hash_stretches,
    hash_windows,
    merge_stretches,
    merge_windows,
    remove_substrings,
)
from gristmill.documents import DECISIONS, DOCUMENTS, empty
from gristmill.progress import advance, expect
from gristmill.recipe import Recipe

HASHES, STRETCHES = "substring_hashes", "dedup_tables/substring_stretches"
WINDOWS, TABLE, NAME = "substring_windows", "dedup_tables/substrings", "substrings"

_MAX_PASSAGES = 10
_LENGTH_CLASSES = (0, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000)  # characters; each up to the next


def steps(recipe: Recipe, upstream: str) -> list[Step]:
    """The steps for the documents of the asset `upstream`."""
    assert recipe.dedup is not None
    options = recipe.dedup.substrings
    assert options is not None
    passage = f"{options.length:,} {options.unit}"
    first = options.snapshot_shards
    symbols = {"unit": options.unit, "length": options.length}
    counting = {"min_count": options.min_count, "snapshot_shards": first}
    cutting = options.model_dump(mode="json", include={"keep", "action", "min_chars_left", "min_share_left"})
    kinds = frozenset({"parquet", "polars", "numba"})
    return [
        Step(
            name=HASHES,
            run=partial(_hash_stretches, upstream=upstream, options=options),
            version=STRETCHES_VERSION,
            description=f"Windows of {passage} in a row, by a fingerprint that equal ones share, sorted.",
            group="dedup",
            options=lambda source: symbols,
            inputs=(Input(upstream),),
            kinds=kinds,
        ),
        Step(
            name=STRETCHES,
            run=partial(_count_stretches, options=options),
            version=COUNTED_STRETCHES_VERSION,
            description=f"Fingerprints that several places share, so that {passage} may repeat there. "
            f"{sentence(first)}",
            group="dedup",
            options=lambda source: counting,
            inputs=(over_snapshot(HASHES, "stretches", first),),
            partitioned=False,
        ),
        Step(
            name=WINDOWS,
            run=partial(_hash_windows, upstream=upstream, options=options),
            version=WINDOWS_VERSION,
            description=f"A hash of every {passage} in a row where they may repeat, sorted.",
            group="dedup",
            options=lambda source: symbols,
            inputs=(Input(upstream), Input(STRETCHES, scope="global", tables=("parts", "shards"))),
            kinds=kinds,
        ),
        Step(
            name=TABLE,
            run=partial(_count_windows, options=options),
            version=COUNTED_WINDOWS_VERSION,
            description=f"How often {passage} in a row occur that repeat, and where first. {sentence(first)}",
            group="dedup",
            options=lambda source: counting,
            inputs=(over_snapshot(WINDOWS, "windows", first),),
            partitioned=False,
        ),
        Step(
            name=NAME,
            run=partial(_remove, upstream=upstream, options=options),
            version=SUBSTRINGS_VERSION,
            description=f"Documents without passages of at least {passage} that occur word for word elsewhere; every "
            "cut is recorded and can be undone.",
            group="dedup",
            options=lambda source: {**cutting, **symbols},
            inputs=(
                Input(upstream),
                Input(HASHES, tables=("stretches",)),
                Input(STRETCHES, scope="global", tables=("whole", "shards")),
                Input(TABLE, scope="global", tables=("windows",)),
            ),
            kinds=kinds,
            checked="decisions",
        ),
    ]


# -- substring_hashes -------------------------------------------------------------------------------------------------


def _hash_stretches(work: Work, *, upstream: str, options: SubstringOptions) -> dict[str, Any]:
    parts = []
    documents = 0
    for batch in work.batches(upstream, columns=["text"]):
        parts.append(hash_stretches(batch, options=options, first_row=documents))
        documents += batch.height
        advance(batch.height)
    stretches = merge_stretches(parts)
    work.emit(stretches=stretches)
    return {"rows_in": documents, "rows_out": documents, "stretches": stretches.height}


# -- dedup_tables/substring_stretches ---------------------------------------------------------------------------------


def _count_stretches(work: Work, *, options: SubstringOptions) -> dict[str, Any]:
    counted = work.inputs.get(HASHES, [])
    work.emit(shards=list_shards(counted), whole=empty(COUNTED_STRETCHES), parts=empty(COUNTED_STRETCHES))
    figures = {"repeated_whole": 0, "repeated_in_parts": 0, "windows_to_hash": 0}
    tables = [work.store.scan(manifest, "stretches") for manifest in counted]
    for whole, parts in count_stretches(tables, options=options):
        work.emit(whole=whole, parts=parts)
        figures["repeated_whole"] += whole.height
        figures["repeated_in_parts"] += parts.height
        figures["windows_to_hash"] += int(parts["windows"].sum())
    stretches = sum(manifest.rows("stretches") for manifest in counted)
    return {"shards": len(counted), "stretches": stretches, **figures}


# -- substring_windows ------------------------------------------------------------------------------------------------


def _hash_windows(work: Work, *, upstream: str, options: SubstringOptions) -> dict[str, Any]:
    sequence = places_in(work, STRETCHES).get(_key(work))
    mine = empty(COUNTED_STRETCHES)
    if sequence is not None:  # else the shard is not in the snapshot
        candidates = work.scan(STRETCHES, "parts").filter(pl.col("sequence") == sequence)
        mine = candidates.collect(engine="streaming")
    parts = []
    documents = 0
    for batch in work.batches(upstream, columns=["text"]) if mine.height else ():
        parts.append(hash_windows(batch, mine, options=options, first_row=documents))
        documents += batch.height
        advance(batch.height)
    windows = merge_windows(parts)
    work.emit(windows=windows)
    rows = work.rows(upstream)
    return {"rows_in": rows, "rows_out": rows, "stretches": mine.height, "windows": windows.height}


# -- dedup_tables/substrings ------------------------------------------------------------------------------------------


def _count_windows(work: Work, *, options: SubstringOptions) -> dict[str, Any]:
    counted = work.inputs.get(WINDOWS, [])
    work.emit(windows=empty(COUNTED_WINDOWS))
    repeated = 0
    for part in count_windows(
        [work.store.scan(manifest, "windows") for manifest in counted], options=options
    ):
        work.emit(windows=part)
        repeated += part.height
    windows = sum(manifest.rows("windows") for manifest in counted)
    return {"shards": len(counted), "windows": windows, "repeated_windows": repeated}


# -- substrings -------------------------------------------------------------------------------------------------------


def _remove(work: Work, *, upstream: str, options: SubstringOptions) -> dict[str, Any]:
    sequence = places_in(work, STRETCHES).get(_key(work))
    expect(work.rows(upstream))
    whole, windows = _tables_of(work)
    figures = _Figures()
    # So that a shard without documents has its tables too.
    work.emit(
        documents=empty(DOCUMENTS), decisions=empty(DECISIONS), edits=empty(EDITS), ranges=empty(RANGES)
    )
    rows = 0
    for batch in work.batches(upstream):
        removed = remove_substrings(batch, whole, windows, options=options, sequence=sequence, first_row=rows)
        work.emit(**removed._asdict())
        figures.add(batch, *removed)
        rows += batch.height
        advance(batch.height)
    return {"in_snapshot": sequence is not None, **figures.report()}


def _key(work: Work) -> str:
    assert work.shard is not None
    return work.shard.key


def _tables_of(work: Work) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What repeats of the keys that the shard has; the whole tables may be larger than memory."""
    mine = work.scan(HASHES, "stretches").select("key").unique()
    whole, windows = (
        work.scan(asset, table).join(mine, on="key", how="semi").collect(engine="streaming").sort(by)
        for asset, table, by in ((STRETCHES, "whole", "key"), (TABLE, "windows", "hash"))
    )
    return whole, windows


class _Figures:
    """What repeats in a shard and what was cut from it, batch by batch."""

    def __init__(self) -> None:
        self._edited = EditedDocuments()
        self._characters = self._removed = 0
        self._classes = SizeClasses(
            _LENGTH_CLASSES, size="from_characters", things="ranges", total="characters"
        )
        self._longest: pl.DataFrame | None = None
        self._frequent: pl.DataFrame | None = None

    def add(
        self,
        before: pl.DataFrame,
        documents: pl.DataFrame,
        decisions: pl.DataFrame,
        edits: pl.DataFrame,
        ranges: pl.DataFrame,
    ) -> None:
        """Count the ranges and the edits of a batch and keep some to show."""
        self._edited.add(before, documents, decisions, edits)
        self._characters += int(before["text"].str.len_chars().sum() or 0)
        self._removed += int((edits["end"] - edits["start"]).sum())
        found = ranges.with_columns(chars=pl.col("end") - pl.col("start"))
        self._classes.add(found["chars"])
        # Of the ranges that repeat one document only one is shown: they are the same passage, cut here or there.
        self._longest = _best(self._longest, found, before, ["chars", "count"])
        self._frequent = _best(self._frequent, found, before, ["count", "chars"])

    def report(self) -> dict[str, Any]:
        """The figures of the shard."""
        shown = [
            [] if table is None else table.select("count", "chars", "id", "text").to_dicts()
            for table in (self._longest, self._frequent)
        ]
        return {
            "edited": self._edited.count,
            "characters_in": self._characters,
            "characters_repeated": self._classes.total,
            "characters_removed": self._removed,
            "share_repeated": round(self._classes.total / self._characters, 6) if self._characters else 0.0,
            "by_length": self._classes.rows(),
            "longest": shown[0],
            "most_frequent": shown[1],
            "sample": self._edited.samples,
        }


def _best(
    so_far: pl.DataFrame | None, ranges: pl.DataFrame, documents: pl.DataFrame, by: list[str]
) -> pl.DataFrame:
    """The ranges that come first by these columns, one for each document that they repeat, with their text."""
    first = ["first_sequence", "first_row"]
    by, descending = [*by, "id", "start"], [True, True, False, False]

    def pick(table: pl.DataFrame) -> pl.DataFrame:
        ordered = table.sort(by, descending=descending)
        return ordered.unique(first, keep="first", maintain_order=True).head(_MAX_PASSAGES)

    best = pick(ranges)
    text = pl.col("text").str.slice("start", pl.min_horizontal("chars", SAMPLE_CHARS))
    new = best.join(documents.select("id", "text"), on="id", how="left", maintain_order="left").with_columns(
        text
    )
    return pick(new if so_far is None else pl.concat([so_far, new]))
