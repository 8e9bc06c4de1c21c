"""Compiled loops that take rows apart where that is certain: expat is asked about every block that holds a doubt.

A block is certain where it is rows and blanks alone, names are letters, values are quoted and hold no `<`, no control
character and no reference but the five named ones and numbers of characters that XML 1.0 allows.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disable-error-code="assignment"
# numba infers the types; every array is described at the functions.
from __future__ import annotations

import numpy as np
from numba import njit

_TAB, _LF, _CR, _SPACE, _QUOTE, _HASH, _AMP, _APOSTROPHE = 9, 10, 13, 32, 34, 35, 38, 39
_SLASH, _SEMICOLON, _LT, _EQUALS, _GT = 47, 59, 60, 61, 62
_ROW = np.frombuffer(b"<row", dtype=np.uint8)
_MAX_REFERENCE = 12  # bytes of `&#x10FFFF;` and a few zeros


@njit(cache=True, nogil=True)
def scan_rows(data, names, name_starts, places, spans):
    """Number of rows in the block, -1 where it is not certain.

    data                uint8, the block; begins with a row
    names, name_starts  uint8 and int64: names of the attributes that are wanted
    places              int64[rows, 2], out: where each row begins and ends
    spans               int64[attributes, rows, 2], out: where its values begin and end; -1 where it has none
    """
    p, end, row = 0, len(data), 0
    while p < end:
        if _is_blank(data[p]):
            p += 1
            continue
        if row == len(places) or p + 5 >= end:
            return -1
        for i in range(4):
            if data[p + i] != _ROW[i]:
                return -1
        places[row, 0] = p
        for k in range(len(spans)):
            spans[k, row, 0] = spans[k, row, 1] = -1
        p += 4
        while True:
            blanks = p
            while p < end and _is_blank(data[p]):
                p += 1
            if p + 1 < end and data[p] == _SLASH and data[p + 1] == _GT:
                p += 2
                break
            if p == blanks or p >= end:
                return -1
            name = p
            while p < end and (65 <= data[p] <= 90 or 97 <= data[p] <= 122):
                p += 1
            name_end = p
            if p == name or p + 2 >= end or data[p] != _EQUALS:
                return -1
            quote = data[p + 1]
            if quote != _QUOTE and quote != _APOSTROPHE:
                return -1
            p += 2
            value = p
            while p < end and data[p] != quote:
                c = data[p]
                if c == _LT or (c < _SPACE and c != _TAB and c != _LF and c != _CR):
                    return -1
                if c == _AMP:
                    code, p = _reference(data, p, end)
                    if code < 0:
                        return -1
                else:
                    p += 1
            if p >= end:
                return -1
            for k in range(len(spans)):
                if _same(data, name, name_end, names, name_starts[k], name_starts[k + 1]):
                    if spans[k, row, 0] >= 0:
                        return -1
                    spans[k, row, 0], spans[k, row, 1] = value, p
                    break
            p += 1
        places[row, 1] = p
        row += 1
    return row


@njit(cache=True, nogil=True)
def decode_values(data, spans, out, out_offsets):
    """Write the values of one attribute, as an XML parser gives them, one after the other into `out`."""
    o = 0
    for row in range(len(spans)):
        out_offsets[row] = o
        p, end = spans[row, 0], spans[row, 1]
        while p < end:
            c = data[p]
            if c == _AMP:
                code, p = _reference(data, p, end)
                o = _write(code, out, o)
                continue
            if c < _SPACE:  # blanks of the file, not of references, are spaces; a line end is one
                if c == _CR and p + 1 < end and data[p + 1] == _LF:
                    p += 1
                c = np.uint8(_SPACE)
            out[o] = c
            o += 1
            p += 1
    out_offsets[len(spans)] = o
    return o


@njit(cache=True, nogil=True)
def _is_blank(c):
    return c in (_SPACE, _LF, _TAB, _CR)


@njit(cache=True, nogil=True)
def _same(data, start, stop, names, name_start, name_stop):
    if stop - start != name_stop - name_start:
        return False
    for i in range(stop - start):  # noqa: SIM110 - numba compiles no generators
        if data[start + i] != names[name_start + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def _reference(data, p, end):
    """(code point, where it ends) of the reference at `p`; (-1, p) where it is none that is certain."""
    stop = p + 1
    while stop < end and stop - p <= _MAX_REFERENCE and data[stop] != _SEMICOLON:
        stop += 1
    if stop >= end or data[stop] != _SEMICOLON:
        return -1, p
    n = stop - p - 1
    a = data[p + 1]
    if a == _HASH:
        code = _number(data, p + 2, stop)
        if (
            code in (_TAB, _LF, _CR)
            or _SPACE <= code <= 0xD7FF
            or 0xE000 <= code <= 0xFFFD
            or code >= 0x10000
        ):
            return (code, stop + 1) if code <= 0x10FFFF else (-1, p)
        return -1, p
    if n == 2 and data[p + 2] == 116:  # t
        if a == 108:
            return _LT, stop + 1
        if a == 103:
            return _GT, stop + 1
    if n == 3 and a == 97 and data[p + 2] == 109 and data[p + 3] == 112:
        return _AMP, stop + 1
    if n == 4 and a == 113 and data[p + 2] == 117 and data[p + 3] == 111 and data[p + 4] == 116:
        return _QUOTE, stop + 1
    if n == 4 and a == 97 and data[p + 2] == 112 and data[p + 3] == 111 and data[p + 4] == 115:
        return _APOSTROPHE, stop + 1
    return -1, p


@njit(cache=True, nogil=True)
def _number(data, p, stop):
    hexadecimal = p < stop and data[p] == 120
    if hexadecimal:
        p += 1
    if p == stop:
        return -1
    code = 0
    while p < stop:
        c = data[p]
        digit = np.int64(c)
        if 48 <= c <= 57:
            digit -= 48
        elif hexadecimal and 65 <= c <= 70:
            digit -= 55
        elif hexadecimal and 97 <= c <= 102:
            digit -= 87
        else:
            return -1
        code = code * (16 if hexadecimal else 10) + digit
        p += 1
    return code


@njit(cache=True, nogil=True)
def _write(code, out, o):
    """Write a code point in UTF-8; where the output then ends."""
    if code < 0x80:
        out[o] = code
        return o + 1
    if code < 0x800:
        out[o] = 0xC0 | (code >> 6)
        out[o + 1] = 0x80 | (code & 63)
        return o + 2
    if code < 0x10000:
        out[o] = 0xE0 | (code >> 12)
        out[o + 1] = 0x80 | ((code >> 6) & 63)
        out[o + 2] = 0x80 | (code & 63)
        return o + 3
    out[o] = 0xF0 | (code >> 18)
    out[o + 1] = 0x80 | ((code >> 12) & 63)
    out[o + 2] = 0x80 | ((code >> 6) & 63)
    out[o + 3] = 0x80 | (code & 63)
    return o + 4
