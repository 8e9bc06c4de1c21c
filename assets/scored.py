"""Asset `scored`: one row of measures per document, joined from texts, token counts and scores."""

from __future__ import annotations

from typing import Any

import polars as pl

from assets import raters
from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.recipe import Recipe
from gristmill.score.raters import ScoreColumn, score_columns
from gristmill.select import DOCUMENT_COLUMNS, SCORED_VERSION, SCORES, join_scores
from gristmill.token_counts import counts_of

QUALITY = "scores/quality"


def step(recipe: Recipe, texts: tuple[str, ...]) -> Step:
    """Join the documents of the assets `texts` with their token counts and, where the recipe has them, scores."""
    columns = {name: score_columns(name, options) for name, options in recipe.raters.items()}
    schema = SCORES | {name: score.dtype for scores in columns.values() for name, score in scores.items()}

    def run(work: Work) -> dict[str, Any]:
        progress.expect(sum(work.rows(asset) for asset in texts))
        tokens = work.scan("tokens", "tokens")
        quality = work.scan(QUALITY, "scores").collect() if recipe.quality is not None else None
        ratings = [_ratings(work, name, scores) for name, scores in columns.items()]
        figures: dict[str, Any] = {"rows_out": 0, "tokens": 0, "unscored": 0}
        unrated = dict.fromkeys(schema.keys() - SCORES.keys(), 0)
        work.emit(scores=pl.DataFrame(schema=schema))
        for asset in texts:
            counts = counts_of(tokens, asset).collect()
            for batch in work.batches(asset, columns=DOCUMENT_COLUMNS):
                scores = join_scores(batch, counts, quality, asset=asset, ratings=ratings)
                work.emit(scores=scores)
                progress.advance(scores.height)
                figures["rows_out"] += scores.height
                figures["tokens"] += int(scores["tokens"].sum())
                figures["unscored"] += scores["quality"].null_count()
                for name in unrated:
                    unrated[name] += scores[name].null_count()
        if quality is None:
            del figures["unscored"]
        return figures | ({"unrated": dict(sorted(unrated.items()))} if unrated else {})

    inputs = [*(Input(asset) for asset in texts), Input("tokens", tables=("tokens",))]
    if recipe.quality is not None:
        inputs.append(Input(QUALITY, tables=("scores",)))
    inputs += [Input(raters.asset_of(name), tables=("scores",)) for name in columns]
    return Step(
        name="scored",
        run=run,
        version=SCORED_VERSION,
        description="One row per document with what selection reads: source, method, tokens, quality; no text.",
        group="score",
        options=lambda source: {"texts": list(texts)},
        inputs=tuple(inputs),
    )


def _ratings(work: Work, rater: str, columns: dict[str, ScoreColumn]) -> pl.DataFrame:
    """The scores of a rater by id, under the names of their columns in `scored`."""
    named = (pl.col(score.name).alias(column) for column, score in columns.items())
    return work.scan(raters.asset_of(rater), "scores").select("id", *named).collect()
