"""Step `dedup_tables/clusters`: which documents neighbours join, over all shards, and which of each cluster stays."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.blocks import read_blocks, signature_reader
from assets.size_classes import SizeClasses
from assets.step import Input, Step, Work
from gristmill.dedup import (
    CLUSTERS_VERSION,
    MEMBERS,
    DuplicateOptions,
    Numbering,
    ReadRanks,
    join_neighbours,
    join_twins,
    list_members,
    parse_dates,
)
from gristmill.documents import DOCUMENTS, empty
from gristmill.expressions import check_number
from gristmill.plots import Bars, draw_bars
from gristmill.store import source_of

NAME = "dedup_tables/clusters"

_SIZES = (2, 3, 4, 6, 11, 101, 1_001, 10_001)  # each class from here to the next
_TOP = 10  # clusters that are shown
_SHOWN_MEMBERS = 3  # of each
_SAMPLE_CHARS = 200
_MAX_SOURCE_PAIRS = 20


def step(options: DuplicateOptions, upstream: str) -> Step:
    """The step; `upstream` is the asset whose documents are compared."""
    decides = options.rule != "earliest"
    return Step(
        name=NAME,
        run=partial(_cluster, options=options, upstream=upstream),
        version=CLUSTERS_VERSION,
        description="Documents that neighbours join, and which one of each cluster stays; over all shards."
        if decides
        else "Documents that neighbours join, to look at: the rule `earliest` decides without them.",
        group="dedup",
        options=lambda source: options.model_dump(mode="json") if decides else {},
        inputs=(
            Input(upstream, "all"),
            Input("duplicates", "all", ("duplicates",), ordered=True),
            Input("signature_index", "covering", ("bands", "texts", "shards")),
        ),
        partitioned=False,
        kinds=frozenset({"parquet", "polars", "numba"}),
    )


def _cluster(work: Work, *, options: DuplicateOptions, upstream: str) -> dict[str, Any]:
    work.emit(members=empty(MEMBERS))
    blocks = read_blocks(work, "signature_index")
    if not blocks:
        return {"clusters": 0, "members": 0}
    read_signatures = signature_reader(work, blocks)
    numbering = Numbering.of(pl.concat([block.shards for block in blocks]).sort("sequence"))
    twins = (work.store.scan(found, "duplicates").collect() for found in work.inputs["duplicates"])
    parents, exact = join_twins(numbering, twins)
    shingles = None
    if options.rule != "earliest":
        scratch = work.writer.folder / "shingles"
        shingles = join_neighbours(parents, exact, numbering, blocks, read_signatures, options, scratch)
    members = list_members(
        parents,
        numbering,
        read_signatures,
        read_ranks=_ranks(work, options, upstream),
        shingles=shingles if options.near and options.verify else None,
    )
    work.emit(members=members)
    return {
        "rows_in": int(numbering.starts[-1]),
        "rows_out": members.height,
        **_figures(work, members, upstream),
    }


def _ranks(work: Work, options: DuplicateOptions, upstream: str) -> ReadRanks | None:
    """Reads what the rule compares, from the documents; none for `earliest`."""
    if options.rule == "earliest":
        return None
    shards = {manifest.partition: manifest for manifest in work.inputs[upstream]}
    best = check_number(options.best_by, DOCUMENTS) if options.best_by is not None else None
    columns = (
        best.meta.root_names() if best is not None else ["text" if options.rule == "longest" else "date"]
    )

    def read(key: str, rows: npt.NDArray[np.int64]) -> pl.Series:
        found = work.store.take(shards[key], "documents", rows.tolist(), columns)
        if best is not None:
            return found.select(best.alias("rank")).to_series()
        return (
            found["text"].str.len_chars()
            if options.rule == "longest"
            else parse_dates(found["date"]).to_physical()
        )

    return read


def _figures(work: Work, members: pl.DataFrame, upstream: str) -> dict[str, Any]:
    sizes = members.filter("kept")["size"]
    by_size = SizeClasses(_SIZES, size="from_size", things="clusters", total="members")
    by_size.add(sizes)
    figures: dict[str, Any] = {
        "clusters": by_size.things,
        "members": by_size.total,
        "largest": sizes.max() or 0,
        "by_size": by_size.rows(),
    }
    if members.height:
        counts = [(f"{row['from_size']:,}", row["clusters"]) for row in by_size.rows()]
        names, heights = zip(*counts, strict=True)
        figures["size_plot"] = draw_bars([Bars("clusters, by size from", names, heights, log_y=True)])
        figures["by_source_pair"] = _source_pairs(members)
        figures["largest_clusters"] = _largest(work, members, upstream)
    return figures


def _source_pairs(members: pl.DataFrame) -> list[dict[str, Any]]:
    """How many documents of one source repeat what stays of which, and their share of all; the most first."""
    dropped = members.filter(~pl.col("kept"))
    counted = (
        dropped.group_by(source=source_of(pl.col("shard")), kept_source=source_of(pl.col("kept_shard")))
        .agg(documents=pl.len())
        .sort("documents", "source", "kept_source", descending=[True, False, False])
        .with_columns(share=pl.col("documents") / dropped.height)
    )
    return counted.head(_MAX_SOURCE_PAIRS).to_dicts()


def _largest(work: Work, members: pl.DataFrame, upstream: str) -> list[dict[str, Any]]:
    """The largest clusters: what stays, and some of the others, side by side."""
    top = members.filter("kept").sort("size", "cluster", descending=[True, False]).head(_TOP)
    chosen = members.join(top.select("cluster"), on="cluster", how="semi").filter(
        pl.col("kept") | (pl.col("row").cum_count().over("cluster", "kept") <= _SHOWN_MEMBERS)
    )
    shards = {manifest.partition: manifest for manifest in work.inputs[upstream]}
    texts: dict[str, str] = {}
    for (key,), rows in chosen.sort("row").group_by("shard", maintain_order=True):
        found = work.store.take(shards[str(key)], "documents", rows["row"].to_list(), ["id", "text"])
        texts.update(found.with_columns(pl.col("text").str.slice(0, _SAMPLE_CHARS)).iter_rows())
    return [
        {
            "size": row["size"],
            "kept": texts[row["id"]],
            "others": "\n---\n".join(
                texts[name]
                for name in chosen.filter((pl.col("cluster") == row["cluster"]) & ~pl.col("kept"))["id"]
            ),
            "kept_id": row["id"],
        }
        for row in top.iter_rows(named=True)
    ]
