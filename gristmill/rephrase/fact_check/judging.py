"""Verdicts on facts, questions and pairs.

A fact of the rephrasing is `supported` by the passage or `contradicted`: the passage says otherwise or does not say it.
A fact of the passage is `supported` where the rephrasing keeps it, else `lost`. A question is `agreed` where the answer
from the rephrasing alone equals the answer from passage and rephrasing, `contradicted` where they differ, `lost` where
the rephrasing does not have the answer. `unknown` counts for neither side: the passage itself is ambiguous, or the
checker's reply is no use.

What can be told without a model is not left to it: a fact with a number or name that its own text does not have is the
checker's invention (unknown); a fact of the rephrasing with a number or name that the passage does not have is
contradicted, whatever a checker says that was talked round by the passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gristmill.rephrase.fact_check.comparison import same_answer, same_statement
from gristmill.rephrase.fact_check.options import FactCheckOptions
from gristmill.rephrase.fact_check.replies import Facts, is_not_stated, is_unclear
from gristmill.rephrase.faithfulness import novel_items

SUPPORTED, AGREED, CONTRADICTED, LOST, UNKNOWN = "supported", "agreed", "contradicted", "lost", "unknown"
UNSUPPORTED_FACT, LOST_FACT, DISAGREEMENT = "unsupported_fact", "lost_fact", "disagreement"
FAULTS = (UNSUPPORTED_FACT, LOST_FACT, DISAGREEMENT)
SOURCE, TEXT = "source", "text"  # whose fact it is

_OF_REPLIES = {"yes": SUPPORTED, "unclear": UNKNOWN, None: UNKNOWN}


@dataclass(frozen=True)
class CheckedFact:
    """A fact with its verdict; `by`: match, rule or checker, null where the checker's reply is no use."""

    of: str
    fact: str
    verdict: str
    by: str | None


@dataclass(frozen=True)
class CheckedQuestion:
    """A question with both answers; null where the reply is no use."""

    question: str
    from_text: str | None
    from_both: str | None
    verdict: str


@dataclass(frozen=True)
class Verdict:
    """What a pair comes to: `supported`, `unknown`, or the first of the faults. Shares over nothing are null."""

    verdict: str
    precision: float | None
    recall: float | None
    agreement: float | None
    hallucinates: bool  # states what the passage does not, whatever else is lost


def invented_facts(facts: Facts, text: str) -> frozenset[int]:
    """Places of the listed facts with a number or name that the text does not have."""
    return frozenset(place for place, fact in enumerate(facts.facts) if _has_novel_items(fact, text))


def settle_without_model(
    facts: Facts, others: Sequence[str], other_text: str, invented: frozenset[int], *, of: str
) -> dict[int, CheckedFact]:
    """The facts of a text, by place, that need no checker: decided by rule, or matched by a fact of the other text.

    `invented` are places among the facts; `others` are the facts of the other text that are not invented.
    """
    settled: dict[int, CheckedFact] = {}
    for place, fact in enumerate(facts.facts):
        if place in invented:
            settled[place] = CheckedFact(of, fact, UNKNOWN, "rule")
        elif of == TEXT and _has_novel_items(fact, other_text):
            settled[place] = CheckedFact(of, fact, CONTRADICTED, "rule")
        elif any(same_statement(fact, other) for other in others):
            settled[place] = CheckedFact(of, fact, SUPPORTED, "match")
    return settled


def judge_facts(
    facts: Facts, settled: Mapping[int, CheckedFact], replies: Sequence[str | None], *, of: str
) -> list[CheckedFact]:
    """All facts of a text in order; `replies` are the checker's on those that were not settled."""
    left = iter(replies)
    against = CONTRADICTED if of == TEXT else LOST
    judged = []
    for place, fact in enumerate(facts.facts):
        if place in settled:
            judged.append(settled[place])
            continue
        reply = next(left, None)
        verdict = _OF_REPLIES.get(reply, against)
        judged.append(CheckedFact(of, fact, verdict, "checker" if reply is not None else None))
    return judged


def judge_questions(
    questions: Sequence[str], from_text: Sequence[str | None], from_both: Sequence[str | None]
) -> list[CheckedQuestion]:
    """The verdict on each question by its two answers."""
    return [
        CheckedQuestion(question, one, other, _compare(one, other))
        for question, one, other in zip(questions, from_text, from_both, strict=True)
    ]


def judge_pair(
    facts: Sequence[CheckedFact],
    questions: Sequence[CheckedQuestion],
    options: FactCheckOptions,
    *,
    condenses: bool,
) -> Verdict:
    """The verdict on a pair. A fault that was found counts also where something else is unknown."""
    precision = _share([fact.verdict for fact in facts if fact.of == TEXT], SUPPORTED, CONTRADICTED)
    recall = _share([fact.verdict for fact in facts if fact.of == SOURCE], SUPPORTED, LOST)
    answers = [question.verdict for question in questions]
    agreement = _share(answers, AGREED, CONTRADICTED)
    least = options.min_recall_condensed if condenses else options.min_recall
    unsupported = precision is not None and precision < options.min_precision
    disagrees = CONTRADICTED in answers
    unasked = options.questions > 0 and all(verdict == UNKNOWN for verdict in answers)
    if unsupported:
        verdict = UNSUPPORTED_FACT
    elif recall is not None and recall < least:
        verdict = LOST_FACT
    elif disagrees:
        verdict = DISAGREEMENT
    else:
        verdict = UNKNOWN if precision is None or recall is None or unasked else SUPPORTED
    return Verdict(verdict, precision, recall, agreement, unsupported or disagrees)


def faults_of(facts: Sequence[CheckedFact], questions: Sequence[CheckedQuestion]) -> list[str]:
    """One line for each fault, for the model that is to correct it."""
    lines = [f"The passage does not say: {f.fact}" for f in facts if f.verdict == CONTRADICTED]
    lines += [f"This fact of the passage is missing: {f.fact}" for f in facts if f.verdict == LOST]
    lines += [
        f'To the question "{q.question}" the passage answers "{q.from_both}", your text "{q.from_text}".'
        for q in questions
        if q.verdict == CONTRADICTED
    ]
    return lines


def _has_novel_items(fact: str, text: str) -> bool:
    novel = novel_items(fact, text)
    return bool(novel.numbers or novel.names)


def _compare(from_text: str | None, from_both: str | None) -> str:
    if from_text is None or from_both is None:
        return UNKNOWN
    if is_not_stated(from_both) or is_unclear(from_both) or is_unclear(from_text):
        return UNKNOWN
    if is_not_stated(from_text):
        return LOST
    return AGREED if same_answer(from_text, from_both) else CONTRADICTED


def _share(verdicts: Sequence[str], good: str, bad: str) -> float | None:
    told = verdicts.count(good) + verdicts.count(bad)
    return verdicts.count(good) / told if told else None
