"""The document stage of ProX: a model says of each whole document whether it is kept.

Source: "Programming Every Example: Lifting Pre-training Data Quality Like Experts at Scale" (arXiv 2409.17115) and
GAIR-NLP/ProX@b3fcbb2. Three steps, as in `refine.py`, so that this room never speaks to an engine:

    plan = plan_documents(batches, options, tokenizer=...)         # reads all of the shard, holds no text
    for batch in batches:
        requests = document_requests(plan, batch, tokenizer=...)   # (id, request)
        answers = {id: answer, ...}                                # by whoever runs the engine
        documents, decisions, judgements = judge_documents(plan, batch, answers)

Besides the model's word, the probability of the word `keep` is read from the log-probabilities of the answer and
stored. A bound on it can be set, and changed, without asking again: `replay_judgements`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import polars as pl

from gristmill import documents as model
from gristmill.documents import DROP, KEEP
from gristmill.llm.requests import MAX_LOGPROBS, Answer, Constraint, Prompt, Request
from gristmill.refine.grammar import meaningful_lines
from gristmill.refine.options import DocumentOptions, RefineOptions
from gristmill.refine.planning import (
    BUDGET,
    NOT_ATTEMPTED,
    CountPromptTokens,
    count_prompt,
    reasons_left_alone,
    spend_budget,
)
from gristmill.refine.prompts import document_prompt

KEEP_DOC, DROP_DOC = "keep_doc()", "drop_doc()"
JUDGED, EMPTY_INPUT, NO_ANSWER, UNKNOWN = "judged", "empty_input", "no_answer", "unknown_answer"
MIN_MASS = 0.5  # of the two words together; with less, the model says something else and has no probability

JUDGEMENTS: model.Schema = {
    "id": pl.String,
    "answer": pl.String,  # what the model wrote; null where it was not asked or did not answer
    "finish_reason": pl.String,
    "word": pl.String,  # keep | drop | unknown, as read from the answer
    "keep_probability": pl.Float64,  # of `keep` against `drop`, 0..1; null where the engine gives none
    "input_truncated": pl.Boolean,  # only the beginning of the text was read
    "outcome": pl.String,  # judged | not_attempted
    "reason": pl.String,  # of not_attempted
    "prompt_tokens": pl.Int32,
    "output_tokens": pl.Int32,
}

_PLANNED: model.Schema = {
    "id": pl.String,
    "prompt_tokens": pl.Int32,  # expected, with the template
    "max_output_tokens": pl.Int32,
    "input_truncated": pl.Boolean,
    "outcome": pl.String,  # null: to be sent to the model
    "reason": pl.String,
}

_WORD = re.compile(r"(keep|drop)(?:_doc)?(?:\(\))?[;.!]?(?:[ \t]*#.*)?", re.IGNORECASE)
_BATCH_DOCUMENTS = 64  # whose tokens are counted in one call
_MAX_CHARS_PER_TOKEN = 32  # of a long text only the beginning is looked at, which has tokens enough
_MARGIN_TOKENS = 8  # a text may have so many more tokens inside a prompt than by itself


class Tokens(Protocol):
    """What the stage needs of a tokenizer; gristmill.tokenizer.Tokenizer is one."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text."""

    def cut(self, text: str, max_tokens: int) -> str:
        """The longest beginning of a text with at most so many tokens."""

    def encode_prompts(self, prompts: Sequence[str], *, add_special_tokens: bool) -> list[list[int]]:
        """Token ids of prompts."""


@dataclass(frozen=True)
class DocumentPlan:
    """What is to be done with a shard: a row per document, in order."""

    options: RefineOptions
    overhead: int  # tokens of a prompt without a text
    documents: pl.DataFrame

    def figures(self) -> dict[str, Any]:
        """Requests and their expected tokens, and what the budget left out."""
        to_send = self.documents.filter(pl.col("outcome").is_null())
        left_out = self.documents.filter(pl.col("reason") == BUDGET)
        return {
            "requests": to_send.height,
            "prompt_tokens": int(to_send["prompt_tokens"].sum()),
            "left_by_budget": {
                "documents": left_out.height,
                "prompt_tokens": int(left_out["prompt_tokens"].sum()),
            },
        }


class Judged(NamedTuple):
    """Documents that are kept (DOCUMENTS), a decision and a judgement (JUDGEMENTS) per document."""

    documents: pl.DataFrame
    decisions: pl.DataFrame
    judgements: pl.DataFrame


