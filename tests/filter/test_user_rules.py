from __future__ import annotations

import json
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gristmill.errors import RecipeError, StageError
from gristmill.expressions import FUNCTIONS, check_expression
from gristmill.filter import FilterOptions, filter_documents, measures_schema, user_rules
from gristmill.filter.user_rules import function_versions, known_columns
from gristmill.recipe import parse_recipe
from tests.filter.texts import GOOD, language_model, table

COLUMNS = known_columns(measures_schema(FilterOptions()))
RECIPE = """
name: small
sources: {{web: {{kind: jsonl, inputs: [a.jsonl], text: text, id: id}}}}
filter: {{rules: [{rule}]}}
"""


def count_letter(documents: pl.DataFrame, measures: pl.DataFrame, *, letter: str = "e") -> pl.Series:
    return documents["text"].str.count_matches(letter, literal=True)


count_letter.version = 3  # type: ignore[attr-defined]


def has_words(documents: pl.DataFrame, measures: pl.DataFrame) -> pl.Series:
    return measures["n_words"] > 5


def answers_nothing(documents: pl.DataFrame, measures: pl.DataFrame) -> str:
    return "nothing"


@pytest.fixture
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points as an installed package would bring them."""
    names = ("count_letter", "has_words", "answers_nothing")
    points = EntryPoints(EntryPoint(n, f"{__name__}:{n}", user_rules.GROUP) for n in names)
    monkeypatch.setattr(user_rules, "entry_points", lambda group: points.select(group=group))


def decide(texts: list[str | None], *rules: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    options = FilterOptions.model_validate(
        {
            "language": {"min_score": None},
            "gopher_quality": None,
            "gopher_repetition": None,
            "rules": list(rules),
        }
    )
    filtered = filter_documents(table(texts), options, language_model=language_model())
    return filtered.decisions, filtered.measures


def test_a_document_for_which_the_expression_is_false_is_dropped_with_what_it_read() -> None:
    decisions, _ = decide(
        ["too few", GOOD], {"name": "long", "keep": "n_words > 20 AND fw_short_line_ratio < 0.5"}
    )
    assert decisions["action"].to_list() == ["drop", "keep"]
    row = decisions.row(0, named=True)
    assert (row["rule"], row["value"], row["bound"]) == ("rules.long", 0.0, 1.0)
    assert json.loads(row["detail"]) == {"fw_short_line_ratio": 1.0, "n_words": 2}


def test_the_columns_of_documents_can_be_read_and_null_keeps() -> None:
    rules = (
        {"name": "mill", "keep": "strpos(upper(text), 'RIVERS') > 0 OR text LIKE '%mill%'"},
        {"name": "day", "keep": "date > '2020'"},
    )
    decisions, _ = decide(["the mill", "the river"], *rules)
    assert decisions["rule"].to_list() == [None, "rules.mill"]


def test_the_first_rule_in_the_recipe_is_the_one_named() -> None:
    rules = [{"name": "a", "keep": "n_words > 100"}, {"name": "b", "keep": "n_words > 50"}]
    assert decide(["one"], *rules)[0]["rule"].item() == "rules.a"
    assert decide(["one"], *reversed(rules))[0]["rule"].item() == "rules.b"


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("n_word > 3", r"unknown column 'n_word'; known: .*n_words.*Did you mean 'n_words'"),
        ("read_csv('x') > 3", "unknown function 'read_csv'; known: abs, cast"),
        ("sum(n_words) > 3", "unknown function 'sum'"),
        ("rank() OVER (ORDER BY n_words) > 3", "unknown function 'rank'"),
        ("n_words IN (SELECT n_words FROM t)", "'SELECT' is not allowed"),
        ("n_words +", "cannot be read as an SQL expression"),
        ("n_words", "gives Int64, must give true or false"),
        ("text > 3", "does not fit the columns: cannot compare string with numeric"),
        ("1 < 2", "reads no column"),
    ],
)
def test_an_expression_that_cannot_work_says_why(keep: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_expression(keep, COLUMNS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_that_is_offered_is_known_to_polars(name: str) -> None:
    calls = {
        "cast": "CAST(n_words AS DOUBLE)", "if": "IF(n_words > 1, 1, 0)", "coalesce": "COALESCE(n_words, 1)",
        "concat": "CONCAT(text, text)", "replace": "REPLACE(text, 'a', 'b')", "log": "LOG(n_words, 2)",
        "regexp_like": "REGEXP_LIKE(text, 'a')", "strpos": "STRPOS(text, 'a')", "substr": "SUBSTR(text, 1, 2)",
    }  # fmt: skip
    two_texts = ("starts_with", "ends_with")
    two_numbers = ("greatest", "least", "mod", "nullif", "ifnull", "pow", "power")
    one_text = ("initcap", "length", "lower", "ltrim", "octet_length", "reverse", "rtrim", "trim", "upper")
    call = calls.get(name, f"{name}(n_words)")
    call = (
        f"{name}(text, 'a')" if name in two_texts else f"{name}(n_words, 2)" if name in two_numbers else call
    )
    call = f"{name}(text)" if name in one_text else f"{name}(text, 2)" if name in ("left", "right") else call
    check_expression(f"({call}) IS NOT NULL", COLUMNS)


def test_a_faulty_rule_is_an_error_of_the_recipe() -> None:
    with pytest.raises(RecipeError, match="rules, 'long': `keep` unknown column 'n_word'"):
        parse_recipe(RECIPE.format(rule='{name: long, keep: "n_word > 3"}'), Path("small.yaml"))
    with pytest.raises(RecipeError, match="needs either `keep:`"):
        parse_recipe(RECIPE.format(rule="{name: long}"), Path("small.yaml"))
    twice = '{name: a, keep: "n_words > 3"}, {name: a, keep: "n_words > 4"}'
    with pytest.raises(RecipeError, match="'a' stands twice"):
        parse_recipe(RECIPE.format(rule=twice), Path("small.yaml"))


@pytest.mark.usefixtures("_registered")
def test_a_function_gives_a_measure_that_is_bounded() -> None:
    rule = {
        "name": "letters",
        "function": "count_letter",
        "max_value": 2,
        "min_value": 1,
        "options": {"letter": "x"},
    }
    decisions, measures = decide(["x x x", "y", "x"], rule)
    assert measures["rules_letters"].to_list() == [3.0, 0.0, 1.0]
    assert decisions.select("rule", "value", "bound").rows() == [
        ("rules.letters", 3.0, 2.0),
        ("rules.letters", 0.0, 1.0),
        (None, None, None),
    ]


@pytest.mark.usefixtures("_registered")
def test_a_function_may_say_true_or_false() -> None:
    decisions, _ = decide(["too few", GOOD], {"name": "words", "function": "has_words"})
    assert decisions.select("rule", "value", "bound").row(0) == ("rules.words", 0.0, 1.0)
    assert decisions["action"].to_list() == ["drop", "keep"]


@pytest.mark.usefixtures("_registered")
def test_a_later_expression_may_read_what_a_function_measured() -> None:
    function = {"name": "letters", "function": "count_letter"}
    decisions, _ = decide(["e", "a"], function, {"name": "some", "keep": "rules_letters > 0"})
    assert decisions["rule"].to_list() == [None, "rules.some"]


@pytest.mark.usefixtures("_registered")
def test_the_version_of_a_function_is_known_for_the_fingerprint() -> None:
    options = FilterOptions.model_validate({"rules": [{"name": "a", "function": "count_letter"}]})
    assert function_versions(options) == {"count_letter": 3}


@pytest.mark.usefixtures("_registered")
def test_a_missing_function_or_a_useless_answer_is_named() -> None:
    with pytest.raises(
        RecipeError, match=r"filter\.rules\.a: unknown function 'count_letters' of group .*Did you mean"
    ):
        decide(["a"], {"name": "a", "function": "count_letters"})
    with pytest.raises(
        StageError, match=r"filter\.rules\.a: got 'nothing', must be a Polars Series with 1 values"
    ):
        decide(["a"], {"name": "a", "function": "answers_nothing"})
