"""The server engine against servers on this machine that fail in the ways that servers do."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.errors import EngineError
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Answer, Constraint, Request
from gristmill.llm.server.engine import ServerEngine
from gristmill.llm.server.replicas import Pace
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model
from tests.llm.stub_server import StubServer, no_fault, some_fail

PACE = Pace(retry=0.01, retry_limit=0.05, probe=0.02, probe_limit=0.05, failures=3)
REQUESTS = {f"k{n:03d}": Request(f"The {n}th mill grinds. It stands by the river.", 60) for n in range(60)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"), weights=False)


@pytest.fixture(scope="module")
def two_servers(model: Path) -> Iterator[tuple[StubServer, StubServer]]:
    with StubServer(model) as first, StubServer(model) as second:
        yield first, second


@pytest.fixture
def servers(two_servers: tuple[StubServer, StubServer]) -> tuple[StubServer, StubServer]:
    """Two servers, as new."""
    for server in two_servers:
        server.fault, server.seconds, server.key, server.name = no_fault, 0.0, None, "stub"
        server.max_model_len, server.parent, server.cancelled, server.peak = 2048, None, 0, 0
        server.asked.clear(), server.answered.clear(), server.bodies.clear()  # type: ignore[func-returns-value]
        if not server._runner:
            server.start()
    return two_servers


Make = Callable[..., ServerEngine]


@pytest.fixture
def make(model: Path) -> Iterator[Make]:
    """Makes engines, which are closed in the end."""
    made = []

    def engine(*servers: StubServer, api_key: str | None = None, **options: object) -> ServerEngine:
        values = {"endpoints": [server.address for server in servers], "concurrency": 8, **options}
        values = {"identity": "name", "served_model": "stub", "served_version": "1"} | values
        if values["identity"] == "files":
            del values["served_version"]
        full = ModelOptions.model_validate({"engine": "server", "server": values})
        one = ServerEngine(full, name="mill", tokenizer=Tokenizer(model), api_key=api_key, pace=PACE)
        made.append(one)
        return one

    yield engine
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def expected(model: Path) -> dict[str, Answer]:
    """The answers to REQUESTS without faults."""
    with StubServer(model) as server:
        options = ModelOptions.model_validate({"engine": "server", "server": {"endpoints": [server.address]}})
        engine = ServerEngine(options, name="mill", tokenizer=Tokenizer(model))
        answers = dict(engine.generate(iter(REQUESTS.items())))
        engine.close()
    assert set(answers) == set(REQUESTS)
    assert len({answer.text for answer in answers.values()}) > 30
    return answers


def test_every_request_is_answered_once_by_either_server(servers, make: Make, expected) -> None:
    engine = make(*servers)
    answers = list(engine.generate(iter(REQUESTS.items())))
    assert dict(answers) == expected
    assert len(answers) == len(REQUESTS)
    assert engine.build == "vllm 0.32.0"
    asked = servers[0].asked + servers[1].asked
    assert sorted(asked.values()) == [1] * len(REQUESTS)
    assert min(len(server.asked) for server in servers) > 10
    assert max(server.peak for server in servers) <= 8


def test_requests_are_taken_only_as_there_is_room(servers, make: Make) -> None:
    taken = 0

    def endless() -> Iterator[tuple[str, Request]]:
        nonlocal taken
        while True:
            taken += 1
            yield f"k{taken}", Request(f"mill {taken}.", 9)

    stream = make(servers[0], concurrency=4).generate(endless())
    for done in range(1, 40):
        next(stream)
        assert taken - done <= 4 + 8
    stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", [1, 2])
def test_with_three_of_ten_failing_the_answers_are_the_same(seed: int, servers, make: Make, expected) -> None:
    for number, server in enumerate(servers):
        server.fault = some_fail(0.3, 10 * seed + number)
    engine = make(*servers)
    assert dict(engine.generate(iter(REQUESTS.items()))) == expected
    answered = servers[0].answered + servers[1].answered
    assert max(answered.values()) == 1, "what was answered was not asked again"
    assert (servers[0].asked + servers[1].asked).total() > len(REQUESTS) + 10


def test_a_server_that_dies_is_taken_out_and_brought_back(
    servers, make: Make, expected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    servers[0].seconds = servers[1].seconds = 0.02
    got = {}
    before = 0
    for number, (key, answer) in enumerate(make(*servers).generate(iter(REQUESTS.items()))):
        got[key] = answer
        if number == 5:
            servers[0].stop()
            before = servers[0].asked.total()
        if number == 30:
            servers[0].start()
    assert got == expected
    assert servers[0].asked.total() > before
    said = caplog.text
    assert f"{servers[0].address} is taken out: 3 failures, the last: " in said
    assert f"{servers[0].address} is back" in said


def test_when_no_server_works_for_too_long_all_are_named(servers, make: Make) -> None:
    engine = make(*servers, outage_seconds=0.3)
    stream = engine.generate(iter(REQUESTS.items()))
    next(stream)
    for server in servers:
        server.stop()
    with pytest.raises(EngineError, match=r"no endpoint works since 0\.3 s") as caught:
        list(stream)
    assert caught.value.retryable
    for server in servers:
        assert f"{server.address} out: ClientConnectorError" in str(caught.value)


def test_a_server_that_is_not_there_at_the_start_may_come_later(servers, make: Make, expected) -> None:
    servers[0].stop()
    stream = make(*servers).generate(iter(REQUESTS.items()))
    first = next(stream)
    servers[0].start()
    servers[1].seconds = 0.02
    assert dict([first, *stream]) == expected
    assert servers[0].asked.total() > 0


def test_no_server_at_the_start_is_an_error_worth_a_retry(servers, make: Make) -> None:
    servers[0].stop()
    with pytest.raises(EngineError, match=r"no endpoint works since 0\.1 s \(http://127\.0\.0\.1:") as caught:
        make(servers[0], outage_seconds=0.1)
    assert caught.value.retryable


def test_a_prompt_beyond_the_context_is_an_answer(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: (
        "context" if number == 0 and len(servers[0].asked) == 1 else None
    )
    requests = [("long", Request("a" * 3000, 9)), ("ok", Request("mill.", 9)), ("server", Request("b", 9))]
    answers = dict(make(servers[0], concurrency=1).generate(iter(requests)))
    assert answers["long"] == Answer("", "error:context", 3000, 0)
    assert answers["server"] == Answer("", "error:context", 1, 0)
    assert answers["ok"].finish_reason in ("stop", "length")
    assert servers[0].asked.total() == 2, "the refused one is not asked again"


def test_an_answer_never_goes_beyond_the_context(servers, make: Make) -> None:
    dict(make(servers[0]).generate(iter([("k", Request("a" * 2000, 500))])))
    assert servers[0].bodies[0]["max_tokens"] == 48


def test_what_a_server_refuses_is_named_without_the_key(servers, make: Make) -> None:
    servers[0].key = "s3cret"
    servers[0].fault = lambda digest, number: "refused"
    engine = make(servers[0], api_key="s3cret")
    message = f"model 'mill', request k: {servers[0].address} refuses it: HTTP 400: no such grammar; you sent Bearer "
    with pytest.raises(EngineError, match=re.escape(message + "***")) as caught:
        list(engine.generate(iter([("k", Request("a", 4))])))
    assert not caught.value.retryable


def test_a_wrong_key_is_told_at_the_start(servers, make: Make) -> None:
    servers[0].key = "s3cret"
    with pytest.raises(EngineError, match=r"HTTP 401.*look at server\.api_key_variable") as caught:
        make(servers[0], api_key="other")
    assert not caught.value.retryable
    assert "other" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"name": "other"}, {}, r"serves \['other'\], not 'stub'; look at server\.served_model"),
        ({"parent": "base"}, {"identity": "files"}, "'stub' is an adapter, .*use identity `name`"),
        ({"max_model_len": 1024}, {}, "its context has 1024 tokens, max_model_len is 2048"),
    ],
)
def test_another_model_is_refused_at_the_start(change, options, message, servers, make: Make) -> None:
    for name, value in change.items():
        setattr(servers[0], name, value)
    with pytest.raises(EngineError, match=message):
        make(servers[0], **options)


def test_the_only_model_of_a_server_needs_no_name(servers, make: Make) -> None:
    servers[0].name = "some-model"
    engine = make(servers[0], identity="files", served_model=None)
    dict(engine.generate(iter([("k", Request("a", 4))])))
    assert servers[0].bodies[0]["model"] == "some-model"


def test_redirects_are_not_followed(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: "moved"
    with pytest.raises(EngineError, match=r"HTTP 307.*redirects are not followed"):
        list(make(servers[0]).generate(iter([("k", Request("a", 4))])))


def test_an_endless_reply_is_cut_and_asked_again(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: "huge" if number == 0 else None
    answers = dict(make(servers[0]).generate(iter([("k", Request("mill.", 4))])))
    assert answers["k"].finish_reason in ("stop", "length")


def test_a_request_that_always_fails_stops_no_other(servers, make: Make, expected) -> None:
    engine = make(*servers, retries=2)
    list(engine.generate(iter([("k000", REQUESTS["k000"])])))
    (poison,) = servers[0].asked or servers[1].asked
    for server in servers:
        server.asked.clear()
        server.fault = lambda digest, number: "500" if digest == poison else None
    stream = engine.generate(iter(REQUESTS.items()))
    got = dict(next(stream) for _ in range(len(REQUESTS) - 1))
    assert got == {key: answer for key, answer in expected.items() if key != "k000"}
    message = (
        r"1 requests failed too often and were left out, all others are answered; request k000 failed 3 times, the "
        r"last time at http://127.*: HTTP 500: out of memory"
    )
    with pytest.raises(EngineError, match=message) as caught:
        next(stream)
    assert caught.value.retryable
    assert (servers[0].asked + servers[1].asked)[poison] == 3


def test_a_failed_request_goes_to_another_server(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: "500"
    servers[1].seconds = 0.01
    assert len(dict(make(*servers).generate(iter([("k", REQUESTS["k000"])])))) == 1
    assert (servers[0].asked.total(), servers[1].asked.total()) == (1, 1)


def test_many_requests_that_fail_end_the_run_at_once(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: (
        "500" if number % 4 else "429"
    )  # never so often as to be taken out
    with pytest.raises(EngineError, match="16 requests failed too often; request k0") as caught:
        list(make(servers[0], retries=0).generate(iter(REQUESTS.items())))
    assert caught.value.retryable


def test_a_request_that_hangs_is_asked_again_elsewhere(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: "hang"
    engine = make(*servers, request_seconds=0.2, stall_seconds=5.0)
    assert len(dict(engine.generate(iter(list(REQUESTS.items())[:6])))) == 6
    assert servers[1].asked.total() == 6


def test_a_server_that_hangs_ends_the_run(servers, make: Make) -> None:
    servers[0].fault = lambda digest, number: "hang"
    engine = make(servers[0], request_seconds=0.4, stall_seconds=0.4)
    with pytest.raises(
        EngineError, match=r"no answer for 0\.4 s with 2 requests in flight; http://"
    ) as caught:
        list(engine.generate(iter(list(REQUESTS.items())[:2])))
    assert caught.value.retryable


@pytest.mark.parametrize("fault", ["429", "429 after"])
def test_an_overloaded_server_gets_a_pause_and_stays_in(
    fault: str, servers, make: Make, expected, caplog: pytest.LogCaptureFixture
) -> None:
    servers[0].fault = lambda digest, number: fault if len(servers[0].asked) <= 6 and number == 0 else None
    assert dict(make(servers[0]).generate(iter(REQUESTS.items()))) == expected
    assert "taken out" not in caplog.text
    assert max(servers[0].answered.values()) == 1


def test_a_server_is_left_alone_for_as_long_as_it_asks(servers, make: Make) -> None:
    times: list[float] = []

    def once(digest: str, number: int) -> str | None:
        times.append(time.monotonic())
        return "429 after" if len(times) == 1 else None

    servers[0].fault = once
    list(make(servers[0], concurrency=1).generate(iter(list(REQUESTS.items())[:3])))
    assert times[1] - times[0] >= 0.05


def test_closing_the_stream_cancels_what_is_in_flight(servers, make: Make, expected) -> None:
    servers[0].fault = lambda digest, number: "hang" if len(servers[0].asked) > 3 else None
    engine = make(servers[0])
    stream = engine.generate(iter(REQUESTS.items()))
    next(stream)
    _wait(lambda: servers[0]._in_flight == 8)
    stream.close()  # type: ignore[attr-defined]
    _wait(lambda: servers[0].cancelled == 8)
    servers[0].fault = no_fault
    assert dict(engine.generate(iter(REQUESTS.items()))) == expected, "nothing of the first stream is left"


def test_an_error_of_the_requests_cancels_and_is_passed_on(servers, make: Make) -> None:
    def broken() -> Iterator[tuple[str, Request]]:
        yield "a", Request("mill.", 4)
        raise KeyError("source")

    engine = make(servers[0])
    with pytest.raises(KeyError, match="source"):
        list(engine.generate(broken()))
    assert len(dict(engine.generate(iter([("a", Request("mill.", 4))])))) == 1


def test_a_second_stream_at_the_same_time_is_refused(servers, make: Make) -> None:
    engine = make(servers[0])
    stream = engine.generate(iter(REQUESTS.items()))
    next(stream)
    with pytest.raises(EngineError, match="is answering other requests"):
        next(engine.generate(iter(REQUESTS.items())))
    assert len(list(stream)) == len(REQUESTS) - 1


def test_a_closed_engine_says_so(servers, make: Make) -> None:
    engine = make(servers[0])
    stream = engine.generate(iter(REQUESTS.items()))
    next(stream)
    engine.close()
    engine.close()
    stream.close()  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match="was closed"):
        next(engine.generate(iter(REQUESTS.items())))


def test_constraints_are_obeyed_and_chats_are_rendered_here(servers, make: Make) -> None:
    chat = (("user", "Is it a mill?"),)
    requests = [
        ("choice", Request(chat, 9, constraint=Constraint("choice", ("yes", "no")))),
        ("regex", Request(chat, 9, constraint=Constraint("regex", "(19|20)[0-9]{2}"))),
        ("ids", Request((100, 101, 102), 9)),
    ]
    answers = dict(make(servers[0]).generate(iter(requests)))
    assert answers["choice"].text in ("yes", "no")
    assert answers["regex"].text[:2] in ("19", "20")
    prompt = servers[0].bodies[0]["prompt"]
    assert prompt[0] == 1, "the chat begins with the control token of the template"
    assert servers[0].bodies[2]["prompt"] == [100, 101, 102]


def test_other_servers_get_messages(servers, make: Make) -> None:
    requests = [
        ("chat", Request((("system", "Be brief."), ("user", "A mill stands.")), 90)),
        ("t", Request("A", 9)),
    ]
    answers = dict(make(servers[0], protocol="openai").generate(iter(requests)))
    assert set(answers) == {"chat", "t"}
    chat = next(body for body in servers[0].bodies if "messages" in body)
    assert chat["messages"][1] == {"role": "user", "content": "A mill stands."}
    assert not {"top_k", "structured_outputs", "repetition_penalty"} & set(chat)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
