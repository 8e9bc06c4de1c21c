"""Functions that the tests of the harness run as cases."""

from __future__ import annotations

import time

from bench.harness import Stopwatch


def burn(seconds: float) -> dict[str, float]:
    """Use the processor for so many seconds."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return {"asked": seconds}


def hold(megabytes: int) -> None:
    """Hold memory for long enough to be seen."""
    held = bytearray(b"x") * (megabytes << 20)
    time.sleep(0.1)
    assert len(held) == megabytes << 20


def prepare_then_work() -> dict[str, float]:
    """Take long for what does not count."""
    time.sleep(0.5)
    with Stopwatch() as watch:
        pass
    return watch.times
