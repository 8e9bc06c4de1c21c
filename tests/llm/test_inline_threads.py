"""The threads of the inline engine, around a fake of vLLM's engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import EngineError
from gristmill.llm import Answer, Request, vllm_inline
from gristmill.llm.options import ModelOptions
from gristmill.llm.vllm_inline import InlineEngine
from gristmill.llm.vllm_loading import LoadedModel
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model


class _Output:
    finished = True

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id


class _FakeEngine:
    """Finishes one request a step; `step` waits while `hangs` is set."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.most = 0
        self.aborted: list[str] = []
        self.threads: set[int] = set()
        self.hangs = threading.Event()
        self.goes_on = threading.Event()

    def add_request(self, key: str, prompt: Any, sampling: Any, lora_request: Any) -> None:
        assert prompt["prompt_token_ids"]
        self.threads.add(threading.get_ident())
        self.waiting.append(key)
        self.most = max(self.most, len(self.waiting))

    def step(self) -> list[_Output]:
        self.threads.add(threading.get_ident())
        if self.hangs.is_set():
            self.goes_on.wait(30)
        return [_Output(self.waiting.pop(0))] if self.waiting else []

    def abort_request(self, keys: list[str]) -> None:
        self.aborted += keys
        self.waiting.clear()


@pytest.fixture
def fake() -> _FakeEngine:
    return _FakeEngine()


@pytest.fixture
def engine(tmp_path: Path, fake: _FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[InlineEngine]:
    def load(*given: object) -> LoadedModel:
        fake.threads.add(threading.get_ident())
        return LoadedModel(fake, None, "fake", None)

    monkeypatch.setattr(vllm_inline, "load_model", load)
    monkeypatch.setattr(vllm_inline, "_sampling", lambda request: None)
    monkeypatch.setattr(vllm_inline, "_answer", lambda output: Answer(output.request_id, "stop", 1, 1))
    tokenizer = Tokenizer(write_model(tmp_path / "model", weights=False))
    options = ModelOptions(max_num_seqs=4, max_model_len=16)
    made = InlineEngine(tmp_path / "model", options, name="small", tokenizer=tokenizer)
    yield made
    fake.goes_on.set()
    made.close()


def _requests(count: int, text: str = "p") -> Iterator[tuple[str, Request]]:
    return ((f"k{n}", Request(text, 4)) for n in range(count))


def test_vllm_is_loaded_and_run_by_one_thread_and_gets_no_more_than_it_has_room_for(
    engine: InlineEngine, fake: _FakeEngine
) -> None:
    assert set(dict(engine.generate(_requests(100)))) == {f"k{n}" for n in range(100)}
    assert len(fake.threads) == 1
    assert threading.get_ident() not in fake.threads
    assert fake.most <= 2 * 4


def test_prompts_beyond_the_context_are_answered_without_being_sent(
    engine: InlineEngine, fake: _FakeEngine
) -> None:
    answers = dict(engine.generate(_requests(50, "p" * 16)))
    assert {answer.finish_reason for answer in answers.values()} == {"error:context"}
    assert (len(answers), fake.most) == (50, 0)


def test_a_step_that_never_returns_ends_in_an_error(
    engine: InlineEngine, fake: _FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_inline, "_STALL_SECONDS", 0.2)
    monkeypatch.setattr(vllm_inline, "_END_SECONDS", 0.2)
    fake.hangs.set()
    with pytest.raises(EngineError, match=r"no answer for 0.2 s with 2 requests in flight") as caught:
        list(engine.generate(_requests(2)))
    assert caught.value.retryable
    with pytest.raises(EngineError, match="is answering other requests"):
        next(engine.generate(_requests(1)))


def test_requests_that_are_long_in_coming_are_no_hanging_engine(
    engine: InlineEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_inline, "_STALL_SECONDS", 0.05)

    def slow() -> Iterator[tuple[str, Request]]:
        threading.Event().wait(0.3)
        yield from _requests(2)

    assert len(list(engine.generate(slow()))) == 2


def test_a_caller_that_stops_gives_up_what_is_in_flight(engine: InlineEngine, fake: _FakeEngine) -> None:
    stream = engine.generate(_requests(10_000))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert fake.aborted
    assert len(list(engine.generate(_requests(3)))) == 3


def test_an_engine_that_dies_hands_over_what_was_done_first(
    engine: InlineEngine, fake: _FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, steps = fake.step, count(1)

    def dies() -> list[_Output]:
        if next(steps) == 6:
            raise RuntimeError("no more")
        return step()

    monkeypatch.setattr(fake, "step", dies)
    stream = engine.generate(_requests(7))
    assert [next(stream)[0] for _ in range(5)] == [f"k{n}" for n in range(5)]
    with pytest.raises(
        EngineError, match=r"the engine died with [12] requests in flight: RuntimeError: no more"
    ):
        next(stream)
    assert set(fake.aborted) <= {"k5", "k6"}


def test_a_model_that_cannot_be_loaded_says_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise MemoryError("too large")

    monkeypatch.setattr(vllm_inline, "load_model", fail)
    tokenizer = Tokenizer(write_model(tmp_path, weights=False))
    with pytest.raises(
        EngineError, match="'small' cannot be loaded by vLLM: MemoryError: too large"
    ) as caught:
        InlineEngine(tmp_path, ModelOptions(), name="small", tokenizer=tokenizer)
    assert caught.value.retryable
