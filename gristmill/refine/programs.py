"""The programs of a document and what came of them: the lineage of the stage.

A row per planned chunk, also of those that were skipped or never sent. From a document's text and its rows the result
follows without a model, and the lines that were removed can be read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from gristmill import documents as model
from gristmill.documents import DROP, EDIT, KEEP
from gristmill.llm.requests import LENGTH
from gristmill.refine.compat import asked_replacements, execute_compat
from gristmill.refine.executor import (
    MIN_KEPT_RATIO,
    MIN_UNITS,
    REMOVED_TOO_MUCH,
    ChunkProgram,
    Execution,
    ProgramResult,
    Status,
    count_units,
    execute_programs,
)
from gristmill.refine.grammar import read_program
from gristmill.refine.options import RefineOptions
from gristmill.refine.planning import NOT_ATTEMPTED

APPLIED, UNCHANGED, REJECTED = "applied", "unchanged", "rejected"

PROGRAMS: model.Schema = {
    "id": pl.String,  # the document
    "chunk": pl.Int32,  # number in the document, from 0
    "first_line": pl.Int32,
    "last_line": pl.Int32,  # included
    "program": pl.String,  # what the model wrote; null where it was not asked or did not answer
    "finish_reason": pl.String,
    "outcome": pl.String,  # applied | unchanged | rejected | skipped | not_attempted
    "reason": pl.String,  # of the last three
    "status": pl.String,  # of the document: edited | unchanged | rejected | dropped_overremoved | dropped_short
    "errors": pl.List(pl.String),  # in order of occurrence; empty in mode compat, which only counts them
    "warnings": pl.List(pl.String),
    "removed": pl.List(pl.Int32),  # line numbers in the document, from 0
    "replaced": pl.Int32,  # occurrences; in mode compat those in the text as it came
    "calls": pl.Int32,  # meaningful lines of the program
    "degenerate": pl.Boolean,  # cut off, empty, or the same call three times in a row
    "prompt_tokens": pl.Int32,
    "output_tokens": pl.Int32,
}


class Refinement(NamedTuple):
    """One document afterwards: its text (null where dropped), its decision, and its rows of PROGRAMS."""

    text: str | None
    decision: dict[str, Any]
    programs: list[dict[str, Any]]
    execution: Execution | None  # null where no program was run


def apply_programs(
    document_id: str, text: str, rows: Sequence[dict[str, Any]], options: RefineOptions
) -> Refinement:
    """Run the programs in a document's rows; those without a program stay as they are.

    Depends on text, options, and per row on program, first_line and last_line alone; all else is filled in here.
    """
    if not text.strip():
        return Refinement(None, _decision(document_id, DROP, "empty_input"), list(rows), None)
    written = [row for row in rows if row["program"] is not None]
    if not written:
        reason = next((row["reason"] for row in rows), None)
        return Refinement(text, _decision(document_id, KEEP, NOT_ATTEMPTED, detail=reason), list(rows), None)
    programs = [ChunkProgram(row["program"], row["first_line"], row["last_line"]) for row in written]
    execution = _execute(text, programs, options)
    results = iter(execution.programs)
    done = [row if row["program"] is None else _filled(row, next(results), execution) for row in rows]
    dropped = execution.status in ("dropped_overremoved", "dropped_short")
    decision = _decide(document_id, execution, options)
    return Refinement(None if dropped else execution.text, decision, done, execution)


def _execute(text: str, programs: Sequence[ChunkProgram], options: RefineOptions) -> Execution:
    if options.mode == "compat":
        return _execute_compat(text, programs, options)
    return execute_programs(
        text, programs, error_op=options.error_op, max_removed_ratio=options.max_removed_ratio
    )


def _execute_compat(text: str, programs: Sequence[ChunkProgram], options: RefineOptions) -> Execution:
    """The reference's result in the terms of the strict executor; it knows no single programs, only their sum."""
    found = execute_compat(text, [program.text for program in programs], error_op=options.error_op)
    assert found.text is not None  # blank texts do not come here
    status: Status
    if found.text == text:
        status = "rejected" if found.num_error_op >= options.error_op else "unchanged"
    elif found.text:
        status = "edited"
    else:
        units = len(found.processed_text.split())
        few = units / len(text.split()) <= MIN_KEPT_RATIO and found.num_error_op < options.error_op
        status = "dropped_overremoved" if few else "dropped_short"
    takes_effect = status not in ("rejected", "unchanged")
    results = []
    for program in programs:
        parsed = read_program(program.text)
        result = ProgramResult(calls=len(parsed.statements), repeats=parsed.repeats)
        if takes_effect:
            result.removed = _within(found.gone, program.first_line, program.last_line)
            pairs = asked_replacements(program.text)
            result.replaced = sum(text.count(source) for source, _ in pairs if source.strip())
        elif status == "rejected":
            result.rejected = "errors"
        results.append(result)
    return Execution(
        status=status,
        text=found.text,
        errors=["operation"] * found.num_error_op,
        warnings=[],
        removed=[line for result in results for line in result.removed],
        replaced=sum(result.replaced for result in results),
        kept_ratio=count_units(found.processed_text) / max(1, count_units(text)),
        units=len(found.processed_text.split()),
        programs=results,
    )


