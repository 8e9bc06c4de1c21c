"""Numba kernel that writes the kept blocks as text or Markdown.

Blocks are separated by a blank line; items of a list, rows of a table and lines of one container by a line break.
White space is collapsed as browsers do it, and kept in <pre>.
"""

# mypy: disallow-untyped-defs=False
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gristmill.ingest.html._scan import (
    CODE_MARK,
    CONTAINER,
    CONTINUES,
    FIRST_SEGMENT,
    HEADING_BITS,
    IN_PRE,
    LAST_SEGMENT,
    LEAF,
    LINE_BREAK,
    ORDINAL,
    PARENT,
    SEGMENT_END,
    SEGMENT_KIND,
    SEGMENT_START,
    STATE,
    TAG_KIND,
    VERBATIM,
)

_LIST_ITEM, _ROW, _CELL, _TABLE, _ORDERED, _QUOTE = 1 << 6, 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 11
_MAX_INDENT = 8  # levels of lists that are indented; deeper ones are written like these
_MAX_CLIMB = 600
_MAX_EMPTY_CELLS = 20  # in a row, between two that are not empty

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@_compiled
def _write_space(out, at):
    """One space, unless a line or a space ends here."""
    if at > 0 and out[at - 1] != 32 and out[at - 1] != 10:
        out[at] = 32
        return at + 1
    return at


@_compiled
def _write_number(out, at, number):
    digits = 1
    power = 10
    while number >= power:
        power *= 10
        digits += 1
    for k in range(digits):
        out[at + digits - 1 - k] = 48 + number % 10
        number //= 10
    return at + digits


@_compiled
def _write_text(data, start, end, out, at, verbatim, in_cell):
    """A run of text with its entities decoded; returns where the output ends."""
    k = start
    while k < end:
        byte = data[k]
        if byte == 38:  # one of &amp; &lt; &gt; &quot; &nbsp;
            stop = k
            while stop < end and data[stop] != 59:
                stop += 1
            second, third = data[k + 1], data[k + 2]
            k = stop + 1
            if second == 110:
                byte = np.uint8(32)
            elif second == 108:
                byte = np.uint8(60)
            elif second == 103:
                byte = np.uint8(62)
            elif second == 113:
                byte = np.uint8(34)
            elif second == 97 and third == 109:
                byte = np.uint8(38)
            else:
                continue
        elif byte == 0xC2 and k + 1 < end and data[k + 1] == 0xA0:
            byte = np.uint8(32)
            k += 2
        elif byte == 0xE2 and k + 2 < end and data[k + 1] == 0x80 and data[k + 2] == 0x8B:
            k += 3  # a zero-width space
            continue
        else:
            k += 1
        if byte == 124 and in_cell:
            out[at] = 92
            at += 1
        if verbatim:
            if byte == 13:
                continue
            out[at] = byte
            at += 1
        elif byte == 32 or 9 <= byte <= 13:
            at = _write_space(out, at)
        else:
            out[at] = byte
            at += 1
    return at


@_compiled
def _trim(out, at, least):
    while at > least and (out[at - 1] == 32 or out[at - 1] == 10):
        at -= 1
    return at


