"""WRAP: documents rephrased passage by passage, as a plan and an acceptance with a language model in between.

Source: "Rephrasing the Web: A Recipe for Compute and Data-Efficient Language Modeling" (arXiv 2401.16380).
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
from typing import Any, NamedTuple

import polars as pl

from gristmill import documents as model
from gristmill.llm.requests import Answer
from gristmill.rephrase.acceptance import IdentifyLanguage, Verdict, judge, reject_other_languages
from gristmill.rephrase.figures import Tally
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.planning import ACCEPTED, NOT_ATTEMPTED, REJECTED, Key, Plan, rows_of
from gristmill.rephrase.styles import Template, template_of

Outcomes = list[tuple[str, str | None]]


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
    tally: Tally | None = None,
) -> Rephrased:
    """New documents and derivations for these documents.

    Columns in: DOCUMENTS. A planned passage without an answer is not_attempted with reason "no answer".
    Languages are compared where `identify_language` (texts to (language, probability) pairs) is given. Counts
    go to `tally`. Ids: `derived_id(parent, "wrap.STYLE", passage, sample)`; method wrap.STYLE,
    generation_depth of the parent + 1; source, shard, url, date, lang and place in the input are the
    parent's; meta has passage, n_passages, sample, model, template (digest), hard_split, repairs. Never
    raises over what a model wrote.
    """
    rows = rows_of(plan, documents)
    parents = {row["id"]: row for row in documents.iter_rows(named=True)}
    templates = {style.name: template_of(style) for style in plan.options.styles}
    sources = [parents[row["parent_id"]]["text"][row["start"] : row["end"]] for row in rows]
    generated = [_answer_text(answers.get(_key(row)) if row["outcome"] is None else None) for row in rows]
    verdicts = _judge_all(
        rows, sources, generated, answers, parents, templates, plan.options, identify_language
    )

    outcomes = [_outcome(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)]
    build = _whole_documents if plan.options.reassemble else _passage_documents
    new_documents, outcomes = build(rows, sources, verdicts, outcomes, parents, templates, plan.options)

    derivations = []
    for row, source, text, verdict, (outcome, reason) in zip(
        rows, sources, generated, verdicts, outcomes, strict=True
    ):
        answer = answers.get(_key(row)) if verdict is not None else None
        derivations.append(
            {
                "parent_id": row["parent_id"],
                "child_id": _child_id(row, plan.options),
                "passage": row["passage"],
                "style": row["style"],
                "sample": row["sample"],
                "outcome": outcome,
                "reason": reason,
                "text": text,
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
    return Rephrased(model.frame(new_documents, model.DOCUMENTS), model.frame(derivations, model.DERIVATIONS))


def _key(row: dict[str, Any]) -> Key:
    return (row["parent_id"], row["passage"], row["sample"])


def _answer_text(answer: Answer | None) -> str | None:
    """What the model wrote, as text that can be stored: half surrogate pairs become question marks."""
    return None if answer is None else answer.text.encode("utf-8", "replace").decode("utf-8")


def _judge_all(
    rows: Sequence[dict[str, Any]],
    sources: Sequence[str],
    generated: Sequence[str | None],
    answers: Mapping[Key, Answer],
    parents: Mapping[str, dict[str, Any]],
    templates: Mapping[str, Template],
    options: RephraseOptions,
    identify_language: IdentifyLanguage | None,
) -> list[Verdict | None]:
    """A verdict per row; None where the model was not asked or did not answer."""
    verdicts: list[Verdict | None] = [None] * len(rows)
    answered = []
    for index, (row, source, text) in enumerate(zip(rows, sources, generated, strict=True)):
        if text is not None:
            finish_reason = answers[_key(row)].finish_reason
            verdicts[index] = judge(
                text, source, templates[row["style"]], finish_reason=finish_reason, options=options.acceptance
            )
            answered.append(index)
    min_score = options.acceptance.min_language_score
    if identify_language is not None and min_score is not None:
        checked = reject_other_languages(
            [verdict for verdict in verdicts if verdict is not None],
            [sources[index] for index in answered],
            [parents[rows[index]["parent_id"]]["lang"] for index in answered],
            identify_language,
            min_score=min_score,
        )
        for index, verdict in zip(answered, checked, strict=True):
            verdicts[index] = verdict
    return verdicts


def _outcome(row: dict[str, Any], verdict: Verdict | None) -> tuple[str, str | None]:
    if row["outcome"] is not None:
        return row["outcome"], row["reason"]
    if verdict is None:
        return NOT_ATTEMPTED, "no answer"
    return (ACCEPTED, None) if verdict.reason is None else (REJECTED, verdict.reason)


def _child_id(row: dict[str, Any], options: RephraseOptions) -> str | None:
    """Id of the new document, made or not; null for what is passed through."""
    if row["style"] is None:
        return None
    method = f"wrap.{row['style']}"
    if options.reassemble:
        return model.derived_id(row["parent_id"], f"{method}.whole", 0, row["sample"])
    return model.derived_id(row["parent_id"], method, row["passage"], row["sample"])


def _passage_documents(
    rows: Sequence[dict[str, Any]],
    sources: Sequence[str],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
    parents: Mapping[str, dict[str, Any]],
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> tuple[list[dict[str, Any]], Outcomes]:
    """A document per accepted passage."""
    made = []
    for row, verdict, (outcome, _) in zip(rows, verdicts, outcomes, strict=True):
        if verdict is not None and outcome == ACCEPTED:
            meta = {
                "passage": row["passage"],
                "hard_split": row["hard_split"] or None,
                "repairs": list(verdict.repairs) or None,
            }
            made.append(_new_document(row, verdict.text, meta, parents, templates, options))
    return made, outcomes


def _whole_documents(
    rows: Sequence[dict[str, Any]],
    sources: Sequence[str],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
    parents: Mapping[str, dict[str, Any]],
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> tuple[list[dict[str, Any]], Outcomes]:
    """A document per parent and sample with an accepted passage, the passages joined by blank lines."""
    final = list(outcomes)
    made = []
    members: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        members.setdefault(row["parent_id"], []).append(index)
    for indices in members.values():
        for sample in range(options.samples):
            of_sample = [i for i in indices if rows[i]["sample"] == sample or rows[i]["style"] is None]
            accepted = [i for i in of_sample if outcomes[i][0] == ACCEPTED]
            missing = [i for i in of_sample if outcomes[i][0] in (REJECTED, NOT_ATTEMPTED)]
            if accepted and missing and options.on_missing == "drop":
                for i in accepted:
                    final[i] = (REJECTED, "document_incomplete")
            elif accepted:
                kept = set(accepted)
                texts = [
                    v.text if i in kept and (v := verdicts[i]) is not None else sources[i] for i in of_sample
                ]
                meta = {"original_passages": [rows[i]["passage"] for i in missing] or None}
                first = rows[accepted[0]]
                made.append(_new_document(first, "\n\n".join(texts), meta, parents, templates, options))
    return made, final


def _new_document(
    row: dict[str, Any],
    text: str,
    meta: dict[str, Any],
    parents: Mapping[str, dict[str, Any]],
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> dict[str, Any]:
    parent = parents[row["parent_id"]]
    facts = {
        "n_passages": row["n_passages"],
        "sample": row["sample"],
        "model": options.model,
        "template": templates[row["style"]].digest,
    }
    return {
        **parent,
        "id": _child_id(row, options),
        "text": text,
        "parent_id": parent["id"],
        "method": f"wrap.{row['style']}",
        "generation_depth": (parent["generation_depth"] or 0) + 1,
        "meta": model.to_meta(facts | meta),
    }
