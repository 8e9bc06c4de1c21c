"""Texts that obey a constraint, drawn at random: what the stub engine writes in a model's place.

Every kind of constraint becomes the same small tree, and a text is drawn from the tree. Read are: EBNF grammars as
xgrammar and llama.cpp write them (GBNF), regular expressions without look-around and back-references, and JSON schemas
of types, enums, bounds and required properties. A text is short: repetitions rarely go far beyond their minimum.
"""

from __future__ import annotations

import importlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from gristmill.errors import shorten
from gristmill.llm.requests import Constraint

Draw = Callable[[int], int]  # a random number below the given one

_ROOT = "root"
_MAX_DEPTH = 24  # rules within rules; beyond, the way out is taken that needs the fewest
_MAX_EXTRA = 4  # repetitions beyond the minimum
_MAX_CODE = 0x10FFFF
_READABLE = [*range(0x61, 0x7B), *range(0x41, 0x5B), *range(0x30, 0x3A), 0x20, 0x2C, 0x2E]


@dataclass(frozen=True)
class Text:
    """These characters."""

    text: str


@dataclass(frozen=True)
class OneOf:
    """A character of these ranges (first and last code), or outside them."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


@dataclass(frozen=True)
class Sequence:
    """All parts, one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """The node `least` to `most` times; None: without end."""

    node: Node
    least: int
    most: int | None


@dataclass(frozen=True)
class Rule:
    """What the rule of that name is."""

    name: str


Node = Text | OneOf | Sequence | Choice | Repeat | Rule
Shape = Mapping[str, Node]  # rules by name; a text begins with the rule `root`


def draw_text(constraint: Constraint, draw: Draw) -> str:
    """A text that the constraint allows. Raises ValueError where the constraint is wrong or of an unread kind."""
    shape, depths = _prepare(constraint)
    return _draw(shape[_ROOT], shape, depths, draw, 0)


@lru_cache(maxsize=256)
def _prepare(constraint: Constraint) -> tuple[Shape, Mapping[str, float]]:
    shape = _read_shape(constraint)
    return shape, _rule_depths(shape)


def _read_shape(constraint: Constraint) -> Shape:
    """The constraint as a tree."""
    if isinstance(constraint.value, tuple):
        return {_ROOT: Choice(tuple(Text(text) for text in constraint.value))}
    if constraint.kind == "grammar":
        return _GrammarReader(constraint.value).rules()
    if constraint.kind == "regex":
        return {_ROOT: _read_regex(constraint.value)}
    return {_ROOT: _read_schema(json.loads(constraint.value))}


# -- drawing ----------------------------------------------------------------------------------------------------


def _draw(node: Node, shape: Shape, depths: Mapping[str, float], draw: Draw, depth: int) -> str:
    if isinstance(node, Text):
        return node.text
    if isinstance(node, OneOf):
        return chr(_draw_code(node, draw))
    if isinstance(node, Sequence):
        return "".join(_draw(part, shape, depths, draw, depth) for part in node.parts)
    if isinstance(node, Rule):
        return _draw(shape[node.name], shape, depths, draw, depth + 1)
    tired = depth >= _MAX_DEPTH
    if isinstance(node, Choice):
        costs = [_depth(option, depths) for option in node.options]
        least = min(costs)
        open_options = [
            option
            for option, cost in zip(node.options, costs, strict=True)
            if cost == least or (not tired and cost < math.inf)
        ]
        return _draw(open_options[draw(len(open_options))], shape, depths, draw, depth)
    most = node.least + _MAX_EXTRA if node.most is None else min(node.most, node.least + _MAX_EXTRA)
    times = node.least if tired else node.least + draw(most - node.least + 1)
    return "".join(_draw(node.node, shape, depths, draw, depth) for _ in range(times))


def _draw_code(node: OneOf, draw: Draw) -> int:
    if node.negated:
        return _draw_readable(node, draw)
    sizes = [last - first + 1 for first, last in node.ranges]
    place = draw(sum(sizes))
    for (first, _), size in zip(node.ranges, sizes, strict=True):
        if place < size:
            code = first + place
            return first if 0xD800 <= code < 0xE000 else code  # half a surrogate pair is no text
        place -= size
    raise ValueError("a class of no characters")


def _draw_readable(node: OneOf, draw: Draw) -> int:
    def allowed(code: int) -> bool:
        return not any(first <= code <= last for first, last in node.ranges)

    codes = [code for code in _READABLE if allowed(code)]
    return (
        codes[draw(len(codes))] if codes else next(code for code in range(0x20, _MAX_CODE) if allowed(code))
    )


