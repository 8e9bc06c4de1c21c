from __future__ import annotations

import inspect

import pytest

from gristmill import errors
from gristmill.errors import EngineError, GristmillError, shorten, suggest


def test_every_error_is_in_the_tree_and_in_its_picture() -> None:
    assert errors.__doc__ is not None
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]
    assert len(classes) == 7
    for one in classes:
        assert issubclass(one, GristmillError)
        assert one.__name__ in errors.__doc__
        assert one.__doc__


def test_an_engine_error_says_whether_trying_again_makes_sense() -> None:
    error = EngineError("out of memory", retryable=True)
    assert (str(error), error.retryable) == ("out of memory", True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "'a'"),
        ("x" * 78, repr("x" * 78)),
        ("x" * 79, "'" + "x" * 76 + "..."),
        ([1] * 100, "[" + "1, " * 25 + "1..."),
        (None, "None"),
    ],
)
def test_values_are_shown_in_at_most_80_characters(value: object, shown: str) -> None:
    assert shorten(value) == shown
    assert len(shown) <= 80


def test_the_nearest_known_name_is_offered() -> None:
    assert suggest("datamen", ["dataman", "dsir"]) == " Did you mean 'dataman'?"
    assert suggest("fasttext", ["dataman", "dsir"]) == ""
    assert suggest("a", []) == ""
