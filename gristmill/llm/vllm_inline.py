"""vLLM of this run, fed continuously: as soon as one answer is done, the next request goes in.

A request's seed is not sent: on a CPU, a seeded request whose prefill is split kills the engine ("CPU Generator does
not use offset"). It still tells draws apart, through the request's key.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from gristmill.errors import EngineError, shorten
from gristmill.llm.background import ReadAhead, Worker
from gristmill.llm.chat import PromptEncoder
from gristmill.llm.engine import stalled
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import ERROR_CONTEXT, LENGTH, STOP, Answer, Constraint, Request
from gristmill.llm.vllm_loading import LoadedModel, load_model
from gristmill.tokenizer import Tokenizer

_AHEAD = 512  # requests with their token ids, taken before there is room: about 40 MB at 2,000 tokens each
_GROUP = 32  # prompts that are tokenized together
_MAX_DONE = 8  # steps whose answers wait for the caller; a crash loses them as it loses what is in flight
_END_SECONDS = 60.0  # for a step to come to its end
_POLL_SECONDS = 0.05
_STALL_SECONDS = 900.0  # without any answer: the engine hangs, as after a constraint that it cannot compile

_log = logging.getLogger(__name__)

_Encoded = tuple[str, Request, list[int]]  # key, request, token ids of its prompt
_Done = list[tuple[str, Answer]] | None  # None: there is no more


class InlineEngine:
    """A loaded model. SmolLM2-135M on two busy cores: 26 to 36 s with the imports, 8 s when they are done already.

    Three threads share the work, so that the model computes all the time: one takes requests and makes their token
    ids ahead, one runs the engine, and the caller's keeps the answers. `adapter` is a folder with a LoRA adapter.
    Raises EngineError from the constructor where vLLM cannot load the model.
    """

    def __init__(
        self,
        path: Path,
        options: ModelOptions,
        *,
        name: str,
        tokenizer: Tokenizer,
        adapter: Path | None = None,
    ) -> None:
        self._name, self._options = name, options
        self._encoder = PromptEncoder(tokenizer)
        self._in_flight: set[str] = set()
        self._busy = False
        self._worker = Worker(f"llm-{name}")
        try:
            loading = self._worker.submit(lambda: load_model(path, options, adapter))
            self._loaded: LoadedModel | None = loading.result()
            self.build = self._loaded.build
        except Exception as error:  # whatever vLLM, torch or the operating system says
            self._worker.close()
            raise EngineError(
                f"model {name!r} cannot be loaded by vLLM: {_first_line(error)}; look at dtype, max_model_len, "
                "kv_cache_gib, gpu_memory and adapter of the model, and at the free memory",
                retryable=isinstance(error, (MemoryError, RuntimeError)),
            ) from error

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        """Answers as they are done. One call at a time; see Engine.

        Takes a few hundred requests ahead, from another thread.
        """
        if self._loaded is None or self._busy:
            state = "was closed" if self._loaded is None else "is answering other requests"
            raise EngineError(f"model {self._name!r}: the engine {state}", retryable=False)
        self._busy = True
        ahead = ReadAhead(self._encoded(requests), max(_AHEAD, self._options.max_num_seqs))
        done: Queue[_Done] = Queue(_MAX_DONE)
        stop = threading.Event()
        loaded = self._loaded
        running = self._worker.submit(lambda: self._run(loaded, ahead, done, stop))
        try:
            while (answers := self._next(done)) is not None:
                yield from answers
            running.result()  # raises what ended it
        finally:
            stop.set()
            ahead.close()
            self._end(running, done)

    def close(self) -> None:
        """Unload the model: measured 4.0 GB before, 0.8 GB after, most of that the imported libraries."""
        if self._loaded is None:
            return
        loaded, self._loaded = self._loaded, None
        self._worker.submit(loaded.shut_down)
        self._worker.close()
        del loaded
        self._worker.wait(_END_SECONDS)
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)

    def _encoded(self, requests: Iterator[tuple[str, Request]]) -> Iterator[_Encoded]:
        """Requests with their token ids, which the library makes for several at once on all cores."""
        while group := list(islice(requests, _GROUP)):
            ids = self._encoder.encode_many([request.prompt for _, request in group])
            yield from ((key, request, tokens) for (key, request), tokens in zip(group, ids, strict=True))

    def _next(self, done: Queue[_Done]) -> _Done:
        """What is done next, None at the end. Raises EngineError where nothing comes, as of a step that hangs."""
        while True:
            try:
                return done.get(timeout=_STALL_SECONDS)
            except Empty:
                if self._in_flight:  # else the engine waits for requests, which take as long as they take
                    raise stalled(self._name, _STALL_SECONDS, len(self._in_flight)) from None

    def _end(self, running: Future[None], done: Queue[_Done]) -> None:
        """Wait for the engine's thread; what it still puts there is not wanted any more."""
        deadline = time.monotonic() + _END_SECONDS
        while not running.done() and time.monotonic() < deadline:
            with contextlib.suppress(Empty):
                done.get(timeout=_POLL_SECONDS)
        if running.done():
            self._busy = False
            return
        _log.warning("model %s: vLLM hangs; its memory is free when this process ends", self._name)

    # -- in the engine's thread -----------------------------------------------------------------------------------

    def _run(
        self, loaded: LoadedModel, ahead: ReadAhead[_Encoded], done: Queue[_Done], stop: threading.Event
    ) -> None:
        try:
            while not stop.is_set():
                refused = self._fill(loaded, ahead)
                if refused:
                    done.put(refused)
                elif not self._in_flight:
                    return
                if self._in_flight and (finished := self._step(loaded)):
                    done.put(finished)
        finally:
            if self._in_flight:
                with contextlib.suppress(Exception):  # a dead engine refuses this too; why it died was said
                    loaded.engine.abort_request(list(self._in_flight))
            self._in_flight.clear()
            done.put(None)

    def _fill(self, loaded: LoadedModel, ahead: ReadAhead[_Encoded]) -> list[tuple[str, Answer]]:
        """Send what there is room for; returns answers that need no model. Waits only where nothing is to be done."""
        refused: list[tuple[str, Answer]] = []
        # As many again as are worked on: answers that end in the same step leave all places free at once.
        while len(self._in_flight) + len(refused) < 2 * self._options.max_num_seqs:
            item = ahead.take(wait=not (self._in_flight or refused))
            if item is None:
                break
            key, request, ids = item
            if len(ids) >= self._options.max_model_len:
                refused.append((key, Answer("", ERROR_CONTEXT, len(ids), 0)))
            else:
                self._add(loaded, key, request, ids)
        return refused

    def _add(self, loaded: LoadedModel, key: str, request: Request, ids: list[int]) -> None:
        try:
            loaded.engine.add_request(
                key, {"prompt_token_ids": ids}, _sampling(request), lora_request=loaded.lora
            )
        except Exception as error:
            raise EngineError(
                f"model {self._name!r}, request {key}: vLLM refuses it: {_first_line(error)}; the constraint is "
                f"{shorten(request.constraint)}",
                retryable=False,
            ) from error
        self._in_flight.add(key)

    def _step(self, loaded: LoadedModel) -> list[tuple[str, Answer]]:
        try:
            finished = [output for output in loaded.engine.step() if output.finished]
        except Exception as error:
            raise EngineError(
                f"model {self._name!r}: the engine died with {len(self._in_flight)} requests in flight: "
                f"{_first_line(error)}; answers until then are kept, run again",
                retryable=True,
            ) from error
        self._in_flight.difference_update(output.request_id for output in finished)
        return [(output.request_id, _answer(output)) for output in finished]


