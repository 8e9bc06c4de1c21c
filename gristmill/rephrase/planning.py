"""The plan of a rephrasing: passages of a shard, their styles, what the budget admits, and the requests.

The plan holds numbers per passage only (about 100 bytes), because a budget is spent over the whole shard:
passages are taken in an order that depends on the seed and their names alone, so a cut of the shard into
batches changes nothing. The texts are read a second time, batch by batch, for the requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill import documents as model
from gristmill.hashing import random_u64
from gristmill.llm.budget import admit
from gristmill.llm.requests import Request
from gristmill.rephrase.options import RephraseOptions, StyleOptions
from gristmill.rephrase.passages import CountTokens, Passage, split_passages
from gristmill.rephrase.prose import sentence_share
from gristmill.rephrase.styles import Messages, Template, assign_style, template_of

ACCEPTED, REJECTED, PASSED_THROUGH, NOT_ATTEMPTED = "accepted", "rejected", "passed_through", "not_attempted"
FRAGMENTS = "fragments"  # why a passage is passed through: headings, key words, lines of output

CountPromptTokens = Callable[[list[Messages]], list[int]]
Key = tuple[str, int, int]  # parent id, passage, sample

PLANNED: model.Schema = {
    "parent_id": pl.String,
    "passage": pl.Int32,  # number in the document, from 0
    "n_passages": pl.Int32,
    "sample": pl.Int32,
    "start": pl.Int64,  # the passage is text[start:end], in characters
    "end": pl.Int64,
    "tokens": pl.Int32,  # of the passage
    "hard_split": pl.Boolean,  # a sentence above the limit was cut
    "style": pl.String,  # null for what is passed through
    "prompt_tokens": pl.Int32,  # expected, with the template
    "max_output_tokens": pl.Int32,
    "outcome": pl.String,  # null: to be sent to the model
    "reason": pl.String,
}

_BATCH_DOCUMENTS = 64  # documents whose sentences are counted in one call
_TOKENS_PER_MESSAGE = 8  # marks of a chat template around a message, where the caller counts no prompts
_SEED_BITS = 31  # servers take seeds as signed integers


@dataclass(frozen=True)
class Plan:
    """What is to be done with a shard: a table PLANNED, in the order of the documents, and counts."""

    options: RephraseOptions
    passages: pl.DataFrame
    documents: int  # seen
    not_eligible: dict[str, int]  # documents left alone, by "language" or "source"

    def figures(self) -> dict[str, Any]:
        """Documents seen, documents left alone, passages by what is planned, tokens at most."""
        to_send = self.passages.filter(pl.col("outcome").is_null())
        return {
            "documents": self.documents,
            "not_eligible": dict(self.not_eligible),
            "passages": self.passages.height,
            "requests": to_send.height,
            "prompt_tokens": int(to_send["prompt_tokens"].cast(pl.Int64).sum()),
            "max_output_tokens": int(to_send["max_output_tokens"].cast(pl.Int64).sum()),
        }


@dataclass(frozen=True)
class Planned:
    """One passage to be sent to the model."""

    parent_id: str
    passage: int
    sample: int
    style: str
    source_text: str
    request: Request

    @property
    def key(self) -> Key:
        """The name under which `accept_passages` looks for the answer."""
        return (self.parent_id, self.passage, self.sample)


def plan_passages(
    documents: pl.DataFrame | Iterable[pl.DataFrame],
    options: RephraseOptions,
    *,
    count_tokens: CountTokens,
    count_prompt_tokens: CountPromptTokens | None = None,
) -> Plan:
    """The plan for a shard: passages, their styles, and which of them the budget admits.

    Columns in: id, text, source, lang. `count_tokens` counts texts without special tokens,
    `count_prompt_tokens` whole chats with the model's template (without it, 8 tokens are added per message);
    the latter is asked once per style, so expected prompt tokens may be off by the few that a tokenizer
    joins. A text without a passage (empty, white space) has no row. Deterministic; any cut into batches gives
    the same.
    """
    batches = [documents] if isinstance(documents, pl.DataFrame) else documents
    overheads = _overheads(options, count_tokens, count_prompt_tokens)
    frames: list[pl.DataFrame] = []
    seen, not_eligible = 0, {"source": 0, "language": 0}
    for batch in batches:
        for part in batch.iter_slices(_BATCH_DOCUMENTS):
            seen += part.height
            eligible = _eligible(part, options, not_eligible)
            frames.append(_plan_batch(eligible, options, overheads, count_tokens))
    passages = pl.concat(frames, rechunk=True) if frames else model.empty(PLANNED)
    return Plan(options, _spend_budget(passages, options), seen, not_eligible)


def planned_requests(plan: Plan, documents: pl.DataFrame) -> list[Planned]:
    """The requests for these documents, in the order of the plan. Columns in: id, text."""
    texts = dict(zip(documents["id"], documents["text"], strict=True))
    styles = {style.name: style for style in plan.options.styles}
    templates = {name: template_of(style) for name, style in styles.items()}
    planned = []
    for row in rows_of(plan, documents):
        if row["outcome"] is None:
            source_text = texts[row["parent_id"]][row["start"] : row["end"]]
            request = _request(row, source_text, styles[row["style"]], templates[row["style"]], plan.options)
            planned.append(
                Planned(row["parent_id"], row["passage"], row["sample"], row["style"], source_text, request)
            )
    return planned


def rows_of(plan: Plan, documents: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the plan for these documents, in the order of the plan."""
    return plan.passages.filter(pl.col("parent_id").is_in(documents["id"].implode())).to_dicts()


