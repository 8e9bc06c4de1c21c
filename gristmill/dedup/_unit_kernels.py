"""Compiled loops of repeated lines and paragraphs: finding units, normalising, hashing and cutting them.

They work on Arrow buffers (UTF-8 bytes and offsets) and hold no lock of the interpreter. numba's cache on disk does not
see a change of a helper in another file; those taken from `_kernels` are fixed by the definitions of UTF-8 and XXH64.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array is described where it is an argument of a public kernel.
from __future__ import annotations

import numpy as np

from gristmill.dedup._kernels import _compiled, _decode, _encode, xxh64

SPACE, HARD = 1, 2  # bits of a character, see gristmill/dedup/paragraphs.py
DROPPED = -1  # in `mapped`: nothing is left of the character; -2 - k: the k-th expansion

_NEWLINE = 10
_ASCII_END = 0x80
_SEED = np.uint64(0)


@_compiled
def find_units(data, offsets, flags, paragraphs, starts, ends, first_chars, end_chars, unit_offsets):
    """Bytes and characters at which units begin and end, inside `data` and inside their document.

    A unit is a line, or (paragraphs) a run of lines that are not blank; the line feed that ends it is not part of it.
    flags (uint8): per code point, SPACE counts. Out: starts, ends (bytes), first_chars, end_chars (int64), with room
    for a unit per line; unit_offsets (int64, one more than documents): where each document's units begin.
    """
    unit = 0
    for document in range(offsets.shape[0] - 1):
        i, end = offsets[document], offsets[document + 1]
        character = 0
        inside = False  # of a paragraph
        while True:
            start, first = i, character
            blank = True
            while i < end and data[i] != _NEWLINE:
                if blank:
                    code, i = _decode(data, i)
                    blank = flags[code] & SPACE != 0
                    character += 1
                else:  # bytes that go on with a character are 10xxxxxx
                    character += data[i] & 0xC0 != 0x80
                    i += 1
            if paragraphs and blank:
                inside = False
            else:
                if not (paragraphs and inside):
                    starts[unit], first_chars[unit] = start, first
                    unit += 1
                    inside = True
                ends[unit - 1], end_chars[unit - 1] = i, character
            if i >= end:
                break
            i += 1  # the line feed
            character += 1
        unit_offsets[document + 1] = unit


@_compiled
def normalise_units(
    data, starts, ends, flags, mapped, expanded, expansion_offsets, out, out_offsets, chars, hard
):
    """Write every unit without white space at either end, character by character as `mapped` says.

    mapped (int32), expanded, expansion_offsets: as for `_kernels.normalise`. Out: the texts and where they end
    (out_offsets, one more than units), chars (uint32): characters written; hard (bool): holds a character whose lower
    case depends on its neighbours.
    """
    k = 0
    for unit in range(starts.shape[0]):
        start, end = _strip(data, starts[unit], ends[unit], flags)
        count = 0
        is_hard = False
        i = start
        while i < end:
            if data[i] < _ASCII_END:  # the common case, to save time: becomes one byte or nothing
                glyph = mapped[data[i]]
                i += 1
                if glyph != DROPPED:
                    out[k] = glyph
                    k += 1
                    count += 1
                continue
            code, i = _decode(data, i)
            if flags[code] & HARD:
                is_hard = True
            glyph = mapped[code]
            if glyph >= 0:
                k = _encode(glyph, out, k)
                count += 1
            elif glyph != DROPPED:
                for position in range(expansion_offsets[-2 - glyph], expansion_offsets[-1 - glyph]):
                    k = _encode(expanded[position], out, k)
                    count += 1
        out_offsets[unit + 1] = k
        chars[unit] = count
        hard[unit] = is_hard


@_compiled
def _strip(data, start, end, flags):
    """Where the text begins and ends without white space around it."""
    while start < end:
        code, following = _decode(data, start)
        if not flags[code] & SPACE:
            break
        start = following
    while end > start:
        last = end - 1
        while data[last] & 0xC0 == 0x80:  # to where the last character begins
            last -= 1
        code, _ = _decode(data, last)
        if not flags[code] & SPACE:
            break
        end = last
    return start, end


@_compiled
def hash_texts(data, offsets, hashes):
    """XXH64 (uint64) of every text."""
    for text in range(offsets.shape[0] - 1):
        hashes[text] = xxh64(data, offsets[text], offsets[text + 1], _SEED)


@_compiled
def cut_spans(data, offsets, starts, ends, span_offsets, out, out_offsets):
    """Write every document without its spans.

    starts, ends: bytes in `data`, ascending and disjoint; span_offsets (one more than documents): which spans are of
    which document. Out: the bytes, and where documents end (out_offsets, one more than documents).
    """
    k = 0
    for document in range(offsets.shape[0] - 1):
        i = offsets[document]
        for span in range(span_offsets[document], span_offsets[document + 1]):
            k = _copy(data, i, starts[span], out, k)
            i = ends[span]
        k = _copy(data, i, offsets[document + 1], out, k)
        out_offsets[document + 1] = k


@_compiled
def copy_spans(data, starts, ends, out, out_offsets):
    """Write the bytes of every span as a text of its own (out_offsets, one more than spans)."""
    k = 0
    for span in range(starts.shape[0]):
        k = _copy(data, starts[span], ends[span], out, k)
        out_offsets[span + 1] = k


@_compiled
def _copy(data, i, end, out, k):
    while i < end:
        out[k] = data[i]
        i += 1
        k += 1
    return k
