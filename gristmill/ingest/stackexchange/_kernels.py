"""Compiled loops that turn the HTML of posts into text; gristmill/ingest/stackexchange/clean.py says by which rules.

The bodies of a dump are what the site's own sanitizer let through: a few dozen tags, closed in order. So tags are cut
as the HTML standard's tokenizer cuts them (quoted attribute values, comments, stray `<` and `&`), and no tree is built.
Text is UTF-8 all the way: only ASCII bytes mean anything, the others are copied.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disable-error-code="assignment"
# numba infers the types; every array is described at `clean_bodies`.
from __future__ import annotations

import numpy as np
from numba import njit

# What a tag does. BLOCK and those above it end the line.
(INLINE, CODE, ANCHOR, HIDDEN, CELL, BLOCK, BREAK, PRE) = range(8)

_TAB, _LF, _FF, _CR, _SPACE, _QUOTE, _HASH, _AMP, _APOSTROPHE = 9, 10, 12, 13, 32, 34, 35, 38, 39
_OPEN, _CLOSE, _HYPHEN, _SLASH, _SEMICOLON, _LT, _EQUALS, _GT, _BANG, _TICK, _BAR = (
    40,
    41,
    45,
    47,
    59,
    60,
    61,
    62,
    33,
    96,
    124,
)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MAX_ENTITY_NAME = 32  # characters of the longest name in the HTML standard, CounterClockwiseContourIntegral
_FENCE_TICKS = 3


@njit(cache=True, nogil=True)
def clean_bodies(
    data,
    offsets,
    out,
    out_offsets,
    tag_hashes,
    tag_kinds,
    names,
    name_starts,
    values,
    value_starts,
    markdown,
    links,
):
    """Write the text of every body into `out`, which must have room for three times `data` and 64 bytes a body.

    data, offsets     uint8 and int64: the bodies, one after the other
    out, out_offsets  uint8 and int64: the texts, likewise
    tag_hashes, tag_kinds  uint64 (sorted) and int64: FNV-1a of tags' names in lower case, and what they do
    names, name_starts     uint8 and int64: names of entities, sorted; with `;` where that must follow
    values, value_starts   what they stand for, in UTF-8
    """
    o = 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = o
        o = _clean_body(
            data,
            offsets[row],
            offsets[row + 1],
            out,
            o,
            tag_hashes,
            tag_kinds,
            names,
            name_starts,
            values,
            value_starts,
            markdown,
            links,
        )
    out_offsets[len(offsets) - 1] = o


@njit(cache=True, nogil=True)
def _clean_body(
    data, p, end, out, o, tag_hashes, tag_kinds, names, name_starts, values, value_starts, markdown, links
):
    begin = o  # of the text
    line = o  # where the current line begins
    pending = False  # white space was seen, and is written before the next character
    pre = 0  # elements `pre` that are open
    pre_start = o
    code_start = -1
    lang_start = lang_end = 0
    href_start = href_end = -1
    scratch = np.empty(8, dtype=np.uint8)
    while p < end:
        c = data[p]
        if c == _LT:
            q, kind, closes, name_end = _read_tag(data, p, end, tag_hashes, tag_kinds)
            if q > p:
                p = q
                tag_end = q - 1
                if kind == INLINE:
                    continue
                if kind == HIDDEN:
                    if not closes:
                        p = _skip_hidden(data, p, end)
                elif kind == CELL:
                    if markdown and not closes and pre == 0 and o > line:
                        out[o], out[o + 1], out[o + 2] = _SPACE, _BAR, _SPACE
                        o += 3
                        pending = False
                elif kind == CODE:
                    if markdown:
                        if pre > 0:
                            if not closes and lang_end == lang_start:
                                lang_start, lang_end = _language(data, name_end, tag_end)
                        elif not closes:
                            if pending and o > line:
                                out[o] = _SPACE
                                o += 1
                            pending = False
                            code_start = o
                        elif code_start >= line:
                            o = _add_ticks(out, code_start, o)
                            code_start = -1
                elif kind == ANCHOR:
                    if links:
                        if not closes:
                            href_start, href_end = _attribute(data, name_end, tag_end)
                        elif href_start >= 0:
                            if o > line and (pre > 0 or out[o - 1] != _SPACE):
                                out[o] = _SPACE
                                o += 1
                            out[o] = _OPEN
                            o = _copy_value(
                                data,
                                href_start,
                                href_end,
                                out,
                                o + 1,
                                names,
                                name_starts,
                                values,
                                value_starts,
                            )
                            out[o] = _CLOSE
                            o += 1
                            href_start = -1
                elif pre == 0:
                    while o > line and out[o - 1] == _SPACE:  # before an element that had no text
                        o -= 1
                    if o > line:
                        out[o] = _LF
                        o += 1
                    line, pending, code_start = o, False, -1
                    if kind == PRE and not closes:
                        pre, pre_start = 1, o
                        lang_start, lang_end = _language(data, name_end, tag_end) if markdown else (0, 0)
                elif kind == PRE:
                    pre += -1 if closes else 1
                    if pre == 0:
                        o = _end_pre(data, out, pre_start, o, lang_start, lang_end, markdown)
                        line = o
                elif (kind == BREAK or (o > pre_start and out[o - 1] != _LF)) and o > pre_start:
                    out[o] = _LF
                    o += 1
                continue
        elif c == _AMP:
            q, count = _read_entity(data, p, end, scratch, names, name_starts, values, value_starts, False)
            if q > p:
                p = q
                for i in range(count):
                    c = scratch[i]
                    if pre > 0:
                        if c != _LF or o > pre_start:
                            out[o] = c
                            o += 1
                    elif c in (_SPACE, _LF, _TAB, _CR, _FF):
                        pending = True
                    else:
                        if pending and o > line:
                            out[o] = _SPACE
                            o += 1
                        pending = False
                        out[o] = c
                        o += 1
                continue
        p += 1
        if pre > 0:
            if c == _CR:  # line ends are one character in HTML
                if p < end and data[p] == _LF:
                    continue
                c = np.uint8(_LF)
            if c != _LF or o > pre_start:
                out[o] = c
                o += 1
        elif c in (_SPACE, _LF, _TAB, _CR, _FF):
            pending = True
        else:
            if pending and o > line:
                out[o] = _SPACE
                o += 1
            pending = False
            out[o] = c
            o += 1
    if pre > 0:
        o = line = _end_pre(data, out, pre_start, o, lang_start, lang_end, markdown)
    else:
        while o > line and out[o - 1] == _SPACE:
            o -= 1
    if o == line and o > begin:  # the end of the last line
        o -= 1
    return o


@njit(cache=True, nogil=True)
def _end_pre(data, out, start, o, lang_start, lang_end, markdown):
    """Take newlines off the end, put fences around if asked, end the line; where the output then ends."""
    while o > start and out[o - 1] == _LF:
        o -= 1
    if o == start:
        return o
    if markdown:
        ticks = max(_FENCE_TICKS, _longest_ticks(out, start, o) + 1)
        head = ticks + (lang_end - lang_start) + 1
        for i in range(o - 1, start - 1, -1):
            out[i + head] = out[i]
        o += head
        for i in range(ticks):
            out[start + i] = _TICK
        for i in range(lang_end - lang_start):
            out[start + ticks + i] = data[lang_start + i]
        out[start + head - 1] = _LF
        out[o] = _LF
        for i in range(ticks):
            out[o + 1 + i] = _TICK
        o += 1 + ticks
    out[o] = _LF
    return o + 1


@njit(cache=True, nogil=True)
def _add_ticks(out, start, o):
    """Put back ticks around the code that begins at `start`, more of them than it holds in a row."""
    if o == start:
        return o
    ticks = _longest_ticks(out, start, o)
    ticks = ticks + 1 if ticks else 1
    space = 1 if out[start] == _TICK or out[o - 1] == _TICK else 0
    head = ticks + space
    for i in range(o - 1, start - 1, -1):
        out[i + head] = out[i]
    o += head
    for i in range(head):
        out[start + i] = _TICK if i < ticks else _SPACE
    for i in range(head):
        out[o + i] = _SPACE if i < space else _TICK
    return o + head


@njit(cache=True, nogil=True)
def _longest_ticks(out, start, end):
    longest = run = 0
    for i in range(start, end):
        run = run + 1 if out[i] == _TICK else 0
        longest = max(longest, run)
    return longest


@njit(cache=True, nogil=True)
def _is_space(c):
    return c in (_SPACE, _LF, _TAB, _CR, _FF)


@njit(cache=True, nogil=True)
def _lower(c):
    return c + 32 if 65 <= c <= 90 else c


@njit(cache=True, nogil=True)
def _is_letter(c):
    return 65 <= c <= 90 or 97 <= c <= 122


@njit(cache=True, nogil=True)
def _read_tag(data, p, end, tag_hashes, tag_kinds):
    """(where it ends, kind, whether it closes, where its name ends) of the tag at `p`; (p, ...) where it is text."""
    q = p + 1
    if q >= end:
        return p, INLINE, False, q
    closes = data[q] == _SLASH
    if closes:
        q += 1
        if q >= end:
            return p, INLINE, True, q
    if not _is_letter(data[q]):
        if (
            not closes
            and data[q] == _BANG
            and q + 2 < end
            and data[q + 1] == _HYPHEN
            and data[q + 2] == _HYPHEN
        ):
            for i in range(q + 1, end - 2):
                if data[i] == _HYPHEN and data[i + 1] == _HYPHEN and data[i + 2] == _GT and i >= q + 1:
                    return i + 3, INLINE, False, q
            return p, INLINE, False, q
        if closes or data[q] == _BANG or data[q] == 63:  # `</1>`, `<!x>`, `<?x>` are comments to a browser
            while q < end and data[q] != _GT:
                q += 1
            return (q + 1 if q < end else p), INLINE, closes, q
        return p, INLINE, False, q
    name = _FNV_START
    while q < end and not _is_space(data[q]) and data[q] != _SLASH and data[q] != _GT:
        name = (name ^ np.uint64(_lower(data[q]))) * _FNV_PRIME
        q += 1
    name_end = q
    value = False  # whether an attribute's value comes next
    while q < end:
        c = data[q]
        if c == _GT:
            found = np.searchsorted(tag_hashes, name)
            kind = INLINE
            if found < len(tag_hashes) and tag_hashes[found] == name:
                kind = tag_kinds[found]
            return q + 1, kind, closes, name_end
        if value and (c in (_QUOTE, _APOSTROPHE)):
            q += 1
            while q < end and data[q] != c:
                q += 1
            value = False
        elif c == _EQUALS:
            value = True
        elif not _is_space(c):
            value = False
        q += 1
    return p, INLINE, closes, name_end  # never closed: it is text, so that nothing is lost


@njit(cache=True, nogil=True)
def _skip_hidden(data, p, end):
    """Where the next closing `script` or `style` begins."""
    while p + 2 < end:
        if data[p] == _LT and data[p + 1] == _SLASH and _lower(data[p + 2]) == 115:
            return p
        p += 1
    return end


@njit(cache=True, nogil=True)
def _attribute(data, p, end):
    """Where the value of `href` lies among the attributes of a tag; (-1, -1) where there is none."""
    while p < end:
        while p < end and (_is_space(data[p]) or data[p] == _SLASH):
            p += 1
        name = p
        while p < end and not _is_space(data[p]) and data[p] != _EQUALS:
            p += 1
        wanted = (
            p - name == 4
            and _lower(data[name]) == 104
            and _lower(data[name + 1]) == 114
            and _lower(data[name + 2]) == 101
            and _lower(data[name + 3]) == 102
        )
        while p < end and _is_space(data[p]):
            p += 1
        if p >= end or data[p] != _EQUALS:
            if p == name:
                p += 1
            continue
        p += 1
        while p < end and _is_space(data[p]):
            p += 1
        if p < end and (data[p] == _QUOTE or data[p] == _APOSTROPHE):
            quote = data[p]
            p += 1
            start = p
            while p < end and data[p] != quote:
                p += 1
            stop = p
            p += 1
        else:
            start = p
            while p < end and not _is_space(data[p]):
                p += 1
            stop = p
        if wanted:
            return start, stop
    return -1, -1


@njit(cache=True, nogil=True)
def _language(data, p, end):
    """Where the name after `lang-` or `language-` lies among the attributes of a tag; empty where there is none."""
    for i in range(p, end - 5):
        if data[i] == 108 and data[i + 1] == 97 and data[i + 2] == 110 and data[i + 3] == 103:  # lang
            j = i + 4
            if (
                j + 4 < end
                and data[j] == 117
                and data[j + 1] == 97
                and data[j + 2] == 103
                and data[j + 3] == 101
            ):
                j += 4  # uage
            if j < end and data[j] == _HYPHEN:
                start = j + 1
                j = start
                while (
                    j < end
                    and not _is_space(data[j])
                    and data[j] not in (_QUOTE, _APOSTROPHE, _TICK, _LT, _AMP)
                ):
                    j += 1
                return start, j
    return 0, 0


@njit(cache=True, nogil=True)
def _copy_value(data, p, end, out, o, names, name_starts, values, value_starts):
    """Write an attribute's value with its entities resolved; where the output then ends."""
    scratch = np.empty(8, dtype=np.uint8)
    while p < end:
        if data[p] == _AMP:
            q, count = _read_entity(data, p, end, scratch, names, name_starts, values, value_starts, True)
            if q > p:
                for i in range(count):
                    out[o + i] = scratch[i]
                o += count
                p = q
                continue
        out[o] = data[p]
        o += 1
        p += 1
    return o


