"""The language of refining programs: text in, calls out; nothing is evaluated.

A program is lines, and a line is one call:

    NAME ( [ARG {, ARG} [,]] ) [;] [# comment]        ARG   = [NAME =] VALUE
                                                      VALUE = integer | True | False | "string" | 'string'

Blanks are space and tab. Integers are ASCII digits, at most 18, with an optional sign. In a string a backslash
protects the next character; strings are kept as written. Whatever does not fit is a syntax error of that line
alone. Time and memory are linear in the program, and no more than MAX_LINES lines of it are parsed.

The vocabulary is that of ProX (arXiv 2409.17115, section 3), with the argument names of its annotation prompts
beside those of the released models.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

MAX_LINES = 256  # lines of one program that are read; released models write 2.7 to 3.7 calls
MAX_LINE_CHARS = 8_192
MAX_DIGITS = 18  # fits 64 bits

SYNTAX = "syntax"
UNKNOWN_FUNCTION = "unknown_function"
BAD_ARGS = "bad_args"

_NAME_START = frozenset(string.ascii_letters + "_")
_NAME_REST = _NAME_START | frozenset(string.digits)
_DIGITS = frozenset(string.digits)
_WORDS = {"True": True, "False": False}
# White space, comment lines and code fences before the next meaningful line. Possessive, so it never goes back.
_MEANINGLESS = re.compile(r"(?:\s++|#[^\n]*+|```[^\n]*+)*+")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_SHORT_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_TARGET_ESCAPES = frozenset("\\\"'")


@dataclass(frozen=True)
class Quoted:
    """A string as written between its quotes, escapes included."""

    raw: str


Value = int | bool | Quoted


@dataclass(frozen=True)
class Call:
    """One call as written, whether or not its name and arguments mean anything."""

    name: str
    positional: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class RemoveLines:
    """Leave out the lines from start to end, both included."""

    start: int
    end: int


@dataclass(frozen=True)
class RemoveAll:
    """Leave out every line of the scope."""


@dataclass(frozen=True)
class Normalize:
    """Replace the source, as written, by the target, decoded."""

    source: str
    target: str


@dataclass(frozen=True)
class Keep:
    """Change nothing."""


Operation = RemoveLines | RemoveAll | Normalize | Keep


@dataclass(frozen=True)
class Statement:
    """One meaningful line: an operation, or the name of what is wrong with it."""

    line: str
    operation: Operation | None
    error: str | None = None


@dataclass(frozen=True)
class Program:
    """The statements that were read; `truncated` says whether more lines followed."""

    statements: tuple[Statement, ...]
    truncated: bool

    @property
    def repeats(self) -> bool:
        """Whether the same call comes three times in a row: the mark of a model caught in a loop."""
        calls = [statement.operation or statement.line for statement in self.statements]
        return any(calls[i] == calls[i + 1] == calls[i + 2] for i in range(len(calls) - 2))


def read_program(text: str) -> Program:
    """Parse the first MAX_LINES meaningful lines. Lines end at `\\n` alone; it never raises."""
    lines, truncated = meaningful_lines(text, MAX_LINES)
    return Program(tuple(_read_statement(line) for line in lines), truncated)


def meaningful_lines(text: str, limit: int) -> tuple[list[str], bool]:
    """The first `limit` stripped lines that are not empty, a comment or a code fence, and whether more follow."""
    lines: list[str] = []
    at = _end_of_meaningless(text, 0)
    while at < len(text):
        if len(lines) == limit:
            return lines, True
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        lines.append(text[at:end].strip())
        at = _end_of_meaningless(text, end)
    return lines, False


def decode_source(raw: str) -> str:
    r"""A source string with `\n \t \r \\ \" \' \uXXXX \xXX` decoded; other escapes stay as written."""
    return _ESCAPE.sub(_decode_any, raw)


def decode_target(raw: str) -> str:
    r"""A target string with `\\ \" \'` decoded; so it never holds a line break."""
    return _ESCAPE.sub(_decode_quoting, raw)


def _end_of_meaningless(text: str, at: int) -> int:
    found = _MEANINGLESS.match(text, at)
    return found.end() if found else at


def _read_statement(line: str) -> Statement:
    call = _parse(line)
    meaning = SYNTAX if call is None else _interpret(call)
    if isinstance(meaning, str):
        return Statement(line, None, meaning)
    return Statement(line, meaning)


def _parse(line: str) -> Call | None:
    if len(line) > MAX_LINE_CHARS:
        return None
    try:
        return _Reader(line).call()
    except _MalformedError:
        return None


class _MalformedError(Exception):
    """The line is not a call; caught in `_parse`."""


class _Reader:
    """Recursive descent over one line; `at` is the next character."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0

    def call(self) -> Call:
        name = self.name()
        if name is None:
            raise _MalformedError
        self.blanks()
        self.expect("(")
        positional, keywords = self.arguments()
        self.expect(")")
        self.blanks()
        self.take(";")
        self.blanks()
        if self.peek() not in ("", "#"):
            raise _MalformedError
        return Call(name, tuple(positional), tuple(keywords))

    def arguments(self) -> tuple[list[Value], list[tuple[str, Value]]]:
        positional: list[Value] = []
        keywords: list[tuple[str, Value]] = []
        self.blanks()
        while self.peek() != ")":
            keyword = self.keyword()
            value = self.value()
            if keyword is not None:
                keywords.append((keyword, value))
            elif keywords:
                raise _MalformedError
            else:
                positional.append(value)
            self.blanks()
            if not self.take(","):
                break
            self.blanks()
        return positional, keywords

    def keyword(self) -> str | None:
        """`NAME =` if that is what comes; else nothing is consumed."""
        start = self.at
        name = self.name()
        if name is not None:
            self.blanks()
            if self.take("="):
                self.blanks()
                return name
        self.at = start
        return None

    def value(self) -> Value:
        first = self.peek()
        if first in ('"', "'") and first:
            return self.quoted(first)
        if first in _NAME_START:
            word = self.name()
            if word in _WORDS:
                return _WORDS[word]
            raise _MalformedError
        return self.integer()

    def quoted(self, quote: str) -> Quoted:
        start = self.at + 1
        at = start
        while at < len(self.line) and self.line[at] != quote:
            at += 2 if self.line[at] == "\\" else 1
        if at >= len(self.line):
            raise _MalformedError
        self.at = at + 1
        return Quoted(self.line[start:at])

    def integer(self) -> int:
        start = self.at
        if self.peek() in ("+", "-"):
            self.at += 1
        digits = self.at
        self.skip(_DIGITS)
        if not 1 <= self.at - digits <= MAX_DIGITS:
            raise _MalformedError
        return int(self.line[start : self.at])

    def name(self) -> str | None:
        start = self.at
        if self.peek() not in _NAME_START:
            return None
        self.skip(_NAME_REST)
        return self.line[start : self.at]

    def blanks(self) -> None:
        while self.peek() in (" ", "\t"):
            self.at += 1

    def skip(self, allowed: frozenset[str]) -> None:
        while self.peek() in allowed:
            self.at += 1

    def take(self, char: str) -> bool:
        if self.peek() != char:
            return False
        self.at += 1
        return True

    def expect(self, char: str) -> None:
        if not self.take(char):
            raise _MalformedError

    def peek(self) -> str:
        """The next character, or an empty string at the end."""
        return self.line[self.at : self.at + 1]


