"""Threads beside the caller's: one that reads an iterator ahead, one that runs what it is given.

Both are daemons: one that hangs in foreign code does not keep the process from ending.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class ReadAhead(Generic[Item]):
    """Takes items from an iterator in a thread of its own, at most `size` before they are asked for."""

    def __init__(self, items: Iterator[Item], size: int) -> None:
        self._items, self._size = items, size
        self._ready: deque[Item] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: BaseException | None = None
        run = contextvars.copy_context().run  # what the iterator reports belongs to the caller's task
        self._thread = threading.Thread(target=run, args=(self._read,), name="read-ahead", daemon=True)
        self._thread.start()

    def take(self, *, wait: bool) -> Item | None:
        """The next item, or None: at the end, and without `wait` where none is ready.

        Raises what the iterator raised, after the items before it.
        """
        with self._changed:
            while wait and not (self._ready or self._ended):
                self._changed.wait()
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            return None

    def close(self) -> None:
        """Stop reading; waits for the item that is being made."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                with self._changed:
                    while len(self._ready) >= self._size and not self._closed:
                        self._changed.wait()
                    if self._closed:
                        break
                    self._ready.append(item)
                    self._changed.notify_all()
        except BaseException as raised:  # raised again where the item is asked for
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()


class Worker:
    """A thread that runs one function after the other, all in the same thread."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], Result]) -> Future[Result]:
        """Run it after what was given before; the future has what it returns or raises."""
        future: Future[Result] = Future()
        self._tasks.put((function, future))
        return future

    def close(self) -> None:
        """End the thread after what was given before."""
        self._tasks.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for the end of the thread, for so long at most."""
        self._thread.join(seconds)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            function, future = task
            try:
                future.set_result(function())
            except BaseException as error:  # raised again where the result is asked for
                future.set_exception(error)
            del task, function, future  # or a result lives until the next task comes
