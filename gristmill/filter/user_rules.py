"""Rules of the user's own: an SQL expression in the recipe, or a function that an installed package brings.

An expression (gristmill/expressions.py) reads one document: its columns (`text`, `source`, `url`, `date`, `lang`,
`meta`, ...) and its measures.

A function is an entry point of the group `gristmill.rules`:

    def has_many_words(documents: pl.DataFrame, measures: pl.DataFrame) -> pl.Series:
        return measures["n_words"] > 20
    has_many_words.version = 1  # raise it when the answer changes: documents are then filtered again

It returns a truth value (true stays) or a number for each document, which `min_value` and `max_value` bound. It must
answer for each document by that document alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any

import polars as pl

from gristmill.documents import DOCUMENTS, Schema
from gristmill.errors import RecipeError, StageError, shorten, suggest
from gristmill.expressions import check_expression
from gristmill.filter.batch import VERDICTS, Batch
from gristmill.filter.options import FilterOptions, UserRuleOptions

GROUP = "gristmill.rules"


def known_columns(measures: Schema) -> Schema:
    """Columns that an expression may read."""
    return {**measures, **DOCUMENTS}


def check_rules(rules: Sequence[UserRuleOptions], columns: Schema) -> None:
    """Raise ValueError, naming the rule, unless every expression can be read and every rule has its own name."""
    names = [rule.name for rule in rules]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"rules: {repeated[0]!r} stands twice; give every rule its own name")
    for rule in rules:
        if rule.keep is not None:
            try:
                check_expression(rule.keep, columns)
            except ValueError as error:
                raise ValueError(f"rules, {rule.name!r}: `keep` {error}") from error


def user_measures(options: FilterOptions) -> Schema:
    """Columns of measures that the user's functions give: `rules_NAME`."""
    return {f"rules_{rule.name}": pl.Float64 for rule in options.rules if rule.function is not None}


def apply_user_rules(batch: Batch, options: FilterOptions) -> None:
    """Drop the documents that a rule of the user's does not want, in the order of the recipe.

    Raises RecipeError where an entry point is missing, StageError where a function's answer is no such column.
    """
    for rule in options.rules:
        batch.drop(
            _judge_by_expression(batch, rule) if rule.keep is not None else _judge_by_function(batch, rule)
        )


def find_function(name: str, key: str) -> Callable[..., pl.Series]:
    """The function behind an entry point; raises RecipeError with the known ones."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none; install the package that brings it"
        raise RecipeError(
            f"{key}: unknown function {name!r} of group {GROUP!r}; known: {known}.{suggest(name, found)}"
        )
    function: Callable[..., pl.Series] = found[name].load()
    return function


def function_versions(options: FilterOptions) -> dict[str, Any]:
    """`version` of every function that the rules call, for the fingerprint."""
    return {
        rule.function: getattr(find_function(rule.function, f"filter.rules.{rule.name}"), "version", None)
        for rule in options.rules
        if rule.function is not None
    }


def _judge_by_expression(batch: Batch, rule: UserRuleOptions) -> pl.DataFrame:
    assert rule.keep is not None
    rows = _rows(batch)
    expression = check_expression(rule.keep, dict(rows.schema))
    read = sorted(set(expression.meta.root_names()) - {"text"})
    broken = ~expression.fill_null(True)
    values = pl.struct(read).struct.json_encode() if read else pl.lit("{}")
    return rows.select(
        pl.when(broken).then(pl.lit(f"rules.{rule.name}")).alias("rule"),
        pl.when(broken).then(0.0).alias("value"),
        pl.when(broken).then(1.0).alias("bound"),
        pl.when(broken).then(values).alias("detail"),
    ).cast(pl.Schema(VERDICTS))


def _judge_by_function(batch: Batch, rule: UserRuleOptions) -> pl.DataFrame:
    assert rule.function is not None
    key = f"filter.rules.{rule.name}"
    answer = find_function(rule.function, key)(batch.documents, batch.measures, **rule.options)
    if not isinstance(answer, pl.Series) or answer.len() != batch.documents.height:
        got = f"{answer.len()} values" if isinstance(answer, pl.Series) else shorten(answer)
        raise StageError(f"{key}: got {got}, must be a Polars Series with {batch.documents.height} values")
    if answer.dtype != pl.Boolean and not answer.dtype.is_numeric():
        raise StageError(f"{key}: got a Series of {answer.dtype}, must be of truth values or numbers")
    low, high = (1.0, None) if answer.dtype == pl.Boolean else (rule.min_value, rule.max_value)
    value = answer.cast(pl.Float64).alias(f"rules_{rule.name}")
    batch.measure(pl.DataFrame([value]))
    too_low = pl.lit(False) if low is None else pl.col("v") < low
    too_high = pl.lit(False) if high is None else pl.col("v") > high
    bound = pl.when(too_low).then(pl.lit(low, pl.Float64)).when(too_high).then(pl.lit(high, pl.Float64))
    return (
        pl.DataFrame({"v": value})
        .select(bound.alias("bound"), "v")
        .select(
            pl.when(pl.col("bound").is_not_null()).then(pl.lit(f"rules.{rule.name}")).alias("rule"),
            pl.when(pl.col("bound").is_not_null()).then("v").alias("value"),
            "bound",
            pl.lit(None, pl.String).alias("detail"),
        )
    )


def _rows(batch: Batch) -> pl.DataFrame:
    """Documents and measures side by side; what both have is that of the documents."""
    more = [name for name in batch.measures.columns if name not in batch.documents.columns]
    return batch.documents.hstack(batch.measures.select(more))
