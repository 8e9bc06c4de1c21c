"""Checks of the layouts that a style can ask for: lists, tables, word problems, tutorials.

The formats are those that did best in "How Can We Synthesize High-Quality Pretraining Data?" (arXiv 2604.13977), which
gives no checks; these are ours: a table is one that Markdown readers parse, with as many cells in each row; each
equation of a solution is computed again; the steps of a tutorial are numbered from 1 without a gap. Questions and
answers are read in pairs.py, those with excerpts in anchors.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from gristmill.rephrase.anchors import AnchoredPair
from gristmill.rephrase.nemotron_cc import clean_list

MIN_ITEMS = 2  # of a list, and steps of a tutorial
MIN_COLUMNS = 2
MAX_PREAMBLE_CHARS = 200  # before a problem; dropped
_MAX_SIDE_CHARS = 200  # of an equation
_MAX_DIGITS = 30
_MAX_TERMS = 40

_SEPARATOR = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_BAR = re.compile(r"(?<!\\)\|")
_STEP = re.compile(r"[#*_\s]*(?:step\s+)?(\d{1,2})\s*[.):]+[*_]*\s+(?P<step>\S.*)", re.IGNORECASE)
_PROBLEM = re.compile(r"^[#*_\s]*problem[*_\s]*:[*_\s]*", re.IGNORECASE | re.MULTILINE)
_SOLUTION = re.compile(r"^[#*_\s]*solution[*_\s]*:[*_\s]*", re.IGNORECASE | re.MULTILINE)

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_TERM = rf"\(*\s*[$€£]?\s*{_NUMBER}\s*%?(?:\s*+[^\W\d_]++\.?){{0,3}}?\s*\)*"
_SIDE = re.compile(rf"{_TERM}(?:\s*[-+−–*×·/÷x]\s*{_TERM})+\s*\Z")
_RESULT = re.compile(rf"\s*[$€£]?\s*([-−–]?)\s*[$€£]?\s*({_NUMBER})\s*(%?)")
_TOKEN = re.compile(rf"{_NUMBER}|[-+−–*×·/÷x()%]")
_OPERATORS = {"−": "-", "–": "-", "×": "*", "·": "*", "x": "*", "÷": "/"}
_PERCENT_OF = re.compile(r"%\s*of\b", re.IGNORECASE)


class Shape(NamedTuple):
    """A text in its layout. `words`: the text for rules that read its words; `results`: numbers that it computes.

    `anchored`: its pairs with their places in the passage; `dropped`: why others are left out.
    """

    text: str
    problem: str | None = None
    words: str = ""
    results: tuple[str, ...] = ()
    anchored: tuple[AnchoredPair, ...] = ()
    dropped: tuple[str, ...] = ()


class Equation(NamedTuple):
    """An equation as written, and whether it holds."""

    result: str
    holds: bool


def shape(text: str, form: str) -> Shape:
    """The text brought into its layout (list, table, math, tutorial); `problem` where it cannot be."""
    return {"list": _list, "table": _table, "math": _math, "tutorial": _tutorial}[form](text)


def find_equations(text: str) -> list[Equation]:
    """The equations of a text with an operation on their left and a number on their right.

    Units may stand behind numbers. A result may be rounded to the places that it shows.
    """
    found = []
    for line in text.split("\n"):
        sides = re.split(r"[=≈]", line)
        for left, right in pairwise(sides):
            side = _SIDE.search(_PERCENT_OF.sub("% *", left[-_MAX_SIDE_CHARS:]))
            result = _RESULT.match(right[:_MAX_SIDE_CHARS])
            if side and result:
                value = _evaluate(side.group())
                if value is not None:
                    found.append(Equation(result[2], _agrees(value, result)))
    return found


def _list(text: str) -> Shape:
    cleaned, items = clean_list(text)
    return Shape(cleaned, None if items >= MIN_ITEMS else "list_format", cleaned)


def _table(text: str) -> Shape:
    """At least one table of a header, a separator and rows, all of one width; prose may stand around it."""
    lines = text.split("\n")
    in_table: set[int] = set()
    cells: dict[int, list[str]] = {}
    for index, line in enumerate(lines):
        if index in in_table or not index or "|" not in line or not _SEPARATOR.fullmatch(line):
            continue
        stop = index + 1
        while stop < len(lines) and "|" in lines[stop]:
            stop += 1
        rows = [_cells(row) for row in lines[index - 1 : stop]]
        width = len(rows[0])
        if width < MIN_COLUMNS or len(rows) < 3 or any(len(row) != width for row in rows):
            return Shape(text, "table_format")
        if any(not any(row) for row in rows):
            return Shape(text, "table_format")
        in_table |= set(range(index - 1, stop))
        cells |= {index - 1 + place: row for place, row in enumerate(rows) if place != 1}
    stray = any(line.lstrip().startswith("|") for i, line in enumerate(lines) if i not in in_table)
    if not in_table or stray:
        return Shape(text, "table_format")
    words = [
        "\n".join(cells[i]) if i in cells else line
        for i, line in enumerate(lines)
        if i in cells or i not in in_table
    ]
    return Shape(text, None, "\n".join(words))


def _cells(row: str) -> list[str]:
    shown = row.strip().removeprefix("|")
    shown = shown[:-1] if shown.endswith("|") and not shown.endswith("\\|") else shown
    return [cell.strip() for cell in _BAR.split(shown)]


def _tutorial(text: str) -> Shape:
    """Steps 1, 2, ... in their order, each with its text; `Step 1:` becomes `1.`."""
    lines = []
    steps = 0
    for line in text.split("\n"):
        found = _STEP.fullmatch(line)
        if found:
            steps += 1
            if int(found[1]) != steps:
                return Shape(text, "tutorial_format")
            line = f"{steps}. {found['step']}"
        lines.append(line)
    shaped = "\n".join(lines)
    return Shape(shaped, None if steps >= MIN_ITEMS else "tutorial_format", shaped)


def _math(text: str) -> Shape:
    """A problem and its solution with equations that hold."""
    problem, solution = _PROBLEM.search(text), _SOLUTION.search(text)
    if problem is None or solution is None or not problem.end() <= solution.start():
        return Shape(text, "math_format")
    asked, solved = text[problem.end() : solution.start()].strip(), text[solution.end() :].strip()
    equations = find_equations(solved)
    if problem.start() > MAX_PREAMBLE_CHARS or not asked or not equations:
        return Shape(text, "math_format")
    shaped = f"Problem: {asked}\nSolution: {solved}"
    wrong = any(not equation.holds for equation in equations)
    return Shape(
        shaped, "arithmetic" if wrong else None, f"{asked}\n{solved}", tuple(e.result for e in equations)
    )


def _evaluate(side: str) -> Fraction | None:
    """The value of an expression with + - * / and brackets; None where it is none."""
    tokens = [_OPERATORS.get(token, token) for token in _TOKEN.findall(side)]
    if len(tokens) > _MAX_TERMS or any(len(token) > _MAX_DIGITS for token in tokens):
        return None
    # What stands open before the expression, such as "(see page 3) 4 + 5", or after it, is not part of it.
    while tokens and tokens.count("(") > tokens.count(")"):
        tokens.remove("(")
    while tokens and tokens.count(")") > tokens.count("("):
        tokens.reverse()
        tokens.remove(")")
        tokens.reverse()
    try:
        value, rest = _sum(tokens)
    except (IndexError, ValueError, ZeroDivisionError):
        return None
    return None if rest else value


def _sum(tokens: Sequence[str]) -> tuple[Fraction, Sequence[str]]:
    value, tokens = _product(tokens)
    while tokens and tokens[0] in "+-":
        sign = 1 if tokens[0] == "+" else -1
        more, tokens = _product(tokens[1:])
        value += sign * more
    return value, tokens


def _product(tokens: Sequence[str]) -> tuple[Fraction, Sequence[str]]:
    value, tokens = _factor(tokens)
    while tokens and tokens[0] in "*/":
        more, rest = _factor(tokens[1:])
        value = value * more if tokens[0] == "*" else value / more
        tokens = rest
    return value, tokens


def _factor(tokens: Sequence[str]) -> tuple[Fraction, Sequence[str]]:
    if tokens[0] == "(":
        value, rest = _sum(tokens[1:])
        if rest[0] != ")":
            raise ValueError("a bracket is not closed")
        tokens = rest[1:]
    else:
        value, tokens = Fraction(_decimal(tokens[0])), tokens[1:]
    if tokens and tokens[0] == "%":
        return value / 100, tokens[1:]
    return value, tokens


def _decimal(number: str) -> Decimal:
    """A number as written; a comma before three digits parts thousands, another one is a decimal mark."""
    if not re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", number):
        number = number.rstrip(",")
        if number.count(",") > 1:
            raise ValueError(number)
        return Decimal(number.replace(",", "."))
    return Decimal(number.replace(",", ""))


def _agrees(value: Fraction, result: re.Match[str]) -> bool:
    try:
        shown = _decimal(result[2])
    except ValueError:
        return False
    exponent = shown.as_tuple().exponent
    unit = Fraction(Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0))
    got = Fraction(shown) * (-1 if result[1] else 1)
    if result[3]:  # a share may be given in percent, or the percents be counted
        return abs(value * 100 - got) * 2 <= unit or abs(value - got) * 2 <= unit
    return abs(value - got) * 2 <= unit
