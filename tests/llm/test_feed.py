from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.llm import Answer, AnswerCache, LanguageModel, ModelIdentity, Request, feed, request_key
from gristmill.llm.background import ReadAhead
from gristmill.llm.feed import Feed
from gristmill.llm.requests import Prompt
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model

IDENTITY = ModelIdentity("small", "d1", "float32", 256)


class _AheadEngine:
    """Pulls requests from another thread, as far ahead as it may, and answers in reverse order of what it holds."""

    build = "ahead"

    def __init__(self, holds: int = 4) -> None:
        self.holds = holds
        self.calls = 0
        self.asked: list[str] = []

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        self.calls += 1
        ahead = ReadAhead(requests, self.holds)
        held: list[tuple[str, Request]] = []
        try:
            while True:
                while len(held) < self.holds and (item := ahead.take(wait=not held)) is not None:
                    held.append(item)
                if not held:
                    return
                key, request = held.pop()
                self.asked.append(str(request.prompt))
                yield key, Answer(f"to {request.prompt}", "stop", 1, 1)
        finally:
            ahead.close()

    def close(self) -> None:
        pass


def _model(folder: Path, engine: object) -> LanguageModel:
    tokenizer = Tokenizer(write_model(folder / "model", weights=False))
    return LanguageModel(IDENTITY, tokenizer, AnswerCache(folder / "answers"), lambda: engine)  # type: ignore[arg-type,return-value]


def test_the_engine_never_drains_between_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_WINDOW", 3)
    engine = _AheadEngine()
    model = _model(tmp_path, engine)
    answers = dict(model.answer((n, Request(f"p{n}", 4)) for n in range(20)))
    assert {n: answer.text for n, answer in answers.items()} == {n: f"to p{n}" for n in range(20)}
    assert engine.calls == 1


def test_an_endless_stream_is_taken_only_a_bounded_number_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_WINDOW", 8)
    taken = 0

    def endless() -> Iterator[tuple[int, Request]]:
        nonlocal taken
        while True:
            taken += 1
            yield taken, Request(f"p{taken}", 4)

    answers = _model(tmp_path, _AheadEngine()).answer(endless())
    for done in range(1, 60):
        next(answers)
        assert taken - done <= 8 + 8 + 4 + 4 + 1
    answers.close()  # type: ignore[attr-defined]


def test_cached_answers_between_others_are_handed_on_at_once_and_not_piled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_WINDOW", 2)
    monkeypatch.setattr(feed, "_MAX_FOUND", 4)
    first = _model(tmp_path, _AheadEngine())
    dict(first.answer((n, Request(f"p{n}", 4)) for n in range(1, 40)))
    first.close()
    engine = _AheadEngine()
    second = _model(tmp_path, engine)
    assert len(dict(second.answer((n, Request(f"p{n}", 4)) for n in range(41)))) == 41
    assert sorted(engine.asked) == ["p0", "p40"]
    assert engine.calls == 2  # 39 cached answers wait for nobody: the first call ended before them
    assert (second.usage.requests, second.usage.cached, second.usage.sent) == (41, 39, 2)


def test_requests_that_begin_alike_stand_together(tmp_path: Path) -> None:
    prompts: list[Prompt] = ["b 1", "a 1", (3, 1), (("user", "x"),), "b 2", "a 2", (3, 2), (("user", "x y"),)]
    made = Feed(((n, Request(p, 4)) for n, p in enumerate(prompts)), IDENTITY, AnswerCache(tmp_path))
    order = [request.prompt for _, request in made.missing()]
    assert order == ["a 1", "a 2", "b 1", "b 2", (3, 1), (3, 2), (("user", "x"),), (("user", "x y"),)]


def test_who_comes_after_an_answer_was_written_finds_it_in_the_cache(tmp_path: Path) -> None:
    cache, request = AnswerCache(tmp_path), Request("p", 4)
    key = request_key(request, IDENTITY)
    made = Feed(iter([(n, request) for n in range(feed._WINDOW + 1)]), IDENTITY, cache)
    asked = made.missing()
    assert next(asked) == (key, request)
    with cache.writer(IDENTITY, "test") as writer:
        writer.write(key, Answer("a", "stop", 1, 1))
        assert made.answered(key) == list(range(feed._WINDOW))
        assert list(asked) == []
    assert list(made.found) == [(feed._WINDOW, Answer("a", "stop", 1, 1))]


@settings(max_examples=20)
@given(
    wanted=st.lists(st.integers(0, 6), max_size=30),
    window=st.integers(1, 5),
    known=st.sets(st.integers(0, 6)),
)
def test_every_request_is_answered_once_and_none_is_asked_twice(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[int], window: int, known: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("feed")
    with AnswerCache(folder / "answers").writer(IDENTITY, "test") as writer:
        for n in known:
            writer.write(request_key(Request(f"p{n}", 4), IDENTITY), Answer(f"to p{n}", "stop", 1, 1))
    engine = _AheadEngine(holds=3)
    before, feed._WINDOW = feed._WINDOW, window
    try:
        answers = list(_model(folder, engine).answer(enumerate(Request(f"p{n}", 4) for n in wanted)))
    finally:
        feed._WINDOW = before
    assert sorted((place, answer.text) for place, answer in answers) == [
        (place, f"to p{n}") for place, n in enumerate(wanted)
    ]
    assert sorted(engine.asked) == sorted(f"p{n}" for n in set(wanted) - known)


def test_what_the_generator_raises_reaches_the_caller_and_answers_before_it_are_kept(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[int, Request]]:
        yield from ((n, Request(f"p{n}", 4)) for n in range(feed._WINDOW))
        raise ValueError("no more")

    model = _model(tmp_path, _AheadEngine())
    with pytest.raises(ValueError, match="no more"):
        dict(model.answer(broken()))
    assert AnswerCache(tmp_path / "answers").count() >= feed._WINDOW - 4  # but for those in flight


def test_reading_ahead_stops_when_it_is_closed() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        n = 0
        while True:
            yield (n := n + 1)
            if n > 3:
                made.set()

    ahead = ReadAhead(items(), 4)
    assert ahead.take(wait=True) == 1
    assert made.wait(10)
    ahead.close()
    assert not ahead._thread.is_alive()
