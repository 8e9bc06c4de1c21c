"""What is sent to a server for a request, and what its reply means. No connection is made here.

vLLM's fields as its server 0.32 takes them: a prompt of token ids at `/v1/completions`, `structured_outputs` for
constraints. Sampling options that a request does not have are sent with their neutral values, for the server would
take them from the model's generation_config.json, and the inline engine does not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from gristmill.errors import shorten
from gristmill.hashing import random_u64
from gristmill.llm.requests import ERROR_CONTEXT, LENGTH, STOP, Answer, Constraint, Logprobs, Request

MAX_REPLY_BYTES = 16 << 20  # 2,000 tokens of text are about 10 kB

_NEUTRAL = {
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
_REPEATED = frozenset({408, 425, 429})  # and all 5xx
_OVERLOADED = frozenset({429})  # the server is well, it has too much to do
_CONTEXT_STATUS = frozenset({400, 413, 422})
_TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|maximum model length|model's context length"
    r"|exceeds? the (?:available |maximum )?context|context (?:window|size) (?:is )?exceeded",
    re.IGNORECASE,
)  # vLLM, OpenAI, SGLang, llama.cpp
_REASON = re.compile(r"[a-z_]{1,40}")
_FORBIDDEN = -9999.0  # what vLLM and OpenAI write for a log-probability of minus infinity, which JSON lacks
_SAID_CHARS = 300
_SEED_BITS = 63  # vLLM takes a signed 64-bit number


class TryFailedError(Exception):
    """One try failed in a way that another may not. `kind` is for counting."""

    def __init__(
        self, kind: str, message: str, *, wait_seconds: float | None = None, blames_server: bool = True
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_seconds = wait_seconds  # what the server asks for
        self.blames_server = blames_server


class RefusedError(Exception):
    """The server will never answer this; the message says what to do."""


@dataclass(frozen=True)
class Call:
    """A request as it is sent: where, what, and the number of tokens of its prompt."""

    path: str
    body: bytes
    prompt_tokens: int


def vllm_call(key: str, request: Request, ids: list[int], room: int, *, model: str, send_seed: bool) -> Call:
    """The call for vLLM: token ids, and at most `room` tokens of answer, since the server refuses what may not fit."""
    body: dict[str, Any] = {
        "model": model,
        "prompt": ids,
        "max_tokens": min(request.max_tokens, room),
        "temperature": request.temperature,
        "top_p": request.top_p,
        **_NEUTRAL,
    }
    if request.stop:
        body["stop"] = request.stop
    if request.constraint is not None:
        body["structured_outputs"] = _structured_outputs(request.constraint)
    if request.logprobs:
        body["logprobs"] = request.logprobs
    if send_seed:
        body["seed"] = _seed(key, request)
    return Call("/v1/completions", _encode(body), len(ids))


def openai_call(
    key: str, request: Request, ids: list[int], room: int, *, model: str, send_seed: bool
) -> Call:
    """The call for any other server: messages or text. Raises RefusedError for what OpenAI's API cannot say."""
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": min(request.max_tokens, room),
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    if isinstance(request.prompt, str):
        path, body["prompt"] = "/v1/completions", request.prompt
    elif isinstance(request.prompt[0], int):
        raise RefusedError("a prompt of token ids needs `protocol: vllm`")
    else:
        path = "/v1/chat/completions"
        body["messages"] = [{"role": role, "content": content} for role, content in request.prompt]
    if request.stop:
        body["stop"] = request.stop
    if request.logprobs:
        is_chat = "messages" in body
        body |= (
            {"logprobs": True, "top_logprobs": request.logprobs}
            if is_chat
            else {"logprobs": request.logprobs}
        )
    if request.constraint is not None:
        if request.constraint.kind != "json_schema":
            raise RefusedError(f"the constraint {shorten(request.constraint)} needs `protocol: vllm`")
        schema = json.loads(str(request.constraint.value))
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    if send_seed:
        body["seed"] = _seed(key, request)
    return Call(path, _encode(body), len(ids))


def read_reply(
    status: int, headers: Mapping[str, str], body: bytes, call: Call, count_tokens: Callable[[str], int]
) -> Answer:
    """The answer in a reply. Raises TryFailedError or RefusedError.

    A refusal because the prompt leaves no room in the context is an answer. `count_tokens` is asked where the server
    does not say how many tokens its answer has.
    """
    if status == 200:
        return _read_answer(body, call, count_tokens)
    said = f"HTTP {status}: {_said(body)}"
    if status in _REPEATED or status >= 500:
        raise TryFailedError(
            f"HTTP {status}",
            said,
            wait_seconds=_retry_after(headers.get("Retry-After")),
            blames_server=status not in _OVERLOADED,
        )
    if status in _CONTEXT_STATUS and _TOO_LONG.search(body.decode("utf-8", "replace")):
        return Answer("", ERROR_CONTEXT, call.prompt_tokens, 0)
    raise RefusedError(refusal(status, said))