def _overheads(
    options: RephraseOptions, count_tokens: CountTokens, count_prompt_tokens: CountPromptTokens | None
) -> dict[str, int]:
    """Tokens of each style's prompt without a passage."""
    chats = [template_of(style).messages("") for style in options.styles]
    if count_prompt_tokens is not None:
        counts = count_prompt_tokens(chats)
    else:
        counts = [
            sum(count_tokens([content for _, content in chat])) + _TOKENS_PER_MESSAGE * len(chat)
            for chat in chats
        ]
    return {style.name: count for style, count in zip(options.styles, counts, strict=True)}


def _eligible(
    documents: pl.DataFrame, options: RephraseOptions, not_eligible: dict[str, int]
) -> pl.DataFrame:
    """The documents of the chosen sources and languages; the others are counted."""
    for reason, column, allowed in (
        ("source", "source", options.sources),
        ("language", "lang", options.languages),
    ):
        if allowed is not None:
            kept = documents.filter(pl.col(column).is_in(list(allowed)))
            not_eligible[reason] += documents.height - kept.height
            documents = kept
    return documents


def _plan_batch(
    documents: pl.DataFrame, options: RephraseOptions, overheads: dict[str, int], count_tokens: CountTokens
) -> pl.DataFrame:
    ids = documents["id"].to_list()
    texts = documents["text"].fill_null("").to_list()
    found = split_passages(
        texts,
        count_tokens,
        max_tokens=options.max_passage_tokens,
        min_tokens=options.min_passage_tokens,
        skip_blocks=options.skip_blocks,
    )
    rows: list[dict[str, Any]] = []
    for parent_id, text, passages in zip(ids, texts, found, strict=True):
        for index, passage in enumerate(passages):
            facts = {
                "parent_id": parent_id,
                "passage": index,
                "n_passages": len(passages),
                "start": passage.start,
                "end": passage.end,
                "tokens": passage.tokens,
                "hard_split": passage.hard_split,
            }
            left_as_is = _why_passed_through(text, passage, options)
            if left_as_is is not None:
                rows.append({**facts, "sample": 0, "outcome": PASSED_THROUGH, "reason": left_as_is})
                continue
            key = parent_id if options.reassemble else f"{parent_id}:{index}"
            style = assign_style(options.styles, key, seed=options.seed, balance=options.balance)
            facts |= {
                "style": style.name,
                "prompt_tokens": overheads[style.name] + passage.tokens,
                "max_output_tokens": _max_output_tokens(passage, options),
            }
            rows += [{**facts, "sample": sample} for sample in range(options.samples)]
    return model.frame(rows, PLANNED)


def _why_passed_through(text: str, passage: Passage, options: RephraseOptions) -> str | None:
    """The kind of a block that is not rephrased, "fragments" for too few sentences; None for what is rephrased."""
    if passage.kind != "prose":
        return passage.kind
    least = options.min_sentence_share
    if least is not None and sentence_share(text[passage.start : passage.end]) < least:
        return FRAGMENTS
    return None


def _max_output_tokens(passage: Passage, options: RephraseOptions) -> int:
    allowed = max(
        options.output_min, math.ceil(options.output_factor * passage.tokens) + options.output_extra
    )
    return allowed if options.output_max is None else min(allowed, options.output_max)


def _spend_budget(passages: pl.DataFrame, options: RephraseOptions) -> pl.DataFrame:
    """Outcome not_attempted for what the budget does not admit.

    What is admitted together: all samples of a passage; with `reassemble`, all of a document.
    """
    if options.budget is None:
        return passages
    groups: dict[str, list[int]] = {}
    columns = passages.select("parent_id", "passage", "outcome", "prompt_tokens", "max_output_tokens")
    costs: list[tuple[int, int]] = []
    for index, (parent_id, passage, outcome, prompt, output) in enumerate(columns.iter_rows()):
        costs.append((prompt or 0, output or 0))
        if outcome is None:
            groups.setdefault(parent_id if options.reassemble else f"{parent_id}:{passage}", []).append(index)
    order = sorted(groups, key=lambda name: (random_u64(options.seed, "rephrase", name), name))
    admitted = admit([[costs[index] for index in groups[name]] for name in order], options.budget)
    left_out = {
        index for name, taken in zip(order, admitted, strict=True) if not taken for index in groups[name]
    }
    is_left_out = pl.Series([index in left_out for index in range(passages.height)], dtype=pl.Boolean)
    return passages.with_columns(
        pl.when(is_left_out).then(pl.lit(NOT_ATTEMPTED)).otherwise(pl.col("outcome")).alias("outcome"),
        pl.when(is_left_out).then(pl.lit("budget")).otherwise(pl.col("reason")).alias("reason"),
    )


def _request(
    row: dict[str, Any], source_text: str, style: StyleOptions, template: Template, options: RephraseOptions
) -> Request:
    temperature, top_p = style.sampling
    name = f"{row['parent_id']}:{row['passage']}:{row['style']}:{row['sample']}"
    return Request(
        prompt=template.messages(source_text),
        max_tokens=row["max_output_tokens"],
        temperature=temperature,
        top_p=top_p,
        seed=random_u64(options.seed, "rephrase.sampling", name) >> (64 - _SEED_BITS),
        constraint=None,
        sample=row["sample"],
    )