@_compiled
def render_blocks(data, elements, blocks, segments, keep, markdown):
    """UTF-8 bytes of the blocks where `keep` is true, in order, as text or as Markdown."""
    needed = 16
    n = blocks.shape[0]
    longest = 0
    for b in range(n):
        if keep[b]:
            size = 64 + 2 * _MAX_INDENT + 10 * _MAX_EMPTY_CELLS * markdown
            for s in range(blocks[b, FIRST_SEGMENT], blocks[b, LAST_SEGMENT]):
                size += 2 * (segments[s, SEGMENT_END] - segments[s, SEGMENT_START]) + 4
            needed += size
            longest = max(longest, size)
    out = np.empty(needed, np.uint8)
    scratch = np.empty(longest + 16, np.uint8)
    at = 0
    last_container, last_item, last_row, last_cell, last_table, last_list = -1, -1, -1, -1, -1, -1
    row_cells, first_row = 0, False
    for b in range(n):
        if not keep[b]:
            continue
        container, leaf = blocks[b, CONTAINER], blocks[b, LEAF]
        item, row, cell, table, outer_list, quote, level = -1, -1, -1, -1, -1, False, -1
        e, climbed = container, 0
        while e > 0 and climbed < _MAX_CLIMB:
            kind = elements[e, TAG_KIND]
            if (kind & _LIST_ITEM) != 0:
                if item < 0 and table < 0:
                    item = e
                level += 1
                outer_list = e
            if (kind & _CELL) != 0 and cell < 0:
                cell = e
            if (kind & _ROW) != 0 and row < 0:
                row = e
            if (kind & _TABLE) != 0 and table < 0:
                table = e
            quote = quote or (kind & _QUOTE) != 0
            e = elements[e, PARENT]
            climbed += 1
        if row < 0 or cell < 0 or table < 0:
            row, cell, table = -1, -1, -1
        state = elements[leaf, STATE]
        heading = state >> HEADING_BITS & 7
        pre = (elements[container, STATE] & IN_PRE) != 0
        # The block itself, trimmed.
        size = 0
        in_cell = markdown and table >= 0
        for s in range(blocks[b, FIRST_SEGMENT], blocks[b, LAST_SEGMENT]):
            kind = segments[s, SEGMENT_KIND]
            if kind == LINE_BREAK:
                if in_cell or (markdown and heading > 0):
                    size = _write_space(scratch, size)
                else:
                    while size > 0 and scratch[size - 1] == 32:
                        size -= 1
                    if size > 0:
                        scratch[size] = 10
                        size += 1
            elif kind == CODE_MARK:
                if markdown and not pre and heading == 0:
                    scratch[size] = 96
                    size += 1
            else:
                size = _write_text(
                    data,
                    segments[s, SEGMENT_START],
                    segments[s, SEGMENT_END],
                    scratch,
                    size,
                    kind == VERBATIM and not in_cell,
                    in_cell,
                )
        first = 0
        if pre and not in_cell:
            while first < size and scratch[first] == 10:
                first += 1
        else:
            while first < size and (scratch[first] == 32 or scratch[first] == 10):
                first += 1
        size = _trim(scratch, size, first)
        if size <= first:
            continue
        # What stands between it and the block before.
        if at > 0:
            if row >= 0 and row == last_row:
                if cell == last_cell:
                    at = _write_space(out, at)
                else:
                    ordinal = elements[cell, ORDINAL] >> 8
                    for _ in range(max(1, min(ordinal - row_cells, _MAX_EMPTY_CELLS)) if markdown else 1):
                        out[at : at + 3] = np.array([32, 124, 32], np.uint8)
                        at += 3
                        row_cells += 1
            else:
                if markdown and last_table >= 0 and first_row:
                    at = _end_header(out, at, row_cells)
                    first_row = False
                elif markdown and last_table >= 0:
                    out[at : at + 2] = np.array([32, 124], np.uint8)
                    at += 2
                single = (row >= 0 and table == last_table) or (
                    table < 0
                    and last_table < 0
                    and (
                        (
                            item >= 0
                            and outer_list >= 0
                            and last_list >= 0
                            and _same_list(elements, outer_list, last_list)
                        )
                        or (container == last_container and blocks[b, CONTINUES] == 0)
                    )
                )
                out[at] = 10
                at += 1
                if not single:
                    out[at] = 10
                    at += 1
        if row >= 0 and row != last_row:
            if table != last_table:
                first_row = True
            row_cells = 1
            if markdown:
                out[at : at + 2] = np.array([124, 32], np.uint8)
                at += 2
                for _ in range(min((elements[cell, ORDINAL] >> 8) - 1, _MAX_EMPTY_CELLS)):
                    out[at : at + 3] = np.array([32, 124, 32], np.uint8)
                    at += 3
                    row_cells += 1
        if table < 0:
            if quote and markdown:
                out[at : at + 2] = np.array([62, 32], np.uint8)
                at += 2
            if item >= 0 and not pre:
                for _ in range(min(level, _MAX_INDENT)):
                    out[at : at + 2] = 32
                    at += 2
                if item != last_item:
                    parent = elements[item, PARENT]
                    ordinal = elements[item, ORDINAL] >> 8
                    if (elements[parent, TAG_KIND] & _ORDERED) != 0 and ordinal > 0:
                        at = _write_number(out, at, ordinal)
                        out[at] = 46
                    else:
                        out[at] = 45
                    out[at + 1] = 32
                    at += 2
                else:
                    out[at : at + 2] = 32
                    at += 2
            elif heading > 0 and markdown and not pre:
                out[at : at + heading] = 35
                at += heading
                out[at] = 32
                at += 1
        fenced = markdown and pre and table < 0
        if fenced:
            out[at : at + 4] = np.array([96, 96, 96, 10], np.uint8)
            at += 4
        out[at : at + size - first] = scratch[first:size]
        at += size - first
        if fenced:
            out[at : at + 4] = np.array([10, 96, 96, 96], np.uint8)
            at += 4
        last_container, last_item, last_row, last_cell, last_table = container, item, row, cell, table
        last_list = outer_list
    if markdown and last_table >= 0:
        if first_row:
            at = _end_header(out, at, row_cells)
        else:
            out[at : at + 2] = np.array([32, 124], np.uint8)
            at += 2
    return out[:at]


@_compiled
def _same_list(elements, first, second):
    """Whether two outermost items are of one list."""
    return elements[first, PARENT] == elements[second, PARENT]


@_compiled
def _end_header(out, at, cells):
    """Close the first row of a table, and write the line below it."""
    out[at : at + 3] = np.array([32, 124, 10], np.uint8)
    out[at + 3] = 124
    at += 4
    for _ in range(cells):
        out[at : at + 5] = np.array([32, 45, 45, 45, 32], np.uint8)
        out[at + 5] = 124
        at += 6
    return at
