"""The job `build_RECIPE`: all assets of a recipe, over a range of its shards, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.keys import partitions_name
from gristmill.recipe import Recipe
from gristmill.register import register_new_files
from gristmill.store import Registry, Store

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

Job = Any  # dagster's UnresolvedAssetJobDefinition is not exported


def job_name(recipe: Recipe) -> str:
    """`build_demo` for recipe `demo`."""
    return f"build_{recipe.name}"


def build_job(recipe: Recipe) -> Job:
    """The job that builds everything; what is in the store already is a cache hit."""
    return dg.define_asset_job(
        job_name(recipe),
        selection=dg.AssetSelection.key_prefixes(recipe.name),
        executor_def=dg.in_process_executor,
        description=f"Build the corpus of recipe {recipe.name!r}: every stage, every shard, selection, mixture.",
    )


def mirror_registry(recipe: Recipe, store: Store, instance: dg.DagsterInstance) -> list[str]:
    """Make Dagster's partitions equal to the registry, in its order; returns all keys."""
    name = partitions_name(recipe)
    wanted = [shard.key for shard in Registry(store, recipe.name).shards()]
    known = instance.get_dynamic_partitions(name)
    for key in set(known) - set(wanted):
        instance.delete_dynamic_partition(name, key)
    missing = [key for key in wanted if key not in known]
    if missing:
        instance.add_dynamic_partitions(name, missing)
    return wanted


def register_and_mirror(recipe: Recipe, store: Store, instance: dg.DagsterInstance) -> list[str]:
    """Register new files of the recipe's sources, then mirror; returns the keys of all shards."""
    register_new_files(recipe, store)
    return mirror_registry(recipe, store, instance)


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """Tags of a run over the shards from the first to the last key."""
    return {RANGE_START: keys[0], RANGE_END: keys[-1]} if keys else {}
