"""Step `document_kept`: documents that a language model finds worth keeping (the document stage of ProX)."""

from __future__ import annotations

from functools import partial
from typing import Any

from assets.step import Input, Step, Work, options_for
from gristmill.documents import DECISIONS, DOCUMENTS, empty
from gristmill.llm.requests import Answer
from gristmill.plots import draw_histograms
from gristmill.progress import expect
from gristmill.recipe import Recipe
from gristmill.refine import (
    DOCUMENT_VERSION,
    JUDGEMENTS,
    DocumentPlan,
    DocumentTally,
    RefineOptions,
    document_prompt_digest,
    document_requests,
    judge_documents,
    plan_documents,
)

NAME = "document_kept"


def step(recipe: Recipe, upstream: str) -> Step:
    """The step; `upstream` is the asset whose documents are judged."""
    options = recipe.refine
    assert options is not None
    return Step(
        name=NAME,
        run=partial(_keep, upstream=upstream, options=options),
        version=DOCUMENT_VERSION,
        description="Documents that a language model finds worth keeping (ProX, document stage); its word and the "
        "probability behind it are kept for every document, so that the bound can be moved without asking again.",
        group="rewrite",
        options=lambda source: _identify(options, source),
        inputs=(Input(upstream),),
        models=(_model(options),),
        kinds=frozenset({"parquet", "polars", "vllm"}),
        checked="decisions",
    )


def _identify(options: RefineOptions, source: str | None) -> dict[str, Any]:
    """The part of the options that this stage reads."""
    assert options.document is not None
    chosen = options_for(options, source, prompts=document_prompt_digest(options.document))
    return {name: chosen[name] for name in ("document", "languages", "included", "prompts")}


def _model(options: RefineOptions) -> str:
    assert options.document is not None
    return options.document.model or options.model


def _keep(work: Work, *, upstream: str, options: RefineOptions) -> dict[str, Any]:
    assert options.document is not None
    name = _model(options)
    plan = plan_documents(
        work.batches(upstream, columns=["id", "text", "source", "lang"]),
        options,
        tokenizer=work.tools.tokenizer(name),
        count_prompt_tokens=work.tools.llm(name).count_prompt_tokens,
    )
    planned = plan.figures()
    expect(planned["requests"], "requests")
    answers = _ask(work, upstream, plan, name)
    tally = DocumentTally(options.document.min_keep_probability)
    # So that a shard without documents has its tables too.
    work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS), judgements=empty(JUDGEMENTS))
    for batch in work.batches(upstream):
        judged = judge_documents(plan, batch, answers)
        work.emit(**judged._asdict())
        tally.count(batch, judged)
    figures = {**tally.figures(), "left_by_budget": planned["left_by_budget"], "sample": tally.samples()}
    histogram = tally.histogram()
    return figures | ({"probabilities_plot": draw_histograms([histogram])} if histogram else {})


def _ask(work: Work, upstream: str, plan: DocumentPlan, name: str) -> dict[str, Answer]:
    """The answers to all requests of the shard, by document; made while the engine answers earlier ones."""
    tokenizer = work.tools.tokenizer(name)
    batches = work.batches(upstream, columns=["id", "text"])
    return dict(
        work.tools.llm(name).answer(
            one for batch in batches for one in document_requests(plan, batch, tokenizer=tokenizer)
        )
    )
