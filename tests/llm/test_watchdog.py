from __future__ import annotations

import pytest

from gristmill.errors import EngineError
from gristmill.llm.watchdog import Watchdog


def test_only_a_wait_without_answers_is_too_long() -> None:
    now = 0.0
    watchdog = Watchdog(10.0, "mill", clock=lambda: now)
    now = 9.0
    watchdog.check(3)
    watchdog.restart()
    now = 18.5
    assert watchdog.seconds_left() == 0.5
    watchdog.check(3)
    now = 19.0
    with pytest.raises(
        EngineError, match=r"model 'mill': no answer for 10 s with 3 requests in flight; it waits;"
    ) as caught:
        watchdog.check(3, "it waits")
    assert caught.value.retryable
