"""The grammar of the programs that a model may write for one chunk, for constrained decoding.

A program is `keep_chunk()`, or one to `max_ops` calls, one a line, and nothing else: no other call, no line number
outside the chunk, no reversed range, no blank or single-character source, no empty program. What a grammar cannot tell
is left to the executor: whether a source occurs, and how much is removed.

The notation is that of xgrammar and llama.cpp (GBNF), which vLLM takes for structured output.
"""

from __future__ import annotations

from functools import lru_cache

from gristmill.llm.requests import Constraint
from gristmill.refine.options import RefineOptions

MAX_SOURCE_CHARS = 80
MAX_TARGET_CHARS = 40

# No quotes, backslashes, control characters; a source does not begin with white space of any kind.
_TEXT = r'[^"\\\x00-\x1f\x7f]'
_TEXT_NOT_BLANK = r'[^ "\\\x00-\x20\x7f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'


def chunk_constraint(first_line: int, last_line: int, options: RefineOptions) -> Constraint:
    """The constraint for a chunk of lines first to last, both included."""
    return Constraint("grammar", chunk_grammar(first_line, last_line, options.operations, options.max_ops))


@lru_cache(maxsize=4096)
def chunk_grammar(first_line: int, last_line: int, operations: tuple[str, ...], max_ops: int) -> str:
    """The grammar as text. Its length grows with the number of lines."""
    calls = []
    rules = []
    if "remove_lines" in operations:
        calls.append("remove")
        rules += _removal_rules(first_line, last_line)
    if "normalize" in operations:
        calls.append("normalize")
        rules += [
            r'normalize ::= "normalize(source_str=\"" source "\", target_str=\"" target "\")"',
            f"source ::= {_TEXT_NOT_BLANK} {_TEXT}{{1,{MAX_SOURCE_CHARS - 1}}}",
            f"target ::= {_TEXT}{{0,{MAX_TARGET_CHARS}}}",
        ]
    more = rf' ("\n" call){{0,{max_ops - 1}}}' if max_ops > 1 else ""
    head = [f'root ::= "keep_chunk()" | call{more}', f"call ::= {' | '.join(calls)}"]
    return "\n".join(head + rules) + "\n"


def _removal_rules(first_line: int, last_line: int) -> list[str]:
    """One alternative per first line, each with the last lines from there on."""
    starts = " | ".join(
        f'"{start}, line_end=" ({_numbers(start, last_line)})' for start in range(first_line, last_line + 1)
    )
    return [f'remove ::= "remove_lines(line_start=" ({starts}) ")"']


def _numbers(low: int, high: int) -> str:
    """Alternatives that match the decimal numbers low to high: `7 | [8-9] | "1" [0-4]`."""
    return " | ".join(_pattern(prefix, digit, rest) for prefix, digit, rest in _ranges(low, high))


def _ranges(low: int, high: int) -> list[tuple[str, str, int]]:
    """(prefix, range of a digit, number of free digits behind) that together are low to high, ascending."""
    found: list[tuple[str, str, int]] = []
    at = low
    while at <= high:
        free = 0
        while at % 10 ** (free + 1) == 0 and at and at + 10 ** (free + 1) - 1 <= high:
            free += 1
        unit = 10**free
        # As many values of the digit before the free ones as fit, up to 9.
        count = min(9 - at // unit % 10, (high - at + 1) // unit - 1)
        digit = at // unit % 10
        prefix = str(at // unit // 10) if at // unit >= 10 else ""
        found.append((prefix, f"[{digit}-{digit + count}]" if count else f'"{digit}"', free))
        at += (count + 1) * unit
    return found


def _pattern(prefix: str, digit: str, free: int) -> str:
    return " ".join(([f'"{prefix}"'] if prefix else []) + [digit] + ["[0-9]"] * free)
