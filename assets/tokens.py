"""Asset `tokens`: how many tokens each document has, wherever its text is new.

One table for the funnel, the selection and the quotas of the mixture, so that no text is tokenised twice: counted are
all documents of `raw`, those whose text `refined` changed, and all of `rephrased`.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.documents import EDIT, Schema
from gristmill.recipe import Recipe

VERSION = 1
TOKENS: Schema = {
    "id": pl.String,
    "stage": pl.String,  # the asset whose text was counted
    "tokens": pl.Int64,  # without special tokens
}


def step(recipe: Recipe, earlier: list[str]) -> Step:
    """Count tokens of the stages among `earlier` that bring new text."""
    counted = [name for name in ("raw", "refined", "rephrased") if name in earlier]
    assert recipe.tokenizer is not None
    tokenizer = recipe.tokenizer

    def run(work: Work) -> dict[str, Any]:
        progress.expect(sum(work.rows(name) for name in counted))
        counter = work.tools.tokenizer(tokenizer)
        totals = {}
        for stage in counted:
            changed = _changed(work) if stage == "refined" else None
            totals[stage] = 0
            for batch in work.batches(stage, columns=["id", "text"]):
                progress.advance(batch.height)
                new = batch if changed is None else batch.join(changed, on="id", how="semi")
                counts = pl.Series(counter.count(new["text"].to_list()), dtype=pl.Int64)
                totals[stage] += int(counts.sum())
                rows = new.select("id", pl.lit(stage).alias("stage"), counts.alias("tokens"))
                work.emit(tokens=rows.cast(pl.Schema(TOKENS)))
        return {"tokens_by_stage": totals}

    return Step(
        name="tokens",
        run=run,
        version=VERSION,
        description="Tokens of every document, counted where its text is new: raw, edited, rephrased.",
        group="score",
        options=lambda source: {},
        inputs=tuple(
            Input(name, tables=("documents", "decisions") if name == "refined" else ("documents",))
            for name in counted
        ),
        models=(tokenizer,),
        kinds=frozenset({"parquet", "huggingface"}),
    )


def _changed(work: Work) -> pl.DataFrame:
    """Ids of the documents that `refined` edited."""
    decisions = work.scan("refined", "decisions")
    return decisions.filter(pl.col("action") == EDIT).select("id").collect()
