"""Assets `models/quality` and `scores/quality`: a fastText classifier, trained on declared sources, and its scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.plots import Histogram, draw_histograms
from gristmill.recipe import Recipe
from gristmill.score import (
    MODEL_VERSION,
    SCORES,
    SCORES_VERSION,
    QualityOptions,
    choose_examples,
    load_quality,
    score_quality,
    train_quality,
)

MODEL, SCORED = "models/quality", "scores/quality"
FILE = "quality.bin"
_COLUMNS = ["id", "text", "source", "lang"]
_SAMPLES = 5  # from either end
_SAMPLE_CHARS = 160
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95)
_BINS = 1000  # of the histogram that quantiles are read from


def steps(recipe: Recipe, train_on: str, texts: tuple[str, ...]) -> list[Step]:
    """Train on the documents of `train_on`, over all its shards; score those of each asset in `texts`."""
    assert recipe.quality is not None
    return [_model_step(recipe.quality, train_on), _scores_step(texts)]


def _model_step(options: QualityOptions, train_on: str) -> Step:
    def run(work: Work) -> dict[str, Any]:
        examples = choose_examples(_counted(work.batches(train_on, columns=_COLUMNS)), options)
        figures = train_quality(examples, options, work.writer.file(FILE))
        work.emit(examples=examples.select("id", "label", "fold"))
        return figures

    return Step(
        name=MODEL,
        run=run,
        version=MODEL_VERSION,
        description="A fastText classifier that tells the recipe's positives from its negatives.",
        group="score",
        options=lambda source: options.model_dump(mode="json"),
        inputs=(Input(train_on, scope="all", sources=options.sources),),
        partitioned=False,
        kinds=frozenset({"parquet", "polars", "fasttext"}),
    )


def _scores_step(texts: tuple[str, ...]) -> Step:
    def run(work: Work) -> dict[str, Any]:
        (manifest,) = work.inputs[MODEL]
        model = load_quality(work.store.path(manifest, FILE))
        figures = _Figures()
        work.emit(scores=pl.DataFrame(schema=SCORES))  # so that a shard without documents has its table too
        for asset in texts:
            for batch in _counted(work.batches(asset, columns=["id", "text"])):
                scores = score_quality(batch, model)
                work.emit(scores=scores)
                figures.add(batch, scores)
        return figures.report()

    return Step(
        name=SCORED,
        run=run,
        version=SCORES_VERSION,
        description="Probability of each document to be one of the recipe's positives.",
        group="score",
        options=lambda source: {},
        inputs=(
            Input(MODEL, scope="global", tables=(FILE,)),
            *(Input(asset) for asset in texts),
        ),
        kinds=frozenset({"parquet", "polars", "fasttext"}),
    )


def _counted(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for batch in batches:
        yield batch
        progress.advance(batch.height)


class _Figures:
    """What the UI shows of the scores, gathered batch by batch."""

    def __init__(self) -> None:
        self.histogram = Histogram("P(positive)", np.linspace(0, 1, _BINS + 1))
        self.lowest: pl.DataFrame | None = None
        self.highest: pl.DataFrame | None = None

    def add(self, documents: pl.DataFrame, scores: pl.DataFrame) -> None:
        self.histogram.add(scores["quality"])
        rows = scores.with_columns(
            documents["text"].str.slice(0, _SAMPLE_CHARS).str.replace_all(r"\s+", " ")
        ).drop_nulls("quality")
        self.lowest = _first(self.lowest, rows, descending=False)
        self.highest = _first(self.highest, rows, descending=True)

    def report(self) -> dict[str, Any]:
        scored = int(self.histogram.counts.sum())
        figures: dict[str, Any] = {"scored": scored}
        if self.lowest is None or self.highest is None or not scored:
            return figures
        shown = Histogram("P(positive)", np.linspace(0, 1, 41))
        shown.counts = self.histogram.counts.reshape(40, -1).sum(axis=1)
        sample = pl.concat([self.highest, self.lowest.reverse()]).unique("id", maintain_order=True)
        cumulated = np.cumsum(self.histogram.counts) / scored
        return figures | {
            # The upper edge of the bin: right to a thousandth.
            "quantiles": {
                f"{quantile:.0%}": (int(np.searchsorted(cumulated, quantile)) + 1) / _BINS
                for quantile in _QUANTILES
            },
            "scores_plot": draw_histograms([shown]),
            "sample": sample.with_columns(pl.col("quality").round(4)).to_dicts(),
        }


def _first(seen: pl.DataFrame | None, rows: pl.DataFrame, *, descending: bool) -> pl.DataFrame:
    both = rows if seen is None else pl.concat([seen, rows])
    return both.sort("quality", "id", descending=[descending, False]).head(_SAMPLES)
