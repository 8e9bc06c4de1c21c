"""Step `rephrased`: new documents, made from passages by a language model (WRAP, Nemotron-CC, structured formats)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from assets.fact_check import AT_GATE, check_facts, checker_of, options_read
from assets.rephrase_checks import (
    Recursion,
    make_checks,
    models_of_checks,
    requests_again,
    requests_of_round,
    show_sampling,
)
from assets.step import Input, Step, Work, options_for
from gristmill.documents import DOCUMENTS
from gristmill.errors import StageError
from gristmill.hashing import random_u64
from gristmill.llm.requests import Answer
from gristmill.progress import expect
from gristmill.recipe import Recipe
from gristmill.rephrase import (
    VERSION,
    Audit,
    Checks,
    Key,
    Plan,
    Rephrased,
    RephraseOptions,
    Tally,
    accept_passages,
    columns_read,
    plan_passages,
    prompts_digest,
    rounds,
)
from gristmill.workers import Workers

SAMPLE_ROWS = 6
SAMPLE_CHARS = 300

FILTERED = "filtered"  # whose measures a style's condition may read


def step(recipe: Recipe, upstream: str) -> Step:
    """The step; `upstream` is the asset whose documents are rephrased."""
    options = recipe.rephrase
    assert options is not None
    return Step(
        name="rephrased",
        run=partial(_rephrase, upstream=upstream, options=options),
        version=VERSION,
        description="Passages rewritten in given styles by a language model; every planned one has a derivation "
        "that says what became of it.",
        group="rewrite",
        options=lambda source: options_read(
            options, options_for(options, source, prompts=prompts_digest(options))
        ),
        inputs=_inputs(upstream, options),
        models=_models(options),
        kinds=frozenset({"parquet", "polars", "vllm"}),
        checked="derivations",
    )


def _models(options: RephraseOptions) -> tuple[str, ...]:
    checker = checker_of(options)
    return tuple(
        dict.fromkeys(
            (options.model, *models_of_checks(options), *([checker] if checker is not None else []))
        )
    )


def _inputs(upstream: str, options: RephraseOptions) -> tuple[Input, ...]:
    if not _measures_read(options):
        return (Input(upstream),)
    if upstream == FILTERED:
        return (Input(upstream, tables=("documents", "measures")),)
    return (Input(upstream), Input(FILTERED, tables=("measures",)))


def _measures_read(options: RephraseOptions) -> list[str]:
    """Measures of the filters that a style's condition reads."""
    return sorted(columns_read(options) - set(DOCUMENTS))


def _rephrase(work: Work, *, upstream: str, options: RephraseOptions) -> dict[str, Any]:
    with Workers() as workers:
        return _rephrase_with(make_checks(work, options, workers), work, upstream, options)


def _rephrase_with(checks: Checks, work: Work, upstream: str, options: RephraseOptions) -> dict[str, Any]:
    model = work.tools.llm(options.model)
    plan = plan_passages(
        _batches_to_plan(work, upstream, options),
        options,
        count_tokens=model.count_tokens,
        count_prompt_tokens=model.count_prompt_tokens,
    )
    answers = _ask(work, upstream, plan, checks)
    fact_checked = check_facts(work, upstream, plan, answers, checks)
    corrections = fact_checked.corrections
    audit, recursion = Audit(options.audit_share, options.seed), Recursion()
    tally, samples, made = Tally(), _Samples(), 0
    for batch in work.batches(upstream):
        rephrased = accept_passages(
            plan,
            batch,
            answers,
            checks=checks,
            count_tokens=model.count_tokens,
            tally=tally,
            audit=audit,
            corrections=corrections,
        )
        _check_agreement(rephrased, work)
        keys = rephrased.derivations.select("parent_id", "passage", "sample", "style").iter_rows()
        work.emit(**rephrased._asdict(), **fact_checked.tables(keys))
        samples.add(rephrased.derivations)
        recursion.add(batch)
        recursion.add(rephrased.documents)
        made += rephrased.documents.height
    figures = tally.figures()
    if figures["passages"] != plan.passages.height:
        raise StageError(
            f"rephrased: {plan.passages.height} passages were planned, but {figures['passages']} have a derivation"
        )
    return {
        "rows_in": plan.documents,
        "not_eligible": plan.not_eligible,
        **figures,
        "styles": [{"style": name, **counts} for name, counts in figures["styles"].items()],
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers.values()),
        "output_tokens": sum(answer.output_tokens for answer in answers.values()),
        "funnel": _funnel(plan, figures, made),
        "funnel_by_style": tally.funnel(),
        **({"anchored_pairs": anchoring} if (anchoring := tally.anchoring()) else {}),
        **show_sampling(tally.sampling()),
        "audit": audit.figures(),
        **fact_checked.figures(),
        **recursion.figures(options),
        "sample": samples.rows(),
    }


