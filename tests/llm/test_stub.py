from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from gristmill.errors import EngineError
from gristmill.llm.requests import Answer, Constraint, Request
from gristmill.llm.stub import StubEngine
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model

SOURCE = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the wheel on two "
    "days of the week, but only while the keeper, Ann Lowe, is there. Flour is sold beside the door."
)


@pytest.fixture
def engine(tmp_path: Path) -> StubEngine:
    return StubEngine(
        name="small", tokenizer=Tokenizer(write_model(tmp_path, weights=False)), max_model_len=6000
    )


def _ask(engine: StubEngine, request: Request, key: str = "k") -> Answer:
    return next(iter(engine.generate(iter([(key, request)]))))[1]


def _chat(instruction: str) -> tuple[tuple[str, str], ...]:
    return (("system", "You rewrite texts."), ("user", f"{instruction}\n\n<passage>\n{SOURCE}\n</passage>"))


def test_an_answer_depends_on_the_key_alone(engine: StubEngine) -> None:
    requests = [(f"k{n}", Request(_chat("Paraphrase."), 400)) for n in range(20)]
    forwards = dict(engine.generate(iter(requests)))
    backwards = dict(engine.generate(iter(requests[::-1])))
    assert forwards == backwards
    assert len({answer.text for answer in forwards.values()}) > 10


def test_most_rewordings_keep_all_words_and_some_have_faults(engine: StubEngine) -> None:
    words = Counter(SOURCE.replace(".", "").split())
    texts = [_ask(engine, Request(_chat("Paraphrase."), 400), f"k{n}").text for n in range(200)]
    reworded = [text for text in texts if Counter(text.replace(".", "").split()) == words and text != SOURCE]
    assert 120 < len(reworded) < 180
    assert "" in texts
    assert SOURCE in texts
    assert any(text.startswith("I'm sorry") for text in texts)


def test_questions_are_written_where_the_prompt_asks_for_them(engine: StubEngine) -> None:
    chat = _chat('Begin each question with "Question:" and each answer with "Answer:".')
    texts = [_ask(engine, Request(chat, 800), f"k{n}").text for n in range(20)]
    whole = [text for text in texts if text.count("Question: ") == text.count("\nAnswer: ") == 3]
    assert len(whole) >= 10


def test_an_answer_is_cut_at_its_token_limit(engine: StubEngine) -> None:
    answers = [_ask(engine, Request(_chat("Paraphrase."), 20), f"k{n}") for n in range(10)]
    cut = [answer for answer in answers if answer.finish_reason == "length"]
    assert len(cut) >= 5
    assert {(answer.output_tokens, len(answer.text)) for answer in cut} == {(20, 20)}


def test_a_prompt_that_leaves_no_room_is_answered_with_an_error(engine: StubEngine) -> None:
    assert _ask(engine, Request("x" * 6000, 5)) == Answer("", "error:context", 6000, 0)


@pytest.mark.parametrize(
    ("constraint", "allowed"),
    [
        (Constraint("choice", ("yes", "no")), {"yes", "no"}),
        (Constraint("regex", "[ab]"), {"a", "b"}),
        (Constraint("grammar", 'root ::= "x" | "y"'), {"x", "y"}),
        (Constraint("json_schema", '{"enum": [1, 2]}'), {"1", "2"}),
    ],
)
def test_an_answer_obeys_its_constraint(
    engine: StubEngine, constraint: Constraint, allowed: set[str]
) -> None:
    answers = {_ask(engine, Request("q", 20, constraint=constraint), f"k{n}").text for n in range(30)}
    assert answers == allowed


def test_a_constraint_that_cannot_be_obeyed_is_named(engine: StubEngine) -> None:
    with pytest.raises(EngineError, match="model 'small', request k: the stub engine cannot obey") as caught:
        _ask(engine, Request("q", 20, constraint=Constraint("grammar", "root ::= (")))
    assert not caught.value.retryable


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(engine: StubEngine) -> None:
    constraint = Constraint("choice", ("one END two",))
    assert _ask(engine, Request("q", 20, constraint=constraint, stop=("END",))).text == "one "


def test_token_ids_are_a_prompt_too(engine: StubEngine) -> None:
    assert _ask(engine, Request((5, 6, 7), 20)).prompt_tokens == 3


@pytest.mark.parametrize("style", ["medium", "qa"])
def test_the_rules_of_rephrasing_take_some_answers_and_reject_others(engine: StubEngine, style: str) -> None:
    from gristmill.rephrase.acceptance import judge
    from gristmill.rephrase.options import AcceptanceOptions
    from gristmill.rephrase.styles import packaged_template

    template = packaged_template(style)
    reasons = Counter()
    for number in range(100):
        answer = _ask(engine, Request(template.messages(SOURCE), 900), f"k{number}")
        verdict = judge(
            answer.text, SOURCE, template, finish_reason=answer.finish_reason, options=AcceptanceOptions()
        )
        reasons[verdict.reason] += 1
    assert reasons[None] > 20
    assert len(reasons) >= 4


def test_the_chosen_text_is_the_likeliest_where_log_probabilities_are_asked_for(engine: StubEngine) -> None:
    request = Request("Keep?", 20, constraint=Constraint("choice", ("keep", "drop")), logprobs=5)
    for key in ("k1", "k2", "k3"):
        answer = _ask(engine, request, key)
        assert answer.logprobs is not None
        ((chosen, best), (other, rest)) = answer.logprobs[0]
        assert {chosen, other} == {"keep", "drop"}
        assert chosen == answer.text
        assert best > rest
        assert math.exp(best) + math.exp(rest) == pytest.approx(1)
    assert _ask(engine, Request("Keep?", 20, logprobs=5)).logprobs is None
