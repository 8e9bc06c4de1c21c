from __future__ import annotations

import io

from rich.console import Console

from gristmill import progress
from pipelines.progress import showing_progress


def shown(*tasks: tuple[str, str, str]) -> list[str]:
    """The lines that a log gets of tasks given as (stage, shard, result)."""
    out = io.StringIO()
    with showing_progress(Console(file=out, width=40)):
        for stage, shard, result in tasks:
            with progress.task(stage, shard, total=3) as task:
                progress.advance(3)
                task.result = result
    return out.getvalue().splitlines()


def test_what_was_made_has_a_line_and_what_was_cached_one_for_its_stage() -> None:
    assert shown(
        ("raw", "a-0001", "raw a-0001: cached, 2 ms"),
        ("raw", "a-0002", "raw a-0002: cached, 2 ms"),
        (
            "filtered",
            "a-0001",
            "filtered a-0001: 3 in, 2 out (66.7 %), 0.1 s, and a long rest that is not wrapped",
        ),
        ("mixed", "all", "mixed: cached, 1 ms"),
    ) == [
        "raw: cached (2 shards)",
        "filtered a-0001: 3 in, 2 out (66.7 %), 0.1 s, and a long rest that is not wrapped",
        "mixed: cached",
    ]


def test_a_task_that_ended_without_a_result_failed() -> None:
    assert shown(("refined", "a-0001", "")) == ["refined a-0001: failed"]
