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
    CompareTexts,
    IdentifyLanguage,
    Verdict,
    judge_all,
)
from gristmill.rephrase.audit import AcceptedPair, Audit
from gristmill.rephrase.choice import (
    Outcomes,
    choose_samples,
    count_problems,
    finish_reason,
    written,
)
from gristmill.rephrase.drafts import child_id, draft_documents, keep_pairs, new_document, without_short
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
    identify_language: IdentifyLanguage | None = None,
    compare_texts: CompareTexts | None = None,
    count_tokens: CountTokens | None = None,
    tally: Tally | None = None,
    audit: Audit | None = None,
) -> Rephrased:
    """New documents and derivations for these documents.

    Columns in: DOCUMENTS. A planned passage without an answer is not_attempted with reason "no answer". Languages
    are compared where `identify_language` (texts to (language, probability) pairs) is given, and too short
    documents found where `count_tokens` is; passages are compared with their rephrasings by `compare_texts` (texts
    and other texts to cosines). Counts go to `tally`, and what the rules find of corrupted pairs to `audit`. Ids:
    `derived_id(parent, method, passage, sample)`; method FAMILY.STYLE as in wrap.medium, generation_depth of the
    parent + 1; source, shard, url, date, lang and place in the input are the parent's; meta has passage,
    n_passages, sample, model, template (digest), hard_split, repairs. Never raises over what a model wrote.
    """
    rows = rows_of(plan, documents)
    parents = {row["id"]: row for row in documents.iter_rows(named=True)}
    templates = {style.name: template_of(style) for style in plan.options.styles}
    sources = [text_of(row, parents[row["parent_id"]]["text"]) for row in rows]
    checks = Checks(plan.options.acceptance, identify_language, compare_texts)
    candidates = _candidates(rows, sources, answers, parents, templates)
    judged = iter(judge_all([each for each in candidates if each is not None], checks))
    verdicts = [None if each is None else next(judged) for each in candidates]
    verdicts = [
        keep_pairs(verdict, row, templates, plan.options) for row, verdict in zip(rows, verdicts, strict=True)
    ]
    outcomes = [_outcome(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)]
    outcomes = choose_samples(rows, sources, verdicts, outcomes, plan.options)
    drafts, outcomes = draft_documents(rows, sources, verdicts, outcomes, templates, plan.options)
    drafts, outcomes = without_short(drafts, outcomes, rows, plan.options, count_tokens)
    new_documents = [new_document(draft, rows, parents, templates, plan.options) for draft in drafts]

    derivations = []
    for row, source, verdict, (outcome, reason) in zip(rows, sources, verdicts, outcomes, strict=True):
        answer = answers.get(_key(row)) if verdict is not None else None
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
            tally.count(outcome, reason)
            if verdict is not None and answer is not None:
                counted = verdict if outcome == ACCEPTED else Verdict(verdict.text, reason, verdict.repairs)
                tally.answered(row["style"], source, counted, row["tokens"], answer.output_tokens)
    if tally is not None:
        tally.sampled(count_problems(rows, verdicts, plan.options))
    if audit is not None:
        audit.add(_accepted_pairs(rows, candidates, verdicts, outcomes), checks)
    return Rephrased(model.frame(new_documents, model.DOCUMENTS), model.frame(derivations, model.DERIVATIONS))


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
        candidates.append(Candidate(written(answer), source, template, stopped, language))
    return candidates


def _accepted_pairs(
    rows: Sequence[dict[str, Any]],
    candidates: Sequence[Candidate | None],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
) -> list[AcceptedPair]:
    return [
        AcceptedPair(":".join(map(str, _key(row))), replace(candidate, generated=verdict.text))
        for row, candidate, verdict, (outcome, _) in zip(rows, candidates, verdicts, outcomes, strict=True)
        if candidate is not None and verdict is not None and outcome == ACCEPTED
    ]


def _outcome(row: dict[str, Any], verdict: Verdict | None) -> tuple[str, str | None]:
    if row["outcome"] is not None:
        return row["outcome"], row["reason"]
    if verdict is None:
        return NOT_ATTEMPTED, "no answer"
    return (ACCEPTED, None) if verdict.reason is None else (REJECTED, verdict.reason)
