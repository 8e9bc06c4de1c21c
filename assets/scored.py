"""Asset `scored`: one row of measures per document, joined from texts, token counts and scores."""

from __future__ import annotations

from typing import Any

import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.recipe import Recipe
from gristmill.select import DOCUMENT_COLUMNS, SCORED_VERSION, SCORES, join_scores
from gristmill.token_counts import counts_of

QUALITY = "scores/quality"


def step(recipe: Recipe, texts: tuple[str, ...]) -> Step:
    """Join the documents of the assets `texts` with their token counts and, where the recipe has them, scores."""

    def run(work: Work) -> dict[str, Any]:
        progress.expect(sum(work.rows(asset) for asset in texts))
        tokens = work.scan("tokens", "tokens")
        quality = work.scan(QUALITY, "scores").collect() if recipe.quality is not None else None
        figures: dict[str, Any] = {"rows_out": 0, "tokens": 0, "unscored": 0}
        work.emit(scores=pl.DataFrame(schema=SCORES))
        for asset in texts:
            counts = counts_of(tokens, asset).collect()
            for batch in work.batches(asset, columns=DOCUMENT_COLUMNS):
                scores = join_scores(batch, counts, quality, asset=asset)
                work.emit(scores=scores)
                progress.advance(scores.height)
                figures["rows_out"] += scores.height
                figures["tokens"] += int(scores["tokens"].sum())
                figures["unscored"] += scores["quality"].null_count()
        if quality is None:
            del figures["unscored"]
        return figures

    inputs = [*(Input(asset) for asset in texts), Input("tokens", tables=("tokens",))]
    if recipe.quality is not None:
        inputs.append(Input(QUALITY, tables=("scores",)))
    return Step(
        name="scored",
        run=run,
        version=SCORED_VERSION,
        description="One row per document with what selection reads: source, method, tokens, quality; no text.",
        group="score",
        options=lambda source: {"texts": list(texts)},
        inputs=tuple(inputs),
    )
