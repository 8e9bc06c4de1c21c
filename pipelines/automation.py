"""What runs without anyone asking: a sensor for the landing folders, a nightly schedule."""

# No `from __future__ import annotations` here: Dagster reads the annotations of these functions as types.

import dagster as dg

from assets.keys import partitions, partitions_name
from gristmill.errors import GristmillError
from gristmill.hashing import digest_text
from gristmill.recipe import Recipe
from gristmill.register import register_new_files
from gristmill.store import Registry
from pipelines.jobs import Job, job_name, range_tags, register_and_mirror
from resources.workshop import Workshop


def landing_sensor(recipe: Recipe, job: Job) -> dg.SensorDefinition:
    """Registers files that landed, tells Dagster of the new partitions and asks for one run over them.

    The run also makes the global assets again, so that a new crawl flows into the mixture by itself. A file is
    registered once, so a tick that is repeated asks for nothing.
    """

    @dg.sensor(
        name=f"landing_{recipe.name}",
        job=job,
        minimum_interval_seconds=recipe.schedule.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Registers files that appear in the sources' landing folders and builds their shards.",
    )
    def _landing(context: dg.SensorEvaluationContext, workshop: Workshop) -> dg.SensorResult:
        opened = workshop.store()
        try:
            register_new_files(recipe, opened, settle_seconds=recipe.schedule.settle_seconds)
        except GristmillError as error:
            return dg.SensorResult(skip_reason=str(error))
        shards = partitions(recipe)
        known = context.instance.get_dynamic_partitions(partitions_name(recipe))
        keys = [shard.key for shard in Registry(opened, recipe.name).shards()]
        new = [key for key in keys if key not in known]
        gone = [key for key in known if key not in keys]
        if not new and not gone:
            return dg.SensorResult(skip_reason=f"no new files; {len(keys)} shards are registered")
        requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
        if new:
            requests.append(shards.build_add_request(new))
        if gone:
            requests.append(shards.build_delete_request(gone))
        # New shards come last in the registry, so they are one range.
        built = new or keys
        return dg.SensorResult(
            dynamic_partitions_requests=requests,
            run_requests=[dg.RunRequest(run_key=digest_text(*keys), tags=range_tags(built))],
        )

    return _landing


def nightly_schedule(recipe: Recipe, job: Job) -> dg.ScheduleDefinition:
    """Builds everything once a night; what is current costs milliseconds."""

    @dg.schedule(
        name=f"nightly_{recipe.name}",
        job=job,
        cron_schedule=recipe.schedule.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Runs {job_name(recipe)} over all shards.",
    )
    def _nightly(context: dg.ScheduleEvaluationContext, workshop: Workshop) -> dg.RunRequest | dg.SkipReason:
        try:
            keys = register_and_mirror(recipe, workshop.store(), context.instance)
        except GristmillError as error:
            return dg.SkipReason(str(error))
        if not keys:
            return dg.SkipReason(f"recipe {recipe.name!r} has no shards yet")
        return dg.RunRequest(tags=range_tags(keys))

    return _nightly
