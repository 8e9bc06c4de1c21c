"""Compiled loops of the URL rules: finding hosts in URLs, and hosts in lists of millions of them.

A list is an open-addressing hash table of positions in an Arrow string array, so it costs the bytes of its entries
and 16 to 32 bytes each. Entries are hashed from their last byte to their first, so that one pass over a host, from
the right, tests it and all its parent domains. What the hash finds is compared byte by byte.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; arrays are described at each function.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_29 = np.uint64(29)
_DOT, _SLASH, _COLON, _AT, _QUESTION, _HASH, _OPEN, _CLOSE, _PERCENT = 46, 47, 58, 64, 63, 35, 91, 93, 37

# What is said of a host: nothing, it is not plain ASCII (or percent-encoded, or in brackets).
PLAIN, ODD = 0, 1

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@_compiled
def fill_table(data, offsets, slots):
    """Put the positions of all entries into `slots` (int32, -1 = free, a power of two long); the first of equals."""
    mask = np.uint64(len(slots) - 1)
    for entry in range(len(offsets) - 1):
        state = _FNV_START
        for i in range(offsets[entry + 1] - 1, offsets[entry] - 1, -1):
            state = (state ^ np.uint64(data[i])) * _FNV_PRIME
        slot = (state ^ (state >> _29)) & mask
        while slots[slot] >= 0:
            if _equal(data, offsets, slots[slot], data, offsets[entry], offsets[entry + 1], False):
                break
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            slots[slot] = entry


@_compiled
def find_entries(data, offsets, table_data, table_offsets, slots, found):
    """found (int32): for each string the position of the equal entry, or -1."""
    mask = np.uint64(len(slots) - 1)
    for row in range(len(offsets) - 1):
        state = _FNV_START
        for i in range(offsets[row + 1] - 1, offsets[row] - 1, -1):
            state = (state ^ np.uint64(data[i])) * _FNV_PRIME
        found[row] = _probe(
            state, mask, table_data, table_offsets, slots, data, offsets[row], offsets[row + 1], False
        )


@_compiled
def find_parents(data, starts, ends, lower, table_data, table_offsets, slots, found):
    """found (int32): for each host data[start:end] the entry equal to it or to its longest listed parent, or -1.

    lower: ASCII letters of hosts are compared in lower case.
    """
    mask = np.uint64(len(slots) - 1)
    for row in range(len(starts)):
        found[row] = -1
        state = _FNV_START
        start, end = starts[row], ends[row]
        for i in range(end - 1, start - 1, -1):
            byte = data[i]
            if byte == _DOT:
                entry = _probe(state, mask, table_data, table_offsets, slots, data, i + 1, end, lower)
                if entry >= 0:
                    found[row] = entry
            if lower and 65 <= byte <= 90:
                byte += 32
            state = (state ^ np.uint64(byte)) * _FNV_PRIME
        if end > start:
            entry = _probe(state, mask, table_data, table_offsets, slots, data, start, end, lower)
            if entry >= 0:
                found[row] = entry


@_compiled
def find_hosts(data, offsets, starts, ends, kinds):
    """Where the host of each URL lies (starts, ends: int64, bytes), and whether it is PLAIN or ODD (kinds: uint8).

    Lenient, as tldextract is: `//host`, `scheme://host` and `host/path` all have one; user names, ports and dots at
    the end are no part of it.
    """
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        start = _after_scheme(data, start, end)
        for i in range(start, end):
            if data[i] == _SLASH or data[i] == _QUESTION or data[i] == _HASH:
                end = i
                break
        for i in range(end - 1, start - 1, -1):
            if data[i] == _AT:
                start = i + 1
                break
        odd = start < end and data[start] == _OPEN
        if odd:
            for i in range(start, end):
                if data[i] == _CLOSE:
                    end = i + 1
                    break
        else:
            for i in range(start, end):
                if data[i] == _COLON:
                    end = i
                    break
        while start < end and _is_blank(data[start]):
            start += 1
        while start < end and _is_blank(data[end - 1]):
            end -= 1
        while start < end and data[end - 1] == _DOT:
            end -= 1
        for i in range(start, end):
            if data[i] >= 128 or data[i] == _PERCENT:
                odd = True
        starts[row], ends[row], kinds[row] = start, end, ODD if odd else PLAIN


@_compiled
def _after_scheme(data, start, end):
    """Where the part after `scheme://` or `//` begins; the URL's start where there is neither."""
    for i in range(start, end - 1):
        byte = data[i]
        if byte == _SLASH and data[i + 1] == _SLASH:
            return i + 2 if i == start else start
        if byte == _COLON:
            if i > start and i + 2 < end and data[i + 1] == _SLASH and data[i + 2] == _SLASH:
                return i + 3
            return start
        letter = 65 <= byte <= 90 or 97 <= byte <= 122
        if not (letter or 48 <= byte <= 57 or byte == 43 or byte == 45 or byte == _DOT):
            return start
    return start


