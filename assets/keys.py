"""How a recipe's steps are called in Dagster."""

from __future__ import annotations

import dagster as dg

from gristmill.recipe import Recipe


def partitions(recipe: Recipe) -> dg.DynamicPartitionsDefinition:
    """The recipe's shards, as Dagster knows them: a mirror of the registry in the store."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(recipe))


def partitions_name(recipe: Recipe) -> str:
    """Name of the recipe's dynamic partitions."""
    return f"{recipe.name}_shards"


def asset_key(recipe: Recipe, step_name: str) -> dg.AssetKey:
    """`demo/scores/quality` for step `scores/quality` of recipe `demo`."""
    return dg.AssetKey([recipe.name, *step_name.split("/")])
