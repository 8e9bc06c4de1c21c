"""Requests on their way to an engine: what is cached is taken out, equal ones meet, shared beginnings stand together.

A feed is pulled by the engine, often from another thread than the one that takes the answers, and looks up one
window of requests at a time. So the caller may make its requests late and without end, and memory stays flat.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

from gristmill.llm.cache import AnswerCache
from gristmill.llm.requests import Answer, ModelIdentity, Request, request_key

# Requests that are looked up together and held in memory: about 8 MB at 2,000 tokens each. While all of a window is
# found, no engine waits and the next one is twice as large, since a look-up may read all of the cache.
_WINDOW = 1_024
_MAX_WINDOW = 16_384
_MAX_FOUND = 16_384  # cached answers that wait to be taken before the engine is told that there is no more

Tag = TypeVar("Tag")


class Feed(Generic[Tag]):
    """The caller's requests, each with a tag of its own. One thread pulls, another one may take what is answered."""

    def __init__(
        self, items: Iterable[tuple[Tag, Request]], identity: ModelIdentity, cache: AnswerCache
    ) -> None:
        self.found: deque[tuple[Tag, Answer]] = deque()  # answered by the cache
        self._items = iter(items)
        self._identity, self._cache = identity, cache
        self._window = _WINDOW
        self._missing: deque[tuple[str, Request]] = deque()
        self._waiting: dict[str, list[Tag]] = {}  # by key: who waits for the answer
        self._lock = threading.Lock()  # of `_waiting`

    def advance(self) -> bool:
        """Look up windows until a request is missing or cached answers wait to be taken; False at the end."""
        while not self._missing and not self.found:
            if not self._look_up():
                return False
        return True

    @property
    def has_missing(self) -> bool:
        """Whether a request is known that the cache does not answer."""
        return bool(self._missing)

    def missing(self) -> Iterator[tuple[str, Request]]:
        """(key, request) for the engine, keys distinct. Ends with the requests, or early where many were cached."""
        while True:
            while self._missing:
                yield self._missing.popleft()
            if len(self.found) >= _MAX_FOUND or not self._look_up():
                return

    def answered(self, key: str) -> list[Tag]:
        """The tags that wait for this key's answer, which is in the cache by now."""
        with self._lock:
            return self._waiting.pop(key)

    def _look_up(self) -> bool:
        """Take in the next window; False where there is none."""
        window = list(islice(self._items, self._window))
        new: dict[str, Request] = {}
        for tag, request in window:
            key = request_key(request, self._identity)
            # Who is registered before the answer is written is told; who comes later finds it in the cache.
            with self._lock:
                if key in self._waiting:
                    self._waiting[key].append(tag)
                else:
                    self._waiting[key] = [tag]
                    new[key] = request
        cached = self._cache.lookup(list(new)) if new else {}
        for key, answer in cached.items():
            self.found.extend((tag, answer) for tag in self.answered(key))
        missing = [(key, request) for key, request in new.items() if key not in cached]
        # In the order of their texts, those that begin alike meet, and engines compute the beginning once.
        missing.sort(key=lambda item: (_kind(item[1]), item[1].prompt))
        self._missing.extend(missing)
        self._window = _WINDOW if missing else min(2 * self._window, _MAX_WINDOW)
        return bool(window)


def _kind(request: Request) -> int:
    """Prompts are only compared with those of the same kind."""
    if isinstance(request.prompt, str):
        return 0
    return 1 if isinstance(request.prompt[0], int) else 2