def _rule_depths(shape: Shape) -> dict[str, float]:
    """How many rules within rules each rule needs at least; infinite where it never ends."""
    depths: dict[str, float] = dict.fromkeys(shape, math.inf)
    changed = True
    while changed:
        changed = False
        for name, node in shape.items():
            depth = 1 + _depth(node, depths)
            if depth < depths[name]:
                depths[name], changed = depth, True
    if depths[_ROOT] == math.inf:
        raise ValueError("the grammar's root never ends")
    return depths


def _depth(node: Node, depths: Mapping[str, float]) -> float:
    if isinstance(node, Rule):
        return depths[node.name]
    if isinstance(node, Sequence):
        return max((_depth(part, depths) for part in node.parts), default=0)
    if isinstance(node, Choice):
        return min(_depth(option, depths) for option in node.options)
    if isinstance(node, Repeat):
        return _depth(node.node, depths) if node.least else 0
    return 0


# -- grammars ---------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)|(?P<define>::=)|(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)
    |"(?P<text>(?:\\.|[^"\\])*)"|\[(?P<class>(?:\\.|[^\]\\])*)\]
    |\{(?P<times>\d+(?:,\d*)?)\}|(?P<mark>[()|*+?])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SHORT_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_TIMES = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class _GrammarReader:
    """Recursive descent over the tokens of `name ::= alternatives` rules."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(source):
            found = _TOKEN.match(source, at)
            if found is None:
                self._fail(f"cannot read {shorten(source[at:], 30)}")
            if found.lastgroup != "blank":
                self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            at = found.end()
        self._at = 0

    def rules(self) -> Shape:
        rules: dict[str, Node] = {}
        while self._at < len(self._tokens):
            if not self._begins_rule():
                self._fail(f"expected `name ::=`, got {self._peek()[1]!r}")
            name = self._next()[1]
            self._next()
            rules[name] = self._alternatives()
        named = {name for kind, name in self._tokens if kind == "name"} | {_ROOT}
        if named - rules.keys():
            self._fail(f"rules are missing: {', '.join(sorted(named - rules.keys()))}")
        return rules

    def _alternatives(self) -> Node:
        options = [self._sequence()]
        while self._peek() == ("mark", "|"):
            self._next()
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek()[0] in ("name", "text", "class") or self._peek() == ("mark", "("):
            if self._begins_rule():
                break
            parts.append(self._repeated(self._item()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _item(self) -> Node:
        kind, value = self._next()
        if kind == "name":
            return Rule(value)
        if kind == "text":
            return Text(_unescape(value))
        if kind == "class":
            return _read_class(value)
        inner = self._alternatives()
        if self._next() != ("mark", ")"):
            self._fail("a bracket is not closed")
        return inner

    def _repeated(self, node: Node) -> Node:
        while True:
            kind, value = self._peek()
            if kind == "mark" and value in _TIMES:
                node = Repeat(node, *_TIMES[value])
            elif kind == "times":
                least, comma, most = value.partition(",")
                node = Repeat(node, int(least), int(most) if most else None if comma else int(least))
            else:
                return node
            self._next()

    def _begins_rule(self) -> bool:
        following = self._tokens[self._at + 1 : self._at + 2]
        return self._peek()[0] == "name" and following == [("define", "::=")]

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _fail(self, problem: str) -> NoReturn:
        raise ValueError(f"grammar {shorten(self._source)}: {problem}")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(_escaped_code(found)), text)


def _escaped_code(escape: re.Match[str]) -> int:
    digits = escape[1] or escape[2] or escape[3]
    return int(digits, 16) if digits else ord(_SHORT_ESCAPES.get(escape[4], escape[4]))


def _read_class(text: str) -> Node:
    negated = text.startswith("^")
    codes: list[int | None] = []  # None: the dash of a range
    at = 1 if negated else 0
    while at < len(text):
        escape = _ESCAPE.match(text, at)
        inside = codes and codes[-1] is not None and at + 1 < len(text)
        codes.append(
            _escaped_code(escape) if escape else None if text[at] == "-" and inside else ord(text[at])
        )
        at = escape.end() if escape else at + 1
    ranges: list[tuple[int, int]] = []
    while codes:
        first = codes.pop(0)
        if codes and codes[0] is None:
            codes.pop(0)
            ranges.append((first or 0, codes.pop(0) or 0))
        else:
            ranges.append((first or 0, first or 0))
    return OneOf(tuple(ranges), negated)


# -- regular expressions ----------------------------------------------------------------------------------------

_DIGIT, _LOWER, _UPPER = (0x30, 0x39), (0x61, 0x7A), (0x41, 0x5A)
_CATEGORIES = {
    "CATEGORY_DIGIT": (_DIGIT,),
    "CATEGORY_WORD": (_LOWER, _UPPER, _DIGIT, (0x5F, 0x5F)),
    "CATEGORY_SPACE": ((0x20, 0x20),),
}


def _read_regex(pattern: str) -> Node:
    parser: Any = importlib.import_module(
        "re._parser"
    )  # the parser of the standard library has no public name
    try:
        return _regex_sequence(parser.parse(pattern))
    except re.error as error:
        raise ValueError(f"regular expression {shorten(pattern)}: {error}") from error


def _regex_sequence(parsed: Any) -> Node:
    return Sequence(tuple(_regex_node(str(kind), value) for kind, value in parsed))


def _regex_node(kind: str, value: Any) -> Node:
    if kind == "LITERAL":
        return Text(chr(value))
    if kind == "NOT_LITERAL":
        return OneOf(((value, value),), negated=True)
    if kind == "ANY":
        return OneOf(((0x0A, 0x0A),), negated=True)
    if kind == "IN":
        return _regex_class(value)
    if kind == "BRANCH":
        return Choice(tuple(_regex_sequence(option) for option in value[1]))
    if kind == "SUBPATTERN":
        return _regex_sequence(value[3])
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = value
        return Repeat(
            _regex_sequence(inner), least, most if isinstance(most, int) and most < 1 << 31 else None
        )
    if kind == "AT" and str(value) in ("AT_BEGINNING", "AT_END", "AT_BEGINNING_STRING", "AT_END_STRING"):
        return Text("")
    raise ValueError(f"regular expression: {kind} is not read")


def _regex_class(members: Any) -> Node:
    ranges: list[tuple[int, int]] = []
    negated = False
    for kind, value in members:
        name = str(kind)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            ranges.append((value, value))
        elif name == "RANGE":
            ranges.append(value)
        elif str(value) in _CATEGORIES:
            ranges += _CATEGORIES[str(value)]
        elif len(members) == 1:  # \D, \S, \W
            return OneOf(_CATEGORIES[str(value).replace("NOT_", "")], negated=True)
        else:
            raise ValueError(f"regular expression: {value} inside a class is not read")
    return OneOf(tuple(ranges), negated)


# -- JSON schemas -----------------------------------------------------------------------------------------------


def _read_schema(schema: Any) -> Node:
    if not isinstance(schema, dict):
        raise ValueError(f"JSON schema {shorten(schema)} is not read; give an object")
    if "enum" in schema or "const" in schema:
        return Choice(tuple(Text(json.dumps(v)) for v in schema.get("enum", [schema.get("const")])))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return Choice(tuple(_read_schema(option) for option in schema[union]))
    kind = schema.get("type")
    if kind == "object":
        members: list[Node] = [
            Sequence((Text(f"{json.dumps(name)}: "), _read_schema(value)))
            for name, value in schema.get("properties", {}).items()
        ]
        return _joined("{", members, "}")
    if kind == "array":
        least = schema.get("minItems", 0)
        count = max(least, min(2, schema.get("maxItems", 2)))
        return _joined("[", [_read_schema(schema.get("items", {"type": "null"}))] * count, "]")
    if kind == "string":
        if "pattern" in schema:
            return Sequence((Text('"'), _read_regex(schema["pattern"]), Text('"')))
        least = schema.get("minLength", 0)
        return Sequence((Text('"'), Repeat(OneOf((_LOWER,)), least, schema.get("maxLength")), Text('"')))
    if kind in ("integer", "number"):
        low = int(schema.get("minimum", schema.get("maximum", 9) - 9))
        high = int(schema.get("maximum", low + 9))
        return Choice(tuple(Text(str(value)) for value in range(low, min(high, low + 99) + 1)))
    if kind in ("boolean", "null"):
        return Choice(tuple(Text(text) for text in (("true", "false") if kind == "boolean" else ("null",))))
    raise ValueError(
        f"JSON schema {shorten(schema)} is not read; known are types, enum, const, anyOf and oneOf"
    )


def _joined(start: str, members: list[Node], end: str) -> Node:
    parts: list[Node] = [Text(start)]
    for index, member in enumerate(members):
        parts += [Text(", ")] * (index > 0) + [member]
    return Sequence((*parts, Text(end)))
