from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.errors import EngineError
from gristmill.llm import AnswerCache, LanguageModel, vllm_inline
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Answer, Constraint, Messages, ModelIdentity, Request
from gristmill.llm.vllm_inline import InlineEngine
from gristmill.tokenizer import Tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.llm]

OPTIONS = ModelOptions(max_num_seqs=8, kv_cache_gib=1, max_model_len=512)
IDENTITY = ModelIdentity("smollm", "d1", "float32", 512)
GRAMMAR = r"""
root ::= "keep_all()" | call ("\n" call){0,2}
call ::= "remove_lines(" [1-3] ", " [1-3] ")"
"""
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["score"],
        "additionalProperties": False,
    }
)


def _chat(question: str) -> Messages:
    return (("system", "You are a helpful assistant."), ("user", question))


REQUESTS = [
    Request(_chat("What is the capital of France?"), 20),
    Request(_chat("Is the sky blue?"), 8, constraint=Constraint("choice", ("yes", "no"))),
    Request(
        _chat("Which lines go?\n1 A story.\n2 Click here.\n3 The end."),
        60,
        constraint=Constraint("grammar", GRAMMAR),
    ),
    Request(_chat("In which year did the war end?"), 10, constraint=Constraint("regex", "(19|20)[0-9]{2}")),
    Request(_chat("Rate this text: good."), 30, constraint=Constraint("json_schema", SCHEMA)),
    Request(_chat("word " * 600), 20),
    Request("The capital of France is", 3),
    Request((504, 3575), 4, temperature=0.8, seed=7, sample=1),
    Request(_chat("Write about the sea."), 5),
    Request(_chat("Is the sky blue?"), 8, constraint=Constraint("choice", ("yes", "no")), logprobs=20),
]


@pytest.fixture(scope="module")
def engine(smollm: Path) -> Iterator[InlineEngine]:
    made = InlineEngine(smollm, OPTIONS, name="smollm", tokenizer=Tokenizer(smollm))
    yield made
    made.close()


@pytest.fixture(scope="module")
def answers(
    engine: InlineEngine, smollm: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, Answer]:
    root = tmp_path_factory.mktemp("answers")
    first = LanguageModel(IDENTITY, Tokenizer(smollm), AnswerCache(root), lambda: engine)
    found = dict(first.answer(enumerate(REQUESTS)))

    def refuse() -> InlineEngine:
        raise AssertionError("the second run loaded an engine")

    second = LanguageModel(IDENTITY, Tokenizer(smollm), AnswerCache(root), refuse)
    assert dict(second.answer(enumerate(REQUESTS))) == found
    assert second.count_prompt_tokens([REQUESTS[0].prompt]) == [found[0].prompt_tokens]  # type: ignore[list-item]
    return found


def test_a_question_is_answered(answers: dict[int, Answer]) -> None:
    assert "Paris" in answers[0].text
    assert "Paris" in answers[6].text
    assert answers[0].finish_reason == "stop"


def test_constraints_are_obeyed(answers: dict[int, Answer]) -> None:
    assert answers[1].text in ("yes", "no")
    assert re.fullmatch(
        r"keep_all\(\)|remove_lines\([1-3], [1-3]\)(\nremove_lines\([1-3], [1-3]\)){0,2}", answers[2].text
    )
    assert re.fullmatch("(19|20)[0-9]{2}", answers[3].text)
    assert re.fullmatch(r'\{"score": ?[1-5]\}', answers[4].text)


def test_log_probabilities_are_those_of_the_tokens_that_the_constraint_allows(
    answers: dict[int, Answer],
) -> None:
    assert answers[1].logprobs is None
    told = answers[9]
    assert told.text == answers[1].text
    assert told.logprobs is not None
    first = dict(told.logprobs[0])
    assert told.text.startswith(told.logprobs[0][0][0])
    assert all("yes".startswith(token) or "no".startswith(token) for token in first)
    assert sum(map(math.exp, first.values())) == pytest.approx(1, abs=0.01)


def test_a_prompt_beyond_the_context_is_an_answer_with_an_error(answers: dict[int, Answer]) -> None:
    assert (answers[5].text, answers[5].finish_reason, answers[5].output_tokens) == ("", "error:context", 0)
    assert answers[5].prompt_tokens > 512


def test_token_ids_and_lengths_are_counted(answers: dict[int, Answer]) -> None:
    assert (answers[7].prompt_tokens, answers[7].output_tokens) == (2, 4)
    assert (answers[8].finish_reason, answers[8].output_tokens) == ("length", 5)


def test_long_seeded_prompts_together_do_not_kill_the_engine(engine: InlineEngine) -> None:
    text = "The mill grinds wheat with the falling tide. " * 40
    requests = [(f"k{n}", Request(f"{n} {text}", 4, temperature=0.7, seed=1)) for n in range(14)]
    assert len(dict(engine.generate(iter(requests)))) == 14


def test_requests_are_taken_only_as_there_is_room(engine: InlineEngine) -> None:
    taken = 0

    def endless() -> Iterator[tuple[str, Request]]:
        nonlocal taken
        while True:
            taken += 1
            yield f"k{taken}", Request("a", 2 + taken % 5)

    stream = engine.generate(endless())
    for done in range(1, 31):
        next(stream)
        assert taken - done <= 2 * OPTIONS.max_num_seqs + vllm_inline._AHEAD + 2 * vllm_inline._GROUP
    stream.close()  # type: ignore[attr-defined]
    assert dict(engine.generate(iter([("again", REQUESTS[0])])))["again"].text


def test_a_constraint_that_vllm_refuses_is_named_and_the_engine_lives(engine: InlineEngine) -> None:
    wrong = Request("a", 4, constraint=Constraint("grammar", "root ::= (("))
    with pytest.raises(
        EngineError, match=r"model 'smollm', request w: vLLM refuses it: .*root ::= \(\("
    ) as caught:
        list(engine.generate(iter([("ok", REQUESTS[0]), ("w", wrong)])))
    assert not caught.value.retryable
    assert dict(engine.generate(iter([("again", REQUESTS[0])])))["again"].text


def test_an_engine_that_dies_is_worth_a_retry(engine: InlineEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def die() -> None:
        raise RuntimeError("CPU Generator does not use offset")

    with monkeypatch.context() as patch:
        patch.setattr(engine._loaded.engine, "step", die)
        with pytest.raises(
            EngineError, match="'smollm': the engine died with 1 requests in flight"
        ) as caught:
            list(engine.generate(iter([("k", REQUESTS[0])])))
    assert caught.value.retryable


def test_a_second_stream_at_the_same_time_is_refused(engine: InlineEngine) -> None:
    stream = engine.generate(iter([(f"k{n}", Request("a", 2 + n)) for n in range(4)]))
    next(stream)
    with pytest.raises(EngineError, match="is answering other requests"):
        next(engine.generate(iter([("other", REQUESTS[0])])))
    assert len(list(stream)) == 3


def test_a_closed_engine_says_so(smollm: Path) -> None:
    made = InlineEngine.__new__(InlineEngine)
    made._name, made._loaded = "smollm", None
    made.close()
    with pytest.raises(EngineError, match="was closed"):
        next(made.generate(iter([("k", REQUESTS[0])])))
