"""Filters by classifier: the probability of a label as a measure, and a bound on it.

Several entries are tried in order, and each scores only the documents that are still there: a first one tuned for
recall makes a second, more exact one cheap (InfiMM-WebMath, arXiv 2409.12568, has two). Scores of documents that were
dropped before are null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill.classifiers import predict_label, to_lines
from gristmill.documents import Schema
from gristmill.errors import ModelError, RecipeError, suggest
from gristmill.filter.batch import VERDICTS, Batch
from gristmill.filter.options.classifiers import ClassifierFilterOptions
from gristmill.preparations import Preparation, prepare_texts

POSITIVE, NEGATIVE = "positive", "negative"
# What a trained classifier says of the examples that were held out.
JUDGED: Schema = {"label": pl.String, "score": pl.Float64}


@dataclass(frozen=True)
class Classifier:
    """A fastText model and how texts are prepared for it."""

    model: Any  # what gristmill.classifiers.load_classifier gives
    prepare: Preparation
    judged: pl.DataFrame | None = None  # JUDGED, where it was trained here

    def score(self, texts: pl.Series, label: str, max_chars: int | None) -> pl.Series:
        """Probability of the label for each text; null for an empty one."""
        seen = texts if max_chars is None else texts.str.slice(0, max_chars)
        return predict_label(self.model, to_lines(prepare_texts(seen, self.prepare)), label)


def score_measures(options: Sequence[ClassifierFilterOptions]) -> Schema:
    """Columns of the measures that these filters give."""
    return {_column(entry): pl.Float64 for entry in options}


def judge_by_classifiers(
    batch: Batch, options: Sequence[ClassifierFilterOptions], classifiers: Mapping[str, Classifier]
) -> None:
    """Score the live documents of a batch by each entry in order, and drop those below its bound.

    Raises RecipeError for a model that is not among `classifiers`, ModelError where it has no such label.
    """
    for entry in options:
        if entry.model not in classifiers:
            known = ", ".join(sorted(classifiers)) or "none"
            raise RecipeError(
                f"filter.classifiers.{entry.name}: unknown classifier {entry.model!r}; declared: {known}."
                f"{suggest(entry.model, classifiers)}"
            )
        classifier, rows = classifiers[entry.model], batch.live.arg_true()
        empty = pl.repeat(None, batch.documents.height, dtype=pl.Float64, eager=True)
        found = classifier.score(batch.texts.gather(rows), entry.label, entry.max_chars)
        scores = empty.scatter(rows, found).alias(_column(entry))
        batch.measure(scores.to_frame())
        bound = find_bound(entry, classifier)
        if bound is not None:
            batch.drop(_verdicts(scores, entry, bound))


def find_bound(entry: ClassifierFilterOptions, classifier: Classifier) -> float | None:
    """The smallest score with which a document stays; null where none is dropped."""
    if entry.target_recall is None:
        return entry.min_score
    if classifier.judged is None:
        raise ModelError(
            f"filter.classifiers.{entry.name}.target_recall: classifier {entry.model!r} is a file, so nothing was held "
            "out to find a score for it; give `min_score`"
        )
    return bound_for_recall(classifier.judged, entry.target_recall)


def bound_for_recall(judged: pl.DataFrame, recall: float) -> float:
    """A score that at least this share of the held-out positives reaches.

    It lies halfway between the highest such score and the next lower one among all that was held out (0 where there is
    none): both keep the same examples, and positives that were not held out have some room.
    """
    scores = judged.filter(pl.col("label") == POSITIVE)["score"].sort(descending=True)
    # 0.98 of 50 are 49, though the product is a little more.
    highest = float(scores[max(math.ceil(round(recall * len(scores), 9)), 1) - 1])
    below = judged.filter(pl.col("score") < highest)["score"].max()
    return (highest + float(below if isinstance(below, float) else 0.0)) / 2


def _verdicts(scores: pl.Series, entry: ClassifierFilterOptions, bound: float) -> pl.DataFrame:
    below = pl.col("score") < bound
    return scores.alias("score").to_frame().select(
        pl.when(below).then(pl.lit(f"classifiers.{entry.name}")).alias("rule"),
        pl.when(below).then("score").alias("value"),
        pl.when(below).then(pl.lit(bound)).alias("bound"),
        pl.lit(None, VERDICTS["detail"]).alias("detail"),
    )  # fmt: skip


def _column(entry: ClassifierFilterOptions) -> str:
    return f"score_{entry.name}"
