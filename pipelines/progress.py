"""Progress on the terminal: a line for each finished partition, a bar with rate and time left for the running one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from gristmill import progress

_PLAIN_SECONDS = 10.0  # between two lines about the same task where the output is no terminal


@contextmanager
def showing_progress(console: Console) -> Iterator[None]:
    """Show what `gristmill.progress` reports inside the block; cached partitions are summed up in one line a stage."""
    shown = _Live(console) if console.is_terminal else _Lines(console)
    with shown, progress.listening(shown):
        yield


class _Lines:
    """For logs and pipes: finished tasks, and a line about long ones now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._cached: dict[str, list[str]] = {}
        self._last = time.monotonic()

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: object) -> None:
        self._flush_cached()

    def __call__(self, task: progress.Task) -> None:
        if task.finished:
            self._finished(task)
        elif time.monotonic() - self._last >= _PLAIN_SECONDS and task.done:
            self._print(task.sentence())

    def _finished(self, task: progress.Task) -> None:
        if ": cached, " in task.result:
            if task.stage not in self._cached:
                self._flush_cached()
            self._cached.setdefault(task.stage, []).append(task.shard)
        else:
            self._flush_cached()
            self._print(task.result or f"{task.stage} {task.shard}: failed")

    def _flush_cached(self) -> None:
        for stage, shards in self._cached.items():
            self._print(f"{stage}: cached" + (f" ({len(shards)} shards)" if shards != ["all"] else ""))
        self._cached = {}

    def _print(self, line: str) -> None:
        self._last = time.monotonic()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Live(_Lines):
    """For a terminal: the same lines, and below them the running task as a bar."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> _Live:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._live.update("")
        self._live.__exit__(None, None, None)

    def __call__(self, task: progress.Task) -> None:
        if task.finished:
            self._live.update("")
            self._finished(task)
        else:
            self._live.update(_bar(task))


def _bar(task: progress.Task) -> Table:
    row = Table.grid(padding=(0, 2))
    row.add_row(
        ProgressBar(total=task.total, completed=task.done, width=24, pulse=not task.total), task.sentence()
    )
    return row
