"""Best of k: which samples of a passage are asked for, and which of those that pass the rules is taken.

`take: first` draws the samples of a passage one round after the other, until one passes; of a pilot, a seeded share of
the passages, all are drawn, since only what was drawn in full says without bias how many it takes (sampling.py). The
rules are the verifier; their recall is measured by audit.py. Source: "Large Language Monkeys" (arXiv 2407.21787).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gristmill.hashing import uniform
from gristmill.llm.requests import LENGTH, Answer
from gristmill.rephrase.acceptance import Candidate, Checks, Verdict, judge_all
from gristmill.rephrase.nemotron_cc import COMPAT_MARGIN_TOKENS
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.planning import ACCEPTED, NOT_ATTEMPTED, PASSED_THROUGH, REJECTED, Key, Planned
from gristmill.rephrase.proportions import copied_share
from gristmill.rephrase.sampling import Problem
from gristmill.rephrase.styles import Template

NOT_CHOSEN = "not_chosen"  # why a sample is rejected that passed: another one was taken
NOT_NEEDED = "not_needed"  # why a sample is not attempted: one before passed

_STAGE = "rephrase.pilot"

Outcomes = list[tuple[str, str | None]]


def rounds(options: RephraseOptions) -> range:
    """The rounds of asking; one, unless samples are drawn until the first passes."""
    return range(options.samples if options.take == "first" else 1)


def due(
    planned: Sequence[Planned],
    answers: Mapping[Key, Answer],
    languages: Mapping[str, str | None],
    templates: Mapping[str, Template],
    options: RephraseOptions,
    checks: Checks,
    *,
    number: int,
) -> list[Planned]:
    """Of the planned requests of some documents, those of this round, in order.

    answers: of all rounds before; languages: of documents by id. Round 0 has all samples, or with `take: first` the
    first samples and the pilot; round n has sample n of passages whose sample n - 1 did not pass.
    """
    if options.take != "first":
        return list(planned)
    if number == 0:
        return [one for one in planned if one.sample == 0 or _is_pilot(one.key, options)]
    open_ones: list[Planned] = []
    before: list[Candidate] = []
    for one in planned:
        answer = answers.get((one.parent_id, one.passage, number - 1, one.style))
        if one.sample == number and answer is not None and not _is_pilot(one.key, options):
            open_ones.append(one)
            before.append(
                Candidate(
                    written(answer),
                    one.source_text,
                    templates[one.style],
                    finish_reason(answer, templates[one.style], one.request.max_tokens),
                    languages[one.parent_id],
                    one.programming_language,
                )
            )
    verdicts = judge_all(before, checks)
    return [one for one, verdict in zip(open_ones, verdicts, strict=True) if verdict.reason is not None]


def cut_off(planned: Sequence[Planned], answers: Mapping[Key, Answer]) -> list[Planned]:
    """Of the planned requests those whose answers, of this round, broke off at their limit, with twice the tokens."""
    return [
        replace(one, request=replace(one.request, max_tokens=2 * one.request.max_tokens))
        for one in planned
        if (answer := answers.get(one.key)) is not None and answer.finish_reason == LENGTH
    ]


def choose_samples(
    rows: Sequence[Mapping[str, Any]],
    sources: Sequence[str],
    verdicts: Sequence[Verdict | None],
    outcomes: Outcomes,
    options: RephraseOptions,
) -> Outcomes:
    """The outcomes, with one accepted sample per passage and style at most, unless all are taken.

    rows: of the plan, with the sources, verdicts and outcomes of each. A sample that passed and is not taken is
    rejected as not_chosen; one that was never asked for since another passed is not attempted as not_needed.
    """
    if options.take == "all":
        return outcomes
    chosen = list(outcomes)
    for members in _by_passage(rows).values():
        passing = [i for i in members if outcomes[i][0] == ACCEPTED]
        if not passing:
            continue
        taken = min(passing, key=lambda i: rows[i]["sample"])
        if options.take == "best":
            taken = max(passing, key=lambda i: (_score(verdicts[i], sources[i]), -rows[i]["sample"]))
        for i in members:
            if i != taken and outcomes[i][0] == ACCEPTED:
                chosen[i] = (REJECTED, NOT_CHOSEN)
            elif outcomes[i][0] == NOT_ATTEMPTED and verdicts[i] is None and outcomes[i][1] == "no answer":
                chosen[i] = (NOT_ATTEMPTED, NOT_NEEDED)
    return chosen


def rows_of_documents(
    members: Sequence[int], rows: Sequence[Mapping[str, Any]], outcomes: Outcomes, options: RephraseOptions
) -> list[list[int]]:
    """Of the rows of a document, those that each joined document is made of, in order.

    One document per sample; where one sample is taken of each passage, one document of these (of a passage of which
    none passed, the first). What is passed through is part of each.
    """
    if options.take == "all":
        return [
            [i for i in members if rows[i]["sample"] == sample or rows[i]["outcome"] == PASSED_THROUGH]
            for sample in range(options.samples)
        ]
    of_passages = _by_passage([rows[i] for i in members]).values()
    places = [[members[place] for place in of_passage] for of_passage in of_passages]
    return [[next((i for i in of if outcomes[i][0] == ACCEPTED), of[0]) for of in places]]


def count_problems(
    rows: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict | None], options: RephraseOptions
) -> Counter[tuple[str, Problem]]:
    """Passages whose samples were all drawn, by style and (samples, samples that passed)."""
    counted: Counter[tuple[str, Problem]] = Counter()
    for (parent_id, passage, style), members in _by_passage(rows).items():
        judged = [verdict for i in members if (verdict := verdicts[i]) is not None]
        if len(judged) < options.samples or style is None:
            continue
        if options.take == "first" and not _is_pilot((parent_id, passage, 0, style), options):
            continue
        counted[style, (len(judged), sum(verdict.reason is None for verdict in judged))] += 1
    return counted


def written(answer: Answer) -> str:
    """What the model wrote, as text that can be stored: half surrogate pairs become question marks."""
    return answer.text.encode("utf-8", "replace").decode("utf-8")


def finish_reason(answer: Answer, template: Template, max_output_tokens: int) -> str:
    """Why the model stopped; the reference code of Nemotron-CC guesses it from the number of tokens."""
    if template.compat:
        return "length" if answer.output_tokens > max_output_tokens - COMPAT_MARGIN_TOKENS else "stop"
    return answer.finish_reason


def _is_pilot(key: Key, options: RephraseOptions) -> bool:
    parent_id, passage, _, style = key
    return uniform(options.seed, _STAGE, f"{parent_id}:{passage}:{style}") < options.pilot_share


def _by_passage(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int, str | None], list[int]]:
    members: dict[tuple[str, int, str | None], list[int]] = {}
    for index, row in enumerate(rows):
        members.setdefault((row["parent_id"], row["passage"], row["style"]), []).append(index)
    return members


def _score(verdict: Verdict | None, source: str) -> float:
    """Numbers kept, similarity where it was measured, little copied."""
    assert verdict is not None  # it passed
    kept = 1.0 if verdict.number_recall is None else verdict.number_recall
    return kept + (verdict.similarity or 0.0) - copied_share(verdict.text, source)
