"""What a cached partition costs beside a no-op partition of Dagster's own.

All shards go through one run, as a nightly build does when nothing changed. Three ways, each with two assets of N
partitions: assets that do nothing; `raw` and `filtered` of a recipe whose outputs are all in the store, with their
checks; the same two found cached without Dagster, which is what of it is ours. The store, the partitions and a first
run are made before the clock starts.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, Stopwatch, main

SHARDS = 20
DOCUMENTS = 5  # per shard: what is in a cached shard does not matter
ASSETS = 2

RECIPE = """\
name: cached
sources:
  web: {kind: jsonl, inputs: ["input/*.jsonl"]}
filter: {}
"""

NOOP, CACHED, LIBRARY = "Dagster, no-op", "Gristmill, all cached", "Gristmill without Dagster"
CASES = [
    Case(NOOP, "bench.cached:dagster_noop", {"shards": SHARDS}),
    Case(CACHED, "bench.cached:gristmill_cached", {"shards": SHARDS}),
    Case(LIBRARY, "bench.cached:library_cached", {"shards": SHARDS}),
]


def dagster_noop(shards: int) -> dict[str, float]:
    """Two assets that do nothing, in one run over all partitions."""
    import dagster as dg

    partitions = dg.DynamicPartitionsDefinition(name="noop")
    policy = dg.BackfillPolicy.single_run()

    @dg.asset(partitions_def=partitions, backfill_policy=policy)
    def first() -> None:
        """Nothing."""

    @dg.asset(partitions_def=partitions, backfill_policy=policy, deps=[first])
    def second() -> None:
        """Nothing."""

    job = dg.define_asset_job("noop", selection="*", executor_def=dg.in_process_executor)
    definitions = dg.Definitions(assets=[first, second], jobs=[job])
    keys = [f"web-{number:04d}" for number in range(1, shards + 1)]
    with _instance() as (_, instance):
        instance.add_dynamic_partitions("noop", keys)
        return _second_run(definitions.resolve_job_def("noop"), instance, keys)


def gristmill_cached(shards: int) -> dict[str, float]:
    """`raw` and `filtered` with their checks, all cached, in one run over all partitions."""
    from gristmill.recipe import load_recipe
    from gristmill.store import Store
    from pipelines.definitions import definitions
    from pipelines.jobs import job_name, register_and_mirror
    from resources.home import store_folder

    with _instance() as (folder, instance):
        path = _write_input(folder, shards)
        recipe = load_recipe(path)
        keys = register_and_mirror(recipe, Store.open(store_folder()), instance)
        job = definitions([path]).resolve_job_def(job_name(recipe))
        return _second_run(job, instance, keys)


def library_cached(shards: int) -> dict[str, float]:
    """The same partitions through `build`, which is what the assets call."""
    from assets.graph import steps
    from assets.step import build
    from gristmill.recipe import load_recipe
    from gristmill.register import register_new_files
    from gristmill.store import Registry, Store
    from resources.home import models_folder, store_folder
    from resources.tools import Tools

    with _folder() as folder:
        recipe = load_recipe(_write_input(folder, shards))
        store = Store.open(store_folder())
        register_new_files(recipe, store)
        registered = Registry(store, recipe.name).shards()

        def build_all() -> int:
            with Tools.open(recipe, store, models_folder()) as tools:
                built = [
                    build(step, recipe, store, shard, tools) for step in steps(recipe) for shard in registered
                ]
            return sum(one.cached for one in built)

        build_all()
        with Stopwatch() as watch:
            cached = build_all()
        assert cached == ASSETS * shards, f"{cached} partitions were cached, expected {ASSETS * shards}"
        return _figures(watch, shards)


def _second_run(job: Any, instance: Any, keys: list[str]) -> dict[str, float]:
    """Run the job twice over the partitions; the second time counts."""
    tags = {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    for _ in range(2):
        with Stopwatch() as watch:
            result = job.execute_in_process(instance=instance, run_config=quiet, tags=tags)
        assert result.success
    return _figures(watch, len(keys))


def _figures(watch: Stopwatch, shards: int) -> dict[str, float]:
    partitions = ASSETS * shards
    return {
        **watch.times,
        "ms_per_partition": 1000 * watch.times["wall_seconds"] / partitions,
        "cpu_ms_per_partition": 1000 * watch.times["cpu_seconds"] / partitions,
    }


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-cached-") as name:
        os.environ["GRISTMILL_HOME"] = name
        for moved in ("GRISTMILL_STORE", "GRISTMILL_ANSWERS"):
            os.environ.pop(moved, None)
        yield Path(name)


@contextmanager
def _instance() -> Iterator[tuple[Path, Any]]:
    """A Dagster instance with its SQLite files in a new folder, like that of a laptop."""
    import dagster as dg

    warnings.simplefilter("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with _folder() as folder, dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield folder, instance


def _write_input(folder: Path, shards: int) -> Path:
    (folder / "input").mkdir()
    for number in range(shards):
        texts = [
            f"The mill stands by the river, and this is page {number}-{i} of it." for i in range(DOCUMENTS)
        ]
        rows = [json.dumps({"id": f"{number}-{i}", "text": text}) for i, text in enumerate(texts)]
        (folder / "input" / f"{number:04d}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = folder / "cached.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def _compare(measured: Sequence[Measured]) -> str:
    """The ratio that the bench is for, where both sides were measured."""
    medians = {m.case.name: m for m in measured}
    if not {NOOP, CACHED} <= set(medians):
        return ""
    wall, cpu = (
        medians[CACHED].median(name) / medians[NOOP].median(name)
        for name in ("ms_per_partition", "cpu_ms_per_partition")
    )
    return f"A cached partition costs {wall:.2f} times a no-op partition of Dagster (of CPU time {cpu:.2f} times)."


if __name__ == "__main__":
    print(_compare(main(__doc__, CASES)))
