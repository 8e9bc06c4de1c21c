"""Compiled loops of the text filters: one document at a time, on code points.

`measure_documents` is the only entry. It decodes a document into code points, finds lines, paragraphs and words as
spans in them, and writes one row of measures; gristmill/filter/measures.py says what each measure means.

Everything compiled lies in this file, the bits included, because numba's cache on disk looks only at the file of
the function that was called: a helper elsewhere could change without the cached caller noticing.

Equal spans and equal n-grams are found by hash tables that compare what they find, so a collision costs time and
never changes a value. An n-gram can only repeat where both (n-1)-grams in it repeat; on prose that leaves a few
per cent of the words after n = 4, which is why orders up to 10 cost little.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array here is described at `measure_documents`.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# Bits of a character, see gristmill/filter/_characters.py.
SPACE, BREAK, SYMBOL, ALPHA, TERMINAL = 1, 2, 4, 8, 16
LETTER, DIGIT, ALONE, EXTEND, UPPER = 32, 64, 128, 256, 512

# Columns of the matrix of measures, in the order of gristmill.filter.measures.MEASURED.
(N_CHARS, N_WORDS, N_PLAIN_WORDS, MEAN_WORD, HASH, ELLIPSIS, ALPHA_WORDS) = range(7)
(N_LINES, BULLETS, END_ELLIPSIS, STOP_WORDS) = range(7, 11)
(N_PARAS, DUP_PARA, DUP_PARA_CHARS, N_LINES_REP, DUP_LINE, DUP_LINE_CHARS) = range(11, 17)
TOP_2 = 17  # and TOP_3, TOP_4
DUP_5 = 20  # up to DUP_10
(FW_N_LINES, FW_PUNCT, FW_SHORT, FW_DUP, FW_NEWLINES) = range(26, 31)
N_MEASURES = 31

_SHORT_LINE_CHARS = 30  # FineWeb (arXiv 2406.17557)
_NEWLINE, _RETURN, _HASH, _DOT, _COMMA, _HYPHEN, _APOSTROPHE = 10, 13, 35, 46, 44, 45, 39
_CURLY_APOSTROPHE, _ELLIPSIS, _BULLET = 0x2019, 0x2026, 0x2022
# * ‣ – · ◦ ▪ are bullets too, in strict mode.
_MORE_BULLETS = (42, 0x2023, 0x2013, 0xB7, 0x25E6, 0x25AA)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0x5851F42D4C957F2D)
_BASE_INVERSE = np.uint64(pow(0x5851F42D4C957F2D, -1, 1 << 64))
_32 = np.uint64(32)

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@_compiled
def measure_documents(
    data,
    offsets,
    bits,
    lower,
    stop_words,
    stop_offsets,
    token_offsets,
    tokens,
    strict,
    codes,
    spans,
    numbers,
    table,
    out,
):
    """Fill `out` (documents x N_MEASURES); NaN where a measure has no meaning.

    data, offsets: UTF-8 texts as in Arrow. tokens: (start, end) of given words in code points, document by
    document as `token_offsets` says; without rows in `token_offsets` words are found here.
    Scratch, as long as the longest document: codes int32, spans int32[4, n + 1], numbers int32[7, n + 1], and
    table int32[power of two > 2 n, 2] of zeros.
    """
    stamp = 0
    starts, ends, line_starts, line_ends = spans[0], spans[1], spans[2], spans[3]
    ids, active, lengths = numbers[0], numbers[1], numbers[2]
    given = token_offsets.shape[0] > 0
    for document in range(offsets.shape[0] - 1):
        row = out[document]
        row[:] = np.nan
        n = _decode(data, offsets[document], offsets[document + 1], codes)
        row[N_CHARS] = n

        _measure_lines(codes, n, bits, strict, line_starts, line_ends, row)
        _measure_repeated_lines(codes, n, bits, strict, line_starts, line_ends, ids, table, stamp, row)
        stamp += 3

        if given:
            first, last = token_offsets[document], token_offsets[document + 1]
            k = last - first
            for i in range(k):
                starts[i] = tokens[first + i, 0]
                ends[i] = tokens[first + i, 1]
        else:
            k = find_words(codes, n, bits, starts, ends)
        stamp += 1
        _intern(codes, starts, ends, k, ids, table, stamp)
        _measure_words(codes, bits, lower, stop_words, stop_offsets, strict, starts, ends, k, ids, row)
        _measure_symbols(codes, n, k, row)

        lengths[0] = 0
        for i in range(k):
            lengths[i + 1] = lengths[i] + ends[i] - starts[i]
        if n > 0:
            stamp = _measure_ngrams(n, k, strict, ids, active, lengths, numbers, table, stamp, row)
            if not strict:
                stamp = _measure_joined_ngrams(codes, n, k, starts, ends, lengths, table, stamp, row)


@_compiled
def _decode(data, lo, hi, codes):
    i, n = lo, 0
    while i < hi:
        byte = np.int32(data[i])
        if byte < 0x80:
            codes[n] = byte
            i += 1
        elif byte < 0xE0:
            codes[n] = (byte & 0x1F) << 6 | (data[i + 1] & 0x3F)
            i += 2
        elif byte < 0xF0:
            codes[n] = (byte & 0x0F) << 12 | np.int32(data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
            i += 3
        else:
            codes[n] = (
                (byte & 0x07) << 18
                | np.int32(data[i + 1] & 0x3F) << 12
                | np.int32(data[i + 2] & 0x3F) << 6
                | (data[i + 3] & 0x3F)
            )
            i += 4
        n += 1
    return n


# -- words ----------------------------------------------------------------------------------------------------------


@_compiled
def find_words(codes, n, bits, starts, ends):
    """Spans of words and punctuation marks by the rules in gristmill/filter/words.py; returns how many."""
    i = k = 0
    while i < n:
        bit = bits[codes[i]]
        if bit & SPACE:
            i += 1
            continue
        starts[k] = i
        i += 1
        if bit & (LETTER | DIGIT):
            i, clitic = _end_of_word(codes, n, bits, i)
            ends[k] = i
            if clitic > 0 and clitic > starts[k]:
                ends[k] = clitic
                k += 1
                starts[k] = clitic
                ends[k] = i
        else:
            if codes[i - 1] == _DOT or codes[i - 1] == _HYPHEN:
                while i < n and codes[i] == codes[i - 1]:
                    i += 1
            while i < n and bits[codes[i]] & EXTEND:
                i += 1
            ends[k] = i
        k += 1
    return k


@_compiled
def _end_of_word(codes, n, bits, i):
    """(end, start of an English clitic or 0) of the word whose second character would be at `i`."""
    start = i - 1
    single = True  # only single letters with full stops between them so far: U.S.
    since = start  # where the last letter after a full stop is
    while i < n:
        code = codes[i]
        if bits[code] & (LETTER | DIGIT | EXTEND):
            single = single and i == since
            i += 1
            continue
        if i + 1 >= n:
            break
        before, after = bits[codes[i - 1]], bits[codes[i + 1]]
        numbers = before & DIGIT and after & DIGIT
        letters = before & (LETTER | EXTEND) and after & LETTER
        if code == _DOT and letters:
            i += 1
            since = i
        elif (code in (_DOT, _COMMA)) and numbers:
            single = False
            i += 1
        elif (code in (_APOSTROPHE, _CURLY_APOSTROPHE)) and letters:
            end = i + 1
            while end < n and bits[codes[end]] & (LETTER | DIGIT | EXTEND):
                end += 1
            clitic = _clitic(codes, start, i, end)
            if clitic > 0:
                return end, clitic
            single = False
            i += 1
        else:
            break
    abbreviated = single and (since > start or bits[codes[start]] & UPPER)
    if abbreviated and i < n and codes[i] == _DOT and (i + 1 == n or codes[i + 1] != _DOT):
        i += 1
    return i, 0


@_compiled
def _clitic(codes, start, apostrophe, end):
    """Where 's, 'm, 'd, 're, 've, 'll or n't begins, or 0."""
    size = end - apostrophe - 1
    first = codes[apostrophe + 1] | 32
    if size == 1:
        if first == 115 or first == 109 or first == 100:  # s m d
            return apostrophe
        if first == 116 and codes[apostrophe - 1] | 32 == 110 and apostrophe - 1 > start:  # n't
            return apostrophe - 1
    if size == 2:
        second = codes[apostrophe + 2] | 32
        if (first == 114 or first == 118) and second == 101:  # re ve
            return apostrophe
        if first == 108 and second == 108:  # ll
            return apostrophe
    return 0


