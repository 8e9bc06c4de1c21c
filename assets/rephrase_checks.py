"""What the step `rephrased` needs for its checks, and what it shows of them: models, samples, audit, recursion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from assets.step import Work
from gristmill.filter import identify_languages
from gristmill.llm.requests import LENGTH, Answer
from gristmill.plots import Curve, draw_curves
from gristmill.rephrase import Key, Plan, Planned, RephraseOptions, planned_requests
from gristmill.rephrase.acceptance import Checks
from gristmill.rephrase.choice import cut_off, due
from gristmill.rephrase.recursion import recursion_figures
from gristmill.rephrase.sampling import CoverageFit
from gristmill.rephrase.styles import template_of
from gristmill.workers import Workers

LANGUAGE_MODEL = "lid.176"
_CURVE_POINTS = 100


def models_of_checks(options: RephraseOptions) -> list[str]:
    """Names of the models that the rules of acceptance need."""
    rules = options.acceptance
    return [
        *([LANGUAGE_MODEL] if rules.min_language_score is not None else []),
        *([rules.similarity_model] if rules.min_similarity is not None else []),
    ]


def make_checks(work: Work, options: RephraseOptions, workers: Workers) -> Checks:
    """The rules with their models; what no rule needs is not loaded."""
    rules = options.acceptance
    return Checks(
        rules,
        identify_language=_Languages(work) if rules.min_language_score is not None else None,
        compare_texts=_Similarity(work, rules.similarity_model) if rules.min_similarity is not None else None,
        workers=workers,
    )


def requests_of_round(
    work: Work,
    upstream: str,
    plan: Plan,
    answers: dict[Key, Answer],
    checks: Checks,
    number: int,
) -> Iterator[Planned]:
    """The requests of one round of sampling, batch by batch."""
    templates = {style.name: template_of(style) for style in plan.options.styles}
    for batch in work.batches(upstream, columns=["id", "text", "lang"]):
        languages = dict(zip(batch["id"], batch["lang"], strict=True))
        planned = planned_requests(plan, batch)
        yield from due(planned, answers, languages, templates, plan.options, checks, number=number)


def requests_again(work: Work, upstream: str, plan: Plan, answers: dict[Key, Answer]) -> Iterator[Planned]:
    """Second requests for those of a round's answers that broke off, where the recipe wants them."""
    if plan.options.retry_cut_off and any(answer.finish_reason == LENGTH for answer in answers.values()):
        for batch in work.batches(upstream, columns=["id", "text"]):
            yield from cut_off(planned_requests(plan, batch), answers)


def show_sampling(sampling: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Tables and a plot of repeated sampling by style; nothing where there was none."""
    if not sampling:
        return {}
    curves = [_curve(style, found) for style, found in sampling.items()]
    return {
        "pass_at_k": [
            {"style": style, **row} for style, found in sampling.items() for row in found["pass_at_k"]
        ],
        "sampling": [
            {
                "style": style,
                "passages": found["passages"],
                "samples": found["samples"],
                **(found["fit"] or {"a": None, "b": None, "max_residual": None}),
                "advised_samples": found["advised_samples"],
            }
            for style, found in sampling.items()
        ],
        "pass_at_k_plot": draw_curves(curves[:3]),
    }


class Recursion:
    """Characters of the documents read and made, by generation depth."""

    def __init__(self) -> None:
        self._sizes: Counter[int] = Counter()

    def add(self, documents: pl.DataFrame) -> None:
        """Count a batch of documents."""
        sizes = documents.group_by(pl.col("generation_depth").fill_null(0)).agg(
            pl.col("text").str.len_chars().sum()
        )
        self._sizes.update(dict(sizes.iter_rows()))

    def figures(self, options: RephraseOptions) -> dict[str, Any]:
        """As `recursion_figures`, with its warning apart."""
        candidates = 1 if options.take == "all" else options.samples
        found = recursion_figures(dict(self._sizes), candidates=candidates)
        return {"warning": found.pop("warning"), "recursion": found}


class _Languages:
    def __init__(self, work: Work) -> None:
        self._path = work.tools.path(LANGUAGE_MODEL)

    def __call__(self, texts: list[str]) -> list[tuple[str, float]]:
        lang, score = identify_languages(pl.Series(texts, dtype=pl.String), self._path)
        return list(zip(lang.fill_null("").to_list(), score.fill_null(0.0).to_list(), strict=True))


class _Similarity:
    """Cosines of texts; the model is loaded when there is something to compare."""

    def __init__(self, work: Work, model: str) -> None:
        self._work, self._model = work, model

    def __call__(self, texts: list[str], others: list[str]) -> list[float]:
        place = {text: number for number, text in enumerate(dict.fromkeys([*texts, *others]))}
        vectors = self._work.tools.embedder(self._model).embed(list(place)).vectors
        first, second = (vectors[[place[text] for text in each]] for each in (texts, others))
        cosines: Sequence[float] = np.einsum("ij,ij->i", first, second).tolist()
        return list(cosines)


def _curve(style: str, found: dict[str, Any]) -> Curve:
    """Coverage by k as dots, k on an axis from 0 to 1 as a share of the samples, and the fitted curve."""
    most = found["samples"]
    points = [(row["k"] / most, row["coverage"]) for row in found["pass_at_k"]]
    x = np.linspace(1 / most, 1, _CURVE_POINTS)
    if found["fit"] is None:
        y = np.interp(x, *np.array(points).T)
    else:
        fit = CoverageFit(found["fit"]["a"], found["fit"]["b"], most, found["fit"]["max_residual"])
        y = np.array([fit.predict(share * most) for share in x])
    return Curve(f"pass@k, {style}", x, y, points=points, x_label=f"k / {most}")
