"""SQL expressions about one document, as recipes have them.

They know the operators of SQL and the functions of FUNCTIONS, none of which looks at another document or at a file, so
an answer cannot depend on the batch.
"""

from __future__ import annotations

import re

import polars as pl

from gristmill.documents import Schema
from gristmill.errors import suggest

# Of the functions that Polars knows in SQL those that read one row alone.
FUNCTIONS = (
    *("abs", "cast", "ceil", "coalesce", "concat", "ends_with", "exp", "floor", "greatest", "if"),
    *("ifnull", "initcap", "least", "left", "length", "ln", "log", "log10", "log2", "lower", "ltrim", "mod"),
    *(
        "nullif",
        "octet_length",
        "pow",
        "power",
        "regexp_like",
        "replace",
        "reverse",
        "right",
        "round",
        "rtrim",
    ),
    *("sign", "sqrt", "starts_with", "strpos", "substr", "trim", "upper"),
)
# Words of SQL after which a bracket may follow.
_KEYWORDS = ("and", "or", "not", "in", "between", "case", "when", "then", "else", "like", "ilike", "is")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_CALL = re.compile(r"\b([a-z_][a-z0-9_]*)\s*\(", re.IGNORECASE)
_FORBIDDEN = re.compile(r"\b(select|over|from)\b", re.IGNORECASE)


def check_expression(expression: str, columns: Schema) -> pl.Expr:
    """The Polars expression of a condition; raises ValueError that says what is wrong and what is known."""
    parsed, kind = _parse(expression, columns)
    if kind != pl.Boolean:
        raise ValueError(f"gives {kind}, must give true or false, such as `n_words > 20`")
    return parsed


def check_number(expression: str, columns: Schema) -> pl.Expr:
    """The Polars expression of a number; raises ValueError that says what is wrong and what is known."""
    parsed, kind = _parse(expression, columns)
    if not kind.is_numeric():
        raise ValueError(f"gives {kind}, must give a number, such as `length(text)`")
    return parsed


def _parse(expression: str, columns: Schema) -> tuple[pl.Expr, pl.DataType]:
    bare = _LITERAL.sub("''", expression)
    for called in _CALL.findall(bare):
        name = called.lower()
        if name not in FUNCTIONS + _KEYWORDS:
            known = ", ".join(FUNCTIONS)
            raise ValueError(f"unknown function {called!r}; known: {known}.{suggest(name, FUNCTIONS)}")
    if found := _FORBIDDEN.search(bare):
        raise ValueError(f"{found.group().upper()!r} is not allowed; write an expression about one document")
    try:
        parsed = pl.sql_expr(expression)
        used = set(parsed.meta.root_names())
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise ValueError(f"cannot be read as an SQL expression: {_first_line(error)}") from error
    for name in sorted(used - set(columns)):
        raise ValueError(
            f"unknown column {name!r}; known: {', '.join(sorted(columns))}.{suggest(name, columns)}"
        )
    try:
        nulls = pl.DataFrame({name: [None] for name in columns}, schema=columns)
        kind = nulls.select(parsed).dtypes[0]
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"does not fit the columns: {_first_line(error)}") from error
    if not used:
        raise ValueError(f"reads no column; known: {', '.join(sorted(columns))}")
    return parsed, kind


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
