"""Numba kernel that reads serialised HTML once: elements, blocks of text and their segments, places of metadata.

The input is what lexbor's serialiser writes: well nested, attribute values in double quotes, the entities &amp; &lt;
&gt; &quot; &nbsp; only. Other bytes cannot do harm: an end tag that fits nothing is passed over.

A *block* is the text between two block-level borders (or two line breaks in a row), a *segment* a run of its text.
Dropped are scripts, styles, templates, SVG, frames, form fields, and what is hidden.
"""

# mypy: disallow-untyped-defs=False
# ruff: noqa: SIM109, SIM110 (Numba compiles plain comparisons and loops best)
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# Columns of the elements (int32).
PARENT, TAG_KIND, STATE, NEAREST_BLOCK, FIRST_BLOCK, LAST_BLOCK, ORDINAL, DEPTH, TAG_START = range(9)
N_ELEMENT = 9
# Columns of the blocks (int32): the element around it, the innermost one, its segments and counts.
(CONTAINER, LEAF, FIRST_SEGMENT, LAST_SEGMENT, WORDS, LINK_WORDS, CHARS, PUNCTUATION, DIGITS) = range(9)
(UPPER, LOWER_WORDS, SHORT_WORDS, TERMINAL, BREAKS, TITLE_WORDS, IMAGES, FORMULAS, CONTINUES, BOLD_WORDS) = (
    range(9, 19)
)
(TEXT_HASH, LEGAL_WORDS, ACTION_WORDS, SOCIAL_WORDS, DATE_WORDS) = range(19, 24)
N_BLOCK = 24
# Columns of the segments (int32).
SEGMENT_START, SEGMENT_END, SEGMENT_KIND = range(3)
TEXT, LINE_BREAK, VERBATIM, CODE_MARK = range(4)
# Columns of the facts (int32): what, start of the tag, end of the tag, end of the content.
FACT_KIND, FACT_START, FACT_TAG_END, FACT_END = range(4)
META, LINKED, TITLE, JSON_LD, TIME, TABLE_FACT = range(6)
MAX_FACTS = 400
DEEPEST = 3  # the place in the sizes

# Bits of STATE, which children inherit; three bits from HEADING_BITS on hold the heading's level.
IN_LINK, IN_PRE, IN_NOSCRIPT, DROPPED, IN_CODE, IN_BOLD, IN_TABLE, HIDDEN = (1 << bit for bit in range(8))
HEADING_BITS = 8

# vocabulary.py's kinds of tags; plain numbers, since Numba takes globals as constants.
_BLOCK, _DROP, _RAW, _KIND_MASK = 1, 2, 3, 3
_VOID, _PREFORMATTED, _LINK, _BREAK, _LIST_ITEM, _CELL, _TABLE = (
    1 << 2,
    1 << 3,
    1 << 4,
    1 << 5,
    1 << 6,
    1 << 8,
    1 << 9,
)
_CODE, _NOSCRIPT = 1 << 12, 1 << 14
_HEADING_SHIFT = 16

_LT, _GT, _SLASH, _QUOTE, _EQUALS, _BANG, _AMP, _SEMICOLON = 60, 62, 47, 34, 61, 33, 38, 59
_FNV_START, _FNV_PRIME = np.uint32(0x811C9DC5), np.uint32(0x01000193)
_PATH_START, _PATH_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MAX_CLIMB = 600  # elements that an end tag may close at once

_OTHER, _SPACE, _LOWER, _UPPER, _DIGIT, _STOP, _COMMA, _CLOSING, _HIGH = range(9)


def _byte_classes() -> Any:
    classes = np.zeros(256, np.uint8)
    classes[[9, 10, 12, 13, 32]] = _SPACE
    classes[ord("a") : ord("z") + 1] = _LOWER
    classes[ord("_")] = _LOWER
    classes[ord("A") : ord("Z") + 1] = _UPPER
    classes[ord("0") : ord("9") + 1] = _DIGIT
    classes[[ord(c) for c in ".!?:"]] = _STOP
    classes[[ord(c) for c in ",;"]] = _COMMA
    classes[[ord(c) for c in "\"')]"]] = _CLOSING
    classes[128:] = _HIGH
    return classes


_CLASSES = _byte_classes()

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True, boundscheck=False)


