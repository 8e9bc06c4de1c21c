"""Compiled loop that brings URLs into one form; gristmill/dedup/canonical_urls.py has the definition in Python.

It works on Arrow buffers (UTF-8 bytes and offsets) and holds no lock of the interpreter. What is rare is left to the
definition: hosts that are not plain ASCII names, parameters in paths, blanks around or line ends inside, many pairs.
numba's cache on disk does not see a change of a helper in another file; `xxh64` is fixed by its specification.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array is described where it is an argument of a public kernel.
from __future__ import annotations

import numpy as np

from gristmill.dedup._kernels import _compiled, xxh64

DONE, NONE, ODD = (
    0,
    1,
    2,
)  # what became of a URL: written; it has no canonical form; the definition must look at it
GROWTH_BYTES = 8  # besides threefold its length: `http:` and a slash for the path

_MAX_PAIRS = 64
_SEED_HI, _SEED_LO = np.uint64(0), np.uint64(1)
_SLASH, _COLON, _AT, _QUESTION, _HASH, _PERCENT, _DOT = 47, 58, 64, 63, 35, 37, 46
_AND, _EQUALS, _SEMICOLON, _BANG, _UNDERLINE, _HYPHEN, _TILDE = 38, 61, 59, 33, 95, 45, 126
_TAB, _LF, _CR, _BLANK = 9, 10, 13, 32
_DECIMAL, _ZERO, _MAX_PORT = 10, 48, 65_535
_HTTP = np.frombuffer(b"http://", np.uint8)
_WWW = np.frombuffer(b"www.", np.uint8)
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)


@_compiled
def canonicalise(
    data, offsets, encoded, names, name_offsets, prefixes, max_bytes, out, out_offsets, kinds
):  # fmt: skip
    """Write the canonical form of every URL, and nothing for those that are not DONE.

    encoded (bool): per byte, whether it is percent-encoded. names, name_offsets: the parameters that do not count, in
    lower case; prefixes (bool): whether one stands for every name that begins so. Out: the bytes (at most three per
    byte and GROWTH_BYTES per URL), out_offsets (int64, one more than URLs), kinds (uint8).
    """
    spans = np.empty((2, _MAX_PAIRS), np.int64)
    scratch = np.empty(3 * max_bytes, np.uint8)
    k = 0
    for row in range(offsets.shape[0] - 1):
        out_offsets[row] = k
        start, end = offsets[row], offsets[row + 1]
        kinds[row] = NONE
        if start < end and end - start <= max_bytes:
            kinds[row], written = _canonicalise_one(
                data, start, end, encoded, names, name_offsets, prefixes, spans, scratch, out, k
            )
            if kinds[row] == DONE:
                k = written
    out_offsets[offsets.shape[0] - 1] = k


@_compiled
def hash_urls(data, offsets, high, low):
    """128 bits of every text: XXH64 (uint64) with seeds 0 and 1."""
    for text in range(offsets.shape[0] - 1):
        high[text] = xxh64(data, offsets[text], offsets[text + 1], _SEED_HI)
        low[text] = xxh64(data, offsets[text], offsets[text + 1], _SEED_LO)


@_compiled
def _canonicalise_one(
    data, start, end, encoded, names, name_offsets, prefixes, spans, scratch, out, k
):  # fmt: skip
    if data[start] <= _BLANK or data[end - 1] <= _BLANK:
        return ODD, k
    for i in range(start, end):
        if data[i] == _TAB or data[i] == _LF or data[i] == _CR:
            return ODD, k
    i = _after_scheme(data, start, end)
    if i < 0:
        return NONE, k
    stop = _find(data, i, end, _SLASH, _QUESTION, _HASH)
    kind, k = _write_host(data, i, stop, out, k)
    if kind != DONE:
        return kind, k
    i, stop = stop, _find(data, stop, end, _QUESTION, _HASH, _HASH)
    if _find(data, i, stop, _SEMICOLON, _SEMICOLON, _SEMICOLON) < stop:
        return ODD, k
    k = _write_path(data, i, stop, encoded, out, k)
    if stop < end and data[stop] == _QUESTION:
        i, stop = stop + 1, _find(data, stop, end, _HASH, _HASH, _HASH)
        k = _write_query(
            data, i, stop, encoded, names, name_offsets, prefixes, spans, scratch, out, k
        )  # fmt: skip
        if k < 0:
            return ODD, k
    return DONE, _write_fragment(data, stop + 1, end, encoded, out, k)


@_compiled
def _after_scheme(data, start, end):
    """Where the part after `http://`, `https://` or `//` begins, or -1."""
    i = start
    if data[i] != _SLASH:
        for j in range(4):
            if i >= end or _lower(data[i]) != _HTTP[j]:
                return -1
            i += 1
        if i < end and _lower(data[i]) == ord("s"):
            i += 1
        if i >= end or data[i] != _COLON:
            return -1
        i += 1
    if i + 2 > end or data[i] != _SLASH or data[i + 1] != _SLASH:
        return -1
    return i + 2


@_compiled
def _find(data, i, end, first, second, third):
    """The first place of one of three bytes, or the end."""
    while i < end and data[i] != first and data[i] != second and data[i] != third:
        i += 1
    return i


@_compiled
def _write_host(data, i, stop, out, k):
    """Host and port, after any user name."""
    for j in range(stop - 1, i - 1, -1):
        if data[j] == _AT:
            i = j + 1
            break
    end = _find(data, i, stop, _COLON, _COLON, _COLON)
    for j in range(i, end):
        byte = data[j]
        letter = 97 <= _lower(byte) <= 122
        if not (letter or 48 <= byte <= 57 or byte in (_DOT, _HYPHEN, _UNDERLINE)):
            return ODD, k
    port, digits = 0, end + 1
    for j in range(digits, stop):
        if not 48 <= data[j] <= 57:
            return NONE, k
        port = port * _DECIMAL + data[j] - 48
        if port > _MAX_PORT:
            return NONE, k
    while digits + 1 < stop and data[digits] == _ZERO:
        digits += 1
    while end > i and data[end - 1] == _DOT:
        end -= 1
    if end == i:
        return NONE, k
    while _begins_with_www(data, i, end):
        i += 4
    for j in range(_HTTP.shape[0]):
        out[k] = _HTTP[j]
        k += 1
    for j in range(i, end):
        out[k] = _lower(data[j])
        k += 1
    if digits < stop and port != 80 and port != 443:
        out[k] = _COLON
        k += 1
        for j in range(digits, stop):
            out[k] = data[j]
            k += 1
    return DONE, k


@_compiled
def _begins_with_www(data, i, end):
    """Whether `www.` is there, and a dot in what follows: `www.com` is a name of its own."""
    for j in range(4):
        if i + j >= end or _lower(data[i + j]) != _WWW[j]:
            return False
    return _find(data, i + 4, end, _DOT, _DOT, _DOT) < end


@_compiled
def _write_path(data, i, end, encoded, out, k):
    """The path without slashes at its end; one where nothing is left."""
    begin = k
    k = _normalise(data, i, end, encoded, out, k)
    while k > begin and out[k - 1] == _SLASH:
        k -= 1
    if k == begin:
        out[k] = _SLASH
        k += 1
    return k


@_compiled
def _write_query(
    data, i, end, encoded, names, name_offsets, prefixes, spans, scratch, out, k
):  # fmt: skip
    """The parameters that count, sorted, after a question mark; -1 where there are too many."""
    starts, ends = spans[0], spans[1]
    pairs = used = 0
    while i < end:
        stop = _find(data, i, end, _AND, _AND, _AND)
        if stop > i:
            written = _normalise(data, i, stop, encoded, scratch, used)
            if not _is_dropped(scratch, used, written, names, name_offsets, prefixes):
                if pairs == _MAX_PAIRS:
                    return -1
                place = pairs
                while place > 0 and _less(scratch, used, written, starts[place - 1], ends[place - 1]):
                    starts[place], ends[place] = starts[place - 1], ends[place - 1]
                    place -= 1
                starts[place], ends[place] = used, written
                pairs += 1
                used = written
        i = stop + 1
    for pair in range(pairs):
        out[k] = _QUESTION if pair == 0 else _AND
        k += 1
        for j in range(starts[pair], ends[pair]):
            out[k] = scratch[j]
            k += 1
    return k


@_compiled
def _is_dropped(text, start, end, names, name_offsets, prefixes):
    end = _find(text, start, end, _EQUALS, _EQUALS, _EQUALS)
    for name in range(name_offsets.shape[0] - 1):
        begin, length = name_offsets[name], name_offsets[name + 1] - name_offsets[name]
        if end - start < length or (end - start > length and not prefixes[name]):
            continue
        equal = True
        for j in range(length):
            if _lower(text[start + j]) != names[begin + j]:
                equal = False
                break
        if equal:
            return True
    return False


@_compiled
def _less(text, start, end, other, other_end):
    """Whether one stretch of bytes comes before another."""
    while start < end and other < other_end:
        if text[start] != text[other]:
            return text[start] < text[other]
        start += 1
        other += 1
    return end - start < other_end - other


@_compiled
def _write_fragment(data, i, end, encoded, out, k):
    """A fragment that names a page: `#!` or `#/` and more than these two characters."""
    if i >= end or (data[i] != _BANG and data[i] != _SLASH):
        return k
    for j in range(i, end):
        if data[j] != _BANG and data[j] != _SLASH:
            out[k] = _HASH
            return _normalise(data, i, end, encoded, out, k + 1)
    return k


@_compiled
def _normalise(data, i, end, encoded, out, k):
    """Percent-encode what must be, decode what need not be, with capital digits."""
    while i < end:
        byte = data[i]
        if byte == _PERCENT and i + 2 < end:
            high, low = _digit(data[i + 1]), _digit(data[i + 2])
            if high >= 0 and low >= 0:
                value = np.uint8(high * 16 + low)
                k = _write_byte(value, not _is_unreserved(value), out, k)
                i += 3
                continue
        k = _write_byte(byte, encoded[byte], out, k)
        i += 1
    return k


@_compiled
def _write_byte(byte, encode, out, k):
    if not encode:
        out[k] = byte
        return k + 1
    out[k], out[k + 1], out[k + 2] = _PERCENT, _HEX[byte >> 4], _HEX[byte & 15]
    return k + 3


@_compiled
def _is_unreserved(byte):
    """RFC 3986, section 2.3."""
    letter = 97 <= _lower(byte) <= 122
    mark = byte in (_HYPHEN, _DOT, _UNDERLINE, _TILDE)
    return letter or mark or 48 <= byte <= 57


@_compiled
def _digit(byte):
    """The value of a hexadecimal digit, or -1."""
    if 48 <= byte <= 57:
        return byte - 48
    letter = _lower(byte)
    return letter - 87 if 97 <= letter <= 102 else -1


@_compiled
def _lower(byte):
    return byte + 32 if 65 <= byte <= 90 else byte
