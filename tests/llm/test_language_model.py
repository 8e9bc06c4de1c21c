from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill import progress
from gristmill.errors import EngineError, ModelError
from gristmill.llm import AnswerCache, LanguageModel
from gristmill.llm.replay import ReplayEngine
from gristmill.llm.requests import Answer, ModelIdentity, Request, request_key
from gristmill.llm.stub import StubEngine
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model

IDENTITY = ModelIdentity("small", "d1", "float32", 256)


class CountingEngine:
    """Answers with the prompt; `fails_after` answers it dies."""

    build = "counting"

    def __init__(self, fails_after: int | None = None) -> None:
        self.asked: list[str] = []
        self.fails_after = fails_after
        self.closed = 0

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        for key, request in requests:
            if len(self.asked) == self.fails_after:
                raise EngineError("it died", retryable=True)
            self.asked.append(str(request.prompt))
            yield key, Answer(f"to {request.prompt}", "stop", 5, 2)

    def close(self) -> None:
        self.closed += 1


def _requests(*prompts: str) -> list[tuple[int, Request]]:
    return [(number, Request(prompt, 8)) for number, prompt in enumerate(prompts)]


def _model(tmp_path: Path, engine: object = None) -> tuple[LanguageModel, list[object]]:
    """The model, and the engines that it loaded."""
    loaded: list[object] = []

    def load() -> object:
        loaded.append(engine if engine is not None else CountingEngine())
        return loaded[-1]

    tokenizer = Tokenizer(write_model(tmp_path / "model", weights=False))
    return LanguageModel(IDENTITY, tokenizer, AnswerCache(tmp_path / "answers"), load), loaded  # type: ignore[arg-type]


def test_every_request_gets_the_answer_to_its_own_prompt(tmp_path: Path) -> None:
    model, _ = _model(tmp_path)
    answers = dict(model.answer(_requests("a", "b", "c")))
    assert {index: answer.text for index, answer in answers.items()} == {0: "to a", 1: "to b", 2: "to c"}


def test_equal_requests_are_asked_once_and_all_answered(tmp_path: Path) -> None:
    engine = CountingEngine()
    model, _ = _model(tmp_path, engine)
    answers = dict(model.answer(_requests("a", "b", "a", "a")))
    assert engine.asked == ["a", "b"]
    assert [answers[index].text for index in range(4)] == ["to a", "to b", "to a", "to a"]
    assert (model.usage.requests, model.usage.cached, model.usage.sent) == (4, 2, 2)


def test_a_second_run_loads_no_engine(tmp_path: Path) -> None:
    first, _ = _model(tmp_path)
    expected = dict(first.answer(_requests("a", "b")))
    first.close()
    second, loaded = _model(tmp_path)
    assert dict(second.answer(_requests("a", "b"))) == expected
    assert loaded == []
    assert (second.usage.cached, second.usage.sent, second.usage.prompt_tokens) == (2, 0, 0)


def test_cached_answers_come_first_and_only_the_missing_are_sent(tmp_path: Path) -> None:
    first, _ = _model(tmp_path)
    list(first.answer(_requests("b")))
    engine = CountingEngine()
    second, _ = _model(tmp_path, engine)  # the first one is still open
    assert [index for index, _ in second.answer(_requests("a", "b", "c"))] == [1, 0, 2]
    assert engine.asked == ["a", "c"]


def test_no_request_loads_no_engine(tmp_path: Path) -> None:
    model, loaded = _model(tmp_path)
    assert list(model.answer([])) == []
    assert loaded == []


def test_an_answer_is_in_the_cache_before_it_is_handed_on(tmp_path: Path) -> None:
    model, _ = _model(tmp_path)
    reader = AnswerCache(tmp_path / "answers")
    for index, answer in model.answer(requests := _requests("a", "b")):
        key = request_key(requests[index][1], IDENTITY)
        assert reader.lookup([key]) == {key: answer}


def test_what_is_yielded_is_what_the_cache_gives_back_later(tmp_path: Path) -> None:
    class Surrogates(CountingEngine):
        def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
            yield from ((key, Answer("a\ud800b", "stop", 1, 1)) for key, _ in requests)

    first, _ = _model(tmp_path, Surrogates())
    given = list(first.answer(_requests("a")))
    first.close()
    second, _ = _model(tmp_path)
    assert list(second.answer(_requests("a"))) == given == [(0, Answer("a?b", "stop", 1, 1))]


def test_a_dead_engine_is_given_up_and_its_answers_are_kept(tmp_path: Path) -> None:
    engine = CountingEngine(fails_after=2)
    model, loaded = _model(tmp_path, engine)
    with pytest.raises(EngineError, match="it died"):
        list(model.answer(_requests("a", "b", "c")))
    assert engine.closed == 1
    assert not model.loaded
    engine.fails_after = None
    assert len(list(model.answer(_requests("a", "b", "c")))) == 3
    assert engine.asked == ["a", "b", "c"]
    assert len(loaded) == 2


