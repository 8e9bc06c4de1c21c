from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.llm.requests import Constraint
from gristmill.llm.shapes import draw_text

PROGRAM = r"""
# edits of a page with 12 lines
root   ::= "keep_all()" | call ("\n" call){0,5}
call   ::= "remove_lines(" number ", " number ")"
         | "normalize(\"" text "\", \"\")"
number ::= [1-9] | "1" [0-2]
text   ::= [^"\\\n]{1,20}
"""
CALL = r'(?:remove_lines\((?:[1-9]|1[0-2]), (?:[1-9]|1[0-2])\)|normalize\("[^"\\\n]{1,20}", ""\))'
PROGRAM_REGEX = rf"keep_all\(\)|{CALL}(?:\n{CALL}){{0,5}}"


def _draw(kind: str, value: str | tuple[str, ...], seed: int) -> str:
    return draw_text(Constraint(kind, value), random.Random(seed).randrange)  # type: ignore[arg-type]


@given(st.integers(0, 10**6))
def test_a_drawn_program_obeys_its_grammar(seed: int) -> None:
    assert re.fullmatch(PROGRAM_REGEX, _draw("grammar", PROGRAM, seed))


def test_all_alternatives_of_a_grammar_are_drawn() -> None:
    drawn = "\n".join(_draw("grammar", PROGRAM, seed) for seed in range(100))
    assert all(part in drawn for part in ("keep_all()", "remove_lines(", "normalize("))


@settings(max_examples=200)
@given(st.integers(0, 10**6))
def test_a_recursive_grammar_ends(seed: int) -> None:
    nested = _draw("grammar", 'root ::= "(" root root ")" | "(" root ")" | "x"', seed)
    assert nested.count("(") == nested.count(")")


@pytest.mark.parametrize(
    ("grammar", "text"),
    [
        (r'root ::= "\x41\u00e9\t\"\\"', 'Aé\t"\\'),
        ('root ::= a-b\na-b ::= "x"', "x"),
        ("root ::= [\\]] [\\x2d] [-] [a-]?" + ' ""', "]--"),
        ('root ::= ("a"){3}', "aaa"),
        ('root ::= "a" |\n  "a" # both the same\n', "a"),
    ],
)
def test_forms_of_grammars_are_read(grammar: str, text: str) -> None:
    drawn = _draw("grammar", grammar, 0)
    assert drawn.startswith(text) or drawn == text


@pytest.mark.parametrize(
    ("grammar", "problem"),
    [
        ('root ::= ("a"', "a bracket is not closed"),
        ("root ::= other", "rules are missing: other"),
        ('start ::= "a"', "rules are missing: root"),
        ("root ::= root", "never ends"),
        ("root ::= 'a'", "cannot read"),
        ('"a"', "expected `name ::=`, got 'a'"),
    ],
)
def test_a_wrong_grammar_says_what_is_wrong(grammar: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        _draw("grammar", grammar, 0)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(19|20)\d{2}",
        r"[A-Z][a-z]+( [A-Z]\w*)?",
        r"^[^\n\"]{1,5}$",
        r"a.?b*?c+",
        r"\S\D\W",
        r"(?:x|y){0,3}-[\w.]",
    ],
)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_a_drawn_text_matches_its_regular_expression(pattern: str, seed: int) -> None:
    assert re.fullmatch(pattern, _draw("regex", pattern, seed))


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?=a)b", "(("])
def test_regular_expressions_that_are_not_read_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        _draw("regex", pattern, 0)


@given(st.integers(0, 10**6))
def test_a_drawn_object_has_the_properties_of_its_schema(seed: int) -> None:
    schema = {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "minimum": 1, "maximum": 5},
            "kind": {"enum": ["web", "code", None]},
            "name": {"type": "string", "minLength": 2, "maxLength": 3},
            "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
            "id": {"type": "string", "pattern": "[a-f]{4}"},
            "other": {"anyOf": [{"type": "null"}, {"type": "number"}]},
        },
    }
    drawn = json.loads(_draw("json_schema", json.dumps(schema), seed))
    assert list(drawn) == ["score", "kind", "name", "tags", "id", "other"]
    assert 1 <= drawn["score"] <= 5
    assert drawn["kind"] in ("web", "code", None)
    assert 2 <= len(drawn["name"]) <= 3
    assert len(drawn["tags"]) == 3
    assert re.fullmatch("[a-f]{4}", drawn["id"])


def test_a_schema_that_is_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="is not read; known are types"):
        _draw("json_schema", '{"$ref": "#/a"}', 0)


def test_a_choice_is_one_of_the_texts() -> None:
    assert {_draw("choice", ("yes", "no"), seed) for seed in range(20)} == {"yes", "no"}
