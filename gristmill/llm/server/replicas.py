"""Which server a request goes to, and what happens when one fails. All of this runs in the thread of one event loop.

A server is `working`, `out` after too many failures one after the other (then it is looked at again and again, with
growing waits), or `on trial`: it can be reached again and gets one request at a time until one is answered. A failed
request is asked again after a wait that grows with its tries (full jitter: anywhere between nothing and the limit,
"Exponential Backoff And Jitter", AWS Architecture Blog 2015), on another server where one has room.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from gristmill.errors import EngineError
from gristmill.hashing import uniform
from gristmill.llm.requests import Answer
from gristmill.llm.server.protocol import Call, RefusedError, TryFailedError

_log = logging.getLogger(__name__)

_TICK = 0.001  # seconds; a timer may fire a little before its time
MAX_LEFT_OUT = (
    16  # requests that failed too often; with more, something else is wrong, and the run ends at once
)


@dataclass(frozen=True)
class Pace:
    """Waits in seconds, and how much a server may fail; tests have shorter ones."""

    retry: float = 0.5  # the limit of the first wait of a request; doubles with each try
    retry_limit: float = 10.0
    retry_after_limit: float = 300.0  # of what a server may ask for
    probe: float = 1.0  # the first wait before a server that is out is looked at; doubles
    probe_limit: float = 30.0
    failures: int = 5  # one after the other, until a server is taken out


class State(Enum):
    """What is known of a server."""

    WORKING = "working"
    ON_TRIAL = "on trial"
    OUT = "out"


@dataclass(eq=False)
class Replica:
    """One server."""

    address: str
    state: State = State.OUT
    in_flight: int = 0
    failures: int = 0  # since the last answer
    last_error: str = "not asked yet"
    paused_until: float = 0.0  # by the loop's clock
    probes: int = 0  # since it was taken out


@dataclass(eq=False)
class Job:
    """A request on its way to an answer."""

    key: str
    call: Call
    tries: int = 0  # that failed
    last: Replica | None = None  # where it failed


@dataclass(eq=False)
class Outcome:
    """What became of a job: an answer, or why it was left out."""

    key: str
    answer: Answer | None
    problem: str = ""


@dataclass(eq=False)
class _Run:
    """What belongs to one stream of requests, and goes with it."""

    deliver: Callable[[Outcome | EngineError], None]
    waiting: deque[Job] = field(default_factory=deque)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    timers: set[asyncio.TimerHandle] = field(default_factory=set)
    left_out: int = 0
    failed_tries: Counter[str] = field(default_factory=Counter)


class Pool:
    """The servers of one model. `ask` sends a call and returns the answer; `look` succeeds where a server is well."""

    def __init__(
        self,
        model: str,
        addresses: tuple[str, ...],
        *,
        concurrency: int,
        retries: int,
        outage_seconds: float,
        pace: Pace,
        ask: Callable[[Replica, Call], Awaitable[Answer]],
        look: Callable[[Replica], Awaitable[None]],
    ) -> None:
        self.replicas = [Replica(address) for address in addresses]
        self._model, self._pace = model, pace
        self._concurrency, self._retries, self._outage_seconds = concurrency, retries, outage_seconds
        self._ask, self._look = ask, look
        self._run: _Run | None = None
        self._outage: asyncio.TimerHandle | None = None
        self._probes: set[asyncio.Task[None]] = set()

    def begin(self, deliver: Callable[[Outcome | EngineError], None]) -> None:
        """Take requests from now on; outcomes, or the error that ends the run, go to `deliver`."""
        self._run = _Run(deliver)
        self._watch_outage()

    def add(self, jobs: list[Job]) -> None:
        """Requests to be asked."""
        if self._run is not None:
            self._run.waiting.extend(jobs)
            self._dispatch()

    async def end(self) -> Counter[str]:
        """Drop everything that is in flight or waits; the tries that failed, by kind."""
        run, self._run = self._run, None
        self._watch_outage()
        if run is None:
            return Counter()
        for timer in run.timers:
            timer.cancel()
        for task in run.tasks:
            task.cancel()
        await asyncio.gather(*run.tasks, return_exceptions=True)
        return run.failed_tries

    async def close(self) -> None:
        """End everything, the looking at servers that are out included."""
        await self.end()
        probes = list(self._probes)
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    def state(self) -> str:
        """One line on all servers, for messages."""
        return "; ".join(f"{r.address} {r.state.value}: {r.last_error}" for r in self.replicas)

    # -- requests ------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Send what waits, as far as there is room."""
        run = self._run
        while run is not None and run.waiting:
            replica = self._choose(run.waiting[0])
            if replica is None:
                return
            job = run.waiting.popleft()
            replica.in_flight += 1
            task = asyncio.get_running_loop().create_task(self._try(run, job, replica))
            run.tasks.add(task)
            task.add_done_callback(run.tasks.discard)

    def _choose(self, job: Job) -> Replica | None:
        """The server with the most room, rather another than the one where the job failed last."""
        now = asyncio.get_running_loop().time()
        able = [r for r in self.replicas if r.in_flight < self._places(r) and r.paused_until <= now]
        return min(able, key=lambda r: (r is job.last, r.in_flight), default=None)

    def _places(self, replica: Replica) -> int:
        return {State.WORKING: self._concurrency, State.ON_TRIAL: 1, State.OUT: 0}[replica.state]

    async def _try(self, run: _Run, job: Job, replica: Replica) -> None:
        try:
            answer = await self._ask(replica, job.call)
        except TryFailedError as error:
            self._failed(replica, error)
            self._again(run, job, replica, error)
        except RefusedError as error:
            run.deliver(
                EngineError(
                    f"model {self._model!r}, request {job.key}: {replica.address} refuses it: {error}",
                    retryable=False,
                )
            )
        except Exception as error:  # a fault of this program: nobody would wait for an answer for ever
            run.deliver(
                EngineError(
                    f"model {self._model!r}, request {job.key}: {type(error).__name__}: {error}",
                    retryable=False,
                )
            )
        else:
            self._answered(replica)
            run.deliver(Outcome(job.key, answer))
        finally:
            replica.in_flight -= 1
            self._dispatch()

    def _again(self, run: _Run, job: Job, replica: Replica, error: TryFailedError) -> None:
        """Ask later, or leave the request out where it failed too often."""
        run.failed_tries[error.kind] += 1
        job.tries, job.last = job.tries + 1, replica
        if job.tries <= self._retries:
            self._later(run, job)
            return
        run.left_out += 1
        problem = f"failed {job.tries} times, the last time at {replica.address}: {error}"
        run.deliver(Outcome(job.key, None, problem))
        if run.left_out >= MAX_LEFT_OUT:
            run.deliver(
                EngineError(
                    f"model {self._model!r}: {run.left_out} requests failed too often; request {job.key} {problem}",
                    retryable=True,
                )
            )

    def _later(self, run: _Run, job: Job) -> None:
        limit = min(self._pace.retry_limit, self._pace.retry * 2.0 ** (job.tries - 1))
        seconds = limit * uniform(0, "llm.server.retry", f"{job.key}/{job.tries}")

        def now() -> None:
            run.timers.discard(timer)
            run.waiting.appendleft(job)
            self._dispatch()

        timer = asyncio.get_running_loop().call_later(seconds, now)
        run.timers.add(timer)

    # -- servers -------------------------------------------------------------------------------------------------

    def is_well(self, replica: Replica) -> None:
        """A server was looked at for the first time, and gets requests."""
        replica.state = State.WORKING

    def _answered(self, replica: Replica) -> None:
        replica.failures = 0
        if replica.state is not State.WORKING:
            _log.info("model %s: %s is back", self._model, replica.address)
            replica.state = State.WORKING
            self._watch_outage()

    def _failed(self, replica: Replica, error: TryFailedError) -> None:
        replica.last_error = str(error)
        if error.wait_seconds is not None or not error.blames_server:
            self._pause(replica, error.wait_seconds)
        if not error.blames_server or replica.state is State.OUT:
            return
        replica.failures += 1
        if replica.state is State.ON_TRIAL or replica.failures >= self._pace.failures:
            self.take_out(replica, f"{replica.failures} failures, the last: {error}")

    def _pause(self, replica: Replica, asked: float | None) -> None:
        """Send nothing for as long as the server asked for; where it asked for no time, half the first wait."""
        seconds = min(self._pace.retry_after_limit, self._pace.retry / 2 if asked is None else asked)
        loop = asyncio.get_running_loop()
        if loop.time() + seconds > replica.paused_until:
            replica.paused_until = loop.time() + seconds
            loop.call_later(seconds + _TICK, self._dispatch)

    def take_out(self, replica: Replica, why: str) -> None:
        """Send nothing until a look at the server succeeds."""
        _log.warning("model %s: %s is taken out: %s", self._model, replica.address, why)
        if replica.state is State.WORKING:
            replica.probes = 0
        replica.state = State.OUT
        probe = asyncio.get_running_loop().create_task(self._probe(replica))
        self._probes.add(probe)
        probe.add_done_callback(self._probes.discard)
        self._watch_outage()

    async def _probe(self, replica: Replica) -> None:
        while replica.state is State.OUT:
            wait = min(self._pace.probe_limit, self._pace.probe * 2.0**replica.probes)
            replica.probes += 1
            jitter = uniform(0, "llm.server.probe", f"{replica.address}/{replica.probes}")
            await asyncio.sleep(wait * (0.5 + jitter / 2))
            try:
                await self._look(replica)
            except (TryFailedError, RefusedError) as error:
                replica.last_error = str(error)
                continue
            if replica.state is State.OUT:  # else a late answer brought it back
                replica.state = State.ON_TRIAL
                self._dispatch()

    def _watch_outage(self) -> None:
        """Count the time in which no server works, as long as somebody waits for answers."""
        none_works = not any(r.state is State.WORKING for r in self.replicas)
        if none_works and self._run is not None and self._outage is None:
            self._outage = asyncio.get_running_loop().call_later(self._outage_seconds, self._give_up)
        elif self._outage is not None and (not none_works or self._run is None):
            self._outage.cancel()
            self._outage = None

    def _give_up(self) -> None:
        self._outage = None
        if self._run is not None:
            self._run.deliver(outage(self._model, self._outage_seconds, self.state()))


def outage(model: str, seconds: float, state: str) -> EngineError:
    """What is said when no server works for too long."""
    return EngineError(
        f"model {model!r}: no endpoint works since {seconds:g} s ({state}); answers until then are kept, start the "
        "servers and run again",
        retryable=True,
    )
