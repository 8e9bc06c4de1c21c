from __future__ import annotations

from dataclasses import replace

import pytest

from gristmill.llm.requests import Constraint, ModelIdentity, Request, request_key

MODEL = ModelIdentity("small", "d1", "float32", 64)
REQUEST = Request((("user", "hi"),), 8)


def test_the_key_is_fixed_for_all_time() -> None:
    # A changed key makes every cached answer worthless: raise _KEY_VERSION only with good reason.
    assert request_key(REQUEST, MODEL) == request_key(Request((("user", "hi"),), 8, 0.0), MODEL)
    assert request_key(REQUEST, MODEL) == "8e9e3e4750baed2224d57c45f64fb432"


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, prompt="hi"),
        replace(REQUEST, prompt=(1, 2)),
        replace(REQUEST, max_tokens=9),
        replace(REQUEST, temperature=0.5),
        replace(REQUEST, top_p=0.9),
        replace(REQUEST, seed=1),
        replace(REQUEST, constraint=Constraint("choice", ("a",))),
        replace(REQUEST, constraint=Constraint("regex", "a")),
        replace(REQUEST, stop=("a",)),
        replace(REQUEST, sample=1),
        replace(REQUEST, logprobs=5),
    ],
)
def test_all_that_may_change_an_answer_changes_the_key(other: Request) -> None:
    assert request_key(other, MODEL) != request_key(REQUEST, MODEL)


@pytest.mark.parametrize("change", [{"digest": "d2"}, {"dtype": "bfloat16"}, {"max_model_len": 65}])
def test_another_model_has_another_key(change: dict[str, object]) -> None:
    assert request_key(REQUEST, replace(MODEL, **change)) != request_key(REQUEST, MODEL)  # type: ignore[arg-type]


def test_the_name_of_a_model_is_not_in_the_key() -> None:
    assert request_key(REQUEST, replace(MODEL, name="other")) == request_key(REQUEST, MODEL)


def test_half_a_surrogate_pair_has_a_key() -> None:
    assert len(request_key(replace(REQUEST, prompt="\ud800"), MODEL)) == 32


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": ""},
        {"prompt": ()},
        {"max_tokens": 0},
        {"temperature": -1.0},
        {"top_p": 0.0},
        {"top_p": 1.5},
    ],
)
def test_a_request_without_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="got"):
        replace(REQUEST, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value"), [("choice", "a"), ("choice", ()), ("regex", ("a",)), ("grammar", "")]
)
def test_a_constraint_of_the_wrong_type_is_refused(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match="choice takes a tuple of texts, all others one text"):
        Constraint(kind, value)  # type: ignore[arg-type]