def _batches_to_plan(work: Work, upstream: str, options: RephraseOptions) -> Iterator[pl.DataFrame]:
    """Documents with the measures that conditions read; null where the filters of a source do not take them."""
    of_documents = sorted(columns_read(options) & set(DOCUMENTS) | {"id", "text", "source", "lang"})
    names = _measures_read(options)
    if not names:
        yield from work.batches(upstream, columns=of_documents)
        return
    table = work.scan(FILTERED, "measures")
    there = [name for name in names if name in table.collect_schema()]
    measures = table.select("id", *there).collect()  # a few numbers for each document of the shard
    missing = [pl.lit(None).alias(name) for name in names if name not in there]
    for batch in work.batches(upstream, columns=of_documents):
        yield batch.join(measures, on="id", how="left", maintain_order="left").with_columns(missing)


def _ask(work: Work, upstream: str, plan: Plan, checks: Checks) -> dict[Key, Answer]:
    """The answers to all requests of the shard; requests are made while the engine answers earlier ones."""
    expect(plan.figures()["requests"], "requests")
    model = work.tools.llm(plan.options.model)
    answers: dict[Key, Answer] = {}
    for number in rounds(plan.options):
        requests = requests_of_round(work, upstream, plan, answers, checks, number)
        new = dict(model.answer((one.key, one.request) for one in requests))
        again = requests_again(work, upstream, plan, new)
        answers |= new | dict(model.answer((one.key, one.request) for one in again))
    return answers


def _check_agreement(rephrased: Rephrased, work: Work) -> None:
    """Refuse documents without an accepted derivation, and the other way round."""
    accepted = rephrased.derivations.filter(pl.col("outcome") == "accepted")["child_id"].unique()
    made = rephrased.documents["id"]
    if made.n_unique() != made.len() or set(made) != set(accepted):
        where = f"rephrased {work.shard.key if work.shard else ''}".strip()
        raise StageError(
            f"{where}: {made.len()} documents with {made.n_unique()} ids came out, but the derivations accept "
            f"{accepted.len()} ({len(set(made) ^ set(accepted))} ids on one side only)"
        )


def _funnel(plan: Plan, figures: dict[str, Any], made: int) -> list[dict[str, Any]]:
    """From documents to new documents, one row per stage of the work."""
    left_alone = sum(plan.not_eligible.values())
    sent = figures["accepted"] + figures["rejected"]
    gate = plan.options.fact_check is not None and plan.options.fact_check.gate
    passed_rules = figures["accepted"] + sum(figures["reasons"].get(f"rejected: {why}", 0) for why in AT_GATE)
    return [
        {"what": "documents read", "count": plan.documents},
        {"what": "documents that a style wants", "count": plan.documents - left_alone},
        {"what": "passages, once per sample", "count": figures["passages"]},
        {
            "what": "passages to rewrite: no code, tables, lists, fragments",
            "count": figures["passages"] - figures["passed_through"],
        },
        {"what": "rewritten by the model, within the budget", "count": sent},
        *([{"what": "accepted by the rules, before the fact check", "count": passed_rules}] if gate else []),
        {"what": "accepted", "count": figures["accepted"]},
        {"what": "new documents", "count": made},
    ]


class _Samples:
    """A few derivations with a text, chosen by hash of their ids, however the shard is cut."""

    def __init__(self) -> None:
        self._chosen: list[tuple[int, dict[str, Any]]] = []

    def add(self, derivations: pl.DataFrame) -> None:
        written = derivations.filter(pl.col("text").is_not_null())
        for row in written.iter_rows(named=True):
            name = f"{row['parent_id']}:{row['passage']}:{row['sample']}:{row['style']}"
            self._chosen.append((random_u64(0, "rephrased.sample", name), row))
        self._chosen = sorted(self._chosen, key=lambda pair: pair[0])[:SAMPLE_ROWS]

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "style": row["style"],
                "outcome": row["outcome"] if row["reason"] is None else f"{row['outcome']}: {row['reason']}",
                "source_text": (row["source_text"] or "")[:SAMPLE_CHARS],
                "text": row["text"][:SAMPLE_CHARS],
                "parent_id": row["parent_id"],
            }
            for _, row in self._chosen
        ]
