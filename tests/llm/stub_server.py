"""Servers for tests: OpenAI's API on a port of this machine, answers that depend on the request alone, planted faults.

What is asked without constraint is answered as the stub engine does; faults are chosen by hash of the request and of
how often this server saw it, so a run can be repeated.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import web

from gristmill.hashing import digest_text, random_u64, uniform
from gristmill.llm.requests import Constraint
from gristmill.llm.shapes import draw_text
from gristmill.llm.stub import reword
from gristmill.tokenizer import Tokenizer

Fault = Callable[
    [str, int], str | None
]  # (digest of the request, how often it came before) -> name of a fault

KINDS = ("429", "429 after", "500", "cut", "no json", "truncated")
_SOURCE = re.compile(r".*(<([a-z][a-z0-9-]*)>\n.*?\n</\2>)", re.DOTALL)  # the last text between marks
_STRUCTURES = {"json": "json_schema", "choice": "choice", "regex": "regex", "grammar": "grammar"}


def no_fault(digest: str, number: int) -> str | None:
    """Every request is answered."""
    return None


def some_fail(share: float, seed: int) -> Fault:
    """So many of the requests fail, each in one of the ways of KINDS."""

    def fault(digest: str, number: int) -> str | None:
        if uniform(seed, "fails", f"{digest}/{number}") >= share:
            return None
        return KINDS[random_u64(seed, "kind", f"{digest}/{number}") % len(KINDS)]

    return fault


class StubServer:
    """A server that can be stopped and started again on its port."""

    def __init__(
        self,
        folder: Path,
        *,
        fault: Fault = no_fault,
        seconds: float = 0.0,
        name: str = "stub",
        max_model_len: int = 2048,
        key: str | None = None,
    ) -> None:
        self.asked: Counter[str] = Counter()  # by digest of the body
        self.answered: Counter[str] = Counter()
        self.cancelled = 0  # the client closed the connection
        self.peak = 0  # requests at the same time
        self.bodies: list[dict[str, Any]] = []
        self.fault, self.seconds, self.name, self.key = fault, seconds, name, key
        self.max_model_len = max_model_len
        self.parent: str | None = None  # of an adapter
        self.port = 0
        self._in_flight = 0
        self._tokenizer = Tokenizer(folder)
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._transports: set[Any] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> StubServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        self._run(self._start())

    def stop(self) -> None:
        """As when the process is killed: connections are cut, the port refuses."""
        self._run(self._stop())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/version", self._version)
        app.router.add_post("/v1/completions", self._complete)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        if self._runner is not None:
            for transport in self._transports:
                transport.abort()
            self._transports.clear()
            await self._runner.cleanup()
            self._runner = None

    async def _models(self, request: web.Request) -> web.Response:
        card = {
            "id": self.name,
            "object": "model",
            "parent": self.parent,
            "max_model_len": self.max_model_len,
        }
        return web.json_response({"object": "list", "data": [card]}) if self._may(request) else _denied()

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "0.32.0"})

    def _may(self, request: web.Request) -> bool:
        return self.key is None or request.headers.get("Authorization") == f"Bearer {self.key}"

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self._transports.add(request.transport)
        self._in_flight += 1
        self.peak = max(self.peak, self._in_flight)
        try:
            return await self._reply(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._in_flight -= 1

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        if not self._may(request):
            return _denied()
        body, digest = json.loads(text), digest_text(text)
        fault = self.fault(digest, self.asked[digest])
        self.asked[digest] += 1
        self.bodies.append(body)
        await asyncio.sleep(self.seconds)
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault in ("429", "429 after"):
            headers = {"Retry-After": "0.05"} if fault == "429 after" else {}
            return _error(429, "too many requests", headers)
        if fault == "500":
            return _error(500, "out of memory")
        if fault == "no json":
            return web.Response(text="<html>Bad gateway</html>", content_type="application/json")
        if fault == "context":
            return _error(400, "This model's maximum context length is 2048 tokens. However, ...")
        if fault == "refused":
            return _error(400, f"no such grammar; you sent {request.headers.get('Authorization')}")
        if fault == "moved":
            return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/v1/completions"})
        if fault == "huge":
            return web.Response(body=b" " * (17 << 20))
        answer = json.dumps(self._answer(body, digest)).encode()
        if fault in ("cut", "truncated"):
            response = web.StreamResponse(headers={"Content-Length": str(len(answer))})
            await response.prepare(request)
            await response.write(answer[: len(answer) // 2 if fault == "truncated" else 0])
            assert request.transport is not None
            request.transport.close() if fault == "truncated" else request.transport.abort()
            return response
        self.answered[digest] += 1
        return web.Response(body=answer, content_type="application/json")

    def _answer(self, body: dict[str, Any], digest: str) -> dict[str, Any]:
        numbers = count()
        draw = lambda below: random_u64(0, "server", f"{digest}/{next(numbers)}") % below  # noqa: E731
        prompt, chat = body.get("prompt"), "messages" in body
        if chat:
            prompt = body["messages"][-1]["content"]
        prompt_tokens = len(prompt) if isinstance(prompt, list) else self._tokenizer.count([prompt])[0]
        structure = body.get("structured_outputs")
        if structure:
            ((kind, value),) = structure.items()
            value = tuple(value) if isinstance(value, list) else value
            text = draw_text(Constraint(_STRUCTURES[kind], value), draw)  # type: ignore[arg-type]
        else:
            source = self._tokenizer.decode(prompt) if isinstance(prompt, list) else prompt
            marked = _SOURCE.match(source)
            asks = "Question:\n" if "Question:" in source else ""
            text = reword(asks + marked[1] if marked else source, draw)
        ids = self._tokenizer.encode([text])[0]
        reason = "stop"
        if len(ids) > body["max_tokens"]:
            ids, reason = ids[: body["max_tokens"]], "length"
            text = self._tokenizer.decode(ids)
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(ids)}
        return {"id": "x", "object": "text_completion", "choices": [choice], "usage": usage}


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "code": status}}, status=status, headers=headers or {}
    )


def _denied() -> web.Response:
    return _error(401, "Unauthorized")


class killed_after:  # noqa: N801 - reads as a statement
    """Stops a server once it was asked so often."""

    def __init__(self, server: StubServer, requests: int) -> None:
        self._server, self._requests = server, requests
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._left.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._server.asked.total() < self._requests and not self._left.wait(0.002):
            pass
        self._server.stop()
