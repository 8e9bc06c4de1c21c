"""How much of a file is declarations: functions, imports, classes, plain variables and returns, by language.

Python is parsed; in the other languages lines and heads of functions are recognised by regular expressions of Rust's
engine, which never goes back, on the text without comments. All are counted per line of code.

A file that is no Python 3, is longer than MAX_PARSED_CHARS, or nests brackets deeper than MAX_PARSED_DEPTH is not
parsed; the latter two are measured as null, not as wrong. What overflows the parser in other ways (a hundred thousand
signs, attributes or `elif`) ends in an error of Python's, and is measured as null too.
"""

from __future__ import annotations

import ast
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill.documents import Schema

LOGIC: Schema = {
    "code_parses": pl.Float64,  # Python only: 1 or 0
    "code_function_line_ratio": pl.Float64,  # functions per line of code
    "code_n_variables": pl.Int64,  # variables that are declared or assigned
    "code_no_logic_score": pl.Float64,  # functions, imports, classes, plain variables and returns per line of code
    "code_print_line_ratio": pl.Float64,
    "code_assert_line_ratio": pl.Float64,
    "code_pass_line_ratio": pl.Float64,  # Python only
    "code_import_line_ratio": pl.Float64,  # Python only
    "code_simple_function_ratio": pl.Float64,  # Python only: functions that only return, per line of code
    "code_n_mains": pl.Int64,  # C and C++ only
    "code_preprocessor_line_ratio": pl.Float64,  # C and C++ only, headers left out
}

MAX_PARSED_CHARS = 1_000_000
MAX_PARSED_DEPTH = 60

