"""Documents rephrased passage by passage, as a plan and an acceptance with a language model in between.

Sources: WRAP, "Rephrasing the Web: A Recipe for Compute and Data-Efficient Language Modeling" (arXiv 2401.16380);
Nemotron-CC (arXiv 2412.02595); structured formats after arXiv 2604.13977.
Three steps, so that this room never speaks to an engine:

    plan = plan_passages(batches, options, count_tokens=...)      # reads all of the shard, holds no text
    for batch in batches:                                         # the same documents again
        planned = planned_requests(plan, batch)                   # requests for an engine
        answers = {p.key: answer, ...}                            # by whoever runs the engine
        documents, derivations = accept_passages(plan, batch, answers, tally=tally)

Every planned passage and sample has one row in the derivations. The documents that came in stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl

from gristmill import documents as model
from gristmill.llm.requests import Answer
from gristmill.rephrase.acceptance import (
    Candidate,
    Checks,
    Verdict,
    judge_all,
)
from gristmill.rephrase.anchors import quote_pairs
from gristmill.rephrase.audit import AcceptedPair, Audit
from gristmill.rephrase.choice import (
    Outcomes,
    choose_samples,
    count_problems,
    finish_reason,
    written,
)
from gristmill.rephrase.drafts import (
    Draft,
    child_id,
    draft_documents,
    keep_pairs,
    new_document,
    without_short,
)
from gristmill.rephrase.fact_check.draw import UNCHECKED_FORMATS, Draw
from gristmill.rephrase.fact_check.records import Correction, Pair
from gristmill.rephrase.figures import Tally
from gristmill.rephrase.passages import CountTokens
from gristmill.rephrase.planning import (
    ACCEPTED,
    NOT_ATTEMPTED,
    REJECTED,
    Key,
    Plan,
    rows_of,
    text_of,
)
from gristmill.rephrase.styles import Template, template_of


class Rephrased(NamedTuple):
    """New documents (DOCUMENTS) and a row per planned passage (DERIVATIONS)."""

    documents: pl.DataFrame
    derivations: pl.DataFrame


def accept_passages(
    plan: Plan,
    documents: pl.DataFrame,
    answers: Mapping[Key, Answer],
    *,
    checks: Checks | None = None,
    count_tokens: CountTokens | None = None,
    tally: Tally | None = None,
    audit: Audit | None = None,
    corrections: Mapping[Key, Correction] | None = None,
) -> Rephrased:
    """New documents and derivations for these documents.

    Columns in: DOCUMENTS. A planned passage without an answer is not_attempted with reason "no answer". Languages
    and meanings are compared where `checks` has the models for it, and too short documents found where `count_tokens`
    is given. Counts go to `tally`, and what the rules find of corrupted pairs to `audit`.
    `corrections` are what the gate of a fact check makes of accepted passages (FactChecks.corrections). Ids:
    `derived_id(parent, method, passage, sample)`; method FAMILY.STYLE as in wrap.medium, generation_depth of the
    parent + 1; source, shard, url, date, lang and place in the input are the parent's; meta has passage,
    n_passages, sample, model, template (digest), hard_split, repairs; for anchored pairs spans and parent_spans, as in
    `span_facts`. Never raises over what a model wrote.
    """
    checks = checks or Checks(plan.options.acceptance)
    settled = _settle(plan, documents, answers, checks, count_tokens, corrections)
    rows, sources, verdicts, outcomes = settled.rows, settled.sources, settled.verdicts, settled.outcomes
    templates = settled.templates
    new_documents = [
        new_document(draft, rows, settled.parents, templates, plan.options) for draft in settled.drafts
    ]

    derivations = []
    for row, source, verdict, (outcome, reason) in zip(rows, sources, verdicts, outcomes, strict=True):
        answer = None
        if verdict is not None:
            answer = settled.second_answers.get(_key(row)) or answers.get(_key(row))
        derivations.append(
            {
                "parent_id": row["parent_id"],
                "child_id": child_id(row, templates, plan.options),
                "passage": row["passage"],
                "style": row["style"],
                "sample": row["sample"],
                "outcome": outcome,
                "reason": reason,
                "text": written(answer) if answer is not None else None,
                "source_text": source if answer is not None else None,
                "prompt_tokens": answer.prompt_tokens if answer is not None else None,
                "output_tokens": answer.output_tokens if answer is not None else None,
            }
        )
        if tally is not None:
            tally.count(row["style"], outcome, reason)
            if verdict is not None and answer is not None:
                counted = verdict if outcome == ACCEPTED else replace(verdict, reason=reason)
                tally.answered(row["style"], source, counted, row["tokens"], answer.output_tokens)
    if tally is not None:
        tally.sampled(count_problems(rows, verdicts, plan.options))
    if audit is not None:
        audit.add(_accepted_pairs(rows, settled.candidates, verdicts, outcomes), checks)
    return Rephrased(model.frame(new_documents, model.DOCUMENTS), model.frame(derivations, model.DERIVATIONS))


def pairs_to_check(
    plan: Plan,
    documents: pl.DataFrame,
    answers: Mapping[Key, Answer],
    draw: Draw,
    *,
    checks: Checks | None = None,
    count_tokens: CountTokens | None = None,
) -> list[Pair]:
    """The accepted passages of these documents that `draw` takes for the fact check, in the order of the plan.

    Arguments as of `accept_passages`, which accepts the same passages. Formats that do not say what their passage says
    are left out.
    """
    checks = checks or Checks(plan.options.acceptance)
    settled = _settle(plan, documents, answers, checks, count_tokens, None)
    pairs = []
    for row, verdict, (outcome, _) in zip(settled.rows, settled.verdicts, settled.outcomes, strict=True):
        if verdict is None or outcome != ACCEPTED:
            continue
        if settled.templates[row["style"]].format in UNCHECKED_FORMATS:
            continue
        parent = settled.parents[row["parent_id"]]
        if draw.takes(parent["source"], row["style"], _key(row)):
            child = child_id(row, settled.templates, plan.options)
            pairs.append(Pair(row, parent["source"], parent["lang"], child, verdict.text))
    return pairs


class _Settled(NamedTuple):
    """What becomes of the planned rows of some documents, row by row, and the new documents in draft."""

    rows: list[dict[str, Any]]
    sources: list[str]
    candidates: list[Candidate | None]
    verdicts: list[Verdict | None]
    outcomes: Outcomes
    drafts: list[Draft]
    second_answers: dict[Key, Answer]  # of corrected passages, in place of the first
    parents: dict[str, dict[str, Any]]
    templates: dict[str, Template]


def _settle(
    plan: Plan,
    documents: pl.DataFrame,
    answers: Mapping[Key, Answer],
    checks: Checks,
    count_tokens: CountTokens | None,
    corrections: Mapping[Key, Correction] | None,
) -> _Settled:
    rows = rows_of(plan, documents)
    parents = {row["id"]: row for row in documents.iter_rows(named=True)}
    templates = {style.name: template_of(style) for style in plan.options.styles}
    sources = [text_of(row, parents[row["parent_id"]]["text"]) for row in rows]
    candidates = _candidates(rows, sources, answers, parents, templates)
    judged = iter(judge_all([each for each in candidates if each is not None], checks))
    verdicts = [None if each is None else next(judged) for each in candidates]
    verdicts = [
        keep_pairs(verdict, row, templates, plan.options) for row, verdict in zip(rows, verdicts, strict=True)
    ]
    outcomes = [_outcome(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)]
    outcomes = choose_samples(rows, sources, verdicts, outcomes, plan.options)
    second_answers: dict[Key, Answer] = {}
    if corrections:
        verdicts, outcomes, second_answers = _correct(rows, verdicts, outcomes, corrections)
    drafts, outcomes = draft_documents(rows, sources, verdicts, outcomes, templates, plan.options)
    drafts, outcomes = without_short(drafts, outcomes, rows, plan.options, count_tokens)
    return _Settled(rows, sources, candidates, verdicts, outcomes, drafts, second_answers, parents, templates)


def _correct(
    rows: Sequence[dict[str, Any]],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
    corrections: Mapping[Key, Correction],
) -> tuple[list[Verdict | None], Outcomes, dict[Key, Answer]]:
    """Verdicts and outcomes after the gate, and second answers: accepted passages rejected, or with another text."""
    verdicts, outcomes = list(verdicts), list(outcomes)
    second_answers: dict[Key, Answer] = {}
    for index, row in enumerate(rows):
        correction = corrections.get(_key(row))
        if correction is None or outcomes[index][0] != ACCEPTED:
            continue
        if correction.reason is not None:
            outcomes[index] = (REJECTED, correction.reason)
        elif correction.answer is not None:
            verdicts[index] = correction.verdict
            second_answers[_key(row)] = correction.answer
    return verdicts, outcomes, second_answers


def _key(row: dict[str, Any]) -> Key:
    return (row["parent_id"], row["passage"], row["sample"], row["style"])


def _candidates(
    rows: Sequence[dict[str, Any]],
    sources: Sequence[str],
    answers: Mapping[Key, Answer],
    parents: Mapping[str, dict[str, Any]],
    templates: Mapping[str, Template],
) -> list[Candidate | None]:
    """What is to be judged of each row; None where the model was not asked or did not answer."""
    candidates: list[Candidate | None] = []
    for row, source in zip(rows, sources, strict=True):
        answer = answers.get(_key(row)) if row["outcome"] is None else None
        if answer is None:
            candidates.append(None)
            continue
        template = templates[row["style"]]
        stopped = finish_reason(answer, template, row["max_output_tokens"])
        language = parents[row["parent_id"]]["lang"]
        candidates.append(
            Candidate(written(answer), source, template, stopped, language, row["programming_language"])
        )
    return candidates


def _accepted_pairs(
    rows: Sequence[dict[str, Any]],
    candidates: Sequence[Candidate | None],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
) -> list[AcceptedPair]:
    return [
        AcceptedPair(
            ":".join(map(str, _key(row))), replace(candidate, generated=_accepted_text(verdict, candidate))
        )
        for row, candidate, verdict, (outcome, _) in zip(rows, candidates, verdicts, outcomes, strict=True)
        if candidate is not None and verdict is not None and outcome == ACCEPTED
    ]


def _accepted_text(verdict: Verdict, candidate: Candidate) -> str:
    """What would be accepted again: anchored pairs need their excerpts."""
    return quote_pairs(verdict.anchored, candidate.source) if verdict.anchored else verdict.text


def _outcome(row: dict[str, Any], verdict: Verdict | None) -> tuple[str, str | None]:
    if row["outcome"] is not None:
        return row["outcome"], row["reason"]
    if verdict is None:
        return NOT_ATTEMPTED, "no answer"
    return (ACCEPTED, None) if verdict.reason is None else (REJECTED, verdict.reason)
