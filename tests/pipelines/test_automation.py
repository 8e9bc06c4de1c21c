"""The landing sensor and the nightly schedule, called as the daemon calls them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from gristmill.recipe import load_recipe
from gristmill.store import Registry, Store
from pipelines.automation import landing_sensor, nightly_schedule
from pipelines.jobs import RANGE_END, RANGE_START, build_job
from resources.workshop import Workshop
from tests.corpora import CPU_ONLY, prose, write_corpus, write_jsonl


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(store_folder=str(tmp_path / "store"), models_folder=str(tmp_path / "models"))


def tick(path: Path, workshop: Workshop, instance: dg.DagsterInstance) -> dg.SensorResult:
    """One tick of the sensor; what it asks for is carried out, as the daemon does."""
    recipe = load_recipe(path)
    sensor = landing_sensor(recipe, build_job(recipe))
    with dg.build_sensor_context(instance=instance, resources={"workshop": workshop}) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or []:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return result


def quick(**settings: float) -> dict[str, object]:
    return {"schedule": {"settle_seconds": 0.0, **settings}, **CPU_ONLY}


def test_files_that_landed_become_partitions_and_one_run(tmp_path: Path, workshop: Workshop) -> None:
    path = write_corpus(tmp_path / "corpus", **quick())
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(path, workshop, instance)
        assert instance.get_dynamic_partitions("small_shards") == ["web-0001", "prose-0001", "prose-0002"]
        (run,) = first.run_requests or []
        assert (run.tags[RANGE_START], run.tags[RANGE_END]) == ("web-0001", "prose-0002")
        write_jsonl(tmp_path / "corpus" / "landing" / "new.jsonl.gz", prose()[60:62])
        (run,) = tick(path, workshop, instance).run_requests or []
        assert (run.tags[RANGE_START], run.tags[RANGE_END]) == ("prose-0003", "prose-0003")


def test_nothing_new_asks_for_nothing(tmp_path: Path, workshop: Workshop) -> None:
    path = write_corpus(tmp_path / "corpus", **quick())
    with dg.DagsterInstance.ephemeral() as instance:
        tick(path, workshop, instance)
        again = tick(path, workshop, instance)
        assert not again.run_requests
        assert again.skip_reason is not None
        assert "no new files; 3 shards" in str(again.skip_reason.skip_message)


def test_a_file_that_is_still_being_copied_waits(tmp_path: Path, workshop: Workshop) -> None:
    path = write_corpus(tmp_path / "corpus", **quick())
    with dg.DagsterInstance.ephemeral() as instance:
        tick(path, workshop, instance)
        write_corpus(tmp_path / "corpus", **quick(settle_seconds=600.0))
        write_jsonl(tmp_path / "corpus" / "landing" / "new.jsonl.gz", prose()[60:62])
        assert not tick(path, workshop, instance).run_requests


def test_a_file_that_changed_gets_a_new_shard_and_the_old_one_goes(
    tmp_path: Path, workshop: Workshop
) -> None:
    path = write_corpus(tmp_path / "corpus", **quick())
    with dg.DagsterInstance.ephemeral() as instance:
        tick(path, workshop, instance)
        write_jsonl(tmp_path / "corpus" / "prose" / "part-1.jsonl.gz", prose()[50:53])
        tick(path, workshop, instance)
        assert instance.get_dynamic_partitions("small_shards") == ["web-0001", "prose-0001", "prose-0003"]


def test_missing_input_is_told_and_not_raised(tmp_path: Path, workshop: Workshop) -> None:
    path = write_corpus(tmp_path / "corpus", **quick(), sources={"web": {"inputs": ["nowhere/*.gz"]}})
    with dg.DagsterInstance.ephemeral() as instance:
        result = tick(path, workshop, instance)
        assert result.skip_reason is not None
        assert "finds no file" in str(result.skip_reason.skip_message)


def test_the_schedule_takes_all_shards_the_new_ones_too(tmp_path: Path, workshop: Workshop) -> None:
    recipe = load_recipe(write_corpus(tmp_path / "corpus", **quick()))
    schedule = nightly_schedule(recipe, build_job(recipe))
    with dg.DagsterInstance.local_temp() as instance:
        with dg.build_schedule_context(instance=instance, resources={"workshop": workshop}) as context:
            request = schedule(context)
        assert isinstance(request, dg.RunRequest)
        assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("web-0001", "prose-0002")
        assert len(Registry(Store.open(tmp_path / "store"), "small").shards()) == 3
    assert schedule.cron_schedule == "0 3 * * *"
