"""Step `refined`: documents edited by small programs that a language model writes (ProX)."""

from __future__ import annotations

from functools import partial
from typing import Any

from assets import refiner
from assets.step import Input, Step, Work, options_for
from gristmill.documents import DECISIONS, DOCUMENTS, empty
from gristmill.llm import LanguageModel
from gristmill.llm.requests import Answer
from gristmill.progress import expect
from gristmill.recipe import Recipe
from gristmill.refine import (
    PROGRAMS,
    VERSION,
    Key,
    Plan,
    RefineOptions,
    Tally,
    plan_chunks,
    planned_requests,
    prompts_digest,
    refine_documents,
)
from gristmill.refine.refiner_options import REFINER, RefinerOptions


def step(recipe: Recipe, upstream: str) -> Step:
    """The step; `upstream` is the asset whose documents are refined."""
    options = recipe.refine
    assert options is not None
    trained = recipe.refiner if options.model == REFINER else None
    return Step(
        name="refined",
        run=partial(_refine, upstream=upstream, options=options, trained=trained),
        version=VERSION,
        description="Documents without the lines and texts that a language model's programs remove (ProX); every "
        "program is kept, so that the edit can be replayed and undone.",
        group="rewrite",
        options=lambda source: _identify(options, source),
        inputs=(Input(upstream), *([refiner.adapter()] if trained else [])),
        models=(trained.base if trained else options.model,),
        kinds=frozenset({"parquet", "polars", "vllm"}),
        checked="decisions",
    )


def _identify(options: RefineOptions, source: str | None) -> dict[str, Any]:
    """The part of the options that this stage reads: all but those of the document stage."""
    chosen = options_for(options, source, prompts=prompts_digest(options))
    return {name: value for name, value in chosen.items() if name not in ("document", "chunks")}


def _refine(
    work: Work, *, upstream: str, options: RefineOptions, trained: RefinerOptions | None
) -> dict[str, Any]:
    model = refiner.use(work, trained) if trained else work.tools.llm(options.model)
    plan = plan_chunks(
        work.batches(upstream, columns=["id", "text", "source", "lang"]),
        options,
        count_tokens=model.count_tokens,
        count_prompt_tokens=model.count_prompt_tokens,
    )
    planned = plan.figures()
    expect(planned["requests"], "requests")
    answers = _ask(work, model, upstream, plan)
    tally = Tally()
    # So that a shard without documents has its tables too.
    work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS), programs=empty(PROGRAMS))
    for batch in work.batches(upstream):
        work.emit(**refine_documents(plan, batch, answers, tally=tally)._asdict())
    return {**tally.figures(), "left_by_budget": planned["left_by_budget"], "sample": tally.samples()}


def _ask(work: Work, model: LanguageModel, upstream: str, plan: Plan) -> dict[Key, Answer]:
    """The answers to all requests of the shard; requests are made while the engine answers earlier ones."""
    batches = work.batches(upstream, columns=["id", "text"])
    return dict(
        model.answer((one.key, one.request) for batch in batches for one in planned_requests(plan, batch))
    )
