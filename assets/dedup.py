"""Steps `signatures`, `signature_index`, `duplicates`, `deduped`: documents that repeat an earlier one are dropped."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from assets import clusters
from assets.blocks import read_blocks, signature_reader
from assets.step import Input, Step, Work, content_of
from assets.twins import drop_twins
from gristmill.dedup import (
    BANDS,
    DEDUPED_VERSION,
    DUPLICATES_VERSION,
    EXACT_DUPLICATE,
    INDEX_VERSION,
    NEAR_DUPLICATE,
    SHARDS,
    SIGNATURES_VERSION,
    TEXTS,
    DedupOptions,
    ReadSignatures,
    SortedTable,
    compute_signatures,
    count_signatures,
    decide_by_clusters,
    draw_s_curve,
    find_duplicates,
    index_bands,
    index_texts,
    measured_points,
    merge_bands,
    merge_texts,
)
from gristmill.documents import DROP, empty
from gristmill.plots import Histogram, draw_histograms
from gristmill.progress import advance
from gristmill.recipe import Recipe
from gristmill.store import source_of

MAX_SOURCE_PAIRS = 20
MAX_CURVE_PAIRS = 5_000  # enough for points that lie still


def steps(recipe: Recipe, upstream: str) -> list[Step]:
    """The steps of deduplication; `upstream` is the asset whose documents are compared."""
    options = recipe.dedup
    assert options is not None
    return [
        Step(
            name="signatures",
            run=partial(_sign, upstream=upstream, options=options),
            version=SIGNATURES_VERSION,
            description="MinHash bands, shingle hashes and a digest of every document, to compare it with others.",
            group="dedup",
            options=lambda source: options.signatures.model_dump(mode="json"),
            inputs=(Input(upstream),),
            kinds=frozenset({"parquet", "polars", "numba"}),
        ),
        Step(
            name="signature_index",
            run=_index,
            version=INDEX_VERSION,
            description="Bands and texts of this shard and of some before it, merged and sorted by hash.",
            group="dedup",
            options=lambda source: {},
            inputs=(
                Input("signature_index", "parts", ("bands", "texts", "shards")),
                Input("signatures", tables=("signatures",)),
            ),
        ),
        Step(
            name="duplicates",
            run=partial(_find, options=options),
            version=DUPLICATES_VERSION,
            description="Which documents are equal or similar to one registered before them, in any earlier shard.",
            group="dedup",
            options=lambda source: options.duplicates.model_dump(mode="json", exclude={"rule", "best_by"}),
            inputs=(
                Input("signature_index", "covering", ("bands", "texts", "shards")),
                Input("signatures", tables=("signatures",)),
            ),
            kinds=frozenset({"parquet", "polars", "numba"}),
        ),
        clusters.step(options.duplicates, upstream),
        _deduped(options, upstream),
    ]


def _deduped(options: DedupOptions, upstream: str) -> Step:
    earliest = options.duplicates.rule == "earliest"
    return Step(
        name="deduped",
        run=partial(_drop if earliest else _drop_by_clusters, upstream=upstream),
        version=DEDUPED_VERSION,
        description="The documents that repeat no earlier one, each kept or dropped by a decision with its twin."
        if earliest
        else "The document of each cluster that stays, and those without a neighbour; the others name it.",
        group="dedup",
        options=lambda source: {},
        inputs=(
            Input(upstream),
            Input("duplicates", tables=("duplicates",))
            if earliest
            else Input(clusters.NAME, "global", ("members",)),
        ),
        checked="decisions",
    )


# -- signatures -------------------------------------------------------------------------------------------------


def _sign(work: Work, *, upstream: str, options: DedupOptions) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for batch in work.batches(upstream, columns=["id", "text"]):
        signed = compute_signatures(batch, options=options.signatures, first_row=counts["documents"])
        work.emit(signatures=signed)
        counts.update(count_signatures(signed))
    return {"rows_in": counts["documents"], "rows_out": counts["documents"], **counts}


# -- signature_index --------------------------------------------------------------------------------------------


def _index(work: Work) -> dict[str, Any]:
    (signatures,) = work.inputs["signatures"]
    assert work.shard is not None
    parts = read_blocks(work, "signature_index")
    columns = (
        work.store.scan(signatures, "signatures").select("row", "bands", "exact_hi", "exact_lo").collect()
    )
    number = work.shard.sequence
    own = pl.DataFrame(
        {
            "sequence": [number],
            "shard": [work.shard.key],
            "signatures": [content_of(signatures, ("signatures",))],
            "documents": [columns.height],
        },
        schema=SHARDS,
    )
    shards = pl.concat([*(part.shards for part in parts), own])
    # So that a block without rows has its tables too.
    work.emit(shards=shards, bands=empty(BANDS), texts=empty(TEXTS))
    bands, texts = index_bands(columns, number), index_texts(columns, number)
    del columns
    for piece in merge_bands([*(part.bands for part in parts), SortedTable.of_frame(bands)]):
        work.emit(bands=piece)
        advance(piece.height)
    for piece in merge_texts([*(part.texts for part in parts), SortedTable.of_frame(texts)]):
        work.emit(texts=piece)
    return {
        "shards": shards.height,
        "documents": int(shards["documents"].sum()),
        "bands": bands.height + sum(int(part.bands.rows.sum()) for part in parts),
    }


# -- duplicates -------------------------------------------------------------------------------------------------


def _find(work: Work, *, options: DedupOptions) -> dict[str, Any]:
    (this,) = work.inputs["signatures"]
    assert this.partition is not None
    blocks = read_blocks(work, "signature_index")
    read_signatures = signature_reader(work, blocks)
    signed = work.store.scan(this, "signatures").collect()
    found = find_duplicates(
        signed,
        shard=this.partition,
        options=options.duplicates,
        index=blocks,
        read_signatures=read_signatures,
    )
    work.emit(duplicates=found)
    advance(found.height)
    dropped = found.filter(pl.col("action") == DROP)
    similarities = dropped.filter(pl.col("rule") == NEAR_DUPLICATE)["value"].drop_nulls()
    figures = {
        "rows_in": found.height,
        "rows_out": found.height - dropped.height,
        "dropped_by_rule": dict(sorted(dropped.group_by("rule").len().iter_rows())),
        "earlier_shards": sum(block.shards.height for block in blocks),
        "index_blocks": len(blocks),
        "comparisons_cut_short": found.filter(pl.col("action") != DROP)["detail"].count(),
        "duplicates_by_source": _pairs_of_sources(dropped, work.source),
    }
    if len(similarities):
        figures |= _plots(signed, found, this.partition, read_signatures, options)
    return figures


def _pairs_of_sources(dropped: pl.DataFrame, source: str) -> list[dict[str, Any]]:
    """How many documents of this source repeat one of which source, the most first."""
    twins = source_of(pl.col("detail").str.json_path_match("$.shard"))
    counted = (
        dropped.group_by(twin_source=twins)
        .agg(
            exact=(pl.col("rule") == EXACT_DUPLICATE).sum(),
            near=(pl.col("rule") == NEAR_DUPLICATE).sum(),
        )
        .sort(pl.col("exact") + pl.col("near"), "twin_source", descending=[True, False])
    )
    return [{"source": source, **row} for row in counted.head(MAX_SOURCE_PAIRS).to_dicts()]


def _plots(
    signed: pl.DataFrame,
    found: pl.DataFrame,
    shard: str,
    read_signatures: ReadSignatures,
    options: DedupOptions,
) -> dict[str, Any]:
    """How alike the near duplicates are; and the S-curve, with what these pairs say of it."""
    near = found.with_row_index("row").filter(pl.col("rule") == NEAR_DUPLICATE, pl.col("value").is_not_null())
    histogram = Histogram(
        "similarity of near duplicates", np.linspace(0, 1, 26), bounds=(options.duplicates.threshold,)
    )
    histogram.add(near["value"])
    layout = options.signatures
    pairs = near.head(MAX_CURVE_PAIRS).select(
        "row",
        jaccard="value",
        shard=pl.col("detail").str.json_path_match("$.shard"),
        twin=pl.col("detail").str.json_path_match("$.row").cast(pl.Int64),
    )
    parts = []
    for (key,), group in pairs.sort("twin").group_by("shard", maintain_order=True):
        twins = group["twin"].unique(maintain_order=True)
        own = str(key) == shard
        bands = (
            signed["bands"].gather(twins)
            if own
            else read_signatures(str(key), twins.to_numpy(), ["bands"])["bands"]
        )
        theirs = group.select("twin").join(
            pl.DataFrame({"twin": twins, "bands": bands}), on="twin", maintain_order="left"
        )
        # A band's hash has its number in it, so what two documents share is at the same place.
        left, right = (
            lists.explode().to_numpy().reshape(-1, layout.bands)
            for lists in (signed["bands"].gather(group["row"]), theirs["bands"])
        )
        parts.append(group.select("jaccard").with_columns(shared=pl.Series((left == right).sum(axis=1))))
    measured = measured_points(pl.concat(parts), bands=layout.bands)
    return {
        "similarity_plot": draw_histograms([histogram]),
        "s_curve_plot": draw_s_curve(
            bands=layout.bands,
            rows=layout.rows,
            threshold=options.duplicates.threshold,
            measured=measured,
        ),
        "s_curve": measured.to_dicts(),
    }


# -- deduped ----------------------------------------------------------------------------------------------------


def _drop(work: Work, *, upstream: str) -> dict[str, Any]:
    (found,) = work.inputs["duplicates"]
    decisions = work.store.scan(found, "duplicates").collect()
    return {"sample": drop_twins(work, decisions, upstream)}


def _drop_by_clusters(work: Work, *, upstream: str) -> dict[str, Any]:
    assert work.shard is not None
    members = work.scan(clusters.NAME, "members").filter(pl.col("shard") == work.shard.key).collect()
    ids = pl.concat([batch["id"] for batch in work.batches(upstream, columns=["id"])])
    return {"sample": drop_twins(work, decide_by_clusters(ids, members), upstream)}