@_compiled
def _measure_words(codes, bits, lower, stop_words, stop_offsets, strict, starts, ends, k, ids, row):
    plain = plain_chars = with_letter = 0
    n_stop_words = stop_offsets.shape[0] - 1
    found = np.zeros(n_stop_words, np.uint8)
    longest = 0
    for s in range(n_stop_words):
        longest = max(longest, stop_offsets[s + 1] - stop_offsets[s])
    for i in range(k):
        all_symbols, letter = True, False
        for c in range(starts[i], ends[i]):
            bit = bits[codes[c]]
            all_symbols = all_symbols and bit & SYMBOL
            letter = letter or bit & ALPHA
            if letter and not all_symbols:
                break
        size = ends[i] - starts[i]
        if not all_symbols:
            plain += 1
            plain_chars += size
        with_letter += 1 if letter else 0
        if ids[i] != i or size > longest:
            continue
        for s in range(n_stop_words):
            if stop_offsets[s + 1] - stop_offsets[s] == size:
                same = True
                for c in range(size):
                    code = codes[starts[i] + c]
                    if strict:
                        code = lower[code]
                    if code != stop_words[stop_offsets[s] + c]:
                        same = False
                        break
                if same:
                    found[s] = 1
    row[N_WORDS] = k
    row[N_PLAIN_WORDS] = plain
    if plain > 0:
        row[MEAN_WORD] = plain_chars / plain
    elif strict and k > 0:
        row[MEAN_WORD] = 0.0
    if k > 0:
        row[ALPHA_WORDS] = with_letter / k
    row[STOP_WORDS] = found.sum()


