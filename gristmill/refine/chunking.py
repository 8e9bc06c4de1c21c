"""Chunks of whole lines, with the line numbers that programs refer to.

Lines end at `\\n` alone and are numbered through the whole document, so the programs of all chunks of a document speak
of the same lines. Source: ProX (arXiv 2409.17115), algorithm 1; functions `trunc_text` and `merge_chunks` of
GAIR-NLP/ProX@b3fcbb2 for the mode compat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gristmill.refine.options import Mode


@dataclass(frozen=True)
class Chunk:
    """Lines first to last, both included. `skipped`: one line above the limit, which strict mode never sends."""

    first_line: int
    last_line: int
    tokens: int
    skipped: bool = False


def number_lines(lines: Sequence[str], first_line: int = 0) -> list[str]:
    """Lines behind their numbers: `[000]`, at least three digits and no space between."""
    return [f"[{number:03d}]{line}" for number, line in enumerate(lines, first_line)]


def split_chunks(costs: Sequence[int], max_tokens: int, mode: Mode = "strict") -> list[Chunk]:
    """Chunks of lines, given the tokens of each numbered line; filled greedily up to `max_tokens`.

    strict counts a token for each line break between two lines; a line above the limit is a chunk of its own that is
    marked as skipped. compat counts no line breaks (its costs have a begin-of-sequence token per line instead), and
    such a line is a chunk like any other. Together the chunks hold every line once, in order.
    """
    return list(_fill(costs, max_tokens, mode))


def _fill(costs: Sequence[int], max_tokens: int, mode: Mode) -> Iterator[Chunk]:
    line_break = 1 if mode == "strict" else 0
    first, tokens = 0, 0
    for line, cost in enumerate(costs):
        joined = tokens + line_break + cost if line > first else cost
        if line > first and joined > max_tokens:
            yield Chunk(first, line - 1, tokens)
            first, joined = line, cost
        if mode == "strict" and cost > max_tokens:
            yield Chunk(line, line, cost, skipped=True)
            first, joined = line + 1, 0
        tokens = joined
    if first < len(costs):
        yield Chunk(first, len(costs) - 1, tokens)