# -- entities -----------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _read_entity(data, p, end, scratch, names, name_starts, values, value_starts, attribute):
    """(where it ends, bytes written to `scratch`) of the entity at `p`; (p, 0) where `&` is text."""
    q = p + 1
    if q >= end:
        return p, 0
    if data[q] == _HASH:
        return _read_number(data, p, end, scratch)
    while q < end and q - p <= _MAX_ENTITY_NAME and (_is_letter(data[q]) or 48 <= data[q] <= 57):
        q += 1
    if q == p + 1:
        return p, 0
    closed = q < end and data[q] == _SEMICOLON
    for stop in range(q + 1 if closed else q, p + 2, -1):
        found = _find_name(data, p + 1, stop, names, name_starts)
        if found >= 0:
            if attribute and data[stop - 1] != _SEMICOLON and stop < end:
                following = data[stop]  # `?a=1&copy=2` is an address, not a sign
                if following == _EQUALS or _is_letter(following) or 48 <= following <= 57:
                    return p, 0
            count = value_starts[found + 1] - value_starts[found]
            for i in range(count):
                scratch[i] = values[value_starts[found] + i]
            return stop, count
    return p, 0


@njit(cache=True, nogil=True)
def _find_name(data, start, stop, names, name_starts):
    """Number of the entity of that name, by bisection; -1 where there is none."""
    low, high = 0, len(name_starts) - 2
    length = stop - start
    while low <= high:
        middle = (low + high) // 2
        first = name_starts[middle]
        other = name_starts[middle + 1] - first
        order = 0
        for i in range(min(length, other)):
            order = np.int64(data[start + i]) - np.int64(names[first + i])
            if order != 0:
                break
        if order == 0:
            order = length - other
        if order == 0:
            return middle
        if order < 0:
            high = middle - 1
        else:
            low = middle + 1
    return -1


