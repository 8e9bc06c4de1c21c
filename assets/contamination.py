"""Asset `contamination`: texts that hold items of evaluation sets are dropped, cut or flagged."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.contamination import (
    EVIDENCE,
    VERSION,
    ContaminationOptions,
    Index,
    build_index,
    check_contamination,
    read_benchmark,
)
from gristmill.documents import DECISIONS, DOCUMENTS, empty
from gristmill.file_options import dump_with_digests
from gristmill.hashing import canonical_json, random_u64
from gristmill.recipe import Recipe

_SAMPLE_ROWS = 8


def step(recipe: Recipe, texts: tuple[str, ...]) -> Step:
    """Check the documents of the assets `texts`, natural and made ones, and pass on those that stay."""
    options = recipe.contamination
    assert options is not None
    folder = recipe.path.parent
    return Step(
        name="contamination",
        run=partial(_check, texts=texts, options=options, folder=folder),
        version=VERSION,
        description="Natural and rephrased documents without items of evaluation sets; the evidence is a table.",
        group="decontaminate",
        options=lambda source: {**dump_with_digests(options, folder, "contamination"), "texts": list(texts)},
        inputs=tuple(Input(asset) for asset in texts),
        kinds=frozenset({"parquet", "polars", "numba"}),
        checked="decisions",
    )


def _check(
    work: Work, *, texts: tuple[str, ...], options: ContaminationOptions, folder: Path
) -> dict[str, Any]:
    index = _index(options, folder)
    work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS), evidence=empty(EVIDENCE))
    found = empty(EVIDENCE)
    for asset in texts:
        for batch in work.batches(asset):
            checked = check_contamination(batch, index, options)
            work.emit(documents=checked.documents, decisions=checked.decisions, evidence=checked.evidence)
            found = pl.concat([found, checked.evidence])
            progress.advance(batch.height)
    return {"benchmarks": _by_benchmark(index, found), "sample": _samples(found)}


def _index(options: ContaminationOptions, folder: Path) -> Index:
    """The index of the recipe's benchmarks; a run over many shards builds it once."""
    contents = canonical_json(dump_with_digests(options, folder, "contamination"))
    return _build_index(options.model_dump_json(), contents, folder)


@lru_cache(maxsize=1)
def _build_index(options_json: str, contents: str, folder: Path) -> Index:
    """`contents` says what the files hold, so that changed ones are read again."""
    options = ContaminationOptions.model_validate_json(options_json)
    items = [
        item
        for name, given in options.benchmarks.items()
        for item in read_benchmark(name, [folder / given.path], given.fields)
    ]
    return build_index(items, options)


def _by_benchmark(index: Index, found: pl.DataFrame) -> list[dict[str, Any]]:
    """Per evaluation set: its items, those that can be found at all, those found here, and in how many documents."""
    items = Counter(item.benchmark for item in index.items)
    detectable = Counter(
        item.benchmark for item, can in zip(index.items, index.detectable, strict=True) if can
    )
    hits = {
        row["benchmark"]: row
        for row in found.group_by("benchmark")
        .agg(items_hit=pl.col("item").n_unique(), documents_hit=pl.col("id").n_unique())
        .to_dicts()
    }
    return [
        {
            "benchmark": name,
            "items": count,
            "detectable": detectable[name],
            "items_hit": hits.get(name, {}).get("items_hit", 0),
            "documents_hit": hits.get(name, {}).get("documents_hit", 0),
        }
        for name, count in sorted(items.items(), key=lambda pair: pair[0])
    ]


def _samples(found: pl.DataFrame) -> list[dict[str, Any]]:
    rows = found.sort("id", "item", "start").to_dicts()
    rows.sort(key=lambda row: random_u64(0, "contamination.sample", row["id"]))
    return [{**row, "share": round(row["share"], 3)} for row in rows[:_SAMPLE_ROWS]]
