"""Quality as the probability of the positive side, by a fastText classifier trained in the graph.

Source: DCLM (arXiv 2406.11794) section 4.4; mlfoundations/dclm baselines, fastText quality classifier.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.classifiers import load_classifier, predict_first, to_lines
from gristmill.documents import Schema
from gristmill.errors import ModelError
from gristmill.fasttext_training import END_OF_LINE, split_tokens, train_classifier
from gristmill.score.examples import HOLDOUT, NEGATIVE, POSITIVE, TRAIN
from gristmill.score.options import QualityOptions

SCORES: Schema = {"id": pl.String, "quality": pl.Float64}

_KEPT_SHARE = 0.10  # DCLM keeps the tenth with the highest scores
_SHOWN_WORDS = 10  # for each side
_SHOWN_COUNT = 5  # rarer words say more about one document than about a side


def train_quality(examples: pl.DataFrame, options: QualityOptions, path: Path) -> dict[str, Any]:
    """Train on the fold `train` of EXAMPLES, write the model to `path`, and judge it on the fold `holdout`.

    Returns the figures: train and holdout (documents, half of each side), auroc, auroc_of_length (the same for the
    number of characters: a classifier that is no better has learnt nothing else), precision_at_10_percent (share of
    positives among the best-scored tenth), and words (those that speak most for either side; `weight` is what one
    occurrence adds to the score before the softmax, times the number of words).
    """
    train, holdout = (examples.filter(pl.col("fold") == fold) for fold in (TRAIN, HOLDOUT))
    lines = to_lines(train["text"])
    model = train_classifier(lines, train["label"].to_list(), options, path)
    judged = holdout.select(
        "id",
        pl.col("label") == POSITIVE,
        pl.col("text").str.len_chars().cast(pl.Float64).alias("length"),
        _probabilities(model, holdout["text"]).alias("score"),
    )
    return {
        "train": train.height,
        "holdout": holdout.height,
        "auroc": round(area_under_curve(judged["label"], judged["score"]), 4),
        "auroc_of_length": round(area_under_curve(judged["label"], judged["length"]), 4),
        "precision_at_10_percent": round(_precision(judged), 4),
        "words": _weigh_words(model, lines, train["label"]),
    }


def score_quality(documents: pl.DataFrame, model: Any) -> pl.DataFrame:
    """SCORES: P(positive) of each document, in order; null for an empty text.

    documents: id, text. model: what `load_quality` gives.
    """
    return pl.DataFrame([documents["id"], _probabilities(model, documents["text"]).alias("quality")])


def load_quality(path: Path) -> Any:
    """The model that `train_quality` wrote; raises ModelError where it cannot be read or has other labels."""
    model = load_classifier(path)
    labels = sorted(name.removeprefix("__label__") for name in model.get_labels())
    if labels != [NEGATIVE, POSITIVE]:
        raise ModelError(
            f"fastText model {str(path)!r} has labels {labels}, must have {[NEGATIVE, POSITIVE]}"
        )
    return model


def area_under_curve(positive: pl.Series, scores: pl.Series) -> float:
    """Chance that a positive has a higher score than a negative (AUROC), ties counted half; nan without both."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return math.nan
    ranks = float(scores.rank("average").filter(positive).sum())
    return (ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def _probabilities(model: Any, texts: pl.Series) -> pl.Series:
    labels, shares = predict_first(model, to_lines(texts))
    frame = pl.DataFrame({"label": labels, "share": shares})
    share = pl.col("share")
    return frame.select(pl.when(pl.col("label") == POSITIVE).then(share).otherwise(1 - share)).to_series()


def _precision(judged: pl.DataFrame) -> float:
    best = judged.sort("score", "id", descending=[True, False]).head(math.ceil(_KEPT_SHARE * judged.height))
    return int(best["label"].sum()) / best.height


def _weigh_words(model: Any, lines: pl.Series, labels: pl.Series) -> list[dict[str, Any]]:
    """The words that speak most for either side, with how many times each side has them."""
    vectors = model.get_input_matrix()
    outputs = dict(zip(model.get_labels(), model.get_output_matrix(), strict=True))
    words = model.get_words()
    direction = outputs[f"__label__{POSITIVE}"] - outputs[f"__label__{NEGATIVE}"]
    counted = (
        pl.DataFrame({"word": split_tokens(lines), "label": labels})
        .explode("word")
        .group_by("word")
        .agg(*((pl.col("label") == side).sum().alias(f"in_{side}s") for side in (POSITIVE, NEGATIVE)))
    )
    weighed = (
        pl.DataFrame({"word": words, "weight": vectors[: len(words)] @ direction})
        .join(counted, on="word")
        .filter(pl.sum_horizontal(f"in_{POSITIVE}s", f"in_{NEGATIVE}s") >= _SHOWN_COUNT)
        .filter(pl.col("word") != END_OF_LINE)
        .with_columns(pl.col("weight").cast(pl.Float64).round(3))
        .sort("weight", "word", descending=[True, False])
    )
    shown = min(_SHOWN_WORDS, weighed.height // 2)
    return pl.concat([weighed.head(shown), weighed.tail(shown)]).to_dicts()