def _hash(word: str) -> Any:
    value = 0x811C9DC5
    for byte in word.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return np.uint32(value)


_H_CLASS, _H_ID, _H_STYLE, _H_HIDDEN, _H_ARIA = map(_hash, ("class", "id", "style", "hidden", "aria-hidden"))
_H_ROLE, _H_ITEMPROP, _H_TYPE, _H_OPEN = map(_hash, ("role", "itemprop", "type", "open"))
_H_META, _H_LINK, _H_TITLE, _H_SCRIPT, _H_TIME, _H_DIALOG = map(
    _hash, ("meta", "link", "title", "script", "time", "dialog")
)
_H_TABLE, _H_B, _H_STRONG = map(_hash, ("table", "b", "strong"))
_H_HREF = _hash("href")


@_compiled
def _find(hashes, key):
    mask = hashes.shape[0] - 1
    place = key & np.uint32(mask)
    while hashes[place] != 0:
        if hashes[place] == key:
            return np.int64(place)
        place = (place + np.uint32(1)) & np.uint32(mask)
    return np.int64(-1)


@_compiled
def _has(data, start, end, first, second):
    """Whether `first` then, after spaces and a colon, `second` is in the bytes, in any case."""
    n, m = first.shape[0], second.shape[0]
    for at in range(start, end - n - m):
        k = 0
        while k < n and (data[at + k] | 32) == first[k]:
            k += 1
        if k < n:
            continue
        place = at + n
        while place < end and (data[place] == 32 or data[place] == 58):
            place += 1
        k = 0
        while k < m and place + k < end and (data[place + k] | 32) == second[k]:
            k += 1
        if k == m:
            return True
    return False


@_compiled
def _is(data, start, end, word):
    if end - start != word.shape[0]:
        return False
    for k in range(word.shape[0]):
        if (data[start + k] | 32) != word[k]:
            return False
    return True


_DISPLAY, _NONE = np.frombuffer(b"display", np.uint8), np.frombuffer(b"none", np.uint8)
_VISIBILITY, _HIDDEN = np.frombuffer(b"visibility", np.uint8), np.frombuffer(b"hidden", np.uint8)
_TRUE, _LD_JSON = np.frombuffer(b"true", np.uint8), np.frombuffer(b"application/ld+json", np.uint8)
_FOUND = np.frombuffer(b"until-found", np.uint8)
_MWE = np.frombuffer(b"mwe", np.uint8)
_MATH = np.frombuffer(b"-math", np.uint8)


@_compiled
def _word_marks(data, start, end, hashes, marks):
    """Marks of the words in a class or id: letters, cut where a capital follows a small letter."""
    found = np.uint64(0)
    key, length, small = _FNV_START, 0, False
    for at in range(start, end + 1):
        byte = data[at] if at < end else np.uint8(32)
        kind = _CLASSES[byte]
        if length > 0 and ((kind != _LOWER and (kind != _UPPER or small)) or byte == 95):
            if length > 1:
                place = _find(hashes, key)
                if place >= 0:
                    found |= marks[place]
            key, length = _FNV_START, 0
        if (kind == _LOWER and byte != 95) or kind == _UPPER:
            key = np.uint32((key ^ np.uint32(byte | 32)) * _FNV_PRIME)
            length += 1
        small = kind == _LOWER
    return found


@_compiled
def _letters_hash(data, start, end):
    """A hash of the letters of a class: numbers in it ("post-123") do not count."""
    value = _PATH_START
    for at in range(start, end):
        kind = _CLASSES[data[at]]
        if kind == _LOWER or kind == _UPPER or kind == _SPACE:
            value = (value ^ np.uint64(data[at])) * _PATH_PRIME
    return value


@_compiled
def _unsegmented(code):
    """Scripts written without spaces: a character counts as half a word."""
    return (
        0x3040 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0x20000 <= code <= 0x3FFFF
        or 0xF900 <= code <= 0xFAFF
        or 0xE00 <= code <= 0xEFF
        or 0x1780 <= code <= 0x17FF
        or 0x1000 <= code <= 0x109F
    )