@_compiled
def _measure_symbols(codes, n, k, row):
    hashes = ellipses = dots = newlines = 0
    for i in range(n):
        code = codes[i]
        if code == _DOT:
            dots += 1
            if dots == 3:
                ellipses += 1
                dots = 0
            continue
        dots = 0
        if code == _HASH:
            hashes += 1
        elif code == _ELLIPSIS:
            ellipses += 1
        elif code == _NEWLINE:
            newlines += 1
    if k > 0:
        row[HASH] = hashes / k
        row[ELLIPSIS] = ellipses / k
        row[FW_NEWLINES] = newlines / k


# -- lines and paragraphs -------------------------------------------------------------------------------------------


@_compiled
def _split_lines(codes, n, bits, starts, ends):
    """Spans of the lines of str.splitlines; returns how many."""
    k = start = i = 0
    while i < n:
        if bits[codes[i]] & BREAK:
            starts[k], ends[k] = start, i
            k += 1
            if codes[i] == _RETURN and i + 1 < n and codes[i + 1] == _NEWLINE:
                i += 1
            start = i + 1
        i += 1
    if start < n:
        starts[k], ends[k] = start, n
        k += 1
    return k


@_compiled
def _split_runs(codes, lo, hi, shortest, starts, ends):
    """Spans between runs of at least `shortest` newlines, empty ones at the ends included; returns how many."""
    k, start, i = 0, lo, lo
    while i < hi:
        if codes[i] == _NEWLINE:
            run = i
            while i < hi and codes[i] == _NEWLINE:
                i += 1
            if i - run >= shortest:
                starts[k], ends[k] = start, run
                k += 1
                start = i
        else:
            i += 1
    starts[k], ends[k] = start, hi
    return k + 1


@_compiled
def _strip(codes, bits, start, end):
    while start < end and bits[codes[start]] & SPACE:
        start += 1
    while end > start and bits[codes[end - 1]] & SPACE:
        end -= 1
    return start, end


@_compiled
def _measure_lines(codes, n, bits, strict, starts, ends, row):
    k = _split_lines(codes, n, bits, starts, ends)
    bullets = ellipses = 0
    for i in range(k):
        start, end = _strip(codes, bits, starts[i], ends[i])
        if start == end:
            continue
        first = codes[start]
        if first in (_BULLET, _HYPHEN) or (strict and first in _MORE_BULLETS):
            bullets += 1
        dots = (
            end - start >= 3 and codes[end - 1] == _DOT and codes[end - 2] == _DOT and codes[end - 3] == _DOT
        )
        if dots or codes[end - 1] == _ELLIPSIS:
            ellipses += 1
    row[N_LINES] = k
    if k > 0:
        row[BULLETS] = bullets / k
        row[END_ELLIPSIS] = ellipses / k


