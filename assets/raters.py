"""Assets `scores/NAME`: documents scored by a language model, one asset for each rater of the recipe."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl

from assets.step import Input, Step, Work
from gristmill.file_options import dump_with_digests
from gristmill.plots import Histogram, draw_histograms
from gristmill.progress import expect
from gristmill.recipe import Recipe
from gristmill.score.raters import (
    VERSION,
    Plan,
    Rater,
    RaterOptions,
    Tally,
    make_rater,
    plan_ratings,
    planned_requests,
    rate_documents,
    ratings_schema,
    read_answer,
)


def asset_of(rater: str) -> str:
    """The asset of a rater."""
    return f"scores/{rater}"


def steps(recipe: Recipe, texts: tuple[str, ...]) -> list[Step]:
    """A step for each rater; it scores the documents of each asset in `texts`."""
    return [_step(recipe, name, options, texts) for name, options in recipe.raters.items()]


def _step(recipe: Recipe, name: str, options: RaterOptions, texts: tuple[str, ...]) -> Step:
    folder, key = recipe.path.parent, f"raters.{name}"

    def part_of_recipe(source: str | None) -> dict[str, Any]:
        """As gristmill's other stages with `sources`, of which only whether this one is among them counts here."""
        dumped = dump_with_digests(options, folder, key)
        chosen = dumped.pop("sources")
        included = chosen is None or source in chosen
        return {**dumped, "included": included, "rater": make_rater(options, folder, key).digest}

    return Step(
        name=asset_of(name),
        run=partial(_rate, options=options, texts=texts, key=key),
        version=VERSION,
        description="Scores that a language model gives each document, with its reply; documents that it did not rate "
        "have a row that says why.",
        group="score",
        options=part_of_recipe,
        inputs=tuple(Input(asset) for asset in texts),
        models=(options.model,),
        kinds=frozenset({"parquet", "polars", "vllm"}),
    )


def _rate(work: Work, *, options: RaterOptions, texts: tuple[str, ...], key: str) -> dict[str, Any]:
    rater = make_rater(options, work.recipe.path.parent, key)
    model, tokenizer = work.tools.llm(options.model), work.tools.tokenizer(options.model)
    batches = (
        batch for asset in texts for batch in work.batches(asset, columns=["id", "text", "source", "lang"])
    )
    plan = plan_ratings(
        batches,
        rater,
        tokenizer,
        count_prompt_tokens=model.count_prompt_tokens,
        max_model_len=model.identity.max_model_len,
    )
    expect(plan.requests, "requests")
    answers = _ask(work, plan, texts)
    tally = Tally(rater)
    work.emit(
        scores=pl.DataFrame(schema=ratings_schema(rater))
    )  # so that a shard without documents has its table too
    for asset in texts:
        for batch in work.batches(asset, columns=["id", "text"]):
            work.emit(scores=rate_documents(plan, batch, answers, asset=asset, tally=tally))
    figures = {"documents": plan.documents.height, **tally.figures()}
    return {**figures, "scores_plot": _plot(rater, tally)} if figures["rated"] else figures


def _ask(work: Work, plan: Plan, texts: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """What the answers say, by id; requests are made while the engine answers earlier ones."""
    name = plan.rater.options.model
    tokenizer = work.tools.tokenizer(name)
    requests = (
        (one.id, one.request)
        for asset in texts
        for batch in work.batches(asset, columns=["id", "text"])
        for one in planned_requests(plan, batch, tokenizer)
    )
    return {id_: read_answer(plan.rater, answer) for id_, answer in work.tools.llm(name).answer(requests)}


def _plot(rater: Rater, tally: Tally) -> str:
    """Documents by value of the main score; labels are numbered in their order."""
    counts = list(tally.histogram().values())
    (main,) = (score for score in rater.scores if score.name == rater.main)
    first = int(main.spellings[0]) if main.is_number else 1
    edges = np.arange(len(counts) + 1, dtype=np.float64) + first - 0.5
    histogram = Histogram(main.name, edges)
    histogram.counts = np.array(counts, dtype=np.int64)
    return draw_histograms([histogram])