def plan_documents(
    documents: Iterable[pl.DataFrame],
    options: RefineOptions,
    *,
    tokenizer: Tokens,
    count_prompt_tokens: CountPromptTokens,
) -> DocumentPlan:
    """Which documents are sent to the model, and how long their prompts are.

    Columns in: id, text, source, lang. `count_prompt_tokens` counts whole chats with the model's template, as
    LanguageModel does. Any cut into batches gives the same plan.
    """
    given = _options(options)
    overhead = count_prompt(document_prompt("", given), tokenizer.count, count_prompt_tokens)
    rows: list[dict[str, Any]] = []
    for batch in documents:
        for part in batch.iter_slices(_BATCH_DOCUMENTS):
            rows += _plan_batch(part, options, overhead, tokenizer)
    planned = spend_budget(model.frame(rows, _PLANNED), given.budget, given.seed, "refine.document")
    return DocumentPlan(options, overhead, planned)


def document_requests(
    plan: DocumentPlan, documents: pl.DataFrame, *, tokenizer: Tokens
) -> list[tuple[str, Request]]:
    """(id, request) of these documents, as far as they are to be sent. Columns in: id, text."""
    options = _options(plan.options)
    planned = documents.join(
        plan.documents.filter(pl.col("outcome").is_null()), on="id", maintain_order="left"
    )
    constraint = Constraint("choice", (KEEP_DOC, DROP_DOC)) if options.constrained else None
    return [
        (
            name,
            Request(
                prompt=_prompt(text, truncated, plan.overhead, options, tokenizer),
                max_tokens=options.max_output_tokens,
                constraint=constraint,
                logprobs=MAX_LOGPROBS,
            ),
        )
        for name, text, truncated in planned.select("id", "text", "input_truncated").iter_rows()
    ]


def judge_documents(plan: DocumentPlan, documents: pl.DataFrame, answers: Mapping[str, Answer]) -> Judged:
    """What the answers, by document id, make of these documents.

    Columns in: DOCUMENTS; those that stay come out unchanged and in order. Rules of the decisions: keep_doc and
    drop_doc (value: probability of being kept, bound: `min_keep_probability`, either null where there is none),
    unknown_answer (kept), empty_input (dropped), not_attempted (kept; detail: source, language, budget, no_answer or
    the engine's error). Never raises over what a model wrote.
    """
    mode = _options(plan.options).mode
    planned = documents.select("id").join(plan.documents, on="id", maintain_order="left")
    rows = [_judgement(row, answers.get(row["id"]), mode) for row in planned.iter_rows(named=True)]
    return replay_judgements(documents, model.frame(rows, JUDGEMENTS), plan.options)


def replay_judgements(documents: pl.DataFrame, judgements: pl.DataFrame, options: RefineOptions) -> Judged:
    """The same from stored judgements, whatever bound the options now set; no model is asked."""
    bound = _options(options).min_keep_probability
    rows = documents.select("id").join(judgements, on="id", maintain_order="left")
    known = pl.lit(bound, pl.Float64).is_not_null() & pl.col("keep_probability").is_not_null()
    is_low = (
        pl.when(known)
        .then(pl.col("keep_probability") < pl.lit(bound, pl.Float64))
        .otherwise(pl.col("word") == DROP)
    )
    is_judged = pl.col("outcome") == JUDGED
    rule = (
        pl.when(pl.col("reason") == EMPTY_INPUT)
        .then(pl.lit(EMPTY_INPUT))
        .when(~is_judged)
        .then(pl.lit(NOT_ATTEMPTED))
        .when(is_low)
        .then(pl.lit("drop_doc"))
        .when((pl.col("word") == "unknown") & ~known)
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.lit("keep_doc"))
    )
    decisions = rows.with_columns(rule=rule).select(
        "id",
        action=pl.when(pl.col("rule").is_in(["drop_doc", EMPTY_INPUT]))
        .then(pl.lit(DROP))
        .otherwise(pl.lit(KEEP)),
        rule=pl.col("rule"),
        value=pl.col("keep_probability"),
        bound=pl.when(is_judged).then(pl.lit(bound, pl.Float64)),
        other_id=pl.lit(None, pl.String),
        detail=pl.when(pl.col("rule") == NOT_ATTEMPTED).then(pl.col("reason")),
    )
    kept = documents.filter(decisions["action"] != DROP)
    return Judged(kept, decisions, rows.select(list(JUDGEMENTS)))


def decide_document(output: str) -> Literal["keep", "drop", "unknown"]:
    """The word in the first meaningful line of an answer; unknown, which keeps the text, where it says neither."""
    lines, _ = meaningful_lines(output, 1)
    found = _WORD.fullmatch(lines[0]) if lines else None
    if found is None:
        return "unknown"
    return "drop" if found[1].lower() == "drop" else "keep"


