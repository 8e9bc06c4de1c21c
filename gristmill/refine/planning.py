"""The plan of a refinement: chunks of a shard, what the budget admits, and the requests.

The plan holds numbers per chunk only, because a budget is spent over the whole shard: documents are taken whole, in an
order that depends on the seed and their ids alone, so a cut of the shard into batches changes nothing. The texts are
read a second time, batch by batch, for the requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill import documents as model
from gristmill.hashing import random_u64
from gristmill.llm.budget import Budget, admit
from gristmill.llm.requests import Messages, Request
from gristmill.refine.chunking import Chunk, number_lines, split_chunks
from gristmill.refine.constraint import chunk_constraint
from gristmill.refine.options import RefineOptions
from gristmill.refine.prompts import chunk_prompt

NOT_ATTEMPTED, SKIPPED = "not_attempted", "skipped"
BUDGET, SKIPPED_LINE = "budget", "skipped_line"

CountTokens = Callable[[Sequence[str]], list[int]]
CountPromptTokens = Callable[[Sequence[Messages]], list[int]]
Key = tuple[str, int]  # document id, chunk

PLANNED: model.Schema = {
    "id": pl.String,
    "chunk": pl.Int32,  # number in the document, from 0
    "first_line": pl.Int32,
    "last_line": pl.Int32,  # included
    "prompt_tokens": pl.Int32,  # expected, with the template
    "max_output_tokens": pl.Int32,
    "outcome": pl.String,  # null: to be sent to the model
    "reason": pl.String,
}

_BATCH_DOCUMENTS = 64  # documents whose lines are counted in one call
_BATCH_BYTES = 4 << 20  # of their texts; a line takes some 100 bytes more while it is counted
_BOS_TOKENS = 1  # that an engine puts before a text
_TOKENS_PER_MESSAGE = 8  # marks of a chat template around a message, where the caller counts no prompts


@dataclass(frozen=True)
class Plan:
    """What is to be done with a shard: a table PLANNED, in the order of the documents, and counts."""

    options: RefineOptions
    chunks: pl.DataFrame
    documents: int  # seen
    not_eligible: dict[str, int]  # documents left alone, by "language" or "source"

    def figures(self) -> dict[str, Any]:
        """Documents and chunks by what is planned, and the tokens that may be spent and that are left out."""
        to_send = self.chunks.filter(pl.col("outcome").is_null())
        left_out = self.chunks.filter(pl.col("reason") == BUDGET)
        return {
            "documents": self.documents,
            "not_eligible": dict(self.not_eligible),
            "requests": to_send.height,
            "prompt_tokens": _total(to_send, "prompt_tokens"),
            "max_output_tokens": _total(to_send, "max_output_tokens"),
            "left_by_budget": {
                "documents": left_out["id"].n_unique(),
                "chunks": left_out.height,
                "prompt_tokens": _total(left_out, "prompt_tokens"),
            },
        }


@dataclass(frozen=True)
class Planned:
    """One chunk to be sent to the model."""

    id: str
    chunk: int
    request: Request

    @property
    def key(self) -> Key:
        """The name under which `refine_documents` looks for the answer."""
        return (self.id, self.chunk)


def plan_chunks(
    documents: pl.DataFrame | Iterable[pl.DataFrame],
    options: RefineOptions,
    *,
    count_tokens: CountTokens,
    count_prompt_tokens: CountPromptTokens | None = None,
) -> Plan:
    """The plan for a shard: chunks, and which documents the budget admits.

    Columns in: id, text, source, lang. `count_tokens` counts texts without special tokens, `count_prompt_tokens` whole
    chats with the model's template; the latter is asked once, so expected prompt tokens may be off by the few that a
    tokenizer joins at the borders of lines. A blank text has no row. Any cut into batches gives the same.
    """
    batches = [documents] if isinstance(documents, pl.DataFrame) else documents
    empty = chunk_prompt([""], 0, options)  # a chunk of one empty line
    overhead = count_prompt(empty, count_tokens, count_prompt_tokens)
    frames: list[pl.DataFrame] = []
    seen, not_eligible = 0, {"source": 0, "language": 0}
    for batch in batches:
        for part in _parts(batch):
            seen += part.height
            reasons = reasons_left_alone(part, options)
            for reason in not_eligible:
                not_eligible[reason] += int((reasons == reason).sum())
            frames.append(_plan_batch(part.filter(reasons.is_null()), options, overhead, count_tokens))
    chunks = pl.concat(frames, rechunk=True) if frames else model.empty(PLANNED)
    return Plan(options, spend_budget(chunks, options.budget, options.seed, "refine"), seen, not_eligible)


def planned_requests(plan: Plan, documents: pl.DataFrame) -> list[Planned]:
    """The requests for these documents, in the order of the plan. Columns in: id, text."""
    texts = dict(zip(documents["id"], documents["text"], strict=True))
    planned: list[Planned] = []
    lines: list[str] = []
    of = None
    for row in rows_of(plan, documents):
        if row["outcome"] is not None:
            continue
        if row["id"] != of:
            of, lines = row["id"], texts[row["id"]].split("\n")
        planned.append(Planned(row["id"], row["chunk"], _request(row, lines, plan.options)))
    return planned


def rows_of(plan: Plan, documents: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the plan for these documents, in the order of the plan."""
    return plan.chunks.filter(pl.col("id").is_in(documents["id"].implode())).to_dicts()


