"""HTTP to the servers of one model, by aiohttp.

Certificates are checked, redirects are not followed, proxies and .netrc are not looked at, replies are limited in size,
and the key is cut out of everything that is said.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from gristmill.errors import EngineError
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Answer
from gristmill.llm.server.protocol import (
    MAX_REPLY_BYTES,
    Call,
    RefusedError,
    TryFailedError,
    read_models,
    read_reply,
    read_version,
    refusal,
)
from gristmill.llm.server.replicas import Replica
from gristmill.tokenizer import Tokenizer

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 10.0  # for the lists of models and the version, which cost a server nothing


class Connection:
    """HTTP to the servers of one model."""

    def __init__(self, options: ModelOptions, tokenizer: Tokenizer, api_key: str | None) -> None:
        assert options.server is not None
        self._server, self._max_model_len = options.server, options.max_model_len
        self._tokenizer, self._api_key = tokenizer, api_key
        self._served_model = options.server.served_model
        self._versions: set[str] = set()
        self._session: Any = None

    @property
    def served_model(self) -> str:
        """The model's name at the servers."""
        assert self._served_model is not None  # found by the first look
        return self._served_model

    def build(self) -> str:
        """What the servers run, as far as they say it."""
        return " and ".join(f"vllm {version}" for version in sorted(self._versions)) or "server"

    async def open(self) -> None:
        """Make what keeps connections; none is made yet."""
        try:
            import aiohttp
        except ImportError as error:
            raise EngineError(
                "engine `server` needs an optional package; install it: pip install 'gristmill[server]'",
                retryable=False,
            ) from error
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the pool counts
            timeout=aiohttp.ClientTimeout(total=self._server.request_seconds, sock_connect=_CONNECT_SECONDS),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # nothing compressed was asked for
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, replica: Replica, call: Call) -> Answer:
        """The answer of a server. Raises TryFailedError or RefusedError."""
        status, headers, body = await self._exchange("POST", replica.address + call.path, call.body)
        try:
            return read_reply(status, headers, body, call, self._count_tokens)
        except (TryFailedError, RefusedError) as error:
            error.args = (self._without_key(str(error)),)
            raise

    async def look(self, replica: Replica) -> None:
        """Whether a server serves the model, with a context that is long enough; what it runs is noted.

        Raises TryFailedError or RefusedError.
        """
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                status, _, body = await self._exchange("GET", f"{replica.address}/v1/models")
                if status == 200:
                    self._check_models(read_models(body))
                elif status == 404 and self._served_model is not None:
                    pass  # a server without lists
                else:
                    self._refuse(status, body)
                if self._server.protocol == "vllm":
                    status, _, body = await self._exchange("GET", f"{replica.address}/version")
                    if status == 200:
                        with contextlib.suppress(TryFailedError):  # a proxy may answer something else
                            self._versions.add(read_version(body))
        except TimeoutError as error:
            raise TryFailedError("time limit", f"no reply to a look within {_LOOK_SECONDS:g} s") from error
        except (TryFailedError, RefusedError) as error:
            error.args = (self._without_key(str(error)),)
            raise

    def _refuse(self, status: int, body: bytes) -> None:
        said = f"HTTP {status} from /v1/models: {' '.join(body.decode('utf-8', 'replace').split())[:200]}"
        if status >= 500 or status in (408, 425, 429):
            raise TryFailedError(f"HTTP {status}", said)
        raise RefusedError(refusal(status, said))

    def _check_models(self, cards: list[dict[str, Any]]) -> None:
        ids = sorted(card["id"] for card in cards)
        wanted = self._served_model
        if wanted is None:
            own = [card["id"] for card in cards if not card.get("parent")]  # a LoRA adapter has a parent
            if len(own) != 1:
                raise RefusedError(f"it serves {ids}; name one of them in server.served_model")
            wanted = own[0]
        card = next((card for card in cards if card["id"] == wanted), None)
        if card is None:
            raise RefusedError(f"it serves {ids}, not {wanted!r}; look at server.served_model")
        if card.get("parent") and self._server.identity == "files":
            raise RefusedError(
                f"{wanted!r} is an adapter, which is not among the files of `source`; use identity `name`"
            )
        length = card.get("max_model_len")
        if isinstance(length, int) and length < self._max_model_len:
            raise RefusedError(
                f"its context has {length} tokens, max_model_len is {self._max_model_len}; start it with a larger "
                "--max-model-len, or set max_model_len, which is part of the answers' keys, to less"
            )
        self._served_model = wanted

    async def _exchange(self, method: str, url: str, body: bytes | None = None) -> tuple[int, Any, bytes]:
        """Status, headers and body. Raises TryFailedError, or RefusedError where no try will help."""
        import aiohttp

        try:
            async with self._session.request(method, url, data=body, allow_redirects=False) as response:
                return response.status, response.headers, await _read_limited(response)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL) as error:
            raise RefusedError(self._without_key(_sentence(error))) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise TryFailedError("no connection", f"no connection within {_CONNECT_SECONDS:g} s") from error
        except TimeoutError as error:
            raise TryFailedError(
                "time limit", f"no reply within {self._server.request_seconds:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TryFailedError(type(error).__name__, self._without_key(_sentence(error))) from error

    def _without_key(self, text: str) -> str:
        """A server may repeat what it was sent."""
        return text.replace(self._api_key, "***") if self._api_key else text

    def _count_tokens(self, text: str) -> int:
        return self._tokenizer.count([text])[0]


async def _read_limited(response: Any) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            response.close()
            raise TryFailedError("too long", f"the reply is longer than {MAX_REPLY_BYTES >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".removesuffix(": ")