@_compiled
def _probe(state, mask, table_data, table_offsets, slots, data, start, end, lower):
    slot = (state ^ (state >> _29)) & mask
    while slots[slot] >= 0:
        if _equal(table_data, table_offsets, slots[slot], data, start, end, lower):
            return slots[slot]
        slot = (slot + np.uint64(1)) & mask
    return np.int32(-1)


@_compiled
def _equal(table_data, table_offsets, entry, data, start, end, lower):
    begin = table_offsets[entry]
    if table_offsets[entry + 1] - begin != end - start:
        return False
    for i in range(end - start):
        byte = data[start + i]
        if lower and 65 <= byte <= 90:
            byte += 32
        if byte != table_data[begin + i]:
            return False
    return True


@_compiled
def normalise(data, offsets, out, out_offsets, odd):
    """Resolve `%XX` and lower-case ASCII letters of each URL, into `out` (as long as `data`).

    odd (uint8): 1 where other bytes are in it; they need not be valid UTF-8.
    """
    place = 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = place
        odd[row] = 0
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            byte = data[i]
            if byte == _PERCENT and i + 2 < end:
                high, low = _hex(data[i + 1]), _hex(data[i + 2])
                if high >= 0 and low >= 0:
                    byte = np.uint8(high * 16 + low)
                    i += 2
            if 65 <= byte <= 90:
                byte += 32
            if byte >= 128:
                odd[row] = 1
            out[place] = byte
            place += 1
            i += 1
    out_offsets[len(offsets) - 1] = place


@_compiled
def squeeze(data, offsets, high, out, out_offsets):
    """Only the ASCII letters, in lower case, and digits of each URL; with `high`, also all that is not ASCII."""
    place = 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = place
        for i in range(offsets[row], offsets[row + 1]):
            byte = data[i]
            if _in_word(byte, high):
                out[place] = byte + 32 if 65 <= byte <= 90 else byte
                place += 1
    out_offsets[len(offsets) - 1] = place


@_compiled
def count_words(data, offsets, high, table_data, table_offsets, slots, n_hard, seen, hard, soft):
    """How many different entries are words of each URL: of the first `n_hard`, and of the others (int32).

    seen (int64): -1 for each entry.
    """
    mask = np.uint64(len(slots) - 1)
    for row in range(len(offsets) - 1):
        hard[row] = 0
        soft[row] = 0
        state = _FNV_START
        end = offsets[row + 1]
        for i in range(offsets[row + 1] - 1, offsets[row] - 2, -1):
            if i >= offsets[row] and _in_word(data[i], high):
                state = (state ^ np.uint64(data[i])) * _FNV_PRIME
                continue
            if end > i + 1:
                entry = _probe(state, mask, table_data, table_offsets, slots, data, i + 1, end, False)
                if entry >= 0 and seen[entry] != row:
                    seen[entry] = row
                    if entry < n_hard:
                        hard[row] += 1
                    else:
                        soft[row] += 1
            state, end = _FNV_START, i


@_compiled
def _in_word(byte, high):
    return 97 <= byte <= 122 or 48 <= byte <= 57 or 65 <= byte <= 90 or (high and byte >= 128)


@_compiled
def _is_blank(byte):
    return 9 <= byte <= 13 or 28 <= byte <= 32


@_compiled
def _hex(byte):
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    return byte - 55 if 65 <= byte <= 70 else -1
