"""Servers that speak OpenAI's API (vLLM first), asked from this process: many requests at once, answers in any order.

The caller's thread takes requests from the iterator as there is room, and makes their token ids; a thread with an event
loop sends them and reads the replies. At most twice as many requests are on their way as the servers have places, so
both sides always have work and memory stays flat. Which server is asked, and what is asked again, is in
`replicas`; what is sent and how replies are read in `protocol`; HTTP in `connection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections import Counter, deque
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from gristmill.errors import EngineError
from gristmill.llm.chat import PromptEncoder
from gristmill.llm.engine import stalled
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import ERROR_CONTEXT, Answer, Request
from gristmill.llm.server.connection import Connection
from gristmill.llm.server.protocol import Call, RefusedError, TryFailedError, openai_call, vllm_call
from gristmill.llm.server.replicas import Job, Outcome, Pace, Pool, outage
from gristmill.tokenizer import Tokenizer

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 30.0
_MIN_WAITING = 8  # requests beyond those asked at a time, so that a free place is filled at once

Result = TypeVar("Result")


class ServerEngine:
    """A model behind servers. The constructor waits until one of them answers, for `outage_seconds` at most.

    Raises EngineError from there where none does, or where one serves another model or a shorter context.
    """

    def __init__(
        self,
        options: ModelOptions,
        *,
        name: str,
        tokenizer: Tokenizer,
        api_key: str | None = None,
        pace: Pace = Pace(),  # noqa: B008 - it never changes
    ) -> None:
        assert options.server is not None
        self._name, self._server, self._max_model_len = name, options.server, options.max_model_len
        self._encoder = PromptEncoder(tokenizer)
        self._places = self._server.concurrency * len(self._server.endpoints)
        self._busy = self._closed = False
        self._thread = _LoopThread(f"llm-server-{name}")
        self._connection = Connection(options, tokenizer, api_key)
        self._pool = Pool(
            name,
            self._server.endpoints,
            concurrency=self._server.concurrency,
            retries=self._server.retries,
            outage_seconds=self._server.outage_seconds,
            pace=pace,
            ask=self._connection.ask,
            look=self._connection.look,
        )
        try:
            self.build = self._thread.run(self._open(pace))
        except BaseException:
            self.close()
            raise

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        """Answers as they come. One call at a time; see Engine.

        Requests that failed too often are left out; the error that says so comes after all other answers.
        """
        if self._closed or self._busy:
            state = "was closed" if self._closed else "is answering other requests"
            raise EngineError(f"model {self._name!r}: the engine {state}", retryable=False)
        self._busy = True
        outcomes: queue.SimpleQueue[Outcome | EngineError] = queue.SimpleQueue()
        self._thread.run(self._begin(outcomes))
        room = self._places + max(_MIN_WAITING, self._places)
        feeder = _Feeder(self._thread.loop, self._pool)
        on_the_way, exhausted = 0, False
        left_out: list[Outcome] = []
        try:
            while True:
                while not exhausted and on_the_way < room:
                    item = next(requests, None)
                    if item is None:
                        exhausted = True
                    elif isinstance(call := self._call(*item), Answer):
                        yield item[0], call
                    else:
                        feeder.add(Job(item[0], call))
                        on_the_way += 1
                if not on_the_way:
                    break
                outcome = self._next(outcomes, on_the_way)
                on_the_way -= 1
                if outcome.answer is None:
                    left_out.append(outcome)
                else:
                    yield outcome.key, outcome.answer
        finally:
            failed_tries = None if self._closed else self._thread.run(self._pool.end())
            self._busy = False
            if failed_tries:
                _log.info("model %s: tries that failed: %s", self._name, _counts(failed_tries))
        if left_out:
            first = left_out[0]
            raise EngineError(
                f"model {self._name!r}: {len(left_out)} requests failed too often and were left out, all others are "
                f"answered; request {first.key} {first.problem}; run again to ask them again",
                retryable=True,
            )

    def close(self) -> None:
        """Close connections and end the thread."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(TimeoutError):  # then the thread, a daemon, goes with the process
            self._thread.run(self._pool.close(), timeout=_CLOSE_SECONDS)
            self._thread.run(self._connection.close(), timeout=_CLOSE_SECONDS)
        self._thread.stop()

    def _call(self, key: str, request: Request) -> Call | Answer:
        """What to send, or the answer that a request gets without being sent."""
        ids = self._encoder.encode(request.prompt)
        room = self._max_model_len - len(ids)
        if room <= 0:
            return Answer("", ERROR_CONTEXT, len(ids), 0)
        make = vllm_call if self._server.protocol == "vllm" else openai_call
        try:
            return make(
                key,
                request,
                ids,
                room,
                model=self._connection.served_model,
                send_seed=self._server.send_seed,
            )
        except RefusedError as error:
            raise EngineError(
                f"model {self._name!r}, request {key}: cannot be sent: {error}", retryable=False
            ) from error

    def _next(self, outcomes: queue.SimpleQueue[Outcome | EngineError], on_the_way: int) -> Outcome:
        """The next outcome; raises the error that ends the run, also where none comes."""
        seconds = self._server.stall_seconds
        try:
            found = outcomes.get(timeout=seconds)
        except queue.Empty:
            raise stalled(self._name, seconds, on_the_way, self._pool.state()) from None
        if isinstance(found, EngineError):
            raise found
        return found

    async def _begin(self, outcomes: queue.SimpleQueue[Outcome | EngineError]) -> None:
        self._pool.begin(outcomes.put)

    async def _open(self, pace: Pace) -> str:
        """Look at all servers until one is well; the name of what they run."""
        await self._connection.open()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._server.outage_seconds
        wait = pace.probe
        while True:
            found = await asyncio.gather(
                *map(self._connection.look, self._pool.replicas), return_exceptions=True
            )
            for replica, error in zip(self._pool.replicas, found, strict=True):
                if isinstance(error, TryFailedError):
                    replica.last_error = str(error)
                elif isinstance(error, RefusedError):
                    raise EngineError(
                        f"model {self._name!r}: {replica.address} cannot be used: {error}", retryable=False
                    )
                elif error is not None:
                    raise error
            if any(error is None for error in found):
                break
            if loop.time() + wait > deadline:
                raise outage(self._name, self._server.outage_seconds, self._pool.state())
            await asyncio.sleep(wait)
            wait = min(pace.probe_limit, 2 * wait)
        for replica, error in zip(self._pool.replicas, found, strict=True):
            if error is None:
                self._pool.is_well(replica)
            else:
                self._pool.take_out(replica, str(error))
        return self._connection.build()


class _Feeder:
    """Hands jobs to the pool in the loop's thread; many that come quickly wake it once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: Pool) -> None:
        self._loop, self._pool = loop, pool
        self._jobs: deque[Job] = deque()
        self._is_called = False

    def add(self, job: Job) -> None:
        """From the caller's thread."""
        self._jobs.append(job)
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._is_called = False  # before the jobs are taken: one that comes now calls again
        jobs = []
        with contextlib.suppress(IndexError):
            while True:
                jobs.append(self._jobs.popleft())
        self._pool.add(jobs)


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result], timeout: float | None = None) -> Result:
        """What the coroutine returns, from another thread. Raises TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except BaseException:  # a time limit, or an interrupt of the caller
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread; what is still in the loop is dropped."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CLOSE_SECONDS)

    def _serve(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{count} x {kind}" for kind, count in found.most_common())
