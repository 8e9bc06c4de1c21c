"""New documents made of accepted passages: one for each, or one of all passages of a document in a style.

Some styles keep only a few of the pairs that a model wrote; a document that is too short for its style is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gristmill import documents as model
from gristmill.rephrase.acceptance import Verdict
from gristmill.rephrase.anchors import span_facts
from gristmill.rephrase.choice import rows_of_documents
from gristmill.rephrase.code.facts import file_facts
from gristmill.rephrase.nemotron_cc import choose_pairs_of
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.passages import CountTokens
from gristmill.rephrase.planning import ACCEPTED, NOT_ATTEMPTED, PASSED_THROUGH, REJECTED, SHORT
from gristmill.rephrase.routing import reassembles
from gristmill.rephrase.style_options import StyleOptions
from gristmill.rephrase.styles import Template

Outcomes = list[tuple[str, str | None]]


class Draft(NamedTuple):
    """A new document before its last check: made of these rows, all accepted."""

    members: list[int]
    text: str
    meta: dict[str, Any]


def keep_pairs(
    verdict: Verdict | None,
    row: dict[str, Any],
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> Verdict | None:
    """The verdict with the pairs that are kept of an accepted answer, where its style keeps only some."""
    if verdict is None or verdict.reason is not None or not templates[row["style"]].draws_pairs:
        return verdict
    chosen = choose_pairs_of(
        verdict.text,
        compat=templates[row["style"]].compat,
        source_tokens=row["tokens"],
        seed=options.seed,
        key=f"{row['parent_id']}:{row['passage']}:{row['sample']}",
        options=_style(row, options).pairs,
    )
    return replace(verdict, text=chosen)


def draft_documents(
    rows: Sequence[dict[str, Any]],
    sources: Sequence[str],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> tuple[list[Draft], Outcomes]:
    """A draft per accepted passage; per document, style and sample where these are joined."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault((row["parent_id"], row["style"] if options.assign == "all" else None), []).append(
            index
        )
    final = list(outcomes)
    drafts: list[Draft] = []
    for members in groups.values():
        named = next((i for i in members if rows[i]["style"] is not None), members[0])
        if rows[named]["style"] is not None and reassembles(_style(rows[named], options), options):
            drafts += _joined(members, rows, sources, verdicts, final, templates, options)
            continue
        for i in members:
            verdict = verdicts[i]
            if verdict is not None and outcomes[i][0] == ACCEPTED:
                meta = {
                    "passage": rows[i]["passage"],
                    "hard_split": rows[i]["hard_split"] or None,
                    "repairs": list(verdict.repairs) or None,
                    **_places(verdict, rows[i]),
                }
                keeps_source = templates[rows[i]["style"]].keeps_source
                text = f"{sources[i]}\n\n{verdict.text}" if keeps_source else verdict.text
                drafts.append(Draft([i], text, meta))
    return drafts, final


def without_short(
    drafts: list[Draft],
    outcomes: Outcomes,
    rows: Sequence[dict[str, Any]],
    options: RephraseOptions,
    count_tokens: CountTokens | None,
) -> tuple[list[Draft], Outcomes]:
    """The drafts that have as many tokens as their style asks for; passages of the others are rejected as short."""
    least = [_style(rows[draft.members[0]], options).limit("min_result_tokens") for draft in drafts]
    if count_tokens is None or not any(least):
        return drafts, outcomes
    final = list(outcomes)
    kept = []
    for draft, tokens, bound in zip(drafts, count_tokens([d.text for d in drafts]), least, strict=True):
        if tokens >= bound:
            kept.append(draft)
            continue
        for i in draft.members:
            final[i] = (REJECTED, SHORT)
    return kept, final


def new_document(
    draft: Draft,
    rows: Sequence[dict[str, Any]],
    parents: Mapping[str, dict[str, Any]],
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> dict[str, Any]:
    """The row of a new document, of the schema DOCUMENTS."""
    row = rows[draft.members[0]]
    parent, template = parents[row["parent_id"]], templates[row["style"]]
    facts = {
        "n_passages": row["n_passages"],
        "sample": row["sample"],
        "model": options.model,
        "template": template.digest,
    }
    if template.is_code:
        temperature, top_p = _style(row, options).sampling
        facts |= {**file_facts(parent["meta"], draft.text), "temperature": temperature, "top_p": top_p}
    return {
        **parent,
        "id": child_id(row, templates, options),
        "text": draft.text,
        "parent_id": parent["id"],
        "method": template.method,
        "generation_depth": (parent["generation_depth"] or 0) + 1,
        "meta": model.to_meta(facts | draft.meta),
    }


def child_id(row: dict[str, Any], templates: Mapping[str, Template], options: RephraseOptions) -> str | None:
    """Id of the new document, made or not; null for what is passed through."""
    if row["outcome"] == PASSED_THROUGH:
        return None
    method = templates[row["style"]].method
    if reassembles(_style(row, options), options):
        sample = row["sample"] if options.take == "all" else 0  # passages may differ in which one was taken
        return model.derived_id(row["parent_id"], f"{method}.whole", 0, sample)
    return model.derived_id(row["parent_id"], method, row["passage"], row["sample"])


def _places(verdict: Verdict, row: dict[str, Any]) -> dict[str, Any]:
    """Where the passage proves the pairs, for the metadata; nothing for other styles."""
    return span_facts(verdict.anchored, passage_start=row["start"]) if verdict.anchored else {}


def _joined(
    members: Sequence[int],
    rows: Sequence[dict[str, Any]],
    sources: Sequence[str],
    verdicts: Sequence[Verdict | None],
    final: Outcomes,
    templates: Mapping[str, Template],
    options: RephraseOptions,
) -> list[Draft]:
    """A draft per sample with an accepted passage; outcomes in `final` change where a document is incomplete.

    Passages are joined by a blank line, in tasks of Nemotron-CC by a line break. What is passed through stands in its
    place, but for what the reference code leaves out.
    """
    drafts = []
    for of_sample in rows_of_documents(members, rows, final, options):
        accepted = [i for i in of_sample if final[i][0] == ACCEPTED]
        missing = [i for i in of_sample if final[i][0] in (REJECTED, NOT_ATTEMPTED)]
        if not accepted:
            continue
        template = templates[rows[accepted[0]]["style"]]
        if missing and options.on_missing == "drop" and not template.compat:
            for i in accepted:
                final[i] = (REJECTED, "document_incomplete")
            continue
        kept = set(accepted)
        shown = accepted if template.compat else of_sample
        texts = [v.text if i in kept and (v := verdicts[i]) is not None else sources[i] for i in shown]
        meta = {"original_passages": [rows[i]["passage"] for i in missing if i in set(shown)] or None}
        drafts.append(Draft(accepted, ("\n" if template.is_task else "\n\n").join(texts), meta))
    return drafts


def _style(row: dict[str, Any], options: RephraseOptions) -> StyleOptions:
    return next(style for style in options.styles if style.name == row["style"])
