"""Ratings: a row per document with its scores, or with the reason why it has none.

Three steps, so that this room never speaks to an engine:

    plan = plan_ratings(batches, rater, tokenizer, count_prompt_tokens=...)    # reads all of the shard, holds no text
    for batch in batches:                                                      # the same documents again
        planned = planned_requests(plan, batch, tokenizer)                     # requests for an engine
        answers = {p.id: read_answer(rater, answer), ...}                      # of whoever runs the engine
        ratings = rate_documents(plan, batch, answers, asset="filtered", tally=tally)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gristmill.documents import Schema, frame
from gristmill.hashing import digest_text
from gristmill.llm.requests import Answer
from gristmill.score.raters.expectation import expected_scores
from gristmill.score.raters.figures import Tally
from gristmill.score.raters.options import EXPECTED
from gristmill.score.raters.planning import NOT_ATTEMPTED, Plan
from gristmill.score.raters.rater import Rater

# Outcomes beside `not_attempted` (its reasons: source, language, empty, budget, no_answer).
RATED = "rated"
MALFORMED = "malformed"  # a reply that cannot be read; reasons: gristmill.score.raters.replies
FAILED = "failed"  # no reply; reason: what the engine says, as error:context where the prompt is too long
NO_ANSWER = "no_answer"

_ERROR = "error:"


def ratings_schema(rater: Rater) -> Schema:
    """Columns of the ratings; the scores stand in the middle, null unless the outcome is `rated`."""
    return {
        "id": pl.String,
        "asset": pl.String,  # whose table `documents` holds the text
        "text_digest": pl.String,  # of the document's whole text
        **rater.columns,
        "outcome": pl.String,  # rated | malformed | failed | not_attempted
        "reason": pl.String,  # why, for all but rated
        "reply": pl.String,  # as the model wrote it
        "finish_reason": pl.String,
        "text_tokens": pl.Int64,  # of the text that was rated
        "truncated": pl.Boolean,  # it is a part of the document's
        "prompt_tokens": pl.Int64,
        "output_tokens": pl.Int64,
    }


def read_answer(rater: Rater, answer: Answer) -> dict[str, Any]:
    """What an answer says, as columns of `ratings_schema`; small, where log-probabilities are large.

    Never raises over what a model wrote.
    """
    row: dict[str, Any] = {
        "finish_reason": answer.finish_reason,
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
    }
    if answer.finish_reason.startswith(_ERROR):
        return row | {"outcome": FAILED, "reason": answer.finish_reason}
    row["reply"] = answer.text
    reading = rater.read(answer.text, answer.finish_reason)
    if reading.values is None:
        return row | {"outcome": MALFORMED, "reason": reading.reason}
    row |= {"outcome": RATED, **reading.values}
    if rater.options.expectation:
        expected = expected_scores(answer.text, reading.places, answer.logprobs, rater.scores)
        row |= {f"{name}{EXPECTED}": value for name, value in expected.items()}
    return row


def rate_documents(
    plan: Plan,
    documents: pl.DataFrame,
    answers: Mapping[str, Mapping[str, Any]],
    *,
    asset: str,
    tally: Tally | None = None,
) -> pl.DataFrame:
    """Rows of `ratings_schema`, one per document, in order.

    Columns in: id, text. answers: what `read_answer` says, by id; a document that was to be sent and has none is
    not_attempted with reason no_answer. Counts go to `tally`.
    """
    planned = documents.select("id", "text").join(plan.documents, on="id", how="left", maintain_order="left")
    rows = [_rate(row, answers.get(row["id"]), asset) for row in planned.to_dicts()]
    ratings = frame(rows, ratings_schema(plan.rater))
    if tally is not None:
        tally.add(documents, ratings)
    return ratings


def _rate(document: dict[str, Any], answer: Mapping[str, Any] | None, asset: str) -> dict[str, Any]:
    row = {
        "id": document["id"],
        "asset": asset,
        "text_digest": digest_text(document["text"] or ""),
        "text_tokens": document["text_tokens"],
        "truncated": document["truncated"],
    }
    if document["reason"] is not None or answer is None:
        return row | {"outcome": NOT_ATTEMPTED, "reason": document["reason"] or NO_ANSWER}
    return row | dict(answer)