def decide_document_compat(output: str) -> Literal["keep", "drop"]:
    """As the reference reads it: `drop` anywhere in the answer, in raindrops too, drops (GAIR-NLP/ProX@b3fcbb2)."""
    return "drop" if "drop" in output else "keep"


def keep_probability(answer: Answer) -> float | None:
    """Probability of `keep` against `drop`, where the model chose between the two.

    Read at the first token of the answer that is not white space: the sum over all listed tokens with which `keep` can
    begin, divided by that of both words. None where the engine gave no log-probabilities, or where both words together
    have less than MIN_MASS: then the model did not answer the question.
    """
    for alternatives in answer.logprobs or ():
        written = alternatives[0][0]  # the token that was chosen comes first
        if not written.strip("▁ \n\t"):
            continue
        mass = {"keep": 0.0, "drop": 0.0}
        for token, logprob in alternatives:
            begun = token.strip("▁ \n\t").lower()
            for word in mass:
                if begun and (word.startswith(begun) or begun.startswith(word)):
                    mass[word] += math.exp(logprob)
        total = mass["keep"] + mass["drop"]
        return mass["keep"] / total if total >= MIN_MASS else None
    return None


def _options(options: RefineOptions) -> DocumentOptions:
    assert options.document is not None, "the recipe has no document stage"
    return options.document


def _plan_batch(
    documents: pl.DataFrame, options: RefineOptions, overhead: int, tokenizer: Tokens
) -> list[dict[str, Any]]:
    limit, output = _options(options).max_prompt_tokens, _options(options).max_output_tokens
    texts = documents["text"].fill_null("").to_list()
    reasons = [
        reason or (None if text.strip() else EMPTY_INPUT)
        for reason, text in zip(reasons_left_alone(documents, options), texts, strict=True)
    ]
    to_send = [text for text, reason in zip(texts, reasons, strict=True) if reason is None]
    counts = iter(_count_up_to(limit, to_send, tokenizer))
    rows = []
    for name, reason in zip(documents["id"], reasons, strict=True):
        row: dict[str, Any] = {"id": name, "outcome": NOT_ATTEMPTED if reason else None, "reason": reason}
        if reason is None:
            tokens = overhead + next(counts)
            row |= {
                "prompt_tokens": min(tokens, limit),
                "max_output_tokens": output,
                "input_truncated": tokens > limit,
            }
        rows.append(row)
    return rows


def _count_up_to(limit: int, texts: Sequence[str], tokenizer: Tokens) -> list[int]:
    """Tokens of each text; where there are more than the limit, any number above it."""
    enough = limit * _MAX_CHARS_PER_TOKEN
    counts = tokenizer.count([text[:enough] for text in texts])
    return [
        tokenizer.count([text])[0] if count <= limit and len(text) > enough else count
        for text, count in zip(texts, counts, strict=True)
    ]


def _cut(text: str, max_tokens: int, tokenizer: Tokens) -> str:
    """The longest beginning with so many tokens at most."""
    beginning = text[: max_tokens * _MAX_CHARS_PER_TOKEN]
    found = tokenizer.cut(beginning, max_tokens)
    return found if len(found) < len(beginning) else tokenizer.cut(text, max_tokens)


def _prompt(text: str, truncated: bool, overhead: int, options: DocumentOptions, tokenizer: Tokens) -> Prompt:
    if not truncated:
        return document_prompt(text, options)
    if options.truncation == "reference_right":
        whole = document_prompt(text, options)
        assert isinstance(whole, str)
        return tuple(
            tokenizer.encode_prompts([whole], add_special_tokens=True)[0][: options.max_prompt_tokens]
        )
    room = options.max_prompt_tokens - overhead - _MARGIN_TOKENS
    return document_prompt(_cut(text, max(1, room), tokenizer), options)


def _judgement(planned: dict[str, Any], answer: Answer | None, mode: str) -> dict[str, Any]:
    """A row of JUDGEMENTS."""
    row = {name: planned.get(name) for name in JUDGEMENTS} | {"prompt_tokens": None}
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
    text = answer.text.encode("utf-8", "replace").decode("utf-8")  # half surrogate pairs cannot be stored
    return {
        **row,
        "answer": text,
        "word": decide_document_compat(text) if mode == "compat" else decide_document(text),
        "keep_probability": keep_probability(answer),
        "outcome": JUDGED,
    }
