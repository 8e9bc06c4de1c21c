"""Declarations by language."""

from __future__ import annotations

import time
from typing import Any

import polars as pl
import pytest

from gristmill.filter.code import LOGIC, measure_code, measure_logic
from gristmill.filter.code.logic import MAX_PARSED_CHARS, PATTERNS


def measure(text: str, language: str, path: str = "mill") -> dict[str, Any]:
    files = pl.DataFrame({"text": [text], "language": [language], "path": [path]})
    counted, code = measure_code(files["text"], files["language"])
    found = measure_logic(files.with_columns(code).hstack(counted))
    assert found.schema == pl.Schema(LOGIC)
    return found.row(0, named=True)


PYTHON = """\
import os
from sys import argv  # the word import in a comment


class Mill:
    stones = 2
    name: str = "x"

    def grind(self, corn):
        for grain in corn:
            print(grain)
        return corn


async def password():
    return "pass"


def wait():
    pass
"""


def test_python_is_parsed_and_counted() -> None:
    found = measure(PYTHON, "Python")
    lines = 13
    assert found["code_parses"] == 1
    assert found["code_function_line_ratio"] == 3 / lines
    assert found["code_simple_function_ratio"] == 1 / lines
    assert (
        found["code_no_logic_score"] == (3 + 1 + 2 + 2 + 2) / lines
    )  # functions, class, its variables, imports, returns
    assert found["code_import_line_ratio"] == 2 / lines
    assert found["code_pass_line_ratio"] == 1 / lines
    assert found["code_print_line_ratio"] == 1 / lines
    assert found["code_n_variables"] == 5


@pytest.mark.parametrize("text", ["print 'a'\n", "def f(:\n", "x = \0", "x = (" * 3])
def test_what_is_no_python_3_does_not_parse(text: str) -> None:
    found = measure(text, "Python")
    assert (found["code_parses"], found["code_n_variables"]) == (0, None)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 100 + ")" * 100,
        "x = " + "-" * 100_000 + "1",
        "x = a" + ".b" * 100_000,
        "x = 1" + "+1" * 100_000,
        "if x:\n pass\n" + "elif x:\n pass\n" * 30_000,
        "x = 1\n" * (MAX_PARSED_CHARS // 6 + 1),
    ],
)
def test_what_would_overflow_the_parser_is_not_judged(text: str) -> None:
    assert measure(text, "Python")["code_parses"] is None


FILES = {
    "C": (
        '#include <stdio.h>\nint n;\nint main(int argc, char **argv) {\n  printf("a");\n  if (n) {\n    return 0;\n'
        "  } else if (argc) {\n    n = 2 + argc;\n  }\n  return n * 2;\n}\n",
        {"functions": 1, "lines": 11, "declared": 4, "prints": 1},
    ),
    "C++": (
        "#include <string>\nclass Mill {\n  void grind();\n};\nvoid Mill::grind() {\n  std::cout << 1;\n}\n",
        {"functions": 2, "lines": 7, "declared": 4, "prints": 1},
    ),
    "C#": (
        "using System;\nclass Mill {\n  int n;\n  public void Grind(int a) {\n"
        "    Console.WriteLine(a);\n    return;\n  }\n}\n",
        {"functions": 1, "lines": 8, "declared": 5, "prints": 1},
    ),
    "Java": (
        "import java.util.List;\npublic class Mill {\n  private int n;\n  public int grind(int a) throws Ex {\n"
        "    System.out.println(a);\n    if (a > 1) {\n      return 1;\n"
        "    } else if (b) {\n      a();\n    }\n    return a;\n  }\n}\n",
        {"functions": 1, "lines": 13, "declared": 6, "prints": 1},
    ),
    "Go": (
        'package mill\nimport "fmt"\ntype Mill struct {\n}\nvar n int\nfunc (m *Mill) Grind(a int) int {\n  b := a\n'
        "  fmt.Println(b)\n  return b\n}\n",
        {"functions": 1, "lines": 10, "declared": 5, "prints": 1},
    ),
    "JavaScript": (
        "import a from 'a';\nclass Mill {}\nconst n = 1;\nfunction grind(a) {\n  console.log(a);\n  return a;\n}\n"
        "const f = (x) => x + 1;\n",
        {"functions": 2, "lines": 8, "declared": 6, "prints": 1},
    ),
}


@pytest.mark.parametrize("language", sorted(FILES))
def test_declarations_of_other_languages_are_recognised(language: str) -> None:
    text, expected = FILES[language]
    found = measure(text, language)
    lines = expected["lines"]
    assert found["code_function_line_ratio"] == expected["functions"] / lines
    assert found["code_no_logic_score"] == expected["declared"] / lines
    assert found["code_print_line_ratio"] == expected["prints"] / lines
    assert found["code_parses"] is None


def test_main_and_the_preprocessor_are_of_c_and_headers_are_left_out() -> None:
    text = "#define A 1\nint main() { }\nint main(void) { }\n"
    found = measure(text, "C", "a.c")
    assert (found["code_n_mains"], found["code_preprocessor_line_ratio"]) == (2, 1 / 3)
    assert measure(text, "C", "a.h")["code_preprocessor_line_ratio"] is None
    assert measure(text, "Go")["code_n_mains"] is None


def test_variables_are_looked_for_in_five_languages() -> None:
    assert measure("package a\nfunc f() {}\n", "Go")["code_n_variables"] == 0
    assert (
        measure("class A { void f() { int a = 1; } }\n", "Java")["code_n_variables"] == 0
    )  # not at a line's start
    assert measure("class A {\n int a = 1;\n}\n", "Java")["code_n_variables"] == 1
    assert measure("let a = 1", "JavaScript")["code_n_variables"] == 1
    assert measure("int f(int a) { }", "C#")["code_n_variables"] == 1
    assert measure("x <- 1", "R")["code_n_variables"] is None


@pytest.mark.slow
@pytest.mark.parametrize("language", [*sorted(PATTERNS), "Python"])
@pytest.mark.parametrize(
    "piece",
    [
        "a ",
        "\n \n",
        "(",
        "public static ",
        "return (",
        "else if (a) {",
        "a<b>::",
        "import ",
        '"a\\',
        "const a = (",
    ],
)
def test_patterns_take_linear_time(language: str, piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    measure(text, language)
    assert time.process_time() - started < 12


def test_a_batch_of_languages_keeps_its_order() -> None:
    languages = ["Go", "Python", "Rust", "C", "Python"]
    texts = ["func a() {}", "def a(): return 1", "fn a() {}", "int a() {}", "assert x\n"]
    files = pl.DataFrame({"text": texts, "language": languages, "path": ["a"] * 5})
    counted, code = measure_code(files["text"], files["language"])
    found = measure_logic(files.with_columns(code).hstack(counted))
    assert found["code_function_line_ratio"].to_list() == [1.0, 1.0, None, 1.0, 0.0]
    assert found["code_assert_line_ratio"].to_list() == [0, 0, 0, 0, 1]
