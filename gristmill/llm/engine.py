"""What every engine does: answer a stream of requests, in any order.

Back-ends: `vllm_inline` (vLLM in this process), `server` (servers that speak OpenAI's API), `replay` (cached answers
only), `stub` (no model, for tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gristmill.errors import EngineError
from gristmill.llm.requests import Answer, Request


class Engine(Protocol):
    """Answers requests. `build` names program and version, and is recorded beside the answers."""

    build: str

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        """One (key, answer) for each (key, request); keys are distinct, the order of answers is the engine's.

        Requests are taken from the iterator as there is room for them, so it may compute them late and be without
        end. A request that cannot be answered gets an answer whose finish_reason begins with `error:`. Closing the
        iterator drops what is in flight. Raises EngineError where the engine fails; after a retryable one it is
        to be closed and made anew.
        """

    def close(self) -> None:
        """Give back memory and processes; calling it twice is fine."""


def stalled(model: str, seconds: float, in_flight: int, detail: str = "") -> EngineError:
    """What ends a wait for answers that never come: an engine that hangs must not hold a run for ever."""
    return EngineError(
        f"model {model!r}: no answer for {seconds:g} s with {in_flight} requests in flight"
        f"{f'; {detail}' if detail else ''}; answers until then are kept, look at the engine and run again",
        retryable=True,
    )
