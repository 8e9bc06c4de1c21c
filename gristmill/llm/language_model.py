"""A language model as the stages see it: requests in, answers out; nothing is asked twice.

Requests are a stream, and so are the answers. A request is first looked up by its key; what is missing goes to the
engine, which is loaded when the first one is, and which takes requests as it has room, so that it is full until
the stream ends (gristmill.llm.feed). Each answer is in the cache before it is handed on, so a crash costs at most what
was in flight.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from gristmill import progress
from gristmill.errors import EngineError
from gristmill.llm.cache import AnswerCache, AnswerWriter
from gristmill.llm.chat import PromptEncoder
from gristmill.llm.engine import Engine
from gristmill.llm.feed import Feed
from gristmill.llm.requests import Answer, Messages, ModelIdentity, Request
from gristmill.tokenizer import Tokenizer

_log = logging.getLogger(__name__)

Tag = TypeVar("Tag")


@dataclass
class Usage:
    """What was asked and what it cost, since the model was made. It differs between a first run and a cached one."""

    requests: int = 0
    cached: int = 0  # answered by the cache, or by an equal request of the same call
    sent: int = 0  # answered by an engine
    prompt_tokens: int = 0  # of what an engine answered
    output_tokens: int = 0
    seconds: float = 0.0  # waiting for the engine, its loading included

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def since(self, earlier: Usage) -> Usage:
        """What came on top of an earlier state."""
        return Usage(*(getattr(self, name) - getattr(earlier, name) for name in self.__dataclass_fields__))

    def figures(self) -> dict[str, float]:
        """The counts by name, and seconds to the millisecond."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}

    def sentence(self) -> str:
        """`60 requests, 20 cached, 40 sent; 16,000 prompt and 6,000 output tokens in 31.2 s (512 and 192 per s)`."""
        start = f"{self.requests:,} requests, {self.cached:,} cached, {self.sent:,} sent"
        if not self.sent:
            return start
        rates = [
            count / self.seconds if self.seconds else 0.0
            for count in (self.prompt_tokens, self.output_tokens)
        ]
        return (
            f"{start}; {self.prompt_tokens:,} prompt and {self.output_tokens:,} output tokens in "
            f"{self.seconds:,.1f} s ({rates[0]:,.0f} and {rates[1]:,.0f} per s)"
        )


class LanguageModel:
    """One model of a recipe, with its cache. For one thread, and one `answer` at a time."""

    def __init__(
        self,
        identity: ModelIdentity,
        tokenizer: Tokenizer,
        cache: AnswerCache,
        load_engine: Callable[[], Engine],
    ) -> None:
        self.identity = identity
        self.usage = Usage()
        self._tokenizer = tokenizer
        self._encoder = PromptEncoder(tokenizer)
        self._cache = cache
        self._load_engine = load_engine
        self._engine: Engine | None = None
        self._writer: AnswerWriter | None = None
        self._closing = ExitStack()

    @property
    def loaded(self) -> bool:
        """Whether an engine is in memory now."""
        return self._engine is not None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without control tokens."""
        return self._tokenizer.count(texts)

    def count_prompt_tokens(self, chats: Sequence[Messages]) -> list[int]:
        """Prompt tokens of each chat, those of the model's template included; what `max_model_len` must hold."""
        return self._encoder.count_chats(chats)

    def answer(self, requests: Iterable[tuple[Tag, Request]]) -> Iterator[tuple[Tag, Answer]]:
        """(tag, answer) for every (tag, request), in any order; `answer(enumerate(requests))` numbers them.

        The requests may be a generator: they are taken a window ahead of the engine, from another thread of this
        process where the engine has one, so one call for all of a shard keeps the engine full. Equal requests are
        asked once. An answer is in the cache before it is yielded. Each one advances the open progress task by one;
        the caller says the total with `progress.expect(total, "requests")`. Raises EngineError, and what the
        generator raises; the answers so far are kept.
        """
        before = replace(self.usage)
        feed = Feed(requests, self.identity, self._cache)
        while feed.advance():
            yield from self._found(feed)
            if feed.has_missing:
                yield from self._ask(feed)
        if self.usage.requests > before.requests:
            _log.info("model %s: %s", self.identity.name, self.usage.since(before).sentence())

    def unload(self) -> None:
        """Give back the engine's memory and finish what was written; the next miss loads it again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        self._closing.close()
        self._writer = None

    close = unload

    def _found(self, feed: Feed[Tag]) -> Iterator[tuple[Tag, Answer]]:
        """What the cache answered meanwhile."""
        while feed.found:
            self.usage.requests += 1
            self.usage.cached += 1
            progress.advance()
            yield feed.found.popleft()

    def _ask(self, feed: Feed[Tag]) -> Iterator[tuple[Tag, Answer]]:
        """What the engine answers, with the cached answers between."""
        started = time.monotonic()
        engine, writer = self._ready()

        answers = engine.generate(feed.missing())
        try:
            while (item := next(answers, None)) is not None:
                key, answer = item[0], _storable(item[1])
                writer.write(key, answer)
                self.usage.sent += 1
                self.usage.prompt_tokens += answer.prompt_tokens
                self.usage.output_tokens += answer.output_tokens
                self.usage.seconds += time.monotonic() - started
                tags = feed.answered(key)
                self.usage.cached += len(tags) - 1
                for tag in tags:
                    self.usage.requests += 1
                    progress.advance()
                    yield tag, answer
                yield from self._found(feed)
                started = time.monotonic()
            self.usage.seconds += time.monotonic() - started
        except EngineError as error:
            if error.retryable:
                self.unload()
            raise
        finally:
            close = getattr(answers, "close", None)
            if close is not None:
                close()

    def _ready(self) -> tuple[Engine, AnswerWriter]:
        if self._engine is None:
            started = time.monotonic()
            self._engine = self._load_engine()
            _log.info(
                "model %s: %s loaded in %.1f s",
                self.identity.name,
                self._engine.build,
                time.monotonic() - started,
            )
        if self._writer is None:
            self._writer = self._closing.enter_context(self._cache.writer(self.identity, self._engine.build))
        return self._engine, self._writer


def _storable(answer: Answer) -> Answer:
    """The answer as it comes back from the cache: half surrogate pairs, which have no UTF-8, become `?`."""
    text = answer.text.encode("utf-8", "replace").decode("utf-8")
    return answer if text == answer.text else replace(answer, text=text)