@_compiled
def _class_of(code):
    """The byte class that a character beyond ASCII behaves like."""
    if code < 0xC0:
        if code == 0xA0:
            return _SPACE
        if code == 0xBB:
            return _CLOSING
        return _LOWER if code == 0xAA or code == 0xB5 or code == 0xBA else _OTHER
    if code < 0xE0:
        return _OTHER if code == 0xD7 else _UPPER
    if 0x2000 <= code <= 0x206F:
        if code <= 0x200B or code == 0x2028 or code == 0x2029 or code == 0x202F or code == 0x205F:
            return _SPACE
        if code == 0x2026:
            return _STOP
        return _CLOSING if code == 0x2019 or code == 0x201C or code == 0x201D else _OTHER
    if code == 0x3000 or code == 0xFEFF:
        return _SPACE
    if code == 0x3002 or code == 0xFF01 or code == 0xFF1F or code == 0xFF1A or code == 0x964:
        return _STOP
    if code == 0x61F or code == 0x6D4:
        return _STOP
    if code == 0x3001 or code == 0xFF0C or code == 0xFF1B or code == 0x60C or code == 0x61B:
        return _COMMA
    if 0x3003 <= code <= 0x303F or 0xFF02 <= code <= 0xFF0F or 0x1F000 <= code < 0x20000:
        return _OTHER
    if 0x2070 <= code <= 0x2BFF or 0xFE00 <= code <= 0xFE0F:
        return _OTHER
    if 0x410 <= code <= 0x42F or 0x391 <= code <= 0x3A9:
        return _UPPER
    return _LOWER