@njit(cache=True, nogil=True)
def _read_number(data, p, end, scratch):
    q = p + 2
    hexadecimal = q < end and _lower(data[q]) == 120
    if hexadecimal:
        q += 1
    start = q
    code = 0
    while q < end:
        c = _lower(data[q])
        digit = np.int64(c)
        if 48 <= c <= 57:
            digit -= 48
        elif hexadecimal and 97 <= c <= 102:
            digit -= 87
        else:
            break
        code = code * (16 if hexadecimal else 10) + digit
        if code > 0x110000:
            code = 0x110000
        q += 1
    if q == start:
        return p, 0
    if q < end and data[q] == _SEMICOLON:
        q += 1
    return q, _encode(_meant(code), scratch)


@njit(cache=True, nogil=True)
def _meant(code):
    """The code point that a number stands for: windows-1252 below 160; -1 for what no text may hold."""
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return 0xFFFD
    if code < 32 and code != _TAB and code != _LF and code != _CR and code != _FF:
        return -1
    if code == 127 or (code & 0xFFFE) == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return -1
    if 0x80 <= code <= 0x9F:
        return _WINDOWS[code - 0x80]
    return code


# What the HTML standard makes of the numbers 0x80 to 0x9F; those it leaves alone are control characters.
_WINDOWS = np.array(
    [
        ord(bytes([code]).decode("cp1252")) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else -1
        for code in range(0x80, 0xA0)
    ],
    dtype=np.int64,
)


@njit(cache=True, nogil=True)
def _encode(code, scratch):
    if code < 0:
        return 0
    if code < 0x80:
        scratch[0] = code
        return 1
    if code < 0x800:
        scratch[0] = 0xC0 | (code >> 6)
        scratch[1] = 0x80 | (code & 63)
        return 2
    if code < 0x10000:
        scratch[0] = 0xE0 | (code >> 12)
        scratch[1] = 0x80 | ((code >> 6) & 63)
        scratch[2] = 0x80 | (code & 63)
        return 3
    scratch[0] = 0xF0 | (code >> 18)
    scratch[1] = 0x80 | ((code >> 12) & 63)
    scratch[2] = 0x80 | ((code >> 6) & 63)
    scratch[3] = 0x80 | (code & 63)
    return 4
