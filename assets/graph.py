"""Which steps a recipe has, in the order in which they run. A stage that the recipe leaves out is not here.

    raw -> filtered -> signatures -> duplicates -> deduped
        -> unit_hashes -> dedup_tables/paragraphs -> paragraphs -> refined -> rephrased -> contamination
        -> models/quality, scores/quality -> tokens -> scored -> selected -> mixed

`natural` is the last stage so far that holds documents, `texts` what is scored and mixed: natural documents and
those made from them.
"""

from __future__ import annotations

from assets import (
    classifiers,
    contamination,
    dedup,
    filtered,
    mixed,
    paragraphs,
    quality,
    raw,
    refined,
    rephrased,
    scored,
    selected,
    tokens,
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
        found += dedup.steps(recipe, natural)
        natural = "deduped"
        if recipe.dedup.paragraphs is not None:
            found += paragraphs.steps(recipe, natural)
            natural = "paragraphs"
    original = natural  # what people wrote: the classifier is trained on it, whatever models change later
    if recipe.refine is not None:
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