@_compiled
def _measure_repeated_lines(codes, n, bits, strict, starts, ends, ids, table, stamp, row):
    """Duplicate paragraphs and lines of Gopher, and the line measures of FineWeb. Uses three stamps."""
    if strict:
        # Paragraphs from stripped lines: a blank line ends one.
        paragraphs = 0
        lines = _split_lines(codes, n, bits, starts, ends)
        after_blank = True
        for i in range(lines):
            start, end = _strip(codes, bits, starts[i], ends[i])
            if start == end:
                after_blank = True
                continue
            if after_blank:
                starts[paragraphs] = start
                paragraphs += 1
                after_blank = False
            ends[paragraphs - 1] = end
    else:
        start, end = _strip(codes, bits, 0, n)
        paragraphs = _split_runs(codes, start, end, 2, starts, ends)
    same, chars = _duplicates(codes, starts, ends, paragraphs, ids, table, stamp + 1)
    row[N_PARAS] = paragraphs
    if paragraphs > 0:
        row[DUP_PARA] = same / paragraphs
    if n > 0:
        row[DUP_PARA_CHARS] = chars / n

    lines = (
        _split_lines(codes, n, bits, starts, ends) if strict else _split_runs(codes, 0, n, 1, starts, ends)
    )
    if strict:
        lines = _drop_blank(codes, bits, starts, ends, lines, True)
    same, chars = _duplicates(codes, starts, ends, lines, ids, table, stamp + 2)
    row[N_LINES_REP] = lines
    if lines > 0:
        row[DUP_LINE] = same / lines
    if n > 0:
        row[DUP_LINE_CHARS] = chars / n

    if not strict:
        lines = _drop_blank(codes, bits, starts, ends, lines, False)
        same, chars = _duplicates(codes, starts, ends, lines, ids, table, stamp + 3)
    punctuated = short = breaks = 0
    for i in range(lines):
        punctuated += 1 if bits[codes[ends[i] - 1]] & TERMINAL else 0
        short += 1 if ends[i] - starts[i] <= _SHORT_LINE_CHARS else 0
    for i in range(n):
        breaks += 1 if codes[i] == _NEWLINE or (strict and bits[codes[i]] & BREAK) else 0
    row[FW_N_LINES] = lines
    if lines > 0:
        row[FW_PUNCT] = punctuated / lines
        row[FW_SHORT] = short / lines
        row[FW_DUP] = chars / (n - breaks)


@_compiled
def _drop_blank(codes, bits, starts, ends, k, strip):
    kept = 0
    for i in range(k):
        start, end = _strip(codes, bits, starts[i], ends[i])
        if start < end:
            starts[kept], ends[kept] = (start, end) if strip else (starts[i], ends[i])
            kept += 1
    return kept


# -- equal spans ----------------------------------------------------------------------------------------------------


@_compiled
def _duplicates(codes, starts, ends, k, ids, table, stamp):
    """(spans seen before, their characters)."""
    _intern(codes, starts, ends, k, ids, table, stamp)
    same = chars = 0
    for i in range(k):
        if ids[i] != i:
            same += 1
            chars += ends[i] - starts[i]
    return same, chars


@_compiled
def _intern(codes, starts, ends, k, ids, table, stamp):
    """ids[i] = number of the first span with the same characters. A slot of `table` is (stamp, span)."""
    mask = _mask(k)
    for i in range(k):
        start, size = starts[i], ends[i] - starts[i]
        state = _FNV_START
        for c in range(start, ends[i]):
            state = (state ^ np.uint64(codes[c])) * _FNV_PRIME
        slot = np.int64((state ^ state >> _32) & mask)
        while True:
            if table[slot, 0] != stamp:
                table[slot, 0] = stamp
                table[slot, 1] = i
                ids[i] = i
                break
            other = table[slot, 1]
            if ends[other] - starts[other] == size and _same(codes, start, starts[other], size):
                ids[i] = other
                break
            slot = (slot + 1) & np.int64(mask)


@_compiled
def _mask(k):
    """Size less one of a table for `k` entries: the power of two from 2 k on."""
    size = np.uint64(2)
    while size < np.uint64(2 * k):
        size *= np.uint64(2)
    return size - np.uint64(1)


@_compiled
def _same(codes, a, b, size):
    for c in range(size):  # noqa: SIM110 - a loop is what numba compiles
        if codes[a + c] != codes[b + c]:
            return False
    return True


# -- n-grams --------------------------------------------------------------------------------------------------------


@_compiled
def _measure_ngrams(n, k, strict, groups, active, lengths, numbers, table, stamp, row):
    """Top 2- to 4-grams and, in strict mode, duplicate 5- to 10-grams. Returns the last stamp used.

    groups: in, the number of each word; then, order by order, the first place of the same n-gram, or -1 where an
    n-gram occurs once. active: the places that are not -1, rising.
    """
    left, right, counts, seen = numbers[3], numbers[4], numbers[5], numbers[6]
    counts[:k] = 0
    for i in range(k):
        counts[groups[i]] += 1
    places = 0
    for i in range(k):
        if counts[groups[i]] > 1:
            active[places] = i
            places += 1
        else:
            groups[i] = -1  # its own number, which no later word looks up
    for order in range(2, 11):
        if order > 4 and not strict:
            break
        if k >= order:
            stamp += 1
            places = _next_order(k, order, groups, active, places, left, right, counts, table, stamp)
            if order <= 4:
                row[TOP_2 + order - 2] = _top(k, order, strict, groups, active, places, counts, lengths) / n
        if order > 4:
            chars = _repeated(order, groups, active, places, lengths, seen) if k >= order else 0
            row[DUP_5 + order - 5] = chars / n
    return stamp


