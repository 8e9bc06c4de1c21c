"""How well a trained refiner finds the lines to remove on held-out documents, and whether that is more than chance.

Compared are the trained model, the untrained one with the instruction for chat models, keeping every line and removing
every line, on the same chunks of the same documents. F1 is that of ProX (arXiv 2409.17115, section 3.3): over lines,
pooled. The interval of a difference is a paired bootstrap over documents, since chunks of one page are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill import documents as model
from gristmill.llm.requests import Answer, Request
from gristmill.refine.constraint import chunk_constraint
from gristmill.refine.labels import HELD_OUT, run_program
from gristmill.refine.line_f1 import line_f1
from gristmill.refine.options import RefineOptions
from gristmill.refine.prompts import chunk_prompt
from gristmill.refine.refiner_options import RefinerOptions

TRAINED, UNTRAINED, KEEP_ALL, REMOVE_ALL = "trained", "untrained", "keep_all", "remove_all"
RESAMPLES = 5_000  # of the bootstrap
INTERVAL = (0.025, 0.975)
MAX_SAMPLES = 6
_SAMPLE_CHARS = 300

PREDICTIONS: model.Schema = {
    "id": pl.String,  # the document
    "chunk": pl.Int32,
    "system": pl.String,  # trained | untrained
    "program": pl.String,
    "finish_reason": pl.String,
    "removed": pl.List(pl.Int32),  # line numbers in the document
    "tp": pl.Int32,  # lines
    "fp": pl.Int32,
    "fn": pl.Int32,
}


def held_out(labels: pl.DataFrame) -> pl.DataFrame:
    """The rows of LABELS that are asked about, by document and chunk."""
    return labels.filter(pl.col("use") == HELD_OUT).sort("id", "chunk")


def evaluation_requests(chunks: pl.DataFrame, system: str, options: RefinerOptions) -> list[Request]:
    """A request per row of `chunks` for the trained or the untrained model, both under the same constraint."""
    prompt = RefineOptions(
        prompt="trained" if system == TRAINED else "instruct",
        operations=("remove_lines",),
        max_ops=options.max_ops,
    )
    return [
        Request(
            prompt=chunk_prompt(text.split("\n"), first, prompt),
            max_tokens=prompt.max_output_tokens,
            constraint=chunk_constraint(first, last, prompt),
        )
        for text, first, last in chunks.select("text", "first_line", "last_line").iter_rows()
    ]


def score_answers(
    chunks: pl.DataFrame, answers: Mapping[int, Answer], system: str, options: RefinerOptions
) -> pl.DataFrame:
    """PREDICTIONS from the answers by the number of the row; one that is missing, or a failed one, removes nothing."""
    rows = []
    for number, row in enumerate(chunks.iter_rows(named=True)):
        answer = answers.get(number)
        program = None if answer is None else answer.text.encode("utf-8", "replace").decode("utf-8")
        removed = run_program(
            program or "",
            row["text"].split("\n"),
            row["first_line"],
            max_removed_ratio=options.max_removed_ratio,
        ).removed
        found = line_f1(removed, row["removed"])
        rows.append(
            {
                "id": row["id"],
                "chunk": row["chunk"],
                "system": system,
                "program": program,
                "finish_reason": None if answer is None else answer.finish_reason,
                "removed": removed,
                "tp": found.tp,
                "fp": found.fp,
                "fn": found.fn,
            }
        )
    return model.frame(rows, PREDICTIONS)


def evaluation_figures(
    chunks: pl.DataFrame, predictions: pl.DataFrame, options: RefinerOptions, *, examples: int
) -> dict[str, Any]:
    """The report: a row per system, the trained one against each other with its interval, a few samples.

    systems: f1, precision, recall (null where undefined), lines removed, chunks that are exactly right. comparisons:
    difference of F1, its 95 % interval, and the share of resamples in which the trained one is not better.
    """
    counts = _counts(chunks, predictions)
    names = chunks["id"].unique(maintain_order=True).to_list()
    comparisons = []
    for other in (UNTRAINED, KEEP_ALL, REMOVE_ALL):
        differences = _differences(counts[TRAINED], counts[other], names, options.seed)
        low, high = (float(np.quantile(differences, at)) for at in INTERVAL)
        comparisons.append(
            {
                "trained_against": other,
                "f1_difference": round(_f1(counts[TRAINED]) - _f1(counts[other]), 4),
                "low_95": round(low, 4),
                "high_95": round(high, 4),
                "share_not_better": round(float((differences <= 0).mean()), 4),
            }
        )
    return {
        "examples": examples,
        "held_out_documents": len(names),
        "held_out_chunks": chunks.height,
        "held_out_lines": int((chunks["last_line"] - chunks["first_line"] + 1).sum()),
        "held_out_lines_to_remove": int(chunks["removed"].list.len().sum()),
        "systems": [_system(name, counts[name]) for name in (TRAINED, UNTRAINED, KEEP_ALL, REMOVE_ALL)],
        "comparisons": comparisons,
        "sample": _samples(chunks, predictions),
    }


Counts = dict[tuple[str, int], tuple[int, int, int]]  # (document, chunk) -> tp, fp, fn


def _counts(chunks: pl.DataFrame, predictions: pl.DataFrame) -> dict[str, Counts]:
    found: dict[str, Counts] = {TRAINED: {}, UNTRAINED: {}, KEEP_ALL: {}, REMOVE_ALL: {}}
    for row in predictions.iter_rows(named=True):
        found[row["system"]][row["id"], row["chunk"]] = (row["tp"], row["fp"], row["fn"])
    for row in chunks.iter_rows(named=True):
        wanted = len(row["removed"])
        lines = row["last_line"] - row["first_line"] + 1
        found[KEEP_ALL][row["id"], row["chunk"]] = (0, 0, wanted)
        found[REMOVE_ALL][row["id"], row["chunk"]] = (wanted, lines - wanted, 0)
    return found


def _system(name: str, counts: Counts) -> dict[str, Any]:
    tp, fp, fn = _sums(counts.values())
    return {
        "system": name,
        "f1": round(_f1(counts), 4),
        "precision": round(tp / (tp + fp), 4) if tp + fp else None,
        "recall": round(tp / (tp + fn), 4) if tp + fn else None,
        "lines_removed": tp + fp,
        "chunks_exact": sum(wrong + missed == 0 for _, wrong, missed in counts.values()),
    }


def _f1(counts: Counts) -> float:
    tp, fp, fn = _sums(counts.values())
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def _sums(counts: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    total = np.sum(list(counts) or [(0, 0, 0)], axis=0)
    return int(total[0]), int(total[1]), int(total[2])


def _differences(ours: Counts, theirs: Counts, names: Sequence[str], seed: int) -> npt.NDArray[np.float64]:
    """Differences of pooled F1 over RESAMPLES draws of documents, the same draws for both."""
    if not names:
        return np.zeros(1)
    places = {name: place for place, name in enumerate(names)}
    both = np.zeros((2, len(names), 3))
    for side, counts in enumerate((ours, theirs)):
        for (name, _), values in counts.items():
            both[side, places[name]] += values
    generator = np.random.Generator(np.random.PCG64(seed))
    # How often each document is drawn, for all draws at once.
    weights = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    tp, fp, fn = np.moveaxis(np.einsum("rd,sdk->srk", weights, both), 2, 0)
    whole = 2 * tp + fp + fn
    f1 = np.divide(2 * tp, whole, out=np.zeros_like(whole), where=whole > 0)
    return np.asarray(f1[0] - f1[1])


def _samples(chunks: pl.DataFrame, predictions: pl.DataFrame) -> list[dict[str, Any]]:
    """Chunks in which something should go, with the label and both answers."""
    shown = chunks.filter(pl.col("removed").list.len() > 0).sort(pl.col("id"), "chunk").head(MAX_SAMPLES)
    wide = {
        system: predictions.filter(pl.col("system") == system).select(
            "id", "chunk", pl.col("program").alias(system)
        )
        for system in (TRAINED, UNTRAINED)
    }
    for table in wide.values():
        shown = shown.join(table, on=["id", "chunk"], how="left", maintain_order="left")
    return shown.select(
        "id",
        pl.col("text").str.slice(0, _SAMPLE_CHARS),
        pl.col("program").alias("label"),
        TRAINED,
        UNTRAINED,
    ).to_dicts()
