"""Processes for work that Python does on one core at a time, started when there is enough of it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Self, TypeVar

from gristmill.guard import Guard

MAX_WORKERS = 16  # each takes about 150 MB
_CHUNKS = 8  # that each process gets on average, so that all end at about the same time

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """As many processes as there are cores, for the time of a `with` block; they end with this process.

    They are made by spawning: a process with threads must not be forked. So function, items and results are sent, and
    a script that uses them needs the guard `if __name__ == "__main__"`.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = min(len(os.sched_getaffinity(0)), MAX_WORKERS) if count is None else count
        self._pool: ProcessPoolExecutor | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, at_least: int
    ) -> list[Result]:
        """The results in the order of the items; made in this process where there are fewer than `at_least`."""
        if self.count == 1 or len(items) < at_least:
            return list(map(function, items))
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, multiprocessing.get_context("spawn"))
        size = max(1, len(items) // (_CHUNKS * self.count))
        results = self._pool.map(function, items, chunksize=size)
        if self._guard is None:
            self._guard = Guard(child.pid for child in multiprocessing.active_children() if child.pid)
        return list(results)
