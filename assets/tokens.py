"""Asset `tokens`: how many tokens each document has, wherever its text is new.

One table for the funnel, the selection and the quotas of the mixture, so that no text is tokenised twice: counted are
all documents of `raw` and of `rephrased`, and of the stages that change texts those that they changed.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.documents import EDIT
from gristmill.recipe import Recipe
from gristmill.token_counts import COUNTED, EDITING, TOKENS

VERSION = 2


def step(recipe: Recipe, earlier: list[str]) -> Step:
    """Count tokens of the stages among `earlier` that bring new text."""
    counted = [name for name in COUNTED if name in earlier and _brings_texts(recipe, name)]
    assert recipe.tokenizer is not None
    tokenizer = recipe.tokenizer

    def run(work: Work) -> dict[str, Any]:
        progress.expect(sum(work.rows(name) for name in counted))
        counter = work.tools.tokenizer(tokenizer)
        totals = {}
        for stage in counted:
            changed = _edited(work, stage) if stage in EDITING else None
            totals[stage] = 0
            if changed is not None and changed.is_empty():
                progress.advance(work.rows(stage))
                continue
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
            Input(name, tables=("documents", "decisions") if name in EDITING else ("documents",))
            for name in counted
        ),
        models=(tokenizer,),
        kinds=frozenset({"parquet", "huggingface"}),
    )


def _brings_texts(recipe: Recipe, stage: str) -> bool:
    """Whether texts of a stage may be new; one that only drops documents is not read for their tokens."""
    if stage == "filtered":
        return any(options.edits for options in (recipe.filter, *recipe.filter_for.values()) if options)
    if stage == "contamination":
        return recipe.contamination is not None and recipe.contamination.action == "cut"
    return True


def _edited(work: Work, stage: str) -> pl.DataFrame:
    """Ids of the documents that a stage edited."""
    decisions = work.scan(stage, "decisions")
    return decisions.filter(pl.col("action") == EDIT).select("id").collect()
