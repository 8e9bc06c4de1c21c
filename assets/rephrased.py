"""Step `rephrased`: new documents, made from passages by a language model (WRAP)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from assets.step import Input, Step, Work, options_for
from gristmill.errors import StageError
from gristmill.filter import identify_languages
from gristmill.hashing import random_u64
from gristmill.llm.requests import Answer
from gristmill.progress import expect
from gristmill.recipe import Recipe
from gristmill.rephrase import (
    VERSION,
    Plan,
    Rephrased,
    RephraseOptions,
    Tally,
    accept_passages,
    plan_passages,
    planned_requests,
    prompts_digest,
)

LANGUAGE_MODEL = "lid.176"
SAMPLE_ROWS = 6
SAMPLE_CHARS = 300

Key = tuple[str, int, int]  # parent id, passage, sample


def step(recipe: Recipe, upstream: str) -> Step:
    """The step; `upstream` is the asset whose documents are rephrased."""
    options = recipe.rephrase
    assert options is not None
    compares_languages = options.acceptance.min_language_score is not None
    return Step(
        name="rephrased",
        run=partial(_rephrase, upstream=upstream, options=options),
        version=VERSION,
        description="Passages rewritten in given styles by a language model; every planned one has a derivation "
        "that says what became of it.",
        group="rewrite",
        options=lambda source: options_for(options, source, prompts=prompts_digest(options)),
        inputs=(Input(upstream),),
        models=(options.model, *([LANGUAGE_MODEL] if compares_languages else [])),
        kinds=frozenset({"parquet", "polars", "vllm"}),
        checked="derivations",
    )


def _rephrase(work: Work, *, upstream: str, options: RephraseOptions) -> dict[str, Any]:
    model = work.tools.llm(options.model)
    plan = plan_passages(
        work.batches(upstream, columns=["id", "text", "source", "lang"]),
        options,
        count_tokens=model.count_tokens,
        count_prompt_tokens=model.count_prompt_tokens,
    )
    answers = _ask(work, upstream, plan, options)
    identify = _language_identifier(work, options)
    tally, samples, made = Tally(), _Samples(), 0
    for batch in work.batches(upstream):
        rephrased = accept_passages(plan, batch, answers, identify_language=identify, tally=tally)
        _check_agreement(rephrased, work)
        work.emit(**rephrased._asdict())
        samples.add(rephrased.derivations)
        made += rephrased.documents.height
    figures = tally.figures()
    if figures["passages"] != plan.passages.height:
        raise StageError(
            f"rephrased: {plan.passages.height} passages were planned, but {figures['passages']} have a derivation"
        )
    return {
        "rows_in": plan.documents,
        **figures,
        "styles": [{"style": name, **counts} for name, counts in figures["styles"].items()],
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers.values()),
        "output_tokens": sum(answer.output_tokens for answer in answers.values()),
        "funnel": _funnel(plan, figures, made),
        "sample": samples.rows(),
    }


def _ask(work: Work, upstream: str, plan: Plan, options: RephraseOptions) -> dict[Key, Answer]:
    """The answers to all requests of the shard, in one call, so that the engine is always full."""
    planned = [
        one
        for batch in work.batches(upstream, columns=["id", "text"])
        for one in planned_requests(plan, batch)
    ]
    keys = [one.key for one in planned]
    expect(len(keys), "requests")
    answers: dict[Key, Answer] = {}
    if keys:
        for index, answer in work.tools.llm(options.model).answer([one.request for one in planned]):
            answers[keys[index]] = answer
    return answers


def _language_identifier(
    work: Work, options: RephraseOptions
) -> Callable[[list[str]], list[tuple[str, float]]] | None:
    if options.acceptance.min_language_score is None:
        return None
    path = work.tools.path(LANGUAGE_MODEL)

    def identify(texts: list[str]) -> list[tuple[str, float]]:
        lang, score = identify_languages(pl.Series(texts, dtype=pl.String), path)
        return list(zip(lang.fill_null("").to_list(), score.fill_null(0.0).to_list(), strict=True))

    return identify


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
    return [
        {"what": "documents read", "count": plan.documents},
        {"what": "documents of the chosen sources and languages", "count": plan.documents - left_alone},
        {"what": "passages, once per sample", "count": figures["passages"]},
        {
            "what": "passages without code, tables and lists",
            "count": figures["passages"] - figures["passed_through"],
        },
        {"what": "rewritten by the model, within the budget", "count": sent},
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
            name = f"{row['parent_id']}:{row['passage']}:{row['sample']}"
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
