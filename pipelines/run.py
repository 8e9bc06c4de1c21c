"""A build from the command line: the same job of the same definitions that the UI starts, in this process."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import dagster as dg

from assets.graph import steps, upstream
from assets.keys import asset_key
from gristmill.errors import GristmillError, RecipeError, suggest
from gristmill.recipe import Recipe
from gristmill.store import Store
from pipelines.definitions import definitions
from pipelines.jobs import job_name, range_tags, register_and_mirror
from resources.home import prepare_dagster_home, store_folder

_LOGGERS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class BuildError(GristmillError):
    """A step of the build failed; what was made before it is in the store."""


def selected_steps(recipe: Recipe, select: Sequence[str], shard: str | None) -> list[str]:
    """Names of the steps that a build runs: the selected ones with all that they read, in the order of the graph.

    For a single shard: without a selection, all steps that are made per shard. Raises RecipeError for an unknown name.
    """
    found = steps(recipe)
    names = [step.name for step in found]
    for name in select:
        if name not in names:
            raise RecipeError(
                f"recipe {recipe.path.name} has no asset {name!r}; it has: {', '.join(names)}.{suggest(name, names)}"
            )
    wanted = list(select) or [step.name for step in found if step.partitioned or shard is None]
    reached = set().union(*(upstream(found, name) for name in wanted))
    return [name for name in names if name in reached]


def build_corpus(recipe: Recipe, *, select: Sequence[str] = (), shard: str | None = None) -> None:
    """Register new files, then run the job over all shards, or over one.

    Raises InputError where a source's files are missing, BuildError where a step failed.
    """
    names = selected_steps(recipe, select, shard)
    everything = not select and shard is None
    prepare_dagster_home()
    with warnings.catch_warnings(), dg.DagsterInstance.get() as instance:
        warnings.simplefilter("ignore", dg.BetaWarning)
        keys = register_and_mirror(recipe, Store.open(store_folder()), instance)
        if shard is not None and shard not in keys:
            raise RecipeError(
                f"shard {shard!r} is not registered; registered: {', '.join(keys)}.{suggest(shard, keys)}"
            )
        job = definitions([recipe.path]).resolve_job_def(job_name(recipe))
        result = job.execute_in_process(
            instance=instance,
            run_config=_LOGGERS,
            tags=range_tags([shard] if shard else keys),
            asset_selection=None
            if everything
            else [asset_key(recipe, name) for name in [*names, "catalogue"]],
            raise_on_error=False,
        )
    if not result.success:
        raise BuildError(_failure(result))


def _failure(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed step or check said."""
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while (
                error is not None and error.cause is not None and "DagsterExecution" in (error.cls_name or "")
            ):
                error = error.cause
            message = error.message.strip() if error else "no message"
            return f"{event.step_key}: {message.removeprefix('dagster._core.definitions.events.Failure: ')}"
    return "the run failed without an event that says why; look at it in the UI: gristmill ui"