@_compiled
def _decode(data, at, end):
    """Code point and length of the UTF-8 sequence at `at`; a broken one is one byte of U+FFFD."""
    byte = np.int64(data[at])
    if byte >= 0xF0 and at + 3 < end:
        code = (byte & 7) << 18 | (np.int64(data[at + 1]) & 63) << 12 | (np.int64(data[at + 2]) & 63) << 6
        return code | (np.int64(data[at + 3]) & 63), 4
    if 0xE0 <= byte < 0xF0 and at + 2 < end:
        return (byte & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | (np.int64(data[at + 2]) & 63), 3
    if 0xC0 <= byte < 0xE0 and at + 1 < end:
        return (byte & 31) << 6 | (np.int64(data[at + 1]) & 63), 2
    return np.int64(0xFFFD), 1


@_compiled
def _count_text(data, start, end, row, in_link, bold, title_words, mark_title, lexicon_hashes, lexicon_kinds):
    """Add the words and characters of a run of text to the counts of a block; `row` is its row.

    With `mark_title` the words are entered into `title_words` instead, a table of flags by hash.
    """
    key, length, chars_half = _FNV_START, 0, 0
    lower_start = False
    words = 0
    at = start
    mask = np.uint32(title_words.shape[0] - 1)
    while at <= end:
        size = 1
        code = np.int64(32)
        kind = np.int64(_SPACE)
        if at < end:
            code = np.int64(data[at])
            kind = np.int64(_CLASSES[code])
            if kind == _HIGH:
                code, size = _decode(data, at, end)
                if code == 0xE000 or code == 0xE002:
                    place = at + 3
                    while place < end and not (
                        data[place] == 0xEE and place + 2 < end and data[place + 2] == 0x81
                    ):
                        place += 1
                    size = place + 3 - at
                    if code == 0xE000:
                        row[FORMULAS] += 1
                        words += 1
                        row[CHARS] += 4
                        row[TERMINAL] = 0
                    else:
                        row[IMAGES] += 1
                    kind = np.int64(_SPACE)
                elif _unsegmented(code):
                    chars_half += 1
                    row[CHARS] += 1
                    row[TERMINAL] = 0
                    at += size
                    continue
                else:
                    kind = np.int64(_class_of(code))
            elif code == _AMP:
                place = at
                while place < end and place < at + 6 and data[place] != _SEMICOLON:
                    place += 1
                size = place + 1 - at
                if data[at + 1] == 110:  # &nbsp;
                    kind = np.int64(_SPACE)
                elif data[at + 1] == 113:  # &quot;
                    kind = np.int64(_CLOSING)
        if kind == _LOWER or kind == _UPPER or kind == _DIGIT:
            if length == 0:
                lower_start = kind == _LOWER
            length += 1
            low = code | 32 if kind == _UPPER and code < 128 else code
            key = np.uint32((key ^ np.uint32(low)) * _FNV_PRIME)
            row[CHARS] += 1
            row[TERMINAL] = 0
            if kind == _UPPER:
                row[UPPER] += 1
            elif kind == _DIGIT:
                row[DIGITS] += 1
        else:
            if length > 0:
                words += 1
                if lower_start:
                    row[LOWER_WORDS] += 1
                    if length <= 3:
                        row[SHORT_WORDS] += 1
                place = key & mask
                if mark_title:
                    title_words[place] = 1
                elif title_words[place]:
                    row[TITLE_WORDS] += 1
                row[TEXT_HASH] = np.int32((row[TEXT_HASH] * 31 + np.int64(key)) & 0x7FFFFFFF)
                known = _find(lexicon_hashes, key)
                if known >= 0:
                    row[LEGAL_WORDS + lexicon_kinds[known]] += 1
                key, length = _FNV_START, 0
            if kind != _SPACE:
                row[CHARS] += 1
                if kind == _STOP:
                    row[PUNCTUATION] += 1
                    row[TERMINAL] = 1
                elif kind == _COMMA:
                    row[PUNCTUATION] += 1
                    row[TERMINAL] = 0
                elif kind != _CLOSING:
                    row[TERMINAL] = 0
        at += size
    words += (chars_half + 1) // 2
    row[WORDS] += words
    if in_link:
        row[LINK_WORDS] += words
    if bold:
        row[BOLD_WORDS] += words


@_compiled
def _is_blank(data, start, end):
    """Whether a run of text is white space only, in ASCII or as &nbsp;."""
    at = start
    while at < end:
        byte = data[at]
        if _CLASSES[byte] == _SPACE:
            at += 1
        elif byte == _AMP and at + 5 < end and data[at + 1] == 110:
            at += 6
        elif byte == 0xC2 and at + 1 < end and data[at + 1] == 0xA0:
            at += 2
        elif byte == 0xE2 and at + 2 < end and data[at + 1] == 0x80 and data[at + 2] == 0x8B:
            at += 3
        else:
            return False
    return True


@_compiled
def scan_page(
    data,
    n_tags,
    tag_hashes,
    tag_kinds,
    tag_marks,
    word_hashes,
    word_marks,
    role_hashes,
    role_marks,
    property_hashes,
    property_marks,
    lexicon_hashes,
    lexicon_kinds,
    show_noscript,
    show_hidden,
):
    """Elements, their marks and path hashes, blocks, segments and facts of a page; `n_tags` bounds each of them.

    Shows <noscript> and what is hidden by attribute or style only if told to; counts their bytes of text in any case.

    Returns elements int32[e, N_ELEMENT], marks uint64[e], paths uint64[e, 2] (signature of the element, hash of its
    path), tag names uint32[e], blocks int32[b, N_BLOCK], segments int32[s, 3], facts int32[f, 4],
    sizes int64[4]: bytes of text shown, in noscript, hidden; elements around each other at the deepest place.
    """
    n = data.shape[0]
    elements = np.empty((n_tags + 2, N_ELEMENT), np.int32)
    marks = np.empty(n_tags + 2, np.uint64)
    paths = np.empty((n_tags + 2, 2), np.uint64)
    names = np.empty(n_tags + 2, np.uint32)
    blocks = np.empty((n_tags + 2, N_BLOCK), np.int32)
    segments = np.empty((2 * n_tags + 4, 3), np.int32)
    facts = np.empty((MAX_FACTS, 4), np.int32)
    title_words = np.zeros(2048, np.uint8)
    sizes = np.zeros(4, np.int64)
    unused = np.zeros(N_BLOCK, np.int32)
    elements[0, :] = 0
    elements[0, PARENT] = -1
    elements[0, TAG_KIND] = _BLOCK
    marks[0], names[0] = 0, 0
    paths[0, 0], paths[0, 1] = _PATH_START, _PATH_START
    n_elements, n_blocks, n_segments, n_facts = 1, 0, 0, 0
    current, block = 0, -1
    last_break = False
    at = 0
    while at < n:
        if data[at] != _LT or at + 1 >= n:
            end = at + 1
            while end < n and data[end] != _LT:
                end += 1
            state = elements[current, STATE]
            shown = (state & DROPPED) == 0
            if end - at > 1 and (shown or (state & HIDDEN) != 0):
                sizes[2 if (state & HIDDEN) != 0 else 1 if (state & IN_NOSCRIPT) != 0 else 0] += end - at
            if shown and (state & IN_NOSCRIPT) != 0 and not show_noscript:
                # Only a lazy image speaks here.
                shown = data[at] == 0xEE and at + 2 < end and data[at + 1] == 0x80 and data[at + 2] == 0x82
            if shown:
                blank = _is_blank(data, at, end)
                if not blank and block < 0:
                    block = n_blocks
                    n_blocks += 1
                    row = blocks[block]
                    row[:] = 0
                    row[CONTAINER] = elements[current, NEAREST_BLOCK]
                    row[LEAF] = current
                    row[FIRST_SEGMENT] = n_segments
                    row[CONTINUES] = 1 if last_break else 0
                if block >= 0:
                    row = blocks[block]
                    segments[n_segments, SEGMENT_START] = at
                    segments[n_segments, SEGMENT_END] = end
                    segments[n_segments, SEGMENT_KIND] = VERBATIM if (state & IN_PRE) != 0 else TEXT
                    n_segments += 1
                    row[LAST_SEGMENT] = n_segments
                    if not blank:
                        last_break = False
                        if row[LEAF] != current:
                            row[LEAF] = row[CONTAINER]
                        _count_text(
                            data,
                            at,
                            end,
                            row,
                            (state & IN_LINK) != 0,
                            (state & IN_BOLD) != 0,
                            title_words,
                            False,
                            lexicon_hashes,
                            lexicon_kinds,
                        )
            at = end
            continue
        byte = data[at + 1]
        if byte == _BANG:
            end = at + 2
            if end + 1 < n and data[end] == 45 and data[end + 1] == 45:
                end += 2
                while end < n and not (data[end] == _GT and data[end - 1] == 45 and data[end - 2] == 45):
                    end += 1
            else:
                while end < n and data[end] != _GT:
                    end += 1
            at = end + 1
            continue
        if byte == _SLASH:
            key = _FNV_START
            end = at + 2
            while end < n and data[end] != _GT:
                key = np.uint32((key ^ np.uint32(data[end])) * _FNV_PRIME)
                end += 1
            at = end + 1
            found = current
            climbed = 0
            while found > 0 and names[found] != key and climbed < _MAX_CLIMB:
                found = elements[found, PARENT]
                climbed += 1
            if found <= 0 or names[found] != key:
                continue
            while True:
                closed = current
                elements[closed, LAST_BLOCK] = n_blocks
                kind = elements[closed, TAG_KIND]
                parent = elements[closed, PARENT]
                state = elements[closed, STATE]
                if (state & DROPPED) == 0:
                    if (kind & _KIND_MASK) == _BLOCK:
                        if (elements[parent, STATE] & IN_PRE) != 0:
                            if block >= 0:
                                segments[n_segments, SEGMENT_KIND] = LINE_BREAK
                                segments[n_segments, SEGMENT_START] = 0
                                segments[n_segments, SEGMENT_END] = 0
                                n_segments += 1
                                blocks[block, LAST_SEGMENT] = n_segments
                        else:
                            block = -1
                            last_break = False
                    elif (
                        (kind & _CODE) != 0
                        and block >= 0
                        and (state & IN_PRE) == 0
                        and (elements[parent, STATE] & IN_CODE) == 0
                    ):
                        segments[n_segments, SEGMENT_KIND] = CODE_MARK
                        segments[n_segments, SEGMENT_START] = 1
                        segments[n_segments, SEGMENT_END] = 0
                        n_segments += 1
                        blocks[block, LAST_SEGMENT] = n_segments
                current = parent
                if closed == found:
                    break
            continue
        # A start tag.
        start = at
        key = _FNV_START
        end = at + 1
        while end < n and data[end] != _GT and data[end] != 32 and data[end] != 10 and data[end] != _SLASH:
            key = np.uint32((key ^ np.uint32(data[end])) * _FNV_PRIME)
            end += 1
        place = _find(tag_hashes, key)
        kind = np.int64(tag_kinds[place]) if place >= 0 else np.int64(_BLOCK)
        mark = tag_marks[place] if place >= 0 else np.uint64(0)
        sizes[DEEPEST] = max(sizes[DEEPEST], elements[current, DEPTH] + 1)
        inherited = elements[current, STATE]
        state = inherited
        dropped = (inherited & DROPPED) != 0
        hidden, is_open, has_href, math = False, False, False, False
        json_ld = False
        class_start, class_end = 0, 0
        while end < n and data[end] != _GT:
            if data[end] == 32 or data[end] == 10 or data[end] == _SLASH:
                end += 1
                continue
            attribute = _FNV_START
            while end < n and data[end] != _EQUALS and data[end] != _GT and data[end] != 32:
                attribute = np.uint32((attribute ^ np.uint32(data[end])) * _FNV_PRIME)
                end += 1
            value_start, value_end = end, end
            if end < n and data[end] == _EQUALS:
                end += 1
                if end < n and data[end] == _QUOTE:
                    end += 1
                    value_start = end
                    while end < n and data[end] != _QUOTE:
                        end += 1
                    value_end = end
                    end += 1
                else:
                    value_start = end
                    while end < n and data[end] != _GT and data[end] != 32:
                        end += 1
                    value_end = end
            if dropped:
                if attribute == _H_TYPE:
                    json_ld = _is(data, value_start, value_end, _LD_JSON)
                continue
            if attribute == _H_CLASS:
                class_start, class_end = value_start, value_end
                mark |= _word_marks(data, value_start, value_end, word_hashes, word_marks)
                math = _has(data, value_start, value_end, _MWE, _MATH)
            elif attribute == _H_ID:
                mark |= _word_marks(data, value_start, value_end, word_hashes, word_marks)
            elif attribute == _H_STYLE:
                hidden = hidden or _has(data, value_start, value_end, _DISPLAY, _NONE)
                hidden = hidden or _has(data, value_start, value_end, _VISIBILITY, _HIDDEN)
            elif attribute == _H_HIDDEN:
                hidden = hidden or not _is(data, value_start, value_end, _FOUND)
            elif attribute == _H_ARIA:
                hidden = hidden or _is(data, value_start, value_end, _TRUE)
            elif attribute == _H_ROLE or attribute == _H_ITEMPROP:
                word = _FNV_START
                for k in range(value_start, value_end):
                    small = data[k] | 32 if _CLASSES[data[k]] == _UPPER else data[k]
                    word = np.uint32((word ^ np.uint32(small)) * _FNV_PRIME)
                if attribute == _H_ROLE:
                    place = _find(role_hashes, word)
                    if place >= 0:
                        mark |= role_marks[place]
                else:
                    place = _find(property_hashes, word)
                    if place >= 0:
                        mark |= property_marks[place]
            elif attribute == _H_TYPE:
                json_ld = _is(data, value_start, value_end, _LD_JSON)
            elif attribute == _H_OPEN:
                is_open = True
            elif attribute == _H_HREF:
                has_href = True
        tag_end = end
        at = end + 1
        fact = -1
        if key == _H_META:
            fact = META
        elif key == _H_LINK:
            fact = LINKED
        elif key == _H_TIME and not dropped:
            fact = TIME
        elif key == _H_TITLE:
            fact = TITLE
        elif key == _H_SCRIPT and json_ld:
            fact = JSON_LD
        elif key == _H_TABLE and not dropped:
            fact = TABLE_FACT
        content_end = tag_end
        if (kind & _KIND_MASK) == _RAW:
            # Its content ends where its own end tag begins, whatever is in it.
            length = 0
            while start + 1 + length < n and _CLASSES[data[start + 1 + length]] == _LOWER:
                length += 1
            place = at
            while place < n:
                if data[place] == _LT and place + 2 + length <= n and data[place + 1] == _SLASH:
                    k = 0
                    while k < length and (data[place + 2 + k] | 32) == data[start + 1 + k]:
                        k += 1
                    if k == length:
                        break
                place += 1
            content_end = place
            while place < n and data[place] != _GT:
                place += 1
            at = place + 1
        elif fact == TITLE:
            content_end = at
            while content_end < n and data[content_end] != _LT:
                content_end += 1
            _count_text(
                data, at, content_end, unused, False, False, title_words, True, lexicon_hashes, lexicon_kinds
            )
        if fact >= 0 and n_facts < MAX_FACTS and (fact < TIME or n_facts < MAX_FACTS // 2):
            facts[n_facts, FACT_KIND] = fact
            facts[n_facts, FACT_START] = start
            facts[n_facts, FACT_TAG_END] = tag_end
            facts[n_facts, FACT_END] = content_end
            n_facts += 1
        if (kind & _KIND_MASK) == _RAW:
            continue
        if (kind & _KIND_MASK) == _DROP:
            state = (state | DROPPED) & ~HIDDEN
        elif (hidden and not math) or (key == _H_DIALOG and not is_open):
            state |= (0 if dropped else HIDDEN) if show_hidden else (DROPPED if dropped else DROPPED | HIDDEN)
        shown = (state & DROPPED) == 0
        if shown and ((inherited & IN_NOSCRIPT) == 0 or show_noscript):
            if (kind & _BREAK) != 0:
                if block >= 0:
                    if last_break and (state & IN_PRE) == 0:
                        block = -1
                    else:
                        segments[n_segments, SEGMENT_KIND] = LINE_BREAK
                        segments[n_segments, SEGMENT_START] = 0
                        segments[n_segments, SEGMENT_END] = 0
                        n_segments += 1
                        blocks[block, LAST_SEGMENT] = n_segments
                        blocks[block, BREAKS] += 1
                    last_break = True
                continue
            if (kind & _KIND_MASK) == _BLOCK:
                if (inherited & IN_PRE) == 0:
                    block = -1
                    last_break = False
            elif (kind & _CODE) != 0 and (state & IN_PRE) == 0 and (state & IN_CODE) == 0 and block >= 0:
                segments[n_segments, SEGMENT_KIND] = CODE_MARK
                segments[n_segments, SEGMENT_START] = 0
                segments[n_segments, SEGMENT_END] = 0
                n_segments += 1
                blocks[block, LAST_SEGMENT] = n_segments
        if (kind & _VOID) != 0:
            continue
        if (kind & _PREFORMATTED) != 0:
            state |= IN_PRE
        if (kind & _CODE) != 0 and block >= 0:
            state |= IN_CODE
        if (kind & _LINK) != 0 and has_href:
            state |= IN_LINK
        if (kind & _NOSCRIPT) != 0:
            state |= IN_NOSCRIPT
        if (kind & _TABLE) != 0:
            state |= IN_TABLE
        if key == _H_B or key == _H_STRONG:
            state |= IN_BOLD
        if (kind >> _HEADING_SHIFT) != 0:
            state = (state & ~(7 << HEADING_BITS)) | (kind >> _HEADING_SHIFT) << HEADING_BITS
        element = n_elements
        n_elements += 1
        row = elements[element]
        row[PARENT] = current
        row[TAG_KIND] = kind
        row[STATE] = state
        is_block = (kind & _KIND_MASK) == _BLOCK and (inherited & IN_PRE) == 0
        row[NEAREST_BLOCK] = element if is_block else elements[current, NEAREST_BLOCK]
        row[FIRST_BLOCK] = n_blocks
        row[LAST_BLOCK] = -1
        row[ORDINAL] = 0
        row[DEPTH] = elements[current, DEPTH] + 1
        row[TAG_START] = start
        if (kind & (_LIST_ITEM | _CELL)) != 0:
            elements[current, ORDINAL] += 1
            row[ORDINAL] = elements[current, ORDINAL] << 8
        marks[element] = mark
        names[element] = key
        signature = (_letters_hash(data, class_start, class_end) ^ np.uint64(key)) * _PATH_PRIME
        paths[element, 0] = signature
        paths[element, 1] = (paths[current, 1] * np.uint64(31) ^ signature) * _PATH_PRIME
        current = element
    for element in range(n_elements):
        if element == 0 or elements[element, LAST_BLOCK] < 0:
            elements[element, LAST_BLOCK] = n_blocks
    return (
        elements[:n_elements],
        marks[:n_elements],
        paths[:n_elements],
        names[:n_elements],
        blocks[:n_blocks],
        segments[:n_segments],
        facts[:n_facts],
        sizes,
    )