_REMOVE_PARAMETERS = (("line_start", "start"), ("line_end", "end"))
_NORMALIZE_PARAMETERS = (("source_str",), ("target_str",))
_KEEP_NAMES = frozenset({"keep_chunk", "untouch_doc", "keep_doc", "keep_all"})


def _interpret(call: Call) -> Operation | str:
    """The operation, or the error that it is."""
    if call.name in _KEEP_NAMES:
        return Keep() if not call.positional and not call.keywords else BAD_ARGS
    if call.name == "remove_lines":
        return _interpret_removal(call)
    if call.name == "normalize":
        return _interpret_replacement(call)
    return UNKNOWN_FUNCTION


def _interpret_removal(call: Call) -> Operation | str:
    if call.keywords == (("all", True),) and call.keywords[0][1] is True and not call.positional:
        return RemoveAll()
    bound = _bind(call, _REMOVE_PARAMETERS)
    # A bool is an int in Python, so the type is asked for exactly.
    if bound is None or type(bound[0]) is not int or type(bound[1]) is not int:
        return BAD_ARGS
    return RemoveLines(bound[0], bound[1])


def _interpret_replacement(call: Call) -> Operation | str:
    bound = _bind(call, _NORMALIZE_PARAMETERS)
    if bound is None:
        return BAD_ARGS
    source, target = bound[0], bound[1] if bound[1] is not None else Quoted("")
    if not isinstance(source, Quoted) or not isinstance(target, Quoted):
        return BAD_ARGS
    return Normalize(source.raw, decode_target(target.raw))


def _bind(call: Call, parameters: tuple[tuple[str, ...], ...]) -> list[Value | None] | None:
    """Values in the order of the parameters, null where left out; None if one is unknown or given twice."""
    if len(call.positional) + len(call.keywords) > len(parameters):
        return None
    bound: list[Value | None] = [*call.positional, *[None] * (len(parameters) - len(call.positional))]
    for keyword, value in call.keywords:
        index = next((i for i, names in enumerate(parameters) if keyword in names), None)
        if index is None or bound[index] is not None:
            return None
        bound[index] = value
    return bound


def _decode_any(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else _SHORT_ESCAPES.get(escape[3], escape[0])


def _decode_quoting(escape: re.Match[str]) -> str:
    # \u0041 in a target is five harmless characters after a backslash, not a letter.
    return escape[3] if escape[3] in _TARGET_ESCAPES else escape[0]