def _within(intervals: Sequence[tuple[int, int]], first: int, last: int) -> list[int]:
    """The numbers from first to last that lie in one of the intervals, which are ascending and apart."""
    found: list[int] = []
    at = bisect_left(intervals, first, key=lambda interval: interval[1])  # the first that ends there or later
    while at < len(intervals) and intervals[at][0] <= last:
        low, high = intervals[at]
        found += range(max(low, first), min(high, last) + 1)
        at += 1
    return found


def _filled(row: dict[str, Any], result: ProgramResult, execution: Execution) -> dict[str, Any]:
    """A row with what its program did."""
    ended = row["finish_reason"] == LENGTH
    if result.rejected is not None:
        outcome = REJECTED
    elif execution.status == "unchanged" or not (result.removed or result.replaced):
        outcome = UNCHANGED
    else:
        outcome = APPLIED
    return {
        **row,
        "outcome": outcome,
        "reason": result.rejected,
        "status": execution.status,
        "errors": result.errors,
        "warnings": result.warnings,
        "removed": result.removed,
        "replaced": result.replaced,
        "calls": result.calls,
        "degenerate": ended or result.repeats or not row["program"].strip(),
    }


def _decide(document_id: str, execution: Execution, options: RefineOptions) -> dict[str, Any]:
    removed_ratio = max(0.0, 1 - execution.kept_ratio)
    cut_back = [p.removed_ratio for p in execution.programs if p.rejected == REMOVED_TOO_MUCH]
    if execution.status == "edited":
        detail = f"{len(execution.removed)} lines removed, {execution.replaced} texts replaced"
        detail += f", {len(cut_back)} programs rejected" if cut_back else ""
        bound = options.max_removed_ratio if options.mode == "strict" else None
        return _decision(document_id, EDIT, "edited", removed_ratio, bound, detail)
    if execution.status == "rejected":
        errors = ", ".join(execution.errors[:5])
        return _decision(
            document_id, KEEP, "rejected_program", len(execution.errors), options.error_op, errors
        )
    if execution.status == "dropped_overremoved":
        return _decision(document_id, DROP, "dropped_overremoved", execution.kept_ratio, MIN_KEPT_RATIO)
    if execution.status == "dropped_short":
        return _decision(document_id, DROP, "dropped_short", execution.units, MIN_UNITS)
    if cut_back:
        return _decision(document_id, KEEP, REMOVED_TOO_MUCH, max(cut_back), options.max_removed_ratio)
    return _decision(document_id, KEEP, UNCHANGED)


def _decision(
    document_id: str,
    action: str,
    rule: str,
    value: float | None = None,
    bound: float | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    return {
        "id": document_id,
        "action": action,
        "rule": rule,
        "value": None if value is None else float(value),
        "bound": None if bound is None else float(bound),
        "detail": detail,
    }
