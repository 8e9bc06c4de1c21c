"""Steps `signatures`, `duplicates` and `deduped`: documents that repeat an earlier one are dropped."""

from __future__ import annotations

import base64
import io
from collections import Counter
from functools import partial
from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill.dedup import (
    DEDUPED_VERSION,
    DUPLICATES_VERSION,
    EXACT_DUPLICATE,
    NEAR_DUPLICATE,
    SIGNATURES_VERSION,
    DedupOptions,
    apply_decisions,
    collision_probability,
    compute_signatures,
    count_signatures,
    find_duplicates,
)
from gristmill.documents import DROP
from gristmill.hashing import random_u64
from gristmill.progress import advance
from gristmill.recipe import Recipe

SAMPLE_PAIRS = 6
SAMPLE_CHARS = 300
MAX_SOURCE_PAIRS = 20


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
            name="duplicates",
            run=partial(_find, options=options),
            version=DUPLICATES_VERSION,
            description="Which documents are equal or similar to one registered before them, in any earlier shard.",
            group="dedup",
            options=lambda source: options.duplicates.model_dump(mode="json"),
            # Earlier shards come first: `_find` takes the last one as the shard itself.
            inputs=(
                Input("signatures", "earlier", ("signatures",)),
                Input("signatures", "same", ("signatures",)),
            ),
            kinds=frozenset({"parquet", "polars", "numba"}),
        ),
        Step(
            name="deduped",
            run=partial(_drop, upstream=upstream),
            version=DEDUPED_VERSION,
            description="The documents that repeat no earlier one, each kept or dropped by a decision with its twin.",
            group="dedup",
            options=lambda source: {},
            inputs=(Input(upstream), Input("duplicates", tables=("duplicates",))),
            checked="decisions",
        ),
    ]


# -- signatures -------------------------------------------------------------------------------------------------


def _sign(work: Work, *, upstream: str, options: DedupOptions) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for batch in work.batches(upstream, columns=["id", "text"]):
        signed = compute_signatures(batch, options=options.signatures, first_row=counts["documents"])
        work.emit(signatures=signed)
        counts.update(count_signatures(signed))
    return {"rows_in": counts["documents"], "rows_out": counts["documents"], **counts}


# -- duplicates -------------------------------------------------------------------------------------------------


def _find(work: Work, *, options: DedupOptions) -> dict[str, Any]:
    *before, this = work.inputs["signatures"]
    assert this.partition is not None
    found = find_duplicates(
        work.store.scan(this, "signatures").collect(),
        shard=this.partition,
        earlier=[(str(other.partition), work.store.scan(other, "signatures")) for other in before],
        options=options.duplicates,
    )
    work.emit(duplicates=found)
    advance(found.height)
    dropped = found.filter(pl.col("action") == DROP)
    similarities = dropped.filter(pl.col("rule") == NEAR_DUPLICATE)["value"].drop_nulls()
    figures = {
        "rows_in": found.height,
        "rows_out": found.height - dropped.height,
        "dropped_by_rule": dict(sorted(dropped.group_by("rule").len().iter_rows())),
        "earlier_shards": len(before),
        "comparisons_cut_short": found.filter(pl.col("action") != DROP)["detail"].count(),
        "duplicates_by_source": _pairs_of_sources(dropped, work.source),
    }
    return figures | (
        {"similarity_plot": _similarity_plot(similarities, options)} if len(similarities) else {}
    )


def _pairs_of_sources(dropped: pl.DataFrame, source: str) -> list[dict[str, Any]]:
    """How many documents of this source repeat one of which source, the most first."""
    # A shard's key is its source's name and a number.
    twins = pl.col("detail").str.json_path_match("$.shard").str.replace(r"-\d+$", "")
    counted = (
        dropped.group_by(twin_source=twins)
        .agg(
            exact=(pl.col("rule") == EXACT_DUPLICATE).sum(),
            near=(pl.col("rule") == NEAR_DUPLICATE).sum(),
        )
        .sort(pl.col("exact") + pl.col("near"), "twin_source", descending=[True, False])
    )
    return [{"source": source, **row} for row in counted.head(MAX_SOURCE_PAIRS).to_dicts()]


def _similarity_plot(similarities: pl.Series, options: DedupOptions) -> str:
    """PNG: similarity of the near duplicates, and the chance that a pair of that similarity was looked at."""
    from matplotlib.figure import Figure

    layout = options.signatures
    grid = [i / 100 for i in range(101)]
    figure = Figure(figsize=(5, 2.8), dpi=80, layout="constrained")
    left = figure.add_subplot()
    left.hist(similarities.to_list(), bins=[i / 25 for i in range(26)], color="#7a9cc6")
    left.set_xlabel("Jaccard similarity")
    left.set_ylabel("near duplicates")
    left.axvline(options.duplicates.threshold, color="#b03a2e", linestyle="--", linewidth=1)
    right = left.twinx()
    chances = [collision_probability(s, bands=layout.bands, rows=layout.rows) for s in grid]
    right.plot(grid, chances, color="#444444", linewidth=1)
    right.set_ylim(0, 1.02)
    right.set_ylabel(f"chance to be compared ({layout.bands} x {layout.rows})")
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return base64.b64encode(image.getvalue()).decode()


# -- deduped ----------------------------------------------------------------------------------------------------


def _drop(work: Work, *, upstream: str) -> dict[str, Any]:
    (found,) = work.inputs["duplicates"]
    decisions = work.store.scan(found, "duplicates").collect()
    pairs = _choose_pairs(decisions)
    wanted = pl.Series([pair[name] for pair in pairs for name in ("id", "other_id")], dtype=pl.String)
    texts: dict[str, str] = {}
    first = 0
    for batch in work.batches(upstream):
        part = decisions.slice(first, batch.height)
        work.emit(documents=apply_decisions(batch, part), decisions=part)
        texts.update(batch.filter(pl.col("id").is_in(wanted.implode())).select("id", "text").iter_rows())
        first += batch.height
        advance(batch.height)
    return {"sample": [_side_by_side(pair, texts) for pair in pairs]}


def _choose_pairs(decisions: pl.DataFrame) -> list[dict[str, Any]]:
    """Dropped documents whose twin is in the same shard: near duplicates first, then by hash of the id."""
    inside = decisions.filter(
        (pl.col("action") == DROP) & pl.col("other_id").is_in(decisions["id"].implode())
    ).select("id", "other_id", "rule", "value")
    rows = inside.to_dicts()
    rows.sort(key=lambda row: (row["rule"] != NEAR_DUPLICATE, random_u64(0, "deduped.sample", row["id"])))
    return rows[:SAMPLE_PAIRS]


def _side_by_side(pair: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """A dropped document and its twin, both cut to where they begin to differ."""
    dropped, twin = texts[pair["id"]], texts[pair["other_id"]]
    shorter = min(len(dropped), len(twin))
    differ = next((i for i, (a, b) in enumerate(zip(dropped, twin, strict=False)) if a != b), shorter)
    start = max(0, min(differ - SAMPLE_CHARS // 2, shorter - SAMPLE_CHARS))
    return {
        "rule": pair["rule"],
        "similarity": pair["value"],
        "dropped": dropped[start : start + SAMPLE_CHARS],
        "twin": twin[start : start + SAMPLE_CHARS],
        "from_character": start,
        "id": pair["id"],
        "twin_id": pair["other_id"],
    }
