"""Blocks of a text: prose, and what must not be rephrased because its layout carries the meaning.

Code (between fences, or indented after a blank line), tables (rows of cells) and lists (items with a marker)
are recognised by their lines alone, as far as plain text still shows them. A block of less than two lines is
prose, so one stray dash or bar changes nothing.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

BlockKind = Literal["prose", "code", "table", "list"]

MIN_LINES = 2  # fewer indented lines, rows or items are no block
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_INDENT = re.compile(r"(?: {4}|\t)\s*\S")
_ITEM = re.compile(r"\s*(?:[-*+•‣◦·▪]|\d{1,3}[.)]|[a-z]\))\s+\S")
_CONTINUATION = re.compile(r"\s{2,}\S")


class Block(NamedTuple):
    """`text[start:end]` is of this kind; blocks cover the text in order."""

    start: int
    end: int
    kind: BlockKind


def find_blocks(text: str, kinds: tuple[str, ...] = ("code", "table", "list")) -> list[Block]:
    """The text cut into blocks; kinds that are not asked for count as prose.

    Neighbouring prose lines, blank lines among them, are one block. Linear in the length of the text.
    """
    lines = _line_spans(text)
    blocks: list[Block] = []
    prose_from = 0
    index = 0
    while index < len(lines):
        kind, stop = _block_at(text, lines, index, kinds)
        if kind is None:
            index += 1
            continue
        begin, end = lines[index][0], lines[stop - 1][1]
        if text[prose_from:begin].strip():
            blocks.append(Block(prose_from, begin, "prose"))
        blocks.append(Block(begin, end, kind))
        prose_from = end
        index = stop
    if text[prose_from:].strip():
        blocks.append(Block(prose_from, len(text), "prose"))
    return blocks


def _line_spans(text: str) -> list[tuple[int, int]]:
    spans = []
    start = 0
    for line in text.split("\n"):
        spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans


def _block_at(
    text: str, lines: list[tuple[int, int]], index: int, kinds: tuple[str, ...]
) -> tuple[BlockKind | None, int]:
    """Kind of the block that begins at a line, and the line after it; None where prose goes on."""
    line = _line(text, lines, index)
    if not line.strip():
        return None, index + 1
    if "code" in kinds:
        fence = _FENCE.match(line)
        if fence:
            return "code", _after_fence(text, lines, index, fence.group(1))
        blank_before = index == 0 or not _line(text, lines, index - 1).strip()
        if blank_before and _INDENT.match(line):
            stop = _run(text, lines, index, _INDENT)
            if stop - index >= MIN_LINES:
                return "code", stop
    if "table" in kinds and _is_row(line):
        stop = index
        while stop < len(lines) and _is_row(_line(text, lines, stop)):
            stop += 1
        if stop - index >= MIN_LINES:
            return "table", stop
    if "list" in kinds and _ITEM.match(line):
        stop, items = _after_items(text, lines, index)
        if items >= MIN_LINES:
            return "list", stop
    return None, index + 1


def _after_fence(text: str, lines: list[tuple[int, int]], index: int, fence: str) -> int:
    """The line after the closing fence; an open fence holds the rest of the text."""
    for stop in range(index + 1, len(lines)):
        stripped = _line(text, lines, stop).strip()
        if stripped.startswith(fence) and not stripped.strip(fence[0]):
            return stop + 1
    return len(lines)


def _run(text: str, lines: list[tuple[int, int]], index: int, pattern: re.Pattern[str]) -> int:
    stop = index
    while stop < len(lines) and pattern.match(_line(text, lines, stop)):
        stop += 1
    return stop


def _is_row(line: str) -> bool:
    """Cells between bars, or at least three columns between tabs."""
    stripped = line.strip()
    return stripped.count("|") >= 2 or stripped.count("\t") >= 2


def _after_items(text: str, lines: list[tuple[int, int]], index: int) -> tuple[int, int]:
    """The line after a list, and how many items it has; indented and blank lines inside belong to it."""
    stop, items = index, 0
    at = index
    while at < len(lines):
        line = _line(text, lines, at)
        if _ITEM.match(line):
            items += 1
            stop = at + 1
        elif line.strip() and _CONTINUATION.match(line) and at == stop:
            stop = at + 1
        elif line.strip() or at > stop:
            break
        at += 1
    return stop, items


def _line(text: str, lines: list[tuple[int, int]], index: int) -> str:
    start, end = lines[index]
    return text[start:end]
