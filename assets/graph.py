"""Which steps a recipe has, in the order in which they run. A stage that the recipe leaves out is not here.

    raw -> filtered -> url_keys -> dedup_tables/urls -> unique_urls
        -> signatures -> duplicates -> deduped
        -> unit_hashes -> dedup_tables/paragraphs -> paragraphs
        -> substring_hashes -> dedup_tables/substring_stretches -> substring_windows
        -> dedup_tables/substrings -> substrings -> embeddings -> dedup_tables/semantic -> semantic
        -> document_kept
        -> refiner/labels, models/refiner, refiner/evaluation -> refined
        -> rephrased -> contamination
        -> models/quality, scores/quality, scores/NAME of raters -> tokens -> scored -> selected -> mixed

`natural` is the last stage so far that holds documents, `texts` what is scored and mixed: natural documents and
those made from them.
"""

from __future__ import annotations

from assets import (
    classifiers,
    contamination,
    dedup,
    document_kept,
    filtered,
    mixed,
    paragraphs,
    quality,
    raters,
    raw,
    refined,
    refiner,
    rephrased,
    scored,
    selected,
    semantic,
    substrings,
    tokens,
    url_duplicates,
)
from assets.step import Step
from gristmill.recipe import Recipe


def steps(recipe: Recipe) -> list[Step]:
    """The steps of a recipe; each comes after those it reads."""
    found = [raw.step(recipe)]
    natural = "raw"
    found += classifiers.steps(recipe)
    if recipe.filter is not None:
        found.append(filtered.step(recipe, natural))
        natural = "filtered"
    if recipe.dedup is not None:
        if recipe.dedup.urls is not None:
            found += url_duplicates.steps(recipe, natural)
            natural = "unique_urls"
        found += dedup.steps(recipe, natural)
        natural = "deduped"
        if recipe.dedup.paragraphs is not None:
            found += paragraphs.steps(recipe, natural)
            natural = "paragraphs"
        if recipe.dedup.substrings is not None:
            found += substrings.steps(recipe, natural)
            natural = "substrings"
        if recipe.dedup.semantic is not None:
            found += semantic.steps(recipe, natural)
            natural = "semantic"
    original = natural  # what people wrote: the classifier is trained on it, whatever models change later
    if recipe.refine is not None and recipe.refine.document is not None:
        found.append(document_kept.step(recipe, natural))
        natural = document_kept.NAME
    if recipe.refiner is not None:
        found += refiner.steps(recipe, natural)
    if recipe.refine is not None and recipe.refine.chunks:
        found.append(refined.step(recipe, natural))
        natural = "refined"
    texts: tuple[str, ...] = (natural,)
    if recipe.rephrase is not None:
        found.append(rephrased.step(recipe, natural))
        texts = (natural, "rephrased")
    if recipe.contamination is not None:
        found.append(contamination.step(recipe, texts))
        texts = ("contamination",)
    if recipe.quality is not None:
        found += quality.steps(recipe, original, texts)
    found += raters.steps(recipe, texts)
    if recipe.tokenizer is not None:
        found.append(tokens.step(recipe, [step.name for step in found]))
    if recipe.select is not None:
        found += [scored.step(recipe, texts), selected.step(recipe)]
    if recipe.mix is not None:
        found.append(mixed.step(recipe, texts))
    return found


def upstream(found: list[Step], name: str) -> set[str]:
    """Names of the step and of all that it reads, directly or not."""
    inputs = {step.name: {given.asset for given in step.inputs} for step in found}
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting += inputs[current]
    return reached
