"""ProX: documents edited by programs, as a plan and an application with a language model in between.

Source: "Programming Every Example: Lifting Pre-training Data Quality Like Experts at Scale" (arXiv 2409.17115), chunk
stage. Three steps, so that this room never speaks to an engine:

    plan = plan_chunks(batches, options, count_tokens=...)        # reads all of the shard, holds no text
    for batch in batches:                                         # the same documents again
        planned = planned_requests(plan, batch)                   # requests for an engine
        answers = {p.key: answer, ...}                            # by whoever runs the engine
        documents, decisions, programs = refine_documents(plan, batch, answers, tally=tally)

An edited document keeps its id and all columns but the text. What the model wrote is kept in `programs`, from which
`replay_programs` makes the same documents again without a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from gristmill import documents as model
from gristmill.documents import KEEP
from gristmill.llm.requests import Answer
from gristmill.refine.figures import Tally
from gristmill.refine.options import RefineOptions
from gristmill.refine.planning import NOT_ATTEMPTED, Key, Plan, reasons_left_alone, rows_of
from gristmill.refine.programs import PROGRAMS, Refinement, apply_programs

NO_ANSWER = "no_answer"


class Refined(NamedTuple):
    """Documents that are kept (DOCUMENTS), a decision per document, and a row per planned chunk (PROGRAMS)."""

    documents: pl.DataFrame
    decisions: pl.DataFrame
    programs: pl.DataFrame


def refine_documents(
    plan: Plan, documents: pl.DataFrame, answers: Mapping[Key, Answer], *, tally: Tally | None = None
) -> Refined:
    """Documents after the programs in `answers`, by (document id, chunk).

    Columns in: DOCUMENTS; all that stay come out in the same order. Rules of the decisions: edited (value: share of
    words removed), unchanged, rejected_program (value: errors), removed_too_much (value: largest share), not_attempted
    (detail: budget, source, language, skipped_line, no_answer or the engine's error), and, dropped,
    dropped_overremoved (value: share left), dropped_short (value: words left) and empty_input. A chunk without an
    answer stays as it is. Counts go to `tally`. Never raises over what a model wrote.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for planned in rows_of(plan, documents):
        answer = answers.get((planned["id"], planned["chunk"])) if planned["outcome"] is None else None
        rows.setdefault(planned["id"], []).append(_answered(planned, answer))
    return _collect(documents, _apply_all(documents, rows, plan.options), tally)


def replay_programs(documents: pl.DataFrame, programs: pl.DataFrame, options: RefineOptions) -> Refined:
    """What `refine_documents` made of these documents, from the programs that it stored; no model is asked."""
    rows: dict[str, list[dict[str, Any]]] = {}
    of_these = programs.filter(pl.col("id").is_in(documents["id"].implode()))
    for row in of_these.sort("id", "chunk").iter_rows(named=True):
        rows.setdefault(row["id"], []).append(row)
    return _collect(documents, _apply_all(documents, rows, options), None)


def _answered(planned: dict[str, Any], answer: Answer | None) -> dict[str, Any]:
    """A row of PROGRAMS with what the model wrote, not yet run."""
    row = {name: planned.get(name) for name in PROGRAMS}
    row["prompt_tokens"] = row["output_tokens"] = None
    if planned["outcome"] is not None:
        return row
    if answer is None:
        return {**row, "outcome": NOT_ATTEMPTED, "reason": NO_ANSWER}
    row |= {
        "finish_reason": answer.finish_reason,
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
    }
    if answer.finish_reason.startswith("error"):
        return {**row, "outcome": NOT_ATTEMPTED, "reason": answer.finish_reason}
    # Half surrogate pairs cannot be stored; as question marks they are, and a replay sees the same.
    return {**row, "program": answer.text.encode("utf-8", "replace").decode("utf-8")}


def _apply_all(
    documents: pl.DataFrame, rows: Mapping[str, list[dict[str, Any]]], options: RefineOptions
) -> Iterator[Refinement]:
    """A refinement per document, in order."""
    reasons = reasons_left_alone(documents, options)
    for document_id, text, reason in zip(documents["id"], documents["text"], reasons, strict=True):
        if reason is not None:
            left_alone = {"id": document_id, "action": KEEP, "rule": NOT_ATTEMPTED, "detail": reason}
            yield Refinement(text, left_alone, [], None)
        else:
            yield apply_programs(document_id, text or "", rows.get(document_id, []), options)


def _collect(documents: pl.DataFrame, refinements: Iterator[Refinement], tally: Tally | None) -> Refined:
    texts, decisions, programs = [], [], []
    for before, refinement in zip(documents["text"], refinements, strict=True):
        texts.append(refinement.text)
        decisions.append(refinement.decision)
        programs += refinement.programs
        if tally is not None:
            tally.count(before or "", refinement)
    is_kept = pl.Series([decision["action"] != model.DROP for decision in decisions], dtype=pl.Boolean)
    kept = documents.with_columns(pl.Series("text", texts, dtype=pl.String)).filter(is_kept)
    return Refined(kept, model.frame(decisions, model.DECISIONS), model.frame(programs, PROGRAMS))
