"""The fact check of the step `rephrased`: its rounds of requests, its table, and what the asset shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import polars as pl

from assets.step import Work
from gristmill.llm.requests import Answer
from gristmill.progress import expect
from gristmill.rephrase import Checks, Key, Plan, RephraseOptions
from gristmill.rephrase.fact_check import prompts
from gristmill.rephrase.fact_check.check import FactChecks
from gristmill.rephrase.fact_check.draw import Draw, admit_pairs
from gristmill.rephrase.fact_check.figures import fact_check_figures
from gristmill.rephrase.fact_check.judging import FAULTS
from gristmill.rephrase.fact_check.planted import plant_faults, planted_figures
from gristmill.rephrase.fact_check.records import NOT_CHECKED, Correction
from gristmill.rephrase.planning import rows_of, text_of
from gristmill.rephrase.rephrase import pairs_to_check

AT_GATE = (*FAULTS, NOT_CHECKED)  # why the gate rejects what the rules accept


def checker_of(options: RephraseOptions) -> str | None:
    """Name of the model that checks; None where nothing is checked."""
    return None if options.fact_check is None else options.fact_check.model or options.model


def options_read(options: RephraseOptions, read: dict[str, Any]) -> dict[str, Any]:
    """The options for the fingerprint, with the digest of the checker's prompts.

    Where nothing is checked they are what they were before there was a fact check, so what is paid for stays current.
    """
    if options.fact_check is None:
        return {key: value for key, value in read.items() if key != "fact_check"}
    return {**read, "fact_check_prompts": prompts.prompts_digest()}


class FactChecked:
    """What the fact check of a shard found; of nothing, where the recipe asks for none."""

    def __init__(self, checks: FactChecks | None, draw: Draw, audit: Sequence[dict[str, Any]] = ()) -> None:
        self._checks, self._draw, self._audit = checks, draw, audit

    @property
    def corrections(self) -> Mapping[Key, Correction]:
        """What the gate makes of accepted passages."""
        return {} if self._checks is None else self._checks.corrections()

    def tables(self, keys: Iterable[Key]) -> dict[str, pl.DataFrame]:
        """The table `fact_checks` for these derivations."""
        return {} if self._checks is None else {"fact_checks": self._checks.table(keys)}

    def figures(self) -> dict[str, Any]:
        """Rates by source and style, verdicts, why there is none, and which planted faults the checker found."""
        if self._checks is None:
            return {}
        found = fact_check_figures(self._checks.pairs, self._draw.drawn)
        return {**found, "fact_check_audit": list(self._audit)}


def check_facts(
    work: Work, upstream: str, plan: Plan, answers: Mapping[Key, Answer], rules: Checks
) -> FactChecked:
    """Draw accepted passages, ask the checker about them, and with `gate` the rephraser for better ones."""
    options, name = plan.options, checker_of(plan.options)
    if options.fact_check is None or name is None:
        return FactChecked(None, Draw(0))
    rephraser, checker = work.tools.llm(options.model), work.tools.llm(name)
    draw = Draw(options.fact_check.share, options.seed)
    drawn = [
        pair
        for batch in work.batches(upstream)
        for pair in pairs_to_check(
            plan,
            batch,
            answers,
            draw,
            checks=rules,
            count_tokens=rephraser.count_tokens,
        )
    ]
    paid, unpaid = admit_pairs(
        drawn,
        options.fact_check,
        seed=options.seed,
        count_tokens=checker.count_tokens,
        count_prompt_tokens=checker.count_prompt_tokens,
    )
    checks = FactChecks(paid, options, rules, unpaid=unpaid)
    _ask(work, upstream, plan, checks)
    rows = chain.from_iterable(_rows(work, upstream, plan))
    planted = plant_faults(checks.pairs, rows, options)
    measured = FactChecks([one.pair for one in planted], _without_gate(options), rules)
    _ask(work, upstream, plan, measured)
    return FactChecked(checks, draw, planted_figures(planted, measured.pairs))


def _without_gate(options: RephraseOptions) -> RephraseOptions:
    assert options.fact_check is not None
    return options.model_copy(update={"fact_check": options.fact_check.model_copy(update={"gate": False})})


def _ask(work: Work, upstream: str, plan: Plan, checks: FactChecks) -> None:
    """Ask all requests of a fact check, phase by phase; they are made while the engine answers earlier ones."""
    names = {"checker": checker_of(plan.options) or plan.options.model, "rephraser": plan.options.model}
    for phase in checks.phases:
        if not (most := checks.expected_requests(phase)):
            continue
        expect(most, "requests")
        model = work.tools.llm(names[phase.asks])
        requests = (one for rows in _rows(work, upstream, plan) for one in checks.requests(phase, rows))
        for tag, answer in model.answer(requests):
            checks.take(tag, answer)
        checks.close(phase)


def _rows(work: Work, upstream: str, plan: Plan) -> Iterator[list[tuple[Mapping[str, Any], str]]]:
    """The planned rows with their passages, batch by batch."""
    for batch in work.batches(upstream, columns=["id", "text"]):
        texts = dict(zip(batch["id"], batch["text"], strict=True))
        yield [(row, text_of(row, texts[row["parent_id"]])) for row in rows_of(plan, batch)]
