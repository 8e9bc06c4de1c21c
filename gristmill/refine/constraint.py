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


@lru_cache(maxsize=512)  # of some 20 kB; most chunks begin at line 0
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
    ends = _numbers_up_to(first_line, last_line)
    starts = " | ".join(f'"{start}, line_end=" ({end})' for start, end in ends)
    return [f'remove ::= "remove_lines(line_start=" ({starts}) ")"']


def _numbers_up_to(first: int, high: int) -> list[tuple[int, str]]:
    """For each number from `first` on, alternatives that match it to `high`: (7, `7 | [8-9] | "1" [0-4]`)."""
    found: dict[int, str] = {}
    for low in range(high, first - 1, -1):
        pattern, following = _begin(low, high)
        found[low] = f"{pattern} | {found[following]}" if following <= high else pattern
    return list(reversed(found.items()))


def _begin(low: int, high: int) -> tuple[str, int]:
    """A pattern for as many numbers from `low` to `high` as one can match, and the number after them."""
    free = 0  # digits at the end that may be any
    while low % 10 ** (free + 1) == 0 and low and low + 10 ** (free + 1) - 1 <= high:
        free += 1
    unit = 10**free
    digit = low // unit % 10
    # As many values of the digit before the free ones as fit, up to 9.
    more = min(9 - digit, (high - low + 1) // unit - 1)
    prefix = [f'"{low // unit // 10}"'] if low // unit >= 10 else []
    digits = f"[{digit}-{digit + more}]" if more else f'"{digit}"'
    return " ".join([*prefix, digits, *["[0-9]"] * free]), low + (more + 1) * unit
