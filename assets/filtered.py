"""Asset `filtered`: language, repetition and quality; the values of all rules, for every document."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import polars as pl

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.documents import DECISIONS, DOCUMENTS, DROP, empty
from gristmill.filter import MEASURES, VERSION, FilterOptions, filter_documents, list_rules
from gristmill.plots import Histogram, draw_histograms
from gristmill.recipe import Recipe

LANGUAGE_MODEL = "lid.176"
_MAX_ROWS = 20
_SAMPLES_PER_RULE = 2
_SAMPLE_CHARS = 160


def step(recipe: Recipe, upstream: str) -> Step:
    """Keep the documents of `upstream` that break no rule."""

    def options(source: str | None) -> FilterOptions:
        found = recipe.filter_options(source or "")
        assert found is not None  # a recipe without filters has no such step
        return found

    def run(work: Work) -> dict[str, Any]:
        chosen = options(work.source)
        model, threads = work.tools.path(LANGUAGE_MODEL), os.cpu_count() or 1
        figures = _Figures(chosen)
        # So that a shard without documents has its tables too.
        work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS), measures=empty(MEASURES))
        for batch in work.batches(upstream):
            filtered = filter_documents(batch, chosen, language_model=model, threads=threads)
            work.emit(documents=filtered.documents, decisions=filtered.decisions, measures=filtered.measures)
            figures.add(batch, filtered.decisions, filtered.measures)
            progress.advance(batch.height)
        return figures.report()

    return Step(
        name="filtered",
        run=run,
        version=VERSION,
        description="Documents in the wanted languages that break no rule of Gopher on repetition and quality.",
        group="ingest",
        options=lambda source: options(source).model_dump(mode="json"),
        inputs=(Input(upstream),),
        models=(LANGUAGE_MODEL,),
        kinds=frozenset({"parquet", "polars", "numba"}),
        checked="decisions",
    )


class _Figures:
    """What the UI shows, gathered batch by batch."""

    def __init__(self, options: FilterOptions) -> None:
        bounds: dict[str, list[float]] = {}
        for rule in list_rules(options):
            bounds.setdefault(rule.measure, []).append(rule.bound)
        self.histograms = {
            measure: Histogram(title, edges, bounds.get(measure, []), log_x)
            for measure, title, edges, log_x in (
                ("n_non_symbol_words", "words in a document", np.geomspace(1, 200_000, 41), True),
                ("alpha_word_ratio", "share of words with a letter", np.linspace(0, 1, 41), False),
            )
        }
        self.languages: pl.DataFrame = pl.DataFrame(schema={"lang": pl.String, "len": pl.UInt32})
        self.dropped: pl.DataFrame | None = None

    def add(self, documents: pl.DataFrame, decisions: pl.DataFrame, measures: pl.DataFrame) -> None:
        for measure, histogram in self.histograms.items():
            histogram.add(measures[measure])
        counted = measures.group_by("lang").len()
        self.languages = pl.concat([self.languages, counted]).group_by("lang").agg(pl.col("len").sum())
        dropped = documents.select(
            "id", pl.col("text").str.slice(0, _SAMPLE_CHARS).str.replace_all(r"\s+", " ")
        ).join(decisions.filter(pl.col("action") == DROP).select("id", "rule", "value", "bound"), on="id")
        seen = dropped if self.dropped is None else pl.concat([self.dropped, dropped])
        # Ids are hashes, so the smallest ones are a fair choice whatever the order.
        self.dropped = seen.sort("id").group_by("rule", maintain_order=True).head(_SAMPLES_PER_RULE)

    def report(self) -> dict[str, Any]:
        frequent = self.languages.sort("len", "lang", descending=[True, False]).head(_MAX_ROWS)
        figures: dict[str, Any] = {
            "languages": {lang or "none": count for lang, count in frequent.iter_rows()},
            "measures_plot": draw_histograms(list(self.histograms.values())),
        }
        if self.dropped is not None:
            columns = ("id", "rule", "value", "bound", "text")
            sample = self.dropped.sort("rule", "id").head(_MAX_ROWS).select(columns)
            figures["dropped_sample"] = sample.with_columns(pl.col("value").round(4)).to_dicts()
        return figures
