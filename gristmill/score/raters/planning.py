"""The plan of a rating: which documents of a shard are rated, what the budget admits, and the requests.

The plan holds a few numbers per document only, because a budget is spent over the whole shard, in an order that depends
on the seed and the ids alone. The texts are read a second time, batch by batch, for the requests; where they are cut is
one of the numbers, so that they are not tokenised a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from gristmill.documents import Schema
from gristmill.errors import RecipeError
from gristmill.hashing import random_u64
from gristmill.llm.budget import admit
from gristmill.llm.requests import Messages, Request
from gristmill.score.raters.preparation import (
    Prepared,
    TextTokenizer,
    clean_texts,
    join_ends,
    truncate_texts,
)
from gristmill.score.raters.rater import Rater
from gristmill.tokenizer import break_control_tokens

NOT_ATTEMPTED = "not_attempted"
SOURCE, LANGUAGE, EMPTY, BUDGET = "source", "language", "empty", "budget"  # why

CountPromptTokens = Callable[[Sequence[Messages]], list[int]]

PLANNED: Schema = {
    "id": pl.String,
    "text_tokens": pl.Int64,  # of the prepared text; null where it is not prepared
    "truncated": pl.Boolean,
    "head_chars": pl.Int64,  # that are kept of a truncated text, at its beginning
    "tail_chars": pl.Int64,  # and at its end; null: tokens tell where it is cut
    "prompt_tokens": pl.Int64,  # expected, with the template of the chat
    "reason": pl.String,  # why it is not rated; null: to be sent to the model
}

_BATCH_DOCUMENTS = 64  # documents tokenised in one call
_STAGE = "rate"


@dataclass(frozen=True)
class Plan:
    """What is to be done with a shard: a row of PLANNED per document, in their order."""

    rater: Rater
    documents: pl.DataFrame

    @property
    def requests(self) -> int:
        """How many requests there will be."""
        return self.documents["reason"].null_count()


@dataclass(frozen=True)
class Planned:
    """One document to be sent to the model."""

    id: str
    request: Request


def plan_ratings(
    batches: Iterable[pl.DataFrame],
    rater: Rater,
    tokenizer: TextTokenizer,
    *,
    count_prompt_tokens: CountPromptTokens,
    max_model_len: int,
) -> Plan:
    """The plan for the documents of a shard; any cut into batches gives the same.

    Columns in: id, text, source, lang. `count_prompt_tokens` counts chats with the model's template; it is asked once,
    so expected prompt tokens may be off by the few that a tokenizer joins. Raises RecipeError where prompt, longest
    text and reply have no room in `max_model_len` tokens.
    """
    overhead = count_prompt_tokens([rater.prompt.messages("")])[0]
    _check_room(rater, overhead, max_model_len)
    frames = [pl.DataFrame(schema=PLANNED)]
    for batch in batches:
        frames += [
            _plan_batch(part, rater, tokenizer, overhead) for part in batch.iter_slices(_BATCH_DOCUMENTS)
        ]
    return Plan(rater, _spend_budget(pl.concat(frames, rechunk=True), rater))


def planned_requests(plan: Plan, documents: pl.DataFrame, tokenizer: TextTokenizer) -> list[Planned]:
    """The requests for those of these documents that are to be rated, in their order. Columns in: id, text."""
    to_send = plan.documents.filter(pl.col("reason").is_null()).select(
        "id", "truncated", "head_chars", "tail_chars"
    )
    chosen = documents.join(to_send, on="id", how="inner", maintain_order="left")
    return [
        Planned(name, plan.rater.request(text))
        for part in chosen.iter_slices(_BATCH_DOCUMENTS)
        for name, text in zip(part["id"], _texts_as_planned(part, plan.rater, tokenizer), strict=True)
    ]


def prepare_texts(texts: pl.Series, rater: Rater, tokenizer: TextTokenizer) -> list[Prepared]:
    """The texts as the rater gets them: cleaned where it does so, cut, without control tokens."""
    prepared = _truncate(_clean(texts, rater), rater, tokenizer)
    safe = [break_control_tokens(one.text, tokenizer.control_tokens) for one in prepared]
    return [
        replace(one, text=text, tokens=one.tokens + len(text) - len(one.text))  # a blank is a token at most
        for text, one in zip(safe, prepared, strict=True)
    ]


def _texts_as_planned(documents: pl.DataFrame, rater: Rater, tokenizer: TextTokenizer) -> list[str]:
    """The texts that `prepare_texts` gives; those that the plan cannot cut are tokenised."""
    cleaned = _clean(documents["text"], rater)
    is_unknown = documents["truncated"] & documents["head_chars"].is_null()
    cut = iter(_truncate([text for text, u in zip(cleaned, is_unknown, strict=True) if u], rater, tokenizer))
    texts = []
    for text, unknown, head, tail in zip(
        cleaned, is_unknown, documents["head_chars"], documents["tail_chars"], strict=True
    ):
        if unknown:
            texts.append(next(cut).text)
        else:
            texts.append(text.strip() if head is None else join_ends(text, head, tail))
    return [break_control_tokens(text, tokenizer.control_tokens) for text in texts]


def _clean(texts: pl.Series, rater: Rater) -> list[str]:
    known = texts.fill_null("")
    return (clean_texts(known) if rater.cleans else known).to_list()


def _truncate(texts: list[str], rater: Rater, tokenizer: TextTokenizer) -> list[Prepared]:
    return truncate_texts(texts, tokenizer, max_tokens=rater.max_text_tokens, max_chars=rater.max_text_chars)


def _check_room(rater: Rater, overhead: int, max_model_len: int) -> None:
    reply = rater.options.max_reply_tokens
    needed = overhead + rater.max_text_tokens + 1 + reply
    if needed > max_model_len:
        raise RecipeError(
            f"{rater.key}: {rater.max_text_tokens} tokens of a text, {overhead} of the prompt and {reply} of the "
            f"reply do not fit into max_model_len {max_model_len} of model {rater.options.model!r}; set that to "
            f"{needed} or more, or lower max_text_tokens"
        )


def _plan_batch(
    documents: pl.DataFrame, rater: Rater, tokenizer: TextTokenizer, overhead: int
) -> pl.DataFrame:
    reasons = documents.with_columns(_why_left_alone(rater).alias("reason"))["reason"]
    eligible = documents.filter(reasons.is_null())
    prepared = prepare_texts(eligible["text"], rater, tokenizer)
    measured = pl.DataFrame(
        {
            "id": eligible["id"],
            "text_tokens": pl.Series([one.tokens for one in prepared], dtype=pl.Int64),
            "truncated": pl.Series([one.truncated for one in prepared], dtype=pl.Boolean),
            "head_chars": pl.Series([one.ends and one.ends[0] for one in prepared], dtype=pl.Int64),
            "tail_chars": pl.Series([one.ends and one.ends[1] for one in prepared], dtype=pl.Int64),
            "blank": pl.Series([not one.text for one in prepared], dtype=pl.Boolean),
        }
    )
    return (
        documents.select("id", reasons)
        .join(measured, on="id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("blank")).then(pl.lit(EMPTY)).otherwise(pl.col("reason")).alias("reason"),
            (pl.col("text_tokens") + overhead).alias("prompt_tokens"),
        )
        .select(list(PLANNED))
    )


def _why_left_alone(rater: Rater) -> pl.Expr:
    """`source` or `language` where the document is none of the chosen ones."""

    def outside(column: str, allowed: tuple[str, ...] | None) -> pl.Expr:
        if allowed is None:
            return pl.lit(False)
        return ~pl.col(column).is_in(list(allowed)).fill_null(False)

    return (
        pl.when(outside("source", rater.options.sources))
        .then(pl.lit(SOURCE))
        .when(outside("lang", rater.options.languages))
        .then(pl.lit(LANGUAGE))
        .otherwise(pl.lit(None, dtype=pl.String))
    )


def _spend_budget(documents: pl.DataFrame, rater: Rater) -> pl.DataFrame:
    """Reason `budget` for what the budget does not admit."""
    options = rater.options
    if options.budget is None:
        return documents
    to_send = documents.filter(pl.col("reason").is_null()).select("id", "prompt_tokens").rows()
    ordered = sorted(to_send, key=lambda row: (random_u64(options.seed, _STAGE, row[0]), row[0]))
    admitted = admit([[(tokens, options.max_reply_tokens)] for _, tokens in ordered], options.budget)
    left_out = [name for (name, _), taken in zip(ordered, admitted, strict=True) if not taken]
    is_left_out = pl.col("id").is_in(left_out)
    return documents.with_columns(
        pl.when(is_left_out).then(pl.lit(BUDGET)).otherwise(pl.col("reason")).alias("reason")
    )