def _sampling(request: Request) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=list(request.stop) or None,
        structured_outputs=_structure(request.constraint),
        logprobs=request.logprobs or None,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _structure(constraint: Constraint | None) -> Any:
    from vllm.sampling_params import StructuredOutputsParams

    if constraint is None:
        return None
    if constraint.kind == "choice":
        return StructuredOutputsParams(choice=list(constraint.value))
    if constraint.kind == "json_schema":
        return StructuredOutputsParams(json=constraint.value)
    return StructuredOutputsParams(**{constraint.kind: constraint.value})


def _answer(output: Any) -> Answer:
    completion = output.outputs[0]
    reason = {"stop": STOP, "length": LENGTH}.get(
        completion.finish_reason, f"error:{completion.finish_reason}"
    )
    text = "" if reason.startswith("error:") else completion.text
    logprobs = None
    if completion.logprobs is not None:
        places = zip(completion.token_ids, completion.logprobs, strict=True)
        logprobs = tuple(_alternatives(written, found) for written, found in places)
    return Answer(text, reason, len(output.prompt_token_ids), len(completion.token_ids), logprobs)


def _alternatives(written: int, found: Any) -> tuple[tuple[str, float], ...]:
    """(text, log-probability) at one place, the written token first, then the likeliest; forbidden ones left out."""
    order = sorted(found.items(), key=lambda pair: (pair[0] != written, -pair[1].logprob, pair[0]))
    return tuple(
        (str(one.decoded_token), float(one.logprob)) for _, one in order if math.isfinite(one.logprob)
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