def test_a_caller_that_stops_reading_leaves_the_model_usable(tmp_path: Path) -> None:
    engine = CountingEngine()
    model, _ = _model(tmp_path, engine)
    answers = model.answer(_requests("a", "b", "c"))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert len(list(model.answer(_requests("a", "b", "c")))) == 3
    assert engine.asked == ["a", "b", "c"]


def test_unloading_gives_back_the_engine_and_finishes_the_segment(tmp_path: Path) -> None:
    engine = CountingEngine()
    model, loaded = _model(tmp_path, engine)
    list(model.answer(_requests("a")))
    model.unload()
    assert engine.closed == 1
    assert len(list((tmp_path / "answers" / "segments").glob("*.parquet"))) == 1
    list(model.answer(_requests("b")))
    assert len(loaded) == 2


def test_each_answer_advances_the_open_task(tmp_path: Path) -> None:
    model, _ = _model(tmp_path)
    with progress.task("refined", "s1") as task:
        progress.expect(3, "requests")
        list(model.answer(_requests("a", "b", "a")))
        assert task.done == 3


def test_usage_since_says_what_came_on_top(tmp_path: Path) -> None:
    model, _ = _model(tmp_path)
    list(model.answer(_requests("a", "b")))
    assert (model.usage.prompt_tokens, model.usage.output_tokens) == (10, 4)
    assert model.usage.since(model.usage).sentence() == "0 requests, 0 cached, 0 sent"
    assert model.usage.sentence().startswith(
        "2 requests, 0 cached, 2 sent; 10 prompt and 4 output tokens in "
    )


def test_replay_names_the_missing_request_and_what_to_do(tmp_path: Path) -> None:
    model, _ = _model(tmp_path, ReplayEngine("small"))
    key = request_key(Request("a", 8), IDENTITY)
    with pytest.raises(
        EngineError, match=f"'small'.*request {key} is not in the cache.*engine: inline"
    ) as caught:
        list(model.answer(_requests("a")))
    assert not caught.value.retryable


def test_replay_answers_what_is_cached(tmp_path: Path) -> None:
    first, _ = _model(tmp_path)
    given = list(first.answer(_requests("a")))
    first.close()
    replay, _ = _model(tmp_path, ReplayEngine("small"))
    assert list(replay.answer(_requests("a"))) == given


def test_tokens_of_texts_and_of_chats_are_counted(tmp_path: Path) -> None:
    model, loaded = _model(tmp_path)
    assert model.count_tokens(["abc", ""]) == [3, 0]
    # 3 control tokens, "user", "hi", "assistant" and the line breaks, a token per byte
    assert model.count_prompt_tokens([(("user", "hi"),)]) == [3 + len("user\nhi\nassistant\n")]
    assert loaded == []


KILLED = """
import sys
from pathlib import Path
from gristmill.llm import AnswerCache, LanguageModel
from gristmill.llm.requests import ModelIdentity, Request
from gristmill.llm.stub import StubEngine
from gristmill.tokenizer import Tokenizer
root = Path(sys.argv[1])
tokenizer = Tokenizer(root / "model")
engine = StubEngine(name="small", tokenizer=tokenizer, max_model_len=256, seconds_per_answer=0.005)
identity = ModelIdentity("small", "d1", "float32", 256)
model = LanguageModel(identity, tokenizer, AnswerCache(root / "answers"), lambda: engine)
for index, answer in model.answer((n, Request(f"prompt {n}", 8)) for n in range(200)):
    print(index, model.usage.sent, flush=True)
"""


def test_after_kill_9_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    write_model(tmp_path / "model", weights=False)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(30):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    printed = 30 + len([line for line in process.stdout.read().splitlines() if line.count(" ") == 1])
    process.wait()
    process.stdout.close()

    cached = AnswerCache(tmp_path / "answers").count()
    assert printed <= cached <= printed + 1  # at most one was written and not yet printed
    model, _ = _model(
        tmp_path, StubEngine(name="small", tokenizer=Tokenizer(tmp_path / "model"), max_model_len=256)
    )
    answers = dict(model.answer((n, Request(f"prompt {n}", 8)) for n in range(200)))
    assert len(answers) == 200
    assert model.usage.sent == 200 - cached


def test_a_model_without_chat_template_refuses_chats(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "base", weights=False, template=None)
    model = LanguageModel(IDENTITY, Tokenizer(folder), AnswerCache(tmp_path / "answers"), CountingEngine)
    with pytest.raises(ModelError, match="'base' has no chat template, so it is no chat model"):
        model.count_prompt_tokens([(("user", "hi"),)])
