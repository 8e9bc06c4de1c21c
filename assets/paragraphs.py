"""Steps `unit_hashes`, `dedup_tables/paragraphs` and `paragraphs`: lines or paragraphs that repeat are cut out.

The counts are one global table over a declared snapshot of shards; the other two steps are made per shard.
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
    COUNTS,
    COUNTS_VERSION,
    EDITS,
    PARAGRAPHS_VERSION,
    UNITS,
    UNITS_VERSION,
    ParagraphOptions,
    count_units,
    hash_units,
    remove_units,
)
from gristmill.documents import DECISIONS, DOCUMENTS, empty
from gristmill.progress import advance, expect
from gristmill.recipe import Recipe

HASHES, TABLE, NAME = "unit_hashes", "dedup_tables/paragraphs", "paragraphs"

_MAX_UNITS = 20
_COUNT_CLASSES = (2, 3, 7, 20, 100, 1_000, 10_000)  # each up to the next


def steps(recipe: Recipe, upstream: str) -> list[Step]:
    """The steps for the documents of the asset `upstream`."""
    assert recipe.dedup is not None
    options = recipe.dedup.paragraphs
    assert options is not None
    hashing = {"unit", "hash"}
    counting = {"min_chars", "min_count", "snapshot_shards"}
    return [
        Step(
            name=HASHES,
            run=partial(_hash, upstream=upstream, options=options),
            version=UNITS_VERSION,
            description=f"A hash of every {options.unit} of every document, sorted, to count them over all shards.",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include=hashing),
            inputs=(Input(upstream),),
            kinds=frozenset({"parquet", "polars", "numba"}),
        ),
        Step(
            name=TABLE,
            run=partial(_count, options=options),
            version=COUNTS_VERSION,
            description=f"How often every repeated {options.unit} occurs, and where first. "
            f"{sentence(options.snapshot_shards)}",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include=counting),
            inputs=(over_snapshot(HASHES, "units", options.snapshot_shards),),
            partitioned=False,
        ),
        Step(
            name=NAME,
            run=partial(_remove, upstream=upstream, options=options),
            version=PARAGRAPHS_VERSION,
            description=f"Documents without the {options.unit}s that repeat; every cut is recorded and can be undone.",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", exclude={"snapshot_shards"}),
            inputs=(
                Input(upstream),
                Input(HASHES, tables=("units",)),
                Input(TABLE, scope="global", tables=("counts", "shards")),
            ),
            kinds=frozenset({"parquet", "polars", "numba"}),
            checked="decisions",
        ),
    ]


# -- unit_hashes ------------------------------------------------------------------------------------------------


def _hash(work: Work, *, upstream: str, options: ParagraphOptions) -> dict[str, Any]:
    parts = [empty(UNITS)]
    documents = 0
    for batch in work.batches(upstream, columns=["text"]):
        parts.append(hash_units(batch, options=options, first_row=documents))
        documents += batch.height
        advance(batch.height)
    # Sorted, so that a range of hashes is read from every shard without the rest of it.
    units = pl.concat(parts).sort("hash", "row", "unit")
    work.emit(units=units)
    return {"rows_in": documents, "rows_out": documents, "units": units.height}


# -- dedup_tables/paragraphs --------------------------------------------------------------------------------------


def _count(work: Work, *, options: ParagraphOptions) -> dict[str, Any]:
    counted = work.inputs.get(HASHES, [])
    work.emit(shards=list_shards(counted), counts=empty(COUNTS))
    classes = SizeClasses(_COUNT_CLASSES, size="from_count", things="units", total="occurrences")
    for part in count_units([work.store.scan(manifest, "units") for manifest in counted], options=options):
        work.emit(counts=part)
        classes.add(part["count"])
    return {
        "shards": len(counted),
        "units": sum(manifest.rows("units") for manifest in counted),
        "repeated_units": classes.things,
        "repeated_occurrences": classes.total,
        "by_count": classes.rows(),
    }


# -- paragraphs -------------------------------------------------------------------------------------------------------


def _remove(work: Work, *, upstream: str, options: ParagraphOptions) -> dict[str, Any]:
    assert work.shard is not None
    places = places_in(work, TABLE)
    expect(work.rows(upstream))
    counts = _counts_of(work)
    figures = _Figures()
    # So that a shard without documents has its tables too.
    work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS), edits=empty(EDITS))
    rows = 0
    for batch in work.batches(upstream):
        removed = remove_units(
            batch, counts, options=options, sequence=places.get(work.shard.key), first_row=rows
        )
        work.emit(**removed._asdict())
        figures.add(batch, *removed)
        rows += batch.height
        advance(batch.height)
    return {"in_snapshot": work.shard.key in places, **figures.report()}


def _counts_of(work: Work) -> pl.DataFrame:
    """The counts of the units that the shard has; the whole table may be larger than memory."""
    mine = work.scan(HASHES, "units").select("hash").unique()
    return (
        work.scan(TABLE, "counts").join(mine, on="hash", how="semi").collect(engine="streaming").sort("hash")
    )


class _Figures:
    """What was cut from a shard, batch by batch."""

    def __init__(self) -> None:
        self._cut = pl.DataFrame(
            schema={
                "hash": pl.UInt64,
                "count": pl.UInt64,
                "here": pl.UInt32,
                "chars": pl.Int64,
                "text": pl.String,
            }
        )
        self._rules = {"across_documents": 0, "within_document": 0}
        self._edited = EditedDocuments()

    def add(
        self, before: pl.DataFrame, documents: pl.DataFrame, decisions: pl.DataFrame, edits: pl.DataFrame
    ) -> None:
        """Count the edits of a batch and keep some to show."""
        chars = (pl.col("end") - pl.col("start")).alias("chars")
        text = pl.col("text").str.strip_chars().str.slice(0, SAMPLE_CHARS)
        new = edits.select("hash", "count", pl.lit(1, pl.UInt32).alias("here"), chars, text.alias("text"))
        self._cut = (
            pl.concat([self._cut, new])
            .group_by("hash", maintain_order=True)
            .agg(pl.col("count").max(), pl.col("here", "chars").sum(), pl.col("text").first())
        )
        for rule, count in edits.group_by("rule").len().iter_rows():
            self._rules[rule] += count
        self._edited.add(before, documents, decisions, edits)

    def report(self) -> dict[str, Any]:
        """The figures of the shard."""
        frequent = self._cut.sort("count", "here", "hash", descending=True, nulls_last=True).head(_MAX_UNITS)
        return {
            "edited": self._edited.count,
            "characters_removed": int(self._cut["chars"].sum()),
            "units_removed": self._rules,
            "most_frequent": [
                {
                    "count": row["count"],
                    "cut_here": row["here"],
                    "characters_here": row["chars"],
                    "text": row["text"],
                }
                for row in frequent.to_dicts()
            ],
            "sample": self._edited.samples,
        }