_COUNTS = ("parses", "functions", "simple_functions", "classes", "class_variables", "variables")
_Counts = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
_NOT_PARSED: _Counts = (None,) * 6
_ONE_TARGET = (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_NO_PYTHON: _Counts = (0, None, None, None, None, None)

_ASSERT = r"(?m)^.*(?i:\bassert).*$"
_HEADERS = r"(?i)\.(?:h|hh|hpp|hxx|h\+\+)$"


@dataclass(frozen=True)
class Patterns:
    """Regular expressions of Rust's engine; `not_functions` is what else looks like a function."""

    functions: str
    imports: str
    classes: str
    simple_variables: str
    simple_returns: str
    variables: str
    prints: str
    not_functions: str | None = None


_VALUE = r"""(?:[\w.]+|-?[\d.]+|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_SIMPLE_RETURN = rf"(?m)^\s*return(?:\s+{_VALUE})?\s*;\s*$"
_ELSE_IF = r"(?m)^\s*else\s+if\s*\([^;{}()]*\)\s*\{"
_CALLS = (
    r"(?m)^\s*(?:else\s+if\s*\([^;{}()]*\)\s*\{|(?:return|else|goto|delete|throw)\s+\w+\s*\([^;{}()]*\)\s*;)"
)
_TYPES = r"(?:(?:unsigned|signed|const|static|long|short)\s+)*"
_TYPES += r"(?:int|long|short|float|double|char|bool|size_t|auto|std::string)"
_SHARP = r"(?:int|float|double|char|string|bool|s?byte|u?short|uint|u?long|decimal)"
_C = Patterns(
    functions=r"(?m)^[ \t]*[A-Za-z_][\w \t*&:<>,~]*[ \t*&]~?[\w:]+\s*\([^;{}()]*\)\s*(?:const\s*)?[{;]",
    not_functions=_CALLS,
    imports=r"(?m)^\s*#\s*include\b",
    classes=r"(?m)^\s*(?:class|struct)\s+\w+[^;{}()]*\{",
    simple_variables=rf"(?m)^\s*{_TYPES}[ \t*]+\w+\s*;",
    simple_returns=_SIMPLE_RETURN,
    variables=rf"(?m)^\s*{_TYPES}[ \t*&]+\w+\s*[;=,\[]",
    prints=r"(?m)^.*\bf?printf\b.*$",
)
_SCRIPT = Patterns(
    functions=r"\bfunction\b\s*\*?\s*\w+\s*\(|\b(?:const|let|var)\s+\w+\s*=\s*(?:async\s*)?"
    r"(?:function\b|\([^()\n]*\)\s*=>|\w+\s*=>)",
    imports=r"(?m)^\s*import\b|^.*\brequire\s*\(",
    classes=r"(?m)^\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+\w+",
    simple_variables=rf"(?m)^\s*(?:var|let|const)\s+\w+(?:\s*=\s*{_VALUE})?\s*;?\s*$",
    simple_returns=rf"(?m)^\s*return(?:\s+{_VALUE})?\s*;?\s*$",
    variables=r"\b(?:var|let|const)\s+[\w$\[{]|\bmodule\.exports\b",
    prints=r"(?m)^.*\bconsole\.log\b.*$",
)
_MODIFIERS = (
    r"(?:(?:public|protected|private|internal|static|final|abstract|virtual|override|async|readonly)\s+)*"
)
PATTERNS: dict[str, Patterns] = {
    "C": _C,
    "C++": Patterns(**{**_C.__dict__, "prints": r"(?m)^.*\b(?:f?printf|cout)\b.*$"}),
    "C#": Patterns(
        functions=rf"(?m)^\s*{_MODIFIERS}[\w<>\[\],.?]+[ \t]+\w+(?:<[^>\n]*>)?\s*\([^;{{}}()]*\)\s*(?:\{{|=>|where\b)",
        not_functions=_ELSE_IF,
        imports=r"(?m)^\s*using\s+[\w.]+\s*;",
        classes=r"(?m)^[^\n/]*\bclass\s+\w+",
        simple_variables=rf"(?m)^\s*[\w ]*\b{_SHARP}\s+\w+\s*;",
        simple_returns=_SIMPLE_RETURN,
        variables=rf"\b(?:var|{_SHARP})(?:\[\])?\s+\w+\s*[;=,)]",
        prints=r"(?m)^.*\bConsole\.Write.*$",
    ),
    "Java": Patterns(
        functions=rf"(?m)^\s*{_MODIFIERS}(?:<[^>\n]+>\s+)?[\w<>\[\],.?]+[ \t]+\w+\s*\([^;{{}}()]*\)\s*"
        r"(?:throws\s+[\w,.\s]+)?\{",
        not_functions=_ELSE_IF,
        imports=r"(?m)^\s*import\s+[\w.* ]+;",
        classes=r"(?m)^[^\n/(]*\bclass\s+\w+",
        simple_variables=rf"(?m)^\s*{_MODIFIERS}(?:int|float|boolean|char|double|long|String|[A-Z][\w<>]*)\s+\w+\s*;",
        simple_returns=_SIMPLE_RETURN,
        variables=r"(?m)^\s*(?:\w+\s+)*(?:int|float|boolean|char|double|long|var|String|[A-Z][\w<>,]*)(?:\[\])?\s+\w+\s*[;=]",
        prints=r"(?m)^.*\bSystem\.(?:out|err)\.print.*$",
    ),
    "Go": Patterns(
        functions=r"(?m)^func\b",
        imports=r'(?m)^import\b|^\s+(?:[\w.]+\s+)?"[\w./-]+"\s*$',
        classes=r"(?m)^\s*type\s+\w+\s+(?:struct|interface)\b",
        simple_variables=r"(?m)^\s*var\s+\w+\s+[\w.*\[\]]+\s*;?\s*$",
        simple_returns=r"(?m)^\s*return\b.*$",
        variables=r"(?m)^\s*(?:var|const)\s+[\w(]|:=",
        prints=r"(?m)^.*\bfmt\.Print.*$",
    ),
    "JavaScript": _SCRIPT,
}
_PYTHON_IMPORT = r"(?m)^\s*(?:import|from)\s.*$"
_PYTHON_PASS = r"(?m)^(?:.*:)?[ \t]*pass[ \t;]*$"
_PYTHON_PRINT = r"(?m)^(?:.*[^\w.\n])?print\s*\(.*$|^\s*print\s.*$"
_PYTHON_RETURN = r"(?m)^\s*return\b.*$"
_MAIN = r"\bmain\s*\([^)]*\)\s*\{"
_PREPROCESSOR = (
    r"(?m)^\s*#\s*(?:include|define|if|ifdef|ifndef|else|elif|endif|error|pragma|warning|undef|line)\b.*$"
)


def measure_logic(files: pl.DataFrame) -> pl.DataFrame:
    """Columns of LOGIC, one row per file, in order; what a language does not have is null.

    files: text, code (the text without comments), language, path, code_n_code_lines, code_n_chars, code_depth.
    """
    numbered = files.with_row_index("row")
    asserted = files.select(
        _per_line(pl.col("code").str.count_matches(_ASSERT)).alias("code_assert_line_ratio")
    )
    parts = [_measure_python(numbered.filter(pl.col("language") == "Python"))]
    parts += [
        _measure_others(numbered.filter(pl.col("language") == language), language, patterns)
        for language, patterns in PATTERNS.items()
    ]
    measured = pl.concat([part for part in parts if part.height] or [parts[0]], how="diagonal")
    found = (
        numbered.select("row").join(measured, on="row", how="left", maintain_order="left").hstack(asserted)
    )
    return found.select(
        (pl.col(name) if name in found.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in LOGIC.items()
    )


def _per_line(count: pl.Expr) -> pl.Expr:
    lines = pl.col("code_n_code_lines")
    return pl.when(lines > 0).then(count / lines)


def _measure_others(files: pl.DataFrame, language: str, patterns: Patterns) -> pl.DataFrame:
    def count(pattern: str) -> pl.Expr:
        return pl.col("code").str.count_matches(pattern).cast(pl.Int64)

    functions = count(patterns.functions)
    if patterns.not_functions is not None:
        functions = (functions - count(patterns.not_functions)).clip(lower_bound=0)
    declared = functions + count(patterns.imports) + count(patterns.classes)
    declared += count(patterns.simple_variables) + count(patterns.simple_returns)
    columns = {
        "code_function_line_ratio": _per_line(functions),
        "code_no_logic_score": _per_line(declared),
        "code_print_line_ratio": _per_line(count(patterns.prints)),
        "code_n_variables": count(patterns.variables),
    }
    if language in ("C", "C++"):
        del columns["code_n_variables"]
        columns["code_n_mains"] = count(_MAIN)
        header = pl.col("path").str.contains(_HEADERS)
        columns["code_preprocessor_line_ratio"] = pl.when(~header).then(_per_line(count(_PREPROCESSOR)))
    return files.select("row", **columns)


# -- Python ---------------------------------------------------------------------------------------------------------


def _measure_python(files: pl.DataFrame) -> pl.DataFrame:
    def count(pattern: str) -> pl.Expr:
        return pl.col("code").str.count_matches(pattern).cast(pl.Int64)

    with _without_collector():
        counts = _count_all(files)
    parsed = pl.DataFrame(counts, schema=dict.fromkeys(_COUNTS, pl.Int64), orient="row")
    declared = pl.sum_horizontal("functions", "classes", "class_variables", ignore_nulls=False)
    return files.hstack(parsed).select(
        "row",
        code_parses=pl.col("parses").cast(pl.Float64),
        code_function_line_ratio=_per_line(pl.col("functions")),
        code_n_variables=pl.col("variables"),
        code_no_logic_score=_per_line(declared + count(_PYTHON_IMPORT) + count(_PYTHON_RETURN)),
        code_print_line_ratio=_per_line(count(_PYTHON_PRINT)),
        code_pass_line_ratio=_per_line(count(_PYTHON_PASS)),
        code_import_line_ratio=_per_line(count(_PYTHON_IMPORT)),
        code_simple_function_ratio=_per_line(pl.col("simple_functions")),
    )


def _count_all(files: pl.DataFrame) -> list[_Counts]:
    return [
        _count_python(text) if chars <= MAX_PARSED_CHARS and depth <= MAX_PARSED_DEPTH else _NOT_PARSED
        for text, chars, depth in files.select("text", "code_n_chars", "code_depth").iter_rows()
    ]


@contextmanager
def _without_collector() -> Iterator[None]:
    """Trees have no cycles, and the collector would look at each of them over and over: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _count_python(text: str) -> _Counts:
    """Counts of a file that parses. Statements are walked and expressions are not, with a list instead of recursion."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like in the file
            tree = ast.parse(text)
    except (SyntaxError, ValueError):  # ValueError: a NUL, a number of too many digits
        return _NO_PYTHON
    except (RecursionError, MemoryError):
        return _NOT_PARSED
    functions = simple_functions = classes = class_variables = 0
    variables: set[str] = set()
    waiting: list[Any] = list(tree.body)
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is ast.FunctionDef or kind is ast.AsyncFunctionDef:
            functions += 1
            simple_functions += len(node.body) == 1 and type(node.body[0]) is ast.Return
            variables.update(argument.arg for argument in node.args.args)
        elif kind is ast.ClassDef:
            classes += 1
            class_variables += sum(type(item) in (ast.Assign, ast.AnnAssign) for item in node.body)
        elif kind is ast.Assign:
            variables.update(target.id for target in node.targets if type(target) is ast.Name)
        elif kind in _ONE_TARGET and type(node.target) is ast.Name:
            variables.add(node.target.id)
        for name in _BLOCKS:
            waiting.extend(getattr(node, name, ()))
    return 1, functions, simple_functions, classes, class_variables, len(variables)