@_compiled
def _next_order(k, order, groups, active, places, left, right, counts, table, stamp):
    """From (n-1)-grams to n-grams: the pair of (n-1)-grams at i and i + 1 names the n-gram at i."""
    mask = _mask(places)
    kept = 0
    for a in range(places):
        i = active[a]
        if i > k - order or groups[i + 1] < 0:
            groups[i] = -1
            continue
        left[i], right[i] = groups[i], groups[i + 1]
        state = (np.uint64(left[i]) << _32 | np.uint64(right[i])) * _MIX
        slot = np.int64((state ^ state >> _32) & mask)
        while True:
            if table[slot, 0] != stamp:
                table[slot, 0] = stamp
                table[slot, 1] = i
                counts[i] = 0
                break
            other = table[slot, 1]
            if left[other] == left[i] and right[other] == right[i]:
                break
            slot = (slot + 1) & np.int64(mask)
        groups[i] = table[slot, 1]
        counts[groups[i]] += 1
        active[kept] = i
        kept += 1
    places = 0
    for a in range(kept):
        i = active[a]
        if counts[groups[i]] > 1:
            active[places] = i
            places += 1
        else:
            groups[i] = -1
    return places


@_compiled
def _top(k, order, strict, groups, active, places, counts, lengths):
    """Characters in all copies of the most frequent n-gram, its words joined by a space."""
    best_count = best_size = 0
    for a in range(places):
        i = active[a]
        if groups[i] == i:
            size = lengths[i + order] - lengths[i] + order - 1
            if counts[i] > best_count or (strict and counts[i] == best_count and size > best_size):
                best_count, best_size = counts[i], size
    if best_count == 0:  # each occurs once: the longest, or the first
        best_count = 1
        for i in range(k - order + 1 if strict else 1):
            best_size = max(best_size, lengths[i + order] - lengths[i] + order - 1)
    return best_count * best_size


@_compiled
def _repeated(order, groups, active, places, lengths, seen):
    """Characters of n-grams seen before, scanning from the left and jumping over each one found."""
    for a in range(places):
        seen[groups[active[a]]] = 0
    chars = upto = 0
    for a in range(places):
        i = active[a]
        if i < upto:
            continue
        if seen[groups[i]]:
            chars += lengths[i + order] - lengths[i]
            upto = i + order
        else:
            seen[groups[i]] = 1
    return chars


@_compiled
def _measure_joined_ngrams(codes, n, k, starts, ends, lengths, table, stamp, row):
    """Duplicate n-grams of the reference: equal when the words without anything between them are equal.

    A polynomial hash of all words joined gives that of any n-gram by one subtraction and one product.
    """
    sums, inverses = np.empty(k + 1, np.uint64), np.empty(k + 1, np.uint64)
    power, inverse = np.uint64(1), np.uint64(1)
    sums[0], inverses[0] = np.uint64(0), np.uint64(1)
    for i in range(k):
        total = sums[i]
        for c in range(starts[i], ends[i]):
            total += np.uint64(codes[c] + 1) * power
            power *= _BASE
            inverse *= _BASE_INVERSE
        sums[i + 1], inverses[i + 1] = total, inverse
    for order in range(5, 11):
        stamp += 1
        mask = _mask(k)
        chars = i = 0
        while i <= k - order:
            state = (sums[i + order] - sums[i]) * inverses[i] * _MIX
            slot = np.int64((state ^ state >> _32) & mask)
            size = lengths[i + order] - lengths[i]
            step = 0
            while step == 0:
                if table[slot, 0] != stamp:
                    table[slot, 0] = stamp
                    table[slot, 1] = i
                    step = 1
                    break
                other = table[slot, 1]
                if lengths[other + order] - lengths[other] == size and _same_joined(
                    codes, starts, ends, i, other, size
                ):
                    chars += size
                    step = order
                slot = (slot + 1) & np.int64(mask)
            i += step
        row[DUP_5 + order - 5] = chars / n
    return stamp


@_compiled
def _same_joined(codes, starts, ends, a, b, size):
    i, j = starts[a], starts[b]
    for _ in range(size):
        while i == ends[a]:
            a += 1
            i = starts[a]
        while j == ends[b]:
            b += 1
            j = starts[b]
        if codes[i] != codes[j]:
            return False
        i += 1
        j += 1
    return True
