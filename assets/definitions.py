"""The steps of a recipe as Dagster assets; every rule about data lives in the library.

Keys carry the recipe's name as prefix and the set of partitions is the recipe's own, so recipes live side by side. An
asset takes any range of partitions in one run and loops over them in this process: a run per shard would cost
seconds of Dagster's own time each.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of these functions as types.

import time
from typing import Any

import dagster as dg

from assets import describe
from assets.graph import steps
from assets.keys import asset_key, partitions
from assets.step import Built, Step, build
from gristmill import progress
from gristmill.errors import EngineError, GristmillError
from gristmill.hashing import digest_json
from gristmill.recipe import Recipe
from gristmill.report import funnel, funnel_plot
from gristmill.store import Registry, Shard, Store
from gristmill.store.garbage import lease
from resources.catalogue import write_catalogue
from resources.workshop import Workshop

LOG_SECONDS = 10.0  # how often long work writes a line into the run's log


def asset_definitions(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """One asset per step of the recipe."""
    return [_asset(step, recipe) for step in steps(recipe)]


def catalogue_definition(recipe: Recipe) -> dg.AssetsDefinition:
    """The DuckDB file with views over everything that is current; never cached, since it is about refs."""
    found = steps(recipe)
    read = {given.asset for step in found for given in step.inputs}
    last = [step.name for step in found if step.name not in read]  # after them, everything is there

    @dg.asset(
        key=asset_key(recipe, "catalogue"),
        deps=[asset_key(recipe, name) for name in last],
        description="A DuckDB file with a view per table of every asset, and the funnel.",
        group_name=f"{recipe.name}_corpus",
        kinds={"duckdb"},
        owners=list(recipe.owners),
        tags={"gristmill/recipe": recipe.name, "gristmill/stage": "corpus"},
        code_version="1",
    )
    def _catalogue(context: dg.AssetExecutionContext, workshop: Workshop) -> dg.MaterializeResult:
        store, names = workshop.store(), [step.name for step in found]
        path = write_catalogue(store, recipe.name, names)
        told = funnel(store, recipe.name, names)
        context.log.info(f"catalogue: {path.stat().st_size / 1e6:.1f} MB")
        shown = {
            "funnel": told.rows(),
            "drops": told.drops(),
            "llm": told.llm_costs(),
            "funnel_plot": funnel_plot(told),
        }
        metadata = {
            key: rendered
            for key, value in shown.items()
            if (rendered := describe.render(value, key)) is not None
        }
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path)), **metadata})

    return _catalogue


def _asset(step: Step, recipe: Recipe) -> dg.AssetsDefinition:
    # A block is made of earlier ones of the same asset, of which Dagster need not know.
    same = {given.asset for given in step.inputs} - {step.name}

    @dg.asset(
        key=asset_key(recipe, step.name),
        deps=[asset_key(recipe, name) for name in sorted(same)],
        partitions_def=partitions(recipe) if step.partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if step.partitioned else None,
        description=step.description,
        group_name=f"{recipe.name}_{step.group}",
        kinds=set(step.kinds),
        owners=list(recipe.owners),
        tags={"gristmill/recipe": recipe.name, "gristmill/stage": step.group},
        retry_policy=dg.RetryPolicy(max_retries=1) if "vllm" in step.kinds else None,
        code_version=f"{step.version}-{digest_json(_options(step, recipe))[:12]}",
    )
    def _materialize(context: dg.AssetExecutionContext, workshop: Workshop) -> dg.MaterializeResult:
        store, tools = workshop.store(), workshop.tools(recipe)
        shards = _shards(context, step, Registry(store, recipe.name))
        built: dict[str | None, Built] = {}
        with lease(store), progress.listening(_Log(context)):
            for shard in shards:
                try:
                    done = _build(step, recipe, store, shard, tools)
                except dg.Failure:
                    _record(context, built)
                    raise
                built[shard.key if shard else None] = done
                if not done.cached:
                    context.log.info(done.sentence())
                    if warning := done.manifest.figures.get("warning"):
                        context.log.warning(f"{done.sentence()}: {warning}")
        cached = {key for key, done in built.items() if done.cached}
        context.log.info(f"{step.name}: {len(built) - len(cached):,} made, {len(cached):,} cached")
        workshop.note_cached(recipe.name, step.name, cached)
        if len(built) == 1:
            (only,) = built.values()
            return dg.MaterializeResult(
                metadata=describe.metadata(only), data_version=dg.DataVersion(only.manifest.content)
            )
        for key, done in built.items():
            context.add_asset_metadata(describe.metadata(done), partition_key=key)
        return dg.MaterializeResult()

    return _materialize


def _record(context: dg.AssetExecutionContext, built: dict[str | None, Built]) -> None:
    """Tell Dagster of the partitions that were made before another one failed; the store has them already."""
    for key, done in built.items():
        metadata = describe.metadata(done)
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata))


def _build(step: Step, recipe: Recipe, store: Store, shard: Shard | None, tools: Any) -> Built:
    """Build, and tell Dagster whether trying again makes sense: only a failed engine or a broken machine does."""
    try:
        return build(step, recipe, store, shard, tools)
    except EngineError as error:
        raise dg.Failure(str(error), allow_retries=error.retryable) from error
    except GristmillError as error:
        raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt) as error:
        # Dagster would try again after an interrupt too, and the build could not be ended.
        raise dg.Failure(
            "interrupted; what was made until now is in the store", allow_retries=False
        ) from error


def _shards(context: dg.AssetExecutionContext, step: Step, registry: Registry) -> list[Shard | None]:
    if not step.partitioned:
        return [None]
    known = {shard.key: shard for shard in registry.shards()}
    return [known.get(key) or registry.shard(key) for key in context.partition_keys]


def _options(step: Step, recipe: Recipe) -> Any:
    return (
        {source: step.options(source) for source in recipe.sources}
        if step.partitioned
        else step.options(None)
    )


class _Log:
    """Writes a line about the running task into the run's log every few seconds."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self._last = time.monotonic()

    def __call__(self, task: progress.Task) -> None:
        if not task.finished and time.monotonic() - self._last >= LOG_SECONDS:
            self._last = time.monotonic()
            self._context.log.info(task.sentence())
