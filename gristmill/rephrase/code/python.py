"""Python read as a tree, never run: whether it parses, and where its statements and imports stand.

The parser is the one of the Python that runs Gristmill, so later syntax does not parse. Limits as in the filters of
code: what is longer or nests deeper is not parsed. What overflows the parser otherwise (ten thousand signs, attributes
or `elif`) ends in an error of Python's and does not parse either.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

MAX_CHARS = 1_000_000
MAX_DEPTH = 60  # of brackets; those in strings and comments count

_BRACKET = re.compile(r"[()\[\]{}]")
_NEW_LINE = re.compile(r"\r\n|\r|\n")  # as Python counts lines
_NAME = re.compile(r"[^\W\d]\w*")


class Import(NamedTuple):
    """The lines text[start:end] of a statement that imports; `names` that it binds, empty for `import *`."""

    start: int
    end: int
    names: frozenset[str]


class Outline(NamedTuple):
    """Where the statements of a module begin, comments before them included, and its imports."""

    starts: tuple[int, ...]
    imports: tuple[Import, ...]


def parse_python(text: str) -> ast.Module | None:
    """The tree of a module; None where it does not parse, or is beyond the limits. Linear; never raises."""
    if len(text) > MAX_CHARS or bracket_depth(text) > MAX_DEPTH:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like in the text
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # ValueError: a NUL, too many digits
        return None


def bracket_depth(text: str) -> int:
    """How deep brackets nest at most."""
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        depth = depth + 1 if found.group() in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def outline_python(text: str) -> Outline | None:
    """The outline of a module; None where it does not parse."""
    tree = parse_python(text)
    if tree is None:
        return None
    lines = [0, *(found.end() for found in _NEW_LINE.finditer(text))]
    starts: list[int] = []
    imports: list[Import] = []
    last = 0  # line on which the statement before ends
    for node in tree.body:
        decorators = getattr(node, "decorator_list", ())
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        if first > last:  # else it stands on a line of the one before
            starts.append(lines[last])
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.Import | ast.ImportFrom):
            end = lines[last] if last < len(lines) else len(text)
            imports.append(Import(lines[first - 1], len(text[:end].rstrip("\r\n")), _bound(node)))
    return Outline(tuple(starts), tuple(imports))


def imports_used(text: str, start: int, end: int, outline: Outline) -> list[tuple[int, int]]:
    """The places of the imports outside text[start:end] that bind a name which stands in it, in order."""
    used = set(_NAME.findall(text, start, end))
    return sorted(
        {
            (each.start, each.end)
            for each in outline.imports
            if not start <= each.start < end and (not each.names or not used.isdisjoint(each.names))
        }
    )


def _bound(node: ast.Import | ast.ImportFrom) -> frozenset[str]:
    names = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return frozenset() if "*" in names else frozenset(names)
