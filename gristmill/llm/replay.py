"""The replay engine: it has no model, so every request that reaches it is one whose cached answer is missing."""

from __future__ import annotations

from collections.abc import Iterator

from gristmill.errors import EngineError
from gristmill.llm.requests import Answer, Request


class ReplayEngine:
    """Refuses everything; what is cached never comes here."""

    build = "replay"

    def __init__(self, model: str) -> None:
        self._model = model

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        """Raise EngineError for the first request."""
        for key, _ in requests:
            raise EngineError(
                f"model {self._model!r}: engine is `replay` and the answer of request {key} is not in the cache; use "
                "the store that has it, or set `engine: inline` to ask the model",
                retryable=False,
            )
        yield from ()

    def close(self) -> None:
        """Nothing to give back."""
