"""What is sent for a request, and what replies mean. All replies here were written for the tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.llm.requests import Answer, Constraint, Request
from gristmill.llm.server.protocol import (
    Call,
    RefusedError,
    TryFailedError,
    openai_call,
    read_models,
    read_reply,
    read_version,
    vllm_call,
)

CALL = Call("/v1/completions", b"", 7)
CHAT = (("system", "Be brief."), ("user", "Is it {{ a }} mill? \ud800"))


def _read(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(status, headers or {}, raw, CALL, len)


def _completion(text: object = "Yes.", reason: object = "stop", **changes: object) -> dict[str, object]:
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    return {"choices": [{"text": text, "finish_reason": reason}], "usage": usage, **changes}


def _vllm_body(request: Request, *, room: int = 100, send_seed: bool = False) -> dict[str, object]:
    call = vllm_call("key", request, [5, 6], room, model="m", send_seed=send_seed)
    assert (call.path, call.prompt_tokens) == ("/v1/completions", 2)
    body: dict[str, object] = json.loads(call.body)
    return body


def test_vllm_gets_token_ids_and_neutral_values_for_what_a_request_does_not_say() -> None:
    assert _vllm_body(Request("a", 20, temperature=0.7, top_p=0.9, stop=("\n",))) == {
        "model": "m", "prompt": [5, 6], "max_tokens": 20, "temperature": 0.7, "top_p": 0.9, "stop": ["\n"],
        "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    }  # fmt: skip
    assert _vllm_body(Request("a", 20), room=12)["max_tokens"] == 12


@pytest.mark.parametrize(
    ("constraint", "sent"),
    [
        (Constraint("choice", ("yes", "no")), {"choice": ["yes", "no"]}),
        (Constraint("regex", "[ab]+"), {"regex": "[ab]+"}),
        (Constraint("grammar", 'root ::= "a"'), {"grammar": 'root ::= "a"'}),
        (Constraint("json_schema", '{"type": "object"}'), {"json": '{"type": "object"}'}),
    ],
)
def test_constraints_go_as_structured_outputs(constraint: Constraint, sent: dict[str, object]) -> None:
    assert _vllm_body(Request("a", 20, constraint=constraint))["structured_outputs"] == sent


def test_a_seed_is_sent_only_when_asked_for_and_differs_by_key() -> None:
    request = Request("a", 20, seed=3)
    assert "seed" not in _vllm_body(request)
    bodies = [
        json.loads(vllm_call(k, request, [1], 9, model="m", send_seed=True).body) for k in ("a", "a", "b")
    ]
    seeds = [body["seed"] for body in bodies]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(0 <= seed < 1 << 63 for seed in seeds)


def test_other_servers_get_messages_and_schemas() -> None:
    request = Request(CHAT, 20, constraint=Constraint("json_schema", '{"type": "object"}'))
    call = openai_call("k", request, [1], 100, model="m", send_seed=False)
    body = json.loads(call.body)
    assert call.path == "/v1/chat/completions"
    assert body["messages"][1] == {"role": "user", "content": CHAT[1][1]}
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    text = openai_call("k", Request("A mill", 20), [1], 100, model="m", send_seed=False)
    assert (text.path, json.loads(text.body)["prompt"]) == ("/v1/completions", "A mill")


@pytest.mark.parametrize(
    "request_", [Request((1, 2), 9), Request("a", 9, constraint=Constraint("regex", "a"))]
)
def test_what_other_servers_cannot_be_told_is_refused(request_: Request) -> None:
    with pytest.raises(RefusedError, match="needs `protocol: vllm`"):
        openai_call("k", request_, [1], 100, model="m", send_seed=False)


def test_answers_of_both_interfaces_are_read() -> None:
    assert _read(200, _completion()) == Answer("Yes.", "stop", 7, 2)
    assert _read(200, _completion("Ye", "length")) == Answer("Ye", "length", 7, 2)
    chat = {"choices": [{"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]}
    assert _read(200, chat) == Answer("Yes.", "stop", 7, 4), "without usage the tokens are counted here"
    assert _read(200, _completion("x", "content_filter")) == Answer("", "error:content_filter", 7, 2)


def test_log_probabilities_are_asked_for_and_read() -> None:
    request = Request("a", 20, logprobs=2)
    assert _vllm_body(request)["logprobs"] == 2
    chat = openai_call("k", Request(CHAT, 20, logprobs=2), [1], 100, model="m", send_seed=False)
    assert (json.loads(chat.body)["logprobs"], json.loads(chat.body)["top_logprobs"]) == (True, 2)

    found = {
        "tokens": ["Yes", "."],
        "token_logprobs": [-1.5, -0.1],
        "top_logprobs": [{"No": -0.5, "Yes": -1.5, "x": -9999.0}, {".": -0.1}],
    }
    choice = {"text": "Yes.", "finish_reason": "stop", "logprobs": found}
    expected = ((("Yes", -1.5), ("No", -0.5)), ((".", -0.1),))
    assert _read(200, {"choices": [choice]}).logprobs == expected
    content = [
        {
            "token": token,
            "logprob": value,
            "top_logprobs": [{"token": t, "logprob": v} for t, v in top.items()],
        }
        for token, value, top in zip(*found.values(), strict=True)
    ]
    choice = {"message": {"content": "Yes."}, "finish_reason": "stop", "logprobs": {"content": content}}
    assert _read(200, {"choices": [choice]}).logprobs == expected


@pytest.mark.parametrize(
    "body",
    [
        _completion() | {"choices": [{"text": "a", "finish_reason": "stop", "logprobs": {"tokens": ["a"]}}]},
        _completion() | {"choices": [{"text": "a", "finish_reason": "stop", "logprobs": 3}]},
        b"", b"<html>", b'{"choices": [{"text": "Ye', b"[]", b"null", b"\xff\xfe", {"choices": []}, {},
        {"choices": [{"text": "a", "finish_reason": "stop"}] * 2}, {"choices": "ab"},
        {"choices": [{"text": 3, "finish_reason": "stop"}]}, {"choices": [{"text": "a"}]},
        {"choices": [{"message": None, "finish_reason": "stop"}]}, _completion("a", None), _completion("a", "X" * 99),
        _completion("a", "abort"), b"[" * 100_000,
    ],
)  # fmt: skip
def test_an_unreadable_answer_is_a_failed_try(body: object) -> None:
    with pytest.raises(TryFailedError) as caught:
        _read(200, body)
    assert len(str(caught.value)) < 400
    assert caught.value.blames_server


@settings(max_examples=60)
@given(st.binary(max_size=60), st.integers(100, 599))
def test_no_reply_raises_anything_else(body: bytes, status: int) -> None:
    assert "\n" not in _outcome(status, body)


def _outcome(status: int, body: bytes) -> str:
    try:
        return _read(status, body).finish_reason
    except (TryFailedError, RefusedError) as error:
        return str(error)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_overload_and_faults_of_the_server_are_failed_tries(status: int) -> None:
    with pytest.raises(TryFailedError, match=f"HTTP {status}: busy") as caught:
        _read(status, {"error": {"message": "busy"}})
    assert caught.value.blames_server == (status != 429)
    assert caught.value.wait_seconds is None


def test_retry_after_is_seconds_or_a_date() -> None:
    def waits(value: str) -> float | None:
        with pytest.raises(TryFailedError) as caught:
            _read(503, {"detail": "loading"}, {"Retry-After": value})
        return caught.value.wait_seconds

    assert waits("3") == 3.0
    assert waits("-3") == 0.0
    assert [waits(value) for value in ("soon", "nan", "inf", "")] == [None] * 4
    in_a_minute = waits(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 50 < in_a_minute <= 60


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 2048 tokens. However, your prompt contains 3000 input tokens",
        "The input (3000 tokens) is longer than the model's context length (2048 tokens).",
        "the request exceeds the available context size. try increasing the context size",
    ],
)
def test_a_prompt_that_is_too_long_for_the_server_is_an_answer(message: str) -> None:
    assert _read(400, {"error": {"message": message}}) == Answer("", "error:context", 7, 0)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"error": {"message": "bad\ngrammar"}}, "HTTP 400: bad grammar"),
        (401, {"error": "Unauthorized"}, r"HTTP 401: Unauthorized; look at server\.api_key_variable"),
        (
            404,
            {"message": "no model x"},
            r"HTTP 404: no model x; look at server\.endpoints and server\.served_model",
        ),
        (422, b"", "HTTP 422: nothing was said"),
        (301, b"", "HTTP 301: nothing was said; redirects are not followed"),
    ],
)
def test_other_refusals_say_what_was_got(status: int, body: object, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        _read(status, body)


def test_lists_of_models_and_versions_are_read() -> None:
    assert read_models(b'{"data": [{"id": "m", "max_model_len": 9}]}') == [{"id": "m", "max_model_len": 9}]
    assert read_version(b'{"version": "0.32.0"}') == "0.32.0"
    for reader, body in (
        (read_models, b'{"data": [3]}'),
        (read_models, b"x"),
        (read_version, b'{"version": 3}'),
    ):
        with pytest.raises(TryFailedError):
            reader(body)
