"""Seed labels for a refiner: programs for chunks of a sample of documents, by a teacher, cleaned by the rules of ProX.

Source: ProX (arXiv 2409.17115), section 3.2 and its appendix on seed data: annotated by a strong model, checked by the
grammar, limited in what a program may remove, split into training and validation. Here a label must pass the strict
parser without an error, what it replaces must occur, and documents, not chunks, are held out.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from gristmill import documents as model
from gristmill.hashing import random_u64, uniform
from gristmill.llm.requests import Answer, Messages
from gristmill.refine.executor import (
    NO_MATCH,
    REMOVED_TOO_MUCH,
    ChunkProgram,
    ProgramResult,
    execute_programs,
)
from gristmill.refine.grammar import read_program
from gristmill.refine.options import RefineOptions
from gristmill.refine.planning import (
    CountPromptTokens,
    CountTokens,
    Key,
    Plan,
    reasons_left_alone,
    rows_of,
)
from gristmill.refine.prompts import chunk_prompt
from gristmill.refine.refiner_options import RULES, RefinerOptions
from gristmill.refine.rule_teacher import find_boilerplate, write_program

EXAMPLE, HELD_OUT, LEFT_OUT = "example", "held_out", "left_out"
NOT_CHOSEN = "not_chosen"

LABELS: model.Schema = {
    "id": pl.String,  # the document
    "chunk": pl.Int32,  # number in the document, from 0
    "first_line": pl.Int32,
    "last_line": pl.Int32,  # included
    "text": pl.String,  # the lines
    "program": pl.String,  # of the teacher; null where it did not answer
    "removed": pl.List(pl.Int32),  # line numbers in the document, from 0
    "fold": pl.String,  # train | held_out, the same for all chunks of a document
    "use": pl.String,  # example | held_out | left_out
    "reason": pl.String,  # of left_out
}


def choose_documents(batches: Iterable[pl.DataFrame], options: RefinerOptions) -> pl.DataFrame:
    """The documents to be labelled, chosen by hash of their ids; the same for any cut into batches.

    Columns in and out: id, text, source, lang. Blank texts are not chosen. Holds `max_documents` of them in memory.
    """
    asked = teacher_options(options)
    chosen: list[tuple[int, str, tuple[Any, ...]]] = []
    columns = ["id", "text", "source", "lang"]
    for batch in batches:
        wanted = batch.select(columns).filter(
            reasons_left_alone(batch, asked).is_null() & (pl.col("text").str.strip_chars() != "")
        )
        for row in wanted.iter_rows():
            # A heap of the smallest hashes: the largest of them, negated, is at the front.
            entry = (-random_u64(options.seed, "refiner.documents", row[0]), row[0], row)
            if len(chosen) < options.max_documents:
                heapq.heappush(chosen, entry)
            else:
                heapq.heappushpop(chosen, entry)
    rows = [row for _, _, row in sorted(chosen, reverse=True)]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def teacher_options(options: RefinerOptions) -> RefineOptions:
    """How chunks are cut, and how a model is asked that teaches: options for `plan_chunks`."""
    return RefineOptions(
        model=options.teacher,
        sources=options.sources,
        languages=options.languages,
        max_chunk_tokens=options.max_chunk_tokens,
        max_ops=options.max_ops,
    )


def make_labels(
    plan: Plan,
    documents: pl.DataFrame,
    answers: Mapping[Key, Answer],
    options: RefinerOptions,
    *,
    count_tokens: CountTokens,
    count_prompt_tokens: CountPromptTokens,
) -> pl.DataFrame:
    """LABELS, a row per planned chunk: by the rules where they are the teacher, else from the answers, by (id, chunk).

    Reasons of left_out: no_answer, cut_off, too_many_calls, no_match, removed_too_much, the first error of a program
    (syntax, range, ...), too_long, and not_chosen for clean labels beyond the number that is wanted. A blank chunk has
    no row. The two functions count with the tokenizer of the model that is trained.
    """
    rows = list(_labelled(plan, documents, answers, options))
    prompts = [label_prompt(row) for row in rows]
    lengths = [
        prompt + program + 1  # the token that ends the answer
        for prompt, program in zip(
            count_prompt_tokens(prompts), count_tokens([row["program"] or "" for row in rows]), strict=True
        )
    ]
    for row, length in zip(rows, lengths, strict=True):
        if row["reason"] is None and length > options.max_example_tokens:
            row["reason"] = "too_long"
    _choose(rows, options)
    return model.frame(rows, LABELS)


def label_prompt(row: dict[str, Any]) -> Messages:
    """The prompt that a model is trained to answer with the program of a row of LABELS."""
    prompt = chunk_prompt(row["text"].split("\n"), row["first_line"], RefineOptions(prompt="trained"))
    assert not isinstance(prompt, str)
    return prompt


def label_figures(labels: pl.DataFrame) -> dict[str, Any]:
    """Chunks and documents by what they are used for, reasons, and how much the labels remove."""
    used = labels.filter(pl.col("use") != LEFT_OUT)
    folds = []
    for use in (EXAMPLE, HELD_OUT):
        rows = used.filter(pl.col("use") == use)
        folds.append(
            {
                "use": use,
                "documents": rows["id"].n_unique(),
                "chunks": rows.height,
                "chunks_changed": int((rows["removed"].list.len() > 0).sum()),
                "lines": int((rows["last_line"] - rows["first_line"] + 1).sum()),
                "lines_removed": int(rows["removed"].list.len().sum()),
            }
        )
    left_out = Counter(labels.filter(pl.col("use") == LEFT_OUT)["reason"].to_list())
    return {"folds": folds, "left_out": dict(sorted(left_out.items()))}


def _labelled(
    plan: Plan, documents: pl.DataFrame, answers: Mapping[Key, Answer], options: RefinerOptions
) -> Iterator[dict[str, Any]]:
    """Rows of LABELS, checked but not yet chosen."""
    planned: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(plan, documents):
        if row["outcome"] is None:
            planned.setdefault(row["id"], []).append(row)
    for name, text in documents.select("id", "text").iter_rows():
        fold = HELD_OUT if uniform(options.seed, "refiner.holdout", name) < options.holdout else "train"
        lines = text.split("\n")
        for row in planned.get(name, []):
            first, last = row["first_line"], row["last_line"]
            chunk = lines[first : last + 1]
            program: str | None
            reason: str | None = None
            if not any(line.strip() for line in chunk):
                continue
            if options.teacher == RULES:
                # Of the chunk alone: what a label says, the model must be able to see.
                program = write_program([first + n for n in find_boilerplate("\n".join(chunk))], chunk, first)
            else:
                program, reason = _written(answers.get((name, row["chunk"])))
            removed: list[int] = []
            if program is not None and reason is None:
                reason, removed = _check(program, chunk, first, options)
            yield {
                **{key: row[key] for key in ("id", "chunk", "first_line", "last_line")},
                "text": "\n".join(chunk),
                "program": program,
                "removed": removed,
                "fold": fold,
                "reason": reason,
            }


def _written(answer: Answer | None) -> tuple[str | None, str | None]:
    """(program, why it is none)."""
    if answer is None or answer.finish_reason.startswith("error"):
        return None, "no_answer"
    text = answer.text.encode("utf-8", "replace").decode("utf-8").strip()
    return text, None if answer.finish_reason == "stop" else "cut_off"


def _check(
    program: str, chunk: Sequence[str], first_line: int, options: RefinerOptions
) -> tuple[str | None, list[int]]:
    """(why the label is no good, lines that it removes)."""
    parsed = read_program(program)
    if parsed.truncated or len(parsed.statements) > options.max_ops:
        return "too_many_calls", []
    result = run_program(program, chunk, first_line, max_removed_ratio=options.max_removed_ratio)
    if result.errors:
        return result.errors[0], []
    if not parsed.statements:
        return "empty", []
    if NO_MATCH in result.warnings:
        return NO_MATCH, []
    if result.rejected == REMOVED_TOO_MUCH:
        return REMOVED_TOO_MUCH, []
    return None, result.removed


def run_program(
    program: str, chunk: Sequence[str], first_line: int, *, max_removed_ratio: float | None
) -> ProgramResult:
    """What one program does to its chunk, given the chunk's lines."""
    done = execute_programs(
        "\n".join(chunk),
        [ChunkProgram(program, first_line, first_line + len(chunk) - 1)],
        first_line=first_line,
        max_removed_ratio=max_removed_ratio,
    )
    return done.programs[0]


def _choose(rows: list[dict[str, Any]], options: RefinerOptions) -> None:
    """Fill in `use`: so many clean labels of each fold as are wanted, by hash."""

    def order(row: dict[str, Any]) -> tuple[int, str]:
        name = f"{row['id']}:{row['chunk']}"
        return random_u64(options.seed, "refiner.chunks", name), name

    clean = sorted((row for row in rows if row["reason"] is None), key=order)
    train = [row for row in clean if row["fold"] == "train"]
    changed = [row for row in train if row["removed"]]
    unchanged = [row for row in train if not row["removed"]]
    share = options.max_unchanged_share
    most = int(options.max_examples * share)
    if share < 1:
        most = min(most, int(len(changed) * share / (1 - share)))
    unchanged = unchanged[:most]
    changed = changed[: options.max_examples - len(unchanged)]
    held_out = [row for row in clean if row["fold"] == HELD_OUT][: options.max_heldout]
    for row in rows:
        row["use"] = LEFT_OUT
    for chosen, use in ((changed + unchanged, EXAMPLE), (held_out, HELD_OUT)):
        for row in chosen:
            row["use"] = use
    for row in rows:
        if row["use"] == LEFT_OUT and row["reason"] is None:
            row["reason"] = NOT_CHOSEN
