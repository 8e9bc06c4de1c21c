"""Everything that Dagster loads: for each recipe its assets, checks, job, schedule and sensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.checks import check_definitions
from assets.definitions import asset_definitions, catalogue_definition
from gristmill.errors import RecipeError
from gristmill.recipe import Recipe, load_recipe
from pipelines.automation import landing_sensor, nightly_schedule
from pipelines.jobs import build_job
from resources.catalogue import catalogue_resource
from resources.home import catalogue_file, recipe_files
from resources.workshop import Workshop


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of the recipes that GRISTMILL_RECIPES names (default: recipes/demo.yaml)."""
    return definitions(recipe_files())


def definitions(paths: Sequence[Path]) -> dg.Definitions:
    """Definitions of these recipes; raises RecipeError where one is wrong or two share a name."""
    recipes = [load_recipe(path) for path in paths]
    names = [recipe.name for recipe in recipes]
    if len(set(names)) != len(names):
        raise RecipeError(f"two recipes share a name; got {sorted(names)}, give each its own `name:`")
    return dg.Definitions.merge(
        *(_of(recipe) for recipe in recipes),
        # In this process: a step's own process would load the language model again.
        dg.Definitions(
            resources={"workshop": Workshop.at_home(), "catalogue": catalogue_resource(catalogue_file())},
            executor=dg.in_process_executor,
        ),
    )


def _of(recipe: Recipe) -> dg.Definitions:
    job = build_job(recipe)
    return dg.Definitions(
        assets=[*asset_definitions(recipe), catalogue_definition(recipe)],
        asset_checks=check_definitions(recipe),
        jobs=[job],
        schedules=[nightly_schedule(recipe, job)],
        sensors=[landing_sensor(recipe, job)],
    )