def reasons_left_alone(documents: pl.DataFrame, options: RefineOptions) -> pl.Series:
    """Per document why it is not refined whatever the budget: "source", "language", or null."""

    def outside(column: str, allowed: tuple[str, ...] | None) -> pl.Expr:
        if allowed is None:
            return pl.lit(False)
        return ~pl.col(column).is_in(list(allowed)).fill_null(False)

    reason = (
        pl.when(outside("source", options.sources))
        .then(pl.lit("source"))
        .when(outside("lang", options.languages))
        .then(pl.lit("language"))
    )
    return documents.with_columns(reason.alias("reason"))["reason"]


def count_prompt(
    prompt: str | Messages, count_tokens: CountTokens, count_prompt_tokens: CountPromptTokens | None
) -> int:
    """Tokens of a prompt, those that an engine or a template puts around it included."""
    if isinstance(prompt, str):
        return count_tokens([prompt])[0] + _BOS_TOKENS
    if count_prompt_tokens is not None:
        return count_prompt_tokens([prompt])[0]
    return sum(count_tokens([content for _, content in prompt])) + _TOKENS_PER_MESSAGE * len(prompt)


def spend_budget(planned: pl.DataFrame, budget: Budget | None, seed: int, stage: str) -> pl.DataFrame:
    """Outcome not_attempted, reason budget, for all requests of the documents that the budget does not admit.

    Columns in: id, prompt_tokens, max_output_tokens, outcome (null: to be sent), reason. `stage` names the draw.
    """
    if budget is None:
        return planned
    costs: dict[str, list[tuple[int, int]]] = {}
    to_send = planned.filter(pl.col("outcome").is_null())
    for document_id, prompt, output in to_send.select("id", "prompt_tokens", "max_output_tokens").iter_rows():
        costs.setdefault(document_id, []).append((prompt, output))
    order = sorted(costs, key=lambda name: (random_u64(seed, stage, name), name))
    admitted = admit([costs[name] for name in order], budget)
    left_out = [name for name, taken in zip(order, admitted, strict=True) if not taken]
    is_left_out = pl.col("outcome").is_null() & pl.col("id").is_in(left_out)
    return planned.with_columns(
        pl.when(is_left_out).then(pl.lit(NOT_ATTEMPTED)).otherwise(pl.col("outcome")).alias("outcome"),
        pl.when(is_left_out).then(pl.lit(BUDGET)).otherwise(pl.col("reason")).alias("reason"),
    )


def _parts(documents: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The documents in parts of _BATCH_DOCUMENTS and about _BATCH_BYTES at most, a single long one apart."""
    start, size = 0, 0
    for number, length in enumerate(documents["text"].str.len_bytes().fill_null(0)):
        if number > start and (number - start == _BATCH_DOCUMENTS or size + length > _BATCH_BYTES):
            yield documents.slice(start, number - start)
            start, size = number, 0
        size += length
    yield documents.slice(start)


def _plan_batch(
    documents: pl.DataFrame, options: RefineOptions, overhead: int, count_tokens: CountTokens
) -> pl.DataFrame:
    ids, texts = documents["id"].to_list(), documents["text"].fill_null("").to_list()
    numbered = [number_lines(text.split("\n")) if text.strip() else [] for text in texts]
    costs = count_tokens([line for lines in numbered for line in lines])
    rows: list[dict[str, Any]] = []
    at = 0
    for document_id, lines in zip(ids, numbered, strict=True):
        of_lines = costs[at : at + len(lines)]
        at += len(lines)
        if options.mode == "compat":  # the reference counts a begin-of-sequence token with every line
            of_lines = [cost + 1 for cost in of_lines]
        chunks = split_chunks(of_lines, options.max_chunk_tokens, options.mode)
        rows += [_row(document_id, number, chunk, options, overhead) for number, chunk in enumerate(chunks)]
    return model.frame(rows, PLANNED)


def _row(
    document_id: str, number: int, chunk: Chunk, options: RefineOptions, overhead: int
) -> dict[str, Any]:
    return {
        "id": document_id,
        "chunk": number,
        "first_line": chunk.first_line,
        "last_line": chunk.last_line,
        "prompt_tokens": None if chunk.skipped else overhead + chunk.tokens,
        "max_output_tokens": None if chunk.skipped else options.max_output_tokens,
        "outcome": SKIPPED if chunk.skipped else None,
        "reason": SKIPPED_LINE if chunk.skipped else None,
    }


def _request(row: dict[str, Any], lines: list[str], options: RefineOptions) -> Request:
    first, last = row["first_line"], row["last_line"]
    return Request(
        prompt=chunk_prompt(lines[first : last + 1], first, options),
        max_tokens=row["max_output_tokens"],
        temperature=0.0,
        constraint=chunk_constraint(first, last, options) if options.constrained else None,
    )


def _total(chunks: pl.DataFrame, column: str) -> int:
    return int(chunks[column].cast(pl.Int64).sum())
