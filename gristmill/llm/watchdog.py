"""Ends a wait for answers that never come: an engine that hangs must not hold a run for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from gristmill.errors import EngineError


class Watchdog:
    """Measures how long no answer has come. Whoever waits asks for `seconds_left`, or calls `check` now and then."""

    def __init__(self, seconds: float, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._model, self._clock = seconds, model, clock
        self.restart()

    def restart(self) -> None:
        """An answer has come, or the wait begins only now."""
        self._since = self._clock()

    def seconds_left(self) -> float:
        """Until the wait has been too long; never negative."""
        return max(0.0, self._since + self._seconds - self._clock())

    def check(self, in_flight: int, detail: str = "") -> None:
        """Raise EngineError (retryable) where the wait has been too long."""
        if self.seconds_left() == 0.0:
            raise EngineError(
                f"model {self._model!r}: no answer for {self._seconds:g} s with {in_flight} requests in flight"
                f"{f'; {detail}' if detail else ''}; answers until then are kept, look at the engine and run again",
                retryable=True,
            )
