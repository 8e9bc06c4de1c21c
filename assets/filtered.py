"""Asset `filtered`: rules that drop documents and edits of their text; the values of all rules, for every document."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import polars as pl

from assets import classifiers
from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.changes import mark_changes
from gristmill.documents import DECISIONS, DOCUMENTS, DROP, EDIT, empty
from gristmill.filter import (
    VERSION,
    FilterOptions,
    count_broken,
    filter_documents,
    identify_options,
    list_rules,
    measures_schema,
)
from gristmill.plots import Histogram, draw_histograms
from gristmill.recipe import Recipe

LANGUAGE_MODEL = "lid.176"
_MAX_ROWS = 20
_SAMPLES_PER_RULE = 2
_SAMPLE_CHARS = 160


def step(recipe: Recipe, upstream: str) -> Step:
    """Keep the documents of `upstream` that break no rule."""

    folder = recipe.path.parent

    def options(source: str | None) -> FilterOptions:
        found = recipe.filter_options(source or "")
        assert found is not None  # a recipe without filters has no such step
        return found

    def run(work: Work) -> dict[str, Any]:
        chosen = options(work.source)
        model, threads = work.tools.path(LANGUAGE_MODEL), os.cpu_count() or 1
        loaded = classifiers.load(recipe, work.store, work.inputs)
        figures = _Figures(chosen)
        # So that a shard without documents has its tables too.
        work.emit(
            documents=empty(DOCUMENTS), decisions=empty(DECISIONS), measures=empty(measures_schema(chosen))
        )
        for batch in work.batches(upstream):
            filtered = filter_documents(
                batch, chosen, language_model=model, folder=folder, classifiers=loaded, threads=threads
            )
            work.emit(documents=filtered.documents, decisions=filtered.decisions, measures=filtered.measures)
            figures.add(batch, filtered.documents, filtered.decisions, filtered.measures)
            progress.advance(batch.height)
        return figures.report()

    return Step(
        name="filtered",
        run=run,
        version=VERSION,
        description="Documents that break no rule on URL, language, repetition, quality; C4, FineWeb, your own.",
        group="ingest",
        options=lambda source: identify_options(options(source), folder),
        inputs=(Input(upstream), *classifiers.inputs(recipe)),
        models=(LANGUAGE_MODEL,),
        kinds=frozenset({"parquet", "polars", "numba"}),
        checked="decisions",
    )


class _Figures:
    """What the UI shows, gathered batch by batch."""

    def __init__(self, options: FilterOptions) -> None:
        self.rules = list_rules(options)
        bounds: dict[str, list[float]] = {}
        for rule in self.rules:
            if rule.bound is not None:
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
        self.edited: pl.DataFrame | None = None
        self.yields: pl.DataFrame | None = None
        self.edits: dict[str, int] = {}

    def add(
        self, documents: pl.DataFrame, kept: pl.DataFrame, decisions: pl.DataFrame, measures: pl.DataFrame
    ) -> None:
        for measure, histogram in self.histograms.items():
            histogram.add(measures[measure])
        counted = measures.group_by("lang").len()
        self.languages = pl.concat([self.languages, counted]).group_by("lang").agg(pl.col("len").sum())
        dropped = documents.select(
            "id", pl.col("text").str.slice(0, _SAMPLE_CHARS).str.replace_all(r"\s+", " ")
        ).join(decisions.filter(pl.col("action") == DROP).select("id", "rule", "value", "bound"), on="id")
        self.dropped = _choose(self.dropped, dropped)
        self._add_edits(documents, kept, decisions.filter(pl.col("action") == EDIT))
        counts = count_broken(measures, self.rules)
        self.yields = (
            counts
            if self.yields is None
            else self.yields.with_columns(pl.col(c) + counts[c] for c in ("alone", "first", "only"))
        )

    def _add_edits(self, documents: pl.DataFrame, kept: pl.DataFrame, edited: pl.DataFrame) -> None:
        for detail in edited["detail"].value_counts().iter_rows():
            for name, times in json.loads(detail[0]).items():
                self.edits[name] = self.edits.get(name, 0) + times * detail[1]
        chosen = edited.sort("id").group_by("rule", maintain_order=True).head(_SAMPLES_PER_RULE)
        pairs = chosen.select("id", "rule", "detail").join(documents.select("id", "text"), on="id")
        pairs = pairs.join(kept.select("id", after="text"), on="id")
        rows = [_marked(row) for row in pairs.to_dicts()]
        if rows:
            self.edited = _choose(self.edited, pl.DataFrame(rows))

    def report(self) -> dict[str, Any]:
        frequent = self.languages.sort("len", "lang", descending=[True, False]).head(_MAX_ROWS)
        figures: dict[str, Any] = {
            "languages": {lang or "none": count for lang, count in frequent.iter_rows()},
            "measures_plot": draw_histograms(list(self.histograms.values())),
        }
        if self.yields is not None:
            # What each rule would drop by itself, what it dropped as the first, and what only it would drop.
            most = self.yields.filter(pl.col("alone") > 0).sort("alone", "rule", descending=[True, False])
            figures["rules_what_if"] = most.head(_MAX_ROWS).to_dicts()
        if self.edited is not None:
            figures["edits"] = dict(sorted(self.edits.items()))
            figures["edited_sample"] = self.edited.sort("rule", "id").head(_MAX_ROWS).to_dicts()
        if self.dropped is not None:
            columns = ("id", "rule", "value", "bound", "text")
            sample = self.dropped.sort("rule", "id").head(_MAX_ROWS).select(columns)
            figures["dropped_sample"] = sample.with_columns(pl.col("value").round(4)).to_dicts()
        return figures


def _choose(seen: pl.DataFrame | None, more: pl.DataFrame) -> pl.DataFrame:
    """A few rows of each rule; ids are hashes, so the smallest ones are a fair choice whatever the order."""
    rows = more if seen is None else pl.concat([seen, more])
    return rows.sort("id").group_by("rule", maintain_order=True).head(_SAMPLES_PER_RULE)


def _marked(row: dict[str, Any]) -> dict[str, Any]:
    before, after = mark_changes(row.pop("text"), row["after"], _SAMPLE_CHARS)
    return {**row, "before": before, "after": after}
