"""Progress of long work: who does the work reports, who shows it listens.

Stages call `advance` with what they finished. The command line, or an asset's log, installs a listener. Without
one, reporting costs a dictionary look-up. A context variable keeps runs in one process apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Task:
    """One stage on one shard."""

    stage: str
    shard: str
    total: int | None  # documents or requests; None where unknown
    unit: str = "documents"
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    finished: bool = False
    result: str = ""  # one sentence on what came of it; empty while it runs and where it failed

    @property
    def rate(self) -> float:
        """Units per second so far."""
        elapsed = time.monotonic() - self.started
        return self.done / elapsed if elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds until done; None where the total or the rate is unknown."""
        if self.total is None or self.rate == 0:
            return None
        return max(0.0, (self.total - self.done) / self.rate)

    def sentence(self) -> str:
        """`filtered web-0001: 1,200 of 4,000 documents, 310/s, 9 s left`."""
        of = f" of {self.total:,}" if self.total is not None else ""
        left = f", {self.seconds_left:,.0f} s left" if self.seconds_left is not None else ""
        rate = f"{self.rate:,.0f}" if self.rate >= 10 else f"{self.rate:,.1f}"
        return f"{self.stage} {self.shard}: {self.done:,}{of} {self.unit}, {rate}/s{left}"


Listener = Callable[[Task], None]

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("gristmill_progress_listeners", default=())
_current: ContextVar[Task | None] = ContextVar("gristmill_progress_task", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` at every report made inside the block."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


@contextmanager
def task(stage: str, shard: str, total: int | None = None, unit: str = "documents") -> Iterator[Task]:
    """Open a task; `advance` inside the block counts towards it."""
    opened = Task(stage, shard, total, unit)
    token = _current.set(opened)
    _tell(opened)
    try:
        yield opened
    finally:
        opened.finished = True
        _tell(opened)
        _current.reset(token)


def advance(count: int = 1) -> None:
    """Count `count` finished units of the open task; without one, do nothing."""
    current = _current.get()
    if current is not None:
        current.done += count
        _tell(current)


def expect(total: int, unit: str | None = None) -> None:
    """Tell the open task how many units there are in all, once that is known; the count starts again."""
    current = _current.get()
    if current is not None:
        current.total, current.done, current.started = total, 0, time.monotonic()
        current.unit = unit or current.unit
        _tell(current)


def _tell(current: Task) -> None:
    for listener in _listeners.get():
        listener(current)
