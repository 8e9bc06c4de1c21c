"""Rephrasings compared with their passages fact by fact, by a language model.

The rules of acceptance find what is new in a rephrasing, and by the words around them many statements that changed;
they understand nothing. Here a model lists the key facts of passage and rephrasing, each without sight of the other;
facts that differ are put to it beside the other text; and questions about the passage's facts are answered from the
rephrasing alone and from both. Agreement is necessary, not sufficient. Idea: SIFT, "Grounding LLM Reasoning in
Contexts via Stickers" (arXiv 2502.14922). Verdicts are told in judging.py.

The check never speaks to an engine, and reads passages batch by batch; it holds what is between the phases:

    pairs = pairs_to_check(plan, batch, answers, draw)            # rephrase.py, for each batch
    checks = FactChecks(pairs, options, rules)
    for phase in checks.phases:
        requests = checks.requests(phase, rows_with_passages)     # for each batch; phase.asks says whom
        checks.take(tag, answer)                                  # for each answer
        checks.close(phase)
    corrections, table = checks.corrections(), checks.table(keys)

With `gate` and two passes, what was found unfaithful is written once more by the rephraser with the faults listed,
judged by the rules of acceptance, and checked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from gristmill import documents as model
from gristmill.hashing import random_u64
from gristmill.llm.requests import Answer, Request
from gristmill.rephrase.acceptance import Candidate, Checks, judge_all
from gristmill.rephrase.choice import finish_reason, written
from gristmill.rephrase.drafts import keep_pairs
from gristmill.rephrase.fact_check import prompts
from gristmill.rephrase.fact_check.judging import (
    FAULTS,
    SOURCE,
    SUPPORTED,
    TEXT,
    UNKNOWN,
    Verdict,
    faults_of,
    invented_facts,
    judge_facts,
    judge_pair,
    judge_questions,
    settle_without_model,
)
from gristmill.rephrase.fact_check.records import (
    BUDGET,
    FACT_CHECKS,
    NOT_ACCEPTED,
    NOT_CHECKED,
    Check,
    CheckedPair,
    Correction,
    Pair,
    Phase,
    Tag,
    row_of_check,
)
from gristmill.rephrase.fact_check.replies import (
    Facts,
    parse_answers,
    parse_facts,
    parse_questions,
    parse_verdicts,
)
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.planning import Key
from gristmill.rephrase.styles import Template, template_of

_MOST_REQUESTS = {"facts": 2, "comparison": 3, "answers": 2, "correction": 1}  # for one pair
_SEED_BITS = 31  # servers take seeds as signed integers


class FactChecks:
    """The checks of the pairs drawn from a shard. Any cut of the shard into batches gives the same."""

    def __init__(
        self, pairs: Sequence[Pair], options: RephraseOptions, rules: Checks, *, unpaid: Iterable[Pair] = ()
    ) -> None:
        """`rules` judge what is written again; `unpaid` pairs were drawn, but the budget does not admit them."""
        assert options.fact_check is not None
        self._options, self._fact_check, self._rules = options, options.fact_check, rules
        self._templates: dict[str, Template] = {style.name: template_of(style) for style in options.styles}
        self._open = {pair.key: CheckedPair(pair, [Check(pair.text)]) for pair in pairs}
        self._all = dict(self._open)
        for pair in unpaid:
            self._all[pair.key] = CheckedPair(pair, [Check(pair.text, note=BUDGET)])

    @property
    def phases(self) -> list[Phase]:
        """The rounds of requests, in order; all answers of one are taken before the next."""
        first = [Phase(name, 1) for name in ("facts", "comparison", "answers")]
        if not (self._fact_check.gate and self._fact_check.passes > 1):
            return first
        return [*first, Phase("correction", 1), *(Phase(phase.name, 2) for phase in first)]

    @property
    def pairs(self) -> list[CheckedPair]:
        """All pairs, checked or not, in the order in which they were given."""
        return list(self._all.values())

    def expected_requests(self, phase: Phase) -> int:
        """How many requests the phase has at most, for progress."""
        return _MOST_REQUESTS[phase.name] * sum(self._is_open(each, phase) for each in self._open.values())

    def requests(
        self, phase: Phase, rows: Iterable[tuple[Mapping[str, Any], str]]
    ) -> Iterator[tuple[Tag, Request]]:
        """The requests of a phase for these rows of the plan with their passages; rows that are not drawn have none."""
        for row, source in rows:
            pair = self._open.get((row["parent_id"], row["passage"], row["sample"], row["style"]))
            if pair is None or not self._is_open(pair, phase):
                continue
            for reply, request in self._ask(phase, pair, source):
                yield Tag(pair.pair.key, phase.check, reply), request

    def take(self, tag: Tag, answer: Answer) -> None:
        """Take an answer; order does not count."""
        pair = self._open[tag.key]
        if tag.reply == "correction":
            pair.correction = answer
        else:
            pair.checks[tag.check - 1].replies[tag.reply] = answer

    def close(self, phase: Phase) -> None:
        """End a phase whose answers are all taken; after the answers to the questions the verdicts are told."""
        if phase.name != "answers":
            return
        for pair in self._open.values():
            if len(pair.checks) == phase.check and pair.checks[-1].result is None:
                self._judge(pair, pair.checks[-1])

    def corrections(self) -> dict[Key, Correction]:
        """With `gate`: the pairs that are rejected, or taken with another text."""
        if not self._fact_check.gate:
            return {}
        found = {key: self._decide(pair) for key, pair in self._all.items()}
        return {key: correction for key, correction in found.items() if correction is not None}

    def table(self, keys: Iterable[Key]) -> pl.DataFrame:
        """FACT_CHECKS of these pairs, a row for each text that was checked; keys that were not drawn have none."""
        rows = [
            row_of_check(pair, number)
            for key in keys
            if (pair := self._all.get(key)) is not None
            for number in range(1, len(pair.checks) + 1)
        ]
        return model.frame(rows, FACT_CHECKS)

    def _is_open(self, pair: CheckedPair, phase: Phase) -> bool:
        if phase.name == "correction":
            return pair.checks[0].verdict in FAULTS
        if phase.check == 2:
            return pair.correction is not None
        return True

    def _ask(self, phase: Phase, pair: CheckedPair, source: str) -> list[tuple[str, Request]]:
        if phase.name == "correction":
            return [("correction", self._correct(pair, source))]
        if phase == ("facts", 2):
            self._take_correction(pair, source)
        if len(pair.checks) < phase.check or pair.checks[-1].result is not None:
            return []
        check = pair.checks[phase.check - 1]
        if phase.name == "facts":
            most = self._fact_check.max_facts
            return [
                ("source_facts", prompts.facts_request(source, max_facts=most)),
                ("text_facts", prompts.facts_request(check.text, max_facts=most)),
            ]
        return self._compare(check, source) if phase.name == "comparison" else self._question(check, source)

    def _compare(self, check: Check, source: str) -> list[tuple[str, Request]]:
        """The statements that the texts must support, and the questions."""
        texts = {SOURCE: source, TEXT: check.text}
        most = self._fact_check.max_facts
        check.facts = {
            of: parse_facts(answer, texts[of], max_facts=most)
            if (answer := check.replies.get(f"{of}_facts")) is not None
            else Facts(problem="no answer")
            for of in (SOURCE, TEXT)
        }
        problems = [
            f"facts of the {of}: {facts.problem}" for of, facts in check.facts.items() if facts.problem
        ]
        check.note = "; ".join(problems) or None
        invented = {of: invented_facts(facts, texts[of]) for of, facts in check.facts.items()}
        real = {
            of: [fact for place, fact in enumerate(facts.facts) if place not in invented[of]]
            for of, facts in check.facts.items()
        }
        asked = []
        for of, other in ((TEXT, SOURCE), (SOURCE, TEXT)):
            facts = check.facts[of]
            settled = settle_without_model(facts, real[other], texts[other], invented[of], of=of)
            check.settled[of] = settled
            left = [fact for place, fact in enumerate(facts.facts) if place not in settled]
            if left:
                asked.append((f"{of}_support", prompts.support_request(left, texts[other])))
        if real[SOURCE] and (count := self._fact_check.questions):
            topic = check.facts[SOURCE].topic
            asked.append(("questions", prompts.questions_request(real[SOURCE], topic, count=count)))
        return asked

    def _question(self, check: Check, source: str) -> list[tuple[str, Request]]:
        """The questions, to be answered from the rephrasing alone and from both."""
        reply = check.replies.get("questions")
        if reply is None:
            return []
        facts = "\n".join(check.facts[SOURCE].facts)
        check.questions = parse_questions(reply, facts, count=self._fact_check.questions)
        if not check.questions:
            check.note = check.note or "questions: none"
            return []
        return [
            ("from_text", prompts.answers_request(check.questions, check.text)),
            ("from_both", prompts.answers_request(check.questions, source, check.text)),
        ]

    def _judge(self, pair: CheckedPair, check: Check) -> None:
        for of in (TEXT, SOURCE):
            facts, settled = check.facts.get(of, Facts()), check.settled.get(of, {})
            reply = check.replies.get(f"{of}_support")
            asked = len(facts.facts) - len(settled)
            verdicts = parse_verdicts(reply, asked) if reply is not None else []
            check.checked_facts += judge_facts(facts, settled, verdicts, of=of)
        count = len(check.questions)
        replies = [check.replies.get(name) for name in ("from_text", "from_both")]
        from_text, from_both = (
            parse_answers(reply, count) if reply is not None else [None] * count for reply in replies
        )
        check.checked_questions = judge_questions(check.questions, from_text, from_both)
        template = self._templates[pair.pair.row["style"]]
        check.result = judge_pair(
            check.checked_facts,
            check.checked_questions,
            self._fact_check,
            condenses=template.condenses or template.format != "prose",
        )

    def _correct(self, pair: CheckedPair, source: str) -> Request:
        """The rephraser's own prompt, what it wrote, and the faults found in it."""
        row, check = pair.pair.row, pair.checks[0]
        style = next(style for style in self._options.styles if style.name == row["style"])
        temperature, top_p = style.sampling
        name = f"{row['parent_id']}:{row['passage']}:{row['style']}:{row['sample']}"
        faults = faults_of(check.checked_facts, check.checked_questions)
        template = self._templates[style.name]
        given = check.text if template.prefix is None else f"{template.prefix}\n{check.text}"
        return Request(
            (*template.messages(source), *prompts.correction_turns(given, faults)),
            max_tokens=row["max_output_tokens"],
            temperature=temperature,
            top_p=top_p,
            seed=random_u64(self._options.seed, "rephrase.correction", name) >> (64 - _SEED_BITS),
            sample=row["sample"],
        )

    def _take_correction(self, pair: CheckedPair, source: str) -> None:
        """Judge the second text by the rules of acceptance; one that breaks them is not checked."""
        answer, row = pair.correction, pair.pair.row
        assert answer is not None
        template = self._templates[row["style"]]
        stopped = finish_reason(answer, template, row["max_output_tokens"])
        candidate = Candidate(written(answer), source, template, stopped, pair.pair.language)
        (judged,) = judge_all([candidate], self._rules)
        kept = keep_pairs(judged, dict(row), self._templates, self._options)
        assert kept is not None
        pair.corrected = kept
        check = Check(kept.text)
        if kept.reason is not None:
            check.note = kept.reason
            check.result = Verdict(NOT_ACCEPTED, None, None, None, False)
        pair.checks.append(check)

    def _decide(self, pair: CheckedPair) -> Correction | None:
        """What becomes of a pair at the gate; None: it is taken as it is.

        A second text is taken only where it was checked and is supported.
        """
        first, last = pair.checks[0], pair.checks[-1]
        if first.verdict == SUPPORTED:
            return None
        if first.verdict == UNKNOWN:
            return Correction(NOT_CHECKED) if self._fact_check.on_unknown == "drop" else None
        if last is not first and last.verdict == SUPPORTED:
            return Correction(None, pair.correction, pair.corrected)
        return Correction(last.verdict if last.verdict in FAULTS else first.verdict)
