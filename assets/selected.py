"""Asset `selected`: the token budget spent on the best documents of all shards."""

from __future__ import annotations

from typing import Any

from assets.step import Input, Step, Work
from gristmill import progress
from gristmill.recipe import Recipe
from gristmill.select import SELECTED_VERSION, select_documents


def step(recipe: Recipe) -> Step:
    """Decide on every scored document, over all shards."""
    assert recipe.select is not None
    options = recipe.select

    def run(work: Work) -> dict[str, Any]:
        progress.expect(work.rows("scored", "scores"))
        selected = select_documents(work.scan("scored", "scores").collect(), options)
        for rows in selected.decisions.iter_slices():
            work.emit(decisions=rows)
        for rows in selected.selection.iter_slices():
            work.emit(selection=rows)
        progress.advance(selected.decisions.height)
        return selected.figures

    return Step(
        name="selected",
        run=run,
        version=SELECTED_VERSION,
        description="Which documents the token budget is spent on, best first, over all shards.",
        group="corpus",
        options=lambda source: options.model_dump(mode="json"),
        inputs=(Input("scored", "all", ("scores",)),),
        partitioned=False,
    )
