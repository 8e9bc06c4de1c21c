"""Training of a classifier on labelled files that the recipe names, and how well it tells what was held out."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.classifiers import to_lines
from gristmill.errors import RecipeError, shorten
from gristmill.fasttext_training import train_classifier
from gristmill.file_options import resolve
from gristmill.filter.classifiers import JUDGED, NEGATIVE, POSITIVE, Classifier, bound_for_recall
from gristmill.filter.options.classifiers import ClassifierOptions
from gristmill.hashing import random_u64
from gristmill.preparations import prepare_texts

_FEWEST = 5  # examples a side; with fewer there is nothing to learn from and nothing to judge on
_RECALLS = (0.9, 0.95, 0.98, 0.99)  # shown in the figures
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_BATCH = 10_000  # examples between two cuts to the most that are wanted


def train(
    options: ClassifierOptions, path: Path, *, name: str, folder: Path = Path()
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Train on the options' examples, write the model to `path`, and return figures and JUDGED.

    As many examples of either side are taken, those with the smallest hash of their text; the share `holdout` of them
    is judged on only. Same examples and options: same bytes. Memory: the texts of `max_examples` a side. Raises
    RecipeError where a file cannot be read or a side has fewer than 5 different examples.
    """
    key = f"classifiers.{name}"
    sides = {
        label: _choose(read_texts(files, options.text_field, folder, f"{key}.{label}s"), options, name)
        for label, files in ((POSITIVE, options.positives), (NEGATIVE, options.negatives))
    }
    for label, side in sides.items():
        if side.height < _FEWEST:
            raise RecipeError(
                f"{key}.{label}s: {side.height} different examples, at least {_FEWEST} are needed; add files"
            )
    size = min(side.height for side in sides.values())
    kept_apart = min(size - 1, max(1, round(options.holdout * size)))
    examples = pl.concat(
        side.head(size).with_columns(
            pl.lit(label).alias("label"), (pl.int_range(pl.len()) >= size - kept_apart).alias("held_out")
        )
        for label, side in sides.items()
    ).sort("draw", "text", "label")
    learnt, held_out = (examples.filter(pl.col("held_out") == apart) for apart in (False, True))
    lines = to_lines(
        prepare_texts(learnt["text"].str.slice(0, options.max_chars), options.prepare)
    ).fill_null("")
    model = train_classifier(lines, learnt["label"].to_list(), options, path, name=f"models/{name}", key=key)
    scores = Classifier(model, options.prepare).score(held_out["text"], POSITIVE, options.max_chars)
    judged = pl.DataFrame([held_out["label"], scores.fill_null(0.0).alias("score")], schema=JUDGED)
    return {"train": learnt.height, "holdout": held_out.height, **judge(judged)}, judged


def judge(judged: pl.DataFrame) -> dict[str, Any]:
    """Recall and precision at round scores, and the scores at round recalls, of JUDGED."""
    at_score = [{"score": score, **_at(judged, score)} for score in _SCORES]
    bounds = {recall: bound_for_recall(judged, recall) for recall in _RECALLS}
    at_recall = [
        {"target_recall": recall, "score": round(bound, 6), **_at(judged, bound)}
        for recall, bound in bounds.items()
    ]
    return {"at_score": at_score, "at_recall": at_recall}


def _at(judged: pl.DataFrame, bound: float) -> dict[str, float | None]:
    kept = judged.filter(pl.col("score") >= bound)["label"]
    right, wanted = int((kept == POSITIVE).sum()), int((judged["label"] == POSITIVE).sum())
    return {
        "recall": round(right / wanted, 4),
        "precision": round(right / len(kept), 4) if len(kept) else None,
        "kept": round(len(kept) / judged.height, 4),
    }


def read_texts(files: tuple[str, ...], field: str, folder: Path, key: str) -> Iterator[pl.Series]:
    """The texts of labelled files in pieces: .jsonl, .jsonl.gz, .parquet; rows without text are passed over."""
    for name in files:
        path = resolve(name, folder, key)
        try:
            yield from (_read_parquet if path.suffix == ".parquet" else _read_jsonl)(path, field)
        except (OSError, EOFError, ValueError, pl.exceptions.PolarsError) as error:
            raise RecipeError(
                f"{key}: {name!r} cannot be read: {shorten(str(error))}; .jsonl, .jsonl.gz or .parquet with texts in "
                f"{field!r} is wanted"
            ) from error


def _read_parquet(path: Path, field: str) -> Iterator[pl.Series]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(_BATCH, columns=[field]):
        yield pl.Series(batch.column(0)).cast(pl.String)


def _read_jsonl(path: Path, field: str) -> Iterator[pl.Series]:
    texts: list[str] = []
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
        for number, line in enumerate(io.BufferedReader(handle), 1):
            row = json.loads(line) if line.strip() else {}
            if not isinstance(row, dict) or not isinstance(row.get(field, ""), str):
                raise ValueError(f"line {number} has no text in {field!r}")
            texts.append(row.get(field, ""))
            if len(texts) == _BATCH:
                yield pl.Series(texts, dtype=pl.String)
                texts = []
    yield pl.Series(texts, dtype=pl.String)


def _choose(pieces: Iterator[pl.Series], options: ClassifierOptions, name: str) -> pl.DataFrame:
    """Different texts with the smallest hashes, in their order."""
    chosen = pl.DataFrame(schema={"text": pl.String, "draw": pl.UInt64})
    for texts in pieces:
        found = texts.filter(texts.str.contains(r"\S")).unique(maintain_order=True)
        draws = [random_u64(options.seed, f"models/{name}", text) for text in found]
        table = pl.DataFrame({"text": found, "draw": pl.Series(draws, dtype=pl.UInt64)})
        chosen = pl.concat([chosen, table]).unique("text").sort("draw", "text").head(options.max_examples)
    return chosen
