"""Blocking checks of every step that makes documents: schema, unique ids, conservation of rows.

They read the published output again. What a run found in the store was examined in the run that made it, and is not
read again: in a nightly build that is nearly everything. A run over several shards reports each of them by itself; if
one fails, Dagster stops what follows for all shards of that run.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of these functions as types.

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.graph import steps
from assets.keys import asset_key, partitions
from assets.step import Step, documents_in
from gristmill import documents as data
from gristmill.recipe import Recipe
from gristmill.store import Store
from resources.workshop import Workshop


def check_definitions(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """Three checks for every step that makes documents."""
    return [_checks(step, recipe) for step in steps(recipe) if step.checked]


def _checks(step: Step, recipe: Recipe) -> dg.AssetChecksDefinition:
    key = asset_key(recipe, step.name)
    told = {
        "schema": "Documents and what became of the inputs have the columns and types of the data model.",
        "unique_ids": "No id occurs twice.",
        "conservation": "Rows in = kept + dropped: every input has one decision, every kept one a document."
        if step.checked == "decisions"
        else "Every accepted derivation has a document, and every document an accepted derivation.",
    }
    specs = [
        dg.AssetCheckSpec(name, asset=key, blocking=True, description=text, partitions_def=partitions(recipe))
        for name, text in told.items()
    ]

    @dg.multi_asset_check(specs=specs, name=f"{'_'.join(key.path)}_checks")
    def _check(context: dg.AssetCheckExecutionContext, workshop: Workshop) -> Iterator[dg.AssetCheckResult]:
        store, keys = workshop.store(), context.partition_keys
        made = [shard for shard in keys if not workshop.was_cached(recipe.name, step.name, shard)]
        found = {shard: _examine(step, recipe, store, shard) for shard in made}
        for name in told:
            failed = {shard: faults[name] for shard, faults in found.items() if faults[name]}
            if len(keys) > 1:  # the result below has no partition then
                for shard in found:
                    evaluation = dg.AssetCheckEvaluation(
                        asset_key=key,
                        check_name=name,
                        passed=shard not in failed,
                        blocking=True,
                        partition=shard,
                        metadata={"fault": failed[shard]} if shard in failed else {},
                    )
                    context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type] # it takes them
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=name,
                passed=not failed,
                metadata={
                    "shards": len(keys),
                    "examined": len(found),
                    "failed": dg.MetadataValue.json(failed),
                },
            )

    return _check


def _examine(step: Step, recipe: Recipe, store: Store, shard: str) -> dict[str, str | None]:
    """What is wrong with a built partition, by check; read again from the store, not taken from the run."""
    assert step.checked is not None
    manifest = store.current(recipe.name, step.name, shard)
    documents, outcomes = store.scan(manifest, "documents"), store.scan(manifest, step.checked)
    by_decision = step.checked == "decisions"
    id_column = "id" if by_decision else "child_id"
    kept = outcomes.filter(pl.col("action") != data.DROP if by_decision else pl.col("outcome") == "accepted")
    kept_ids = kept.select(pl.col(id_column).alias("id"))
    faults: dict[str, str | None] = {"schema": None, "unique_ids": None, "conservation": None}
    for table, schema in (
        (documents, data.DOCUMENTS),
        (outcomes, data.DECISIONS if by_decision else data.DERIVATIONS),
    ):
        if dict(table.collect_schema()) != dict(pl.Schema(schema)):
            faults["schema"] = f"columns are {dict(table.collect_schema())}"
    repeated = _count(documents.filter(pl.col("id").is_duplicated()))
    repeated += _count(outcomes.filter(pl.col("id").is_duplicated())) if by_decision else 0
    if repeated:
        faults["unique_ids"] = f"{repeated} rows share an id with another"
    lost = _count(kept_ids.join(documents.select("id"), on="id", how="anti"))
    invented = _count(documents.select("id").join(kept_ids, on="id", how="anti"))
    rows_in = _rows_in(step, recipe, store, shard) if by_decision else None
    decided = manifest.rows(step.checked)
    if lost or invented or (rows_in is not None and rows_in != decided):
        faults["conservation"] = (
            f"{rows_in} in, {decided} {step.checked}; {lost} kept ones lost, {invented} invented"
        )
    return faults


def _count(table: pl.LazyFrame) -> int:
    return int(table.select(pl.len()).collect().item())


def _rows_in(step: Step, recipe: Recipe, store: Store, shard: str) -> int | None:
    """Documents that the step read, from its inputs' own manifests; None for `raw`, whose inputs are records."""
    assets = documents_in(step)
    read = [store.current(recipe.name, asset, shard).rows("documents") for asset in assets]
    return sum(read) if assets else None