def refusal(status: int, said: str) -> str:
    """What a server said that does not help to ask again, and what to do."""
    if 300 <= status < 400:
        return f"{said}; redirects are not followed: give the address where the server is"
    if status in (401, 403):
        return f"{said}; look at server.api_key_variable and the variable that it names"
    if status == 404:
        return f"{said}; look at server.endpoints and server.served_model"
    return said


def read_models(body: bytes) -> list[dict[str, Any]]:
    """The models in a reply of `/v1/models`. Raises TryFailedError."""
    value = _decode(body)
    found = value.get("data")
    if not isinstance(found, list) or not all(
        isinstance(card, dict) and isinstance(card.get("id"), str) for card in found
    ):
        raise TryFailedError("no list of models", f"no list of models: {_said(body)}")
    return found


def read_version(body: bytes) -> str:
    """The version in a reply of vLLM's `/version`. Raises TryFailedError."""
    version = _decode(body).get("version")
    if not isinstance(version, str) or not version:
        raise TryFailedError("no version", f"no version: {_said(body)}")
    return " ".join(version.split())[:80]


def _structured_outputs(constraint: Constraint) -> dict[str, Any]:
    name = "json" if constraint.kind == "json_schema" else constraint.kind
    return {name: constraint.value}


def _seed(key: str, request: Request) -> int:
    """Draws of one prompt share the request's seed, and must not be the same: the key tells them apart."""
    return random_u64(request.seed, "llm.server.seed", key) >> (64 - _SEED_BITS)


def _encode(body: dict[str, Any]) -> bytes:
    # ASCII, so that half a surrogate pair in a text can be sent too.
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def _decode(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TryFailedError("no JSON", f"the reply is no JSON: {_said(body)}") from error
    if not isinstance(value, dict):
        raise TryFailedError("no JSON", f"the reply is no JSON object: {_said(body)}")
    return value


def _read_answer(body: bytes, call: Call, count_tokens: Callable[[str], int]) -> Answer:
    value = _decode(body)
    try:
        (choice,) = value["choices"]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        reason = choice["finish_reason"]
    except (KeyError, TypeError, ValueError) as error:
        raise TryFailedError("no answer", f"the reply holds no single choice: {_said(body)}") from error
    text = "" if text is None else text
    if not isinstance(text, str) or not isinstance(reason, str) or not _REASON.fullmatch(reason):
        raise TryFailedError("no answer", f"the reply has no text or finish_reason: {_said(body)}")
    if reason in ("abort", "error"):  # the server was stopped, say
        raise TryFailedError(f"finish_reason {reason}", f"the server gave up: finish_reason {reason!r}")
    usage = value.get("usage")
    prompt_tokens, output_tokens = (
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )
    return Answer(
        text if reason in (STOP, LENGTH) else "",
        reason if reason in (STOP, LENGTH) else f"error:{reason}",
        call.prompt_tokens if prompt_tokens is None else prompt_tokens,
        count_tokens(text) if output_tokens is None else output_tokens,
        _logprobs(choice.get("logprobs")),
    )


def _logprobs(found: Any) -> Logprobs | None:
    """The log-probabilities of a choice, of completions or of a chat. Raises TryFailedError where they are damaged."""
    if found is None:
        return None
    try:
        if "content" in found:
            places = [
                _alternatives(
                    one["token"], one["logprob"], {o["token"]: o["logprob"] for o in one["top_logprobs"]}
                )
                for one in found["content"] or ()
            ]
        else:
            rows = zip(found["tokens"], found["token_logprobs"], found["top_logprobs"], strict=True)
            places = [_alternatives(*row) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TryFailedError("no answer", f"its logprobs cannot be read: {shorten(found)}") from error
    return tuple(places)


def _alternatives(written: str, logprob: float, top: dict[str, float]) -> tuple[tuple[str, float], ...]:
    """(text, log-probability) at one place, the written token first, then the likeliest; forbidden ones left out."""
    others = sorted((text for text in top if text != written), key=lambda text: (-top[text], text))
    pairs = [(written, logprob), *((text, top[text]) for text in others)]
    return tuple((str(text), float(value)) for text, value in pairs if value > _FORBIDDEN)


def _count(usage: Any, name: str) -> int | None:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and found >= 0 else None


def _said(body: bytes) -> str:
    """What a reply says, in one short line: the message of an error where there is one."""
    text = body[: 1 << 16].decode("utf-8", "replace")
    try:
        value = json.loads(text)
        error = value.get("error", value)
        found = error if isinstance(error, str) else error.get("message", error.get("detail", text))
        text = found if isinstance(found, str) else text
    except (ValueError, AttributeError, RecursionError):
        pass
    return " ".join(text.split())[:_SAID_CHARS] or "nothing was said"


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After asks for, which may be a number or a date; None where it is neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
