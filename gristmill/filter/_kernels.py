"""Compiled loops of the text filters: one document at a time, on code points.

`measure_documents` decodes a document into code points, finds lines, paragraphs and words as spans in them, and writes
one row of measures; gristmill/filter/measures.py says what each measure means. `edit_documents` writes what the line
rules of C4 leave of a document.

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
MARK, ENDS_SENTENCE, DECIMAL, WATCHED = 1024, 2048, 4096, 8192

# Columns of the matrix of measures, in the order of gristmill.filter.measures.MEASURED.
(N_CHARS, N_WORDS, N_PLAIN_WORDS, MEAN_WORD, HASH, ELLIPSIS, ALPHA_WORDS) = range(7)
(N_LINES, BULLETS, END_ELLIPSIS, STOP_WORDS) = range(7, 11)
(N_PARAS, DUP_PARA, DUP_PARA_CHARS, N_LINES_REP, DUP_LINE, DUP_LINE_CHARS) = range(11, 17)
TOP_2 = 17  # and TOP_3, TOP_4
DUP_5 = 20  # up to DUP_10
(FW_N_LINES, FW_PUNCT, FW_SHORT, FW_DUP, FW_NEWLINES) = range(26, 31)
(C4_LINES, C4_LONG_WORD, C4_NO_PUNCT, C4_FEW_WORDS, C4_JAVASCRIPT, C4_POLICY) = range(31, 37)
(C4_LOREM, C4_CURLY, C4_SENTENCES, LONG_LINES) = range(37, 41)
N_MEASURES = 41

# Places in `rules`, the switches and bounds that a kernel is called with.
(RULE_C4, RULE_PUNCT, RULE_JAVASCRIPT, RULE_POLICY, RULE_LOREM, RULE_CURLY, RULE_CITATIONS) = range(7)
(RULE_LINE_WORDS, RULE_WORD_CHARS, RULE_SHORT_LINE, RULE_LONG_LINE) = range(7, 11)

# Places in the counts of `edit_documents`.
REMOVED_LINES, REMOVED_CITATIONS, REMOVED_BLANKS = range(3)

# What is found in a line by one look at it.
_HAS_BRACKET, _HAS_BRACE, _HAS_LOREM, _HAS_JAVASCRIPT, _HAS_POLICY = 1, 2, 4, 8, 16

_NEWLINE, _RETURN, _HASH, _DOT, _COMMA, _HYPHEN, _APOSTROPHE = 10, 13, 35, 46, 44, 45, 39
_CURLY_APOSTROPHE, _ELLIPSIS, _BULLET = 0x2019, 0x2026, 0x2022
# * ‣ – · ◦ ▪ are bullets too, in strict mode.
_MORE_BULLETS = (42, 0x2023, 0x2013, 0xB7, 0x25E6, 0x25AA)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0x5851F42D4C957F2D)
_BASE_INVERSE = np.uint64(pow(0x5851F42D4C957F2D, -1, 1 << 64))
_32 = np.uint64(32)


def _codes_of(phrase):
    return np.array([ord(character) for character in phrase], np.int32)


_JAVASCRIPT, _LOREM_IPSUM = _codes_of("javascript"), _codes_of("lorem ipsum")
_TERMS_OF_USE, _PRIVACY_POLICY = _codes_of("terms of use"), _codes_of("privacy policy")
_COOKIE_POLICY, _USES_COOKIES = _codes_of("cookie policy"), _codes_of("uses cookies")
_USE_OF_COOKIES, _USE_COOKIES = _codes_of("use of cookies"), _codes_of("use cookies")
_EDIT, _CITATION_NEEDED = _codes_of("[edit]"), _codes_of("[citation needed]")

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
    edited_offsets,
    edited_tokens,
    strict,
    rules,
    codes,
    spans,
    numbers,
    table,
    out,
):
    """Fill `out` (documents x N_MEASURES); NaN where a measure has no meaning.

    data, offsets: UTF-8 texts as in Arrow. tokens: (start, end) of given words in code points, document by
    document as `token_offsets` says; without rows in `token_offsets` words are found here. edited_tokens likewise:
    the words of what C4 leaves, of documents with citations.
    Scratch, as long as the longest document: codes int32[2, n], spans int32[6, n + 1], numbers int32[5, n + 1], and
    table int64[power of two > 2 n, 2] of zeros.
    """
    stamp = 0
    edited, codes = codes[1], codes[0]
    starts, ends, line_starts, line_ends = spans[0], spans[1], spans[2], spans[3]
    kept_starts, kept_ends = spans[4], spans[5]
    ids, active, lengths = numbers[0], numbers[1], numbers[2]
    given = token_offsets.shape[0] > 0
    for document in range(offsets.shape[0] - 1):
        row = out[document]
        row[:] = np.nan
        n = _decode(data, offsets[document], offsets[document + 1], codes)
        row[N_CHARS] = n

        if given:
            k = _given_words(token_offsets, tokens, document, 0, starts, ends)
        else:
            k = find_words(codes, n, bits, starts, ends)
        stamp += 1
        _intern(codes, starts, ends, k, ids, table, stamp)
        _measure_words(
            codes, bits, lower, stop_words, stop_offsets, strict, starts, ends, k, ids, numbers[3], row
        )
        _measure_symbols(codes, n, k, row)

        lengths[0] = 0
        for i in range(k):
            lengths[i + 1] = lengths[i] + ends[i] - starts[i]
        if n > 0:
            stamp = _measure_ngrams(n, k, strict, ids, active, lengths, numbers, table, stamp, row)
            if not strict:
                stamp = _measure_joined_ngrams(codes, n, k, starts, ends, lengths, table, stamp, row)

        if strict:
            lines = _measure_stripped_lines(
                codes, n, bits, line_starts, line_ends, kept_starts, kept_ends, ids, table, stamp, row
            )
        else:
            _measure_lines(codes, n, bits, line_starts, line_ends, row)
            lines = _measure_repeated_lines(codes, n, bits, line_starts, line_ends, ids, table, stamp, row)
        stamp += 3
        if rules[RULE_C4] == 0:
            newlines = breaks = _count(codes, 0, n, _NEWLINE)
            if strict:
                breaks = _count_breaks(codes, n, bits)
            _measure_fineweb(
                codes,
                n - breaks,
                newlines,
                k,
                bits,
                strict,
                rules,
                line_starts,
                line_ends,
                lines,
                ids,
                table,
                stamp,
                row,
            )
            continue

        if not strict:
            lines = _split_lines(codes, n, bits, line_starts, line_ends)
        m, kept, citations = _keep_lines(
            codes,
            bits,
            lower,
            rules,
            line_starts,
            line_ends,
            lines,
            codes,
            kept_starts,
            kept_ends,
            row,
            False,
        )
        if citations == 0:
            words, sentences = _count_sentences(
                codes, bits, starts, ends, k, kept_starts, kept_ends, kept, given
            )
            text, newlines = codes, max(kept - 1, 0)
            size = m - newlines
        else:
            m, kept, _ = _keep_lines(
                codes,
                bits,
                lower,
                rules,
                line_starts,
                line_ends,
                lines,
                edited,
                kept_starts,
                kept_ends,
                row,
                True,
            )
            lo, hi = _strip(edited, bits, 0, m)
            if given:
                k = _given_words(edited_offsets, edited_tokens, document, lo, starts, ends)
            else:
                k = find_words(edited, m, bits, starts, ends)
            words, sentences = _count_sentences(
                edited, bits, starts, ends, k, kept_starts, kept_ends, kept, given
            )
            for i in range(kept):
                kept_starts[i] = min(max(kept_starts[i], lo), kept_ends[i])
                kept_ends[i] = max(min(kept_ends[i], hi), kept_starts[i])
            text, newlines = edited, _count(edited, lo, hi, _NEWLINE)
            size = hi - lo - newlines
        row[C4_LINES], row[C4_SENTENCES] = kept, sentences
        _measure_fineweb(
            text,
            size,
            newlines,
            words,
            bits,
            strict,
            rules,
            kept_starts,
            kept_ends,
            kept,
            ids,
            table,
            stamp,
            row,
        )


@_compiled
def edit_documents(data, offsets, bits, lower, rules, codes, spans, out, out_offsets, counts):
    """Write what the line rules of C4 leave of each document, as UTF-8, and count what went.

    out: uint8, as long as all documents; out_offsets: int64[documents + 1]; counts: int64[documents, 3]. Scratch as
    for `measure_documents`, spans int32[4, n + 1].
    """
    row = np.empty(N_MEASURES)
    edited, codes = codes[1], codes[0]
    line_starts, line_ends, kept_starts, kept_ends = spans[0], spans[1], spans[2], spans[3]
    written = 0
    out_offsets[0] = 0
    for document in range(offsets.shape[0] - 1):
        n = _decode(data, offsets[document], offsets[document + 1], codes)
        lines = _split_lines(codes, n, bits, line_starts, line_ends)
        m, _, citations = _keep_lines(
            codes,
            bits,
            lower,
            rules,
            line_starts,
            line_ends,
            lines,
            edited,
            kept_starts,
            kept_ends,
            row,
            True,
        )
        lo, hi = _strip(edited, bits, 0, m)
        removed = np.int64(row[C4_LONG_WORD : C4_POLICY + 1].sum())
        same = hi - lo == n
        for i in range(n if same else 0):
            same = same and codes[i] == edited[lo + i]
        counts[document, REMOVED_LINES] = removed
        counts[document, REMOVED_CITATIONS] = citations
        if not same and removed == 0 and citations == 0:
            counts[document, REMOVED_BLANKS] = max(1, n - (hi - lo))
        written = _encode(edited, lo, hi, out, written)
        out_offsets[document + 1] = written


@_compiled
def count_blanks(data, offsets, bits, codes):
    """White space in all texts: the least that any look at every character costs, for the bench."""
    found = 0
    for text in range(offsets.shape[0] - 1):
        n = _decode(data, offsets[text], offsets[text + 1], codes)
        for i in range(n):
            found += 1 if bits[codes[i]] & SPACE else 0
    return found


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


@_compiled
def _encode(codes, lo, hi, out, written):
    """Write code points as UTF-8; returns where the next one goes."""
    for i in range(lo, hi):
        code = codes[i]
        if code < 0x80:
            out[written] = code
            written += 1
            continue
        if code < 0x800:
            out[written] = 0xC0 | code >> 6
        elif code < 0x10000:
            out[written] = 0xE0 | code >> 12
            written += 1
            out[written] = 0x80 | (code >> 6 & 0x3F)
        else:
            out[written] = 0xF0 | code >> 18
            out[written + 1] = 0x80 | (code >> 12 & 0x3F)
            written += 2
            out[written] = 0x80 | (code >> 6 & 0x3F)
        out[written + 1] = 0x80 | (code & 0x3F)
        written += 2
    return written


# -- words ----------------------------------------------------------------------------------------------------------


@_compiled
def find_chunks(data, offsets, bits, table, chunks, firsts):
    """Runs of characters without white space, and which of them are the same.

    chunks: int64[bytes // 2 + texts, 4], filled with (begin in bytes, begin in code points of its text, number of the
    first chunk that is the same, end in bytes); firsts: int64[texts + 1], filled with the first chunk of each text.
    table: int64[power of two > bytes] of -1. Returns how many.
    """
    mask = np.uint64(table.shape[0] - 1)
    k = 0
    for text in range(offsets.shape[0] - 1):
        firsts[text] = k
        i, hi, n = offsets[text], offsets[text + 1], 0
        begin = -1
        state = _FNV_START
        while i <= hi:
            code, size = (32, 1) if i == hi else _code_at(data, i)
            if bits[code] & SPACE:
                if begin >= 0:
                    chunks[k, 2] = _first_same(data, chunks, k, begin, i, state, table, mask)
                    k += 1
                begin = -1
            else:
                if begin < 0:
                    begin, state = i, _FNV_START
                    chunks[k, 0], chunks[k, 1] = i, n
                state = (state ^ np.uint64(code)) * _FNV_PRIME
            i += size
            n += 1
    firsts[offsets.shape[0] - 1] = k
    return k


@_compiled
def _code_at(data, i):
    """(code point, bytes) of the character at `i`."""
    byte = np.int32(data[i])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | np.int32(data[i + 1] & 0x3F), 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | np.int32(data[i + 1] & 0x3F) << 6 | np.int32(data[i + 2] & 0x3F), 3
    code = (byte & 0x07) << 18 | np.int32(data[i + 1] & 0x3F) << 12
    return code | np.int32(data[i + 2] & 0x3F) << 6 | np.int32(data[i + 3] & 0x3F), 4


@_compiled
def _first_same(data, chunks, k, begin, end, state, table, mask):
    """Number of the first chunk with the bytes data[begin:end]; `k` where it is new. chunks[:, 3] holds ends."""
    chunks[k, 3] = end
    slot = (state ^ state >> _32) & mask
    while True:
        other = table[slot]
        if other < 0:
            table[slot] = k
            return k
        start = chunks[other, 0]
        if chunks[other, 3] - start == end - begin:
            i = 0
            while i < end - begin and data[start + i] == data[begin + i]:
                i += 1
            if i == end - begin:
                return other
        slot = (slot + np.uint64(1)) & mask


@_compiled
def place_words(chunks, firsts, numbers, sizes_from, sizes, offsets, tokens):
    """Fill `tokens` with (start, end) of the words of each text, and `offsets` with where its words begin.

    numbers: for each chunk, which entry of the table of words it is; sizes[sizes_from[j]:sizes_from[j + 1]]: (start,
    end) of the words of entry j, in code points of the chunk.
    """
    k = 0
    for text in range(firsts.shape[0] - 1):
        offsets[text] = k
        for chunk in range(firsts[text], firsts[text + 1]):
            entry = numbers[chunk]
            for word in range(sizes_from[entry], sizes_from[entry + 1]):
                tokens[k, 0] = chunks[chunk, 1] + sizes[word, 0]
                tokens[k, 1] = chunks[chunk, 1] + sizes[word, 1]
                k += 1
    offsets[firsts.shape[0] - 1] = k


@_compiled
def _given_words(offsets, tokens, document, shift, starts, ends):
    first, k = offsets[document], offsets[document + 1] - offsets[document]
    for i in range(k):
        starts[i] = tokens[first + i, 0] + shift
        ends[i] = tokens[first + i, 1] + shift
    return k


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
    while True:
        while i < n and bits[codes[i]] & (LETTER | DIGIT | EXTEND):
            i += 1
        single = single and i - since <= 1
        if i + 1 >= n:
            break
        code = codes[i]
        if code != _DOT and code != _COMMA and code != _APOSTROPHE and code != _CURLY_APOSTROPHE:
            break
        before, after = bits[codes[i - 1]], bits[codes[i + 1]]
        numbers = before & DIGIT and after & DIGIT
        letters = before & (LETTER | EXTEND) and after & LETTER
        if code == _DOT and letters:
            i += 1
            since = i
        elif code in (_DOT, _COMMA) and numbers:
            single = False
            i += 1
        elif code in (_APOSTROPHE, _CURLY_APOSTROPHE) and letters:
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
def _measure_words(codes, bits, lower, stop_words, stop_offsets, strict, starts, ends, k, ids, kinds, row):
    plain = plain_chars = with_letter = 0
    n_stop_words = stop_offsets.shape[0] - 1
    found = np.zeros(n_stop_words, np.uint8)
    longest = 0
    for s in range(n_stop_words):
        longest = max(longest, stop_offsets[s + 1] - stop_offsets[s])
    for i in range(k):
        size = ends[i] - starts[i]
        if ids[i] == i:  # what a word is made of is looked at once
            kinds[i] = _kind_of_word(codes, bits, starts[i], ends[i])
            if size <= longest:
                _find_stop_word(codes, lower, stop_words, stop_offsets, strict, starts[i], size, found)
        kind = kinds[ids[i]]
        if kind & 1:
            plain += 1
            plain_chars += size
        with_letter += kind >> 1
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
def _kind_of_word(codes, bits, start, end):
    """1: has a character that is no symbol; 2: has a letter; 3: both."""
    kind = 0
    for c in range(start, end):
        bit = bits[codes[c]]
        if not bit & SYMBOL:
            kind |= 1
        if bit & ALPHA:
            kind |= 2
        if kind == 3:
            break
    return kind


@_compiled
def _find_stop_word(codes, lower, stop_words, stop_offsets, strict, start, size, found):
    for s in range(stop_offsets.shape[0] - 1):
        if stop_offsets[s + 1] - stop_offsets[s] == size:
            same = True
            for c in range(size):
                code = codes[start + c]
                if strict:
                    code = lower[code]
                if code != stop_words[stop_offsets[s] + c]:
                    same = False
                    break
            if same:
                found[s] = 1


@_compiled
def _measure_symbols(codes, n, k, row):
    hashes = ellipses = pairs = 0
    for i in range(n):
        hashes += codes[i] == _HASH
        ellipses += codes[i] == _ELLIPSIS
    for i in range(n - 1):
        pairs += (codes[i] == _DOT) & (codes[i + 1] == _DOT)
    if pairs > 1:
        dots = 0
        for i in range(n):
            dots = dots + 1 if codes[i] == _DOT else 0
            if dots == 3:
                ellipses += 1
                dots = 0
    if k > 0:
        row[HASH] = hashes / k
        row[ELLIPSIS] = ellipses / k


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
def _measure_lines(codes, n, bits, starts, ends, row):
    k = _split_lines(codes, n, bits, starts, ends)
    bullets = ellipses = 0
    for i in range(k):
        start, end = _strip(codes, bits, starts[i], ends[i])
        if start < end:
            bullets += codes[start] in (_BULLET, _HYPHEN)
            ellipses += _ends_in_ellipsis(codes, start, end)
    _measure_line_marks(k, bullets, ellipses, row)


@_compiled
def _measure_line_marks(lines, bullets, ellipses, row):
    row[N_LINES] = lines
    if lines > 0:
        row[BULLETS] = bullets / lines
        row[END_ELLIPSIS] = ellipses / lines


@_compiled
def _ends_in_ellipsis(codes, start, end):
    last = codes[end - 1]
    if last == _DOT:
        return end - start >= 3 and codes[end - 2] == _DOT and codes[end - 3] == _DOT
    return last == _ELLIPSIS


@_compiled
def _measure_stripped_lines(codes, n, bits, starts, ends, para_starts, para_ends, ids, table, stamp, row):
    """All that Gopher measures in lines and paragraphs, in strict mode: stripped, blank lines left out.

    A paragraph is a run of lines without a blank one between. Uses two stamps; returns how many lines that are not
    blank are in starts and ends.
    """
    every = _split_lines(codes, n, bits, starts, ends)
    lines = paragraphs = bullets = ellipses = 0
    after_blank = True
    for i in range(every):
        start, end = _strip(codes, bits, starts[i], ends[i])
        if start == end:
            after_blank = True
            continue
        first = codes[start]
        bullets += first in (_BULLET, _HYPHEN) or first in _MORE_BULLETS
        ellipses += _ends_in_ellipsis(codes, start, end)
        if after_blank:
            para_starts[paragraphs] = start
            paragraphs += 1
            after_blank = False
        para_ends[paragraphs - 1] = end
        starts[lines], ends[lines] = start, end
        lines += 1
    _measure_line_marks(every, bullets, ellipses, row)
    _measure_duplicates(codes, n, para_starts, para_ends, paragraphs, ids, table, stamp + 1, N_PARAS, row)
    _measure_duplicates(codes, n, starts, ends, lines, ids, table, stamp + 2, N_LINES_REP, row)
    return lines


@_compiled
def _measure_duplicates(codes, n, starts, ends, k, ids, table, stamp, measure, row):
    """Number of spans, share of those seen before, and share of characters in them, from column `measure` on."""
    same, chars = _duplicates(codes, starts, ends, k, ids, table, stamp)
    row[measure] = k
    if k > 0:
        row[measure + 1] = same / k
    if n > 0:
        row[measure + 2] = chars / n


@_compiled
def _measure_repeated_lines(codes, n, bits, starts, ends, ids, table, stamp, row):
    """Duplicate paragraphs and lines as the reference has them. Uses two stamps; returns how many lines there are."""
    start, end = _strip(codes, bits, 0, n)
    paragraphs = _split_runs(codes, start, end, 2, starts, ends)
    _measure_duplicates(codes, n, starts, ends, paragraphs, ids, table, stamp + 1, N_PARAS, row)
    lines = _split_runs(codes, 0, n, 1, starts, ends)
    _measure_duplicates(codes, n, starts, ends, lines, ids, table, stamp + 2, N_LINES_REP, row)
    return lines


@_compiled
def _measure_fineweb(
    codes, chars, newlines, words, bits, strict, rules, starts, ends, lines, ids, table, stamp, row
):
    """Line measures of FineWeb and the long lines of mC4; chars: without the newlines."""
    long = punctuated = short = 0
    for i in range(lines):
        long += ends[i] - starts[i] >= rules[RULE_LONG_LINE]
    lines = _drop_blank(codes, bits, starts, ends, lines, strict)
    _, repeated = _duplicates(codes, starts, ends, lines, ids, table, stamp)
    for i in range(lines):
        punctuated += 1 if bits[codes[ends[i] - 1]] & TERMINAL else 0
        short += ends[i] - starts[i] <= rules[RULE_SHORT_LINE]
    row[LONG_LINES] = long
    row[FW_N_LINES] = lines
    if words > 0:
        row[FW_NEWLINES] = newlines / words
    if lines > 0:
        row[FW_PUNCT] = punctuated / lines
        row[FW_SHORT] = short / lines
        row[FW_DUP] = repeated / chars


@_compiled
def _count(codes, lo, hi, wanted):
    found = 0
    for i in range(lo, hi):
        found += codes[i] == wanted
    return found


@_compiled
def _count_breaks(codes, n, bits):
    found = 0
    for i in range(n):
        found += 1 if bits[codes[i]] & BREAK else 0
    return found


@_compiled
def _drop_blank(codes, bits, starts, ends, k, strip):
    kept = 0
    for i in range(k):
        start, end = _strip(codes, bits, starts[i], ends[i])
        if start < end:
            starts[kept], ends[kept] = (start, end) if strip else (starts[i], ends[i])
            kept += 1
    return kept


# -- the lines of C4 -------------------------------------------------------------------------------------------------


@_compiled
def _keep_lines(codes, bits, lower, rules, starts, ends, lines, edited, kept_starts, kept_ends, row, copy):
    """Which lines stay; returns (characters of them joined by newlines, lines, citations removed).

    starts, ends: lines in codes. With `copy` the joined lines go to `edited`, and kept_starts and kept_ends lie there.
    Without it they lie in codes, and the first citation ends the work. `row` counts why lines went; blank ones go
    without being counted. Of the two phrases that drop a document only the one that comes first is counted.
    """
    for measure in range(C4_LONG_WORD, C4_CURLY + 1):
        row[measure] = 0
    m = kept = removed = 0
    for line in range(lines):
        start, end = _strip(codes, bits, starts[line], ends[line])
        words, longest, has = _look_at_line(codes, start, end, bits, lower)
        if longest > rules[RULE_WORD_CHARS]:
            row[C4_LONG_WORD] += 1
            continue
        bracket = rules[RULE_CITATIONS] and has & _HAS_BRACKET
        found = _count_citations(codes, start, end, bits) if bracket else 0
        if found > 0 and not copy:
            return 0, 0, found
        text, at = codes, m + 1 if kept > 0 else m
        if copy:
            size = _copy_without_citations(codes, start, end, bits, edited, at, found > 0)
            text, start, end = edited, at, size
            if found > 0:
                _, _, has = _look_at_line(edited, start, end, bits, lower)
        if not _stays(text, start, end, words, has, rules, row):
            continue
        if copy and kept > 0:
            edited[m] = _NEWLINE
        kept_starts[kept], kept_ends[kept] = start, end
        kept += 1
        removed += found
        m = at + end - start
    return m, kept, removed


@_compiled
def _stays(codes, start, end, words, has, rules, row):
    """Whether a line stays, its citations gone; words: counted before they went."""
    if rules[RULE_PUNCT] and not _ends_well(codes, start, end):
        row[C4_NO_PUNCT] += 1 if words > 0 else 0
        return False
    if words < rules[RULE_LINE_WORDS]:
        row[C4_FEW_WORDS] += 1 if words > 0 else 0
        return False
    if rules[RULE_LOREM] and has & _HAS_LOREM and row[C4_CURLY] == 0:
        row[C4_LOREM] += 1
    if rules[RULE_JAVASCRIPT] and has & _HAS_JAVASCRIPT:
        row[C4_JAVASCRIPT] += 1
        return False
    if rules[RULE_CURLY] and has & _HAS_BRACE and row[C4_LOREM] == 0:
        row[C4_CURLY] += 1
    if rules[RULE_POLICY] and has & _HAS_POLICY:
        row[C4_POLICY] += 1
        return False
    return True


@_compiled
def _look_at_line(codes, start, end, bits, lower):
    """(words cut at blanks, characters of the longest, what is in the line)."""
    words = longest = has = 0
    since = start  # begin of a word
    for i in range(start, end):
        bit = bits[codes[i]]
        if not bit & (SPACE | WATCHED):
            continue
        if bit & SPACE:
            if i > since:
                words += 1
                longest = max(longest, i - since)
            since = i + 1
        else:
            has |= _look_around(codes, start, end, i, lower)
    if end > since:
        words += 1
        longest = max(longest, end - since)
    return words, longest, has


@_compiled
def _look_around(codes, start, end, i, lower):
    """Which phrase, if any, has its rarest letter at `i`."""
    code = lower[codes[i]]
    if code == 91:
        return _HAS_BRACKET
    if code == 123:
        return _HAS_BRACE
    before = lower[codes[i - 1]] if i > start else 0
    if code == 118 and before == 97:  # jaV
        return _HAS_JAVASCRIPT if _reads(codes, i - 2, start, end, lower, _JAVASCRIPT) else 0
    if code == 118 and before == 105:  # priV
        return _HAS_POLICY if _reads(codes, i - 3, start, end, lower, _PRIVACY_POLICY) else 0
    if code == 109 and before == 101:  # loreM
        return _HAS_LOREM if _reads(codes, i - 4, start, end, lower, _LOREM_IPSUM) else 0
    if code == 109 and before == 114:  # terM
        return _HAS_POLICY if _reads(codes, i - 3, start, end, lower, _TERMS_OF_USE) else 0
    if (
        code == 107
        and before == 111  # cooK
        and (
            _reads(codes, i - 3, start, end, lower, _COOKIE_POLICY)
            or _reads(codes, i - 8, start, end, lower, _USES_COOKIES)
            or _reads(codes, i - 10, start, end, lower, _USE_OF_COOKIES)
            or _reads(codes, i - 7, start, end, lower, _USE_COOKIES)
        )
    ):
        return _HAS_POLICY
    return 0


@_compiled
def _reads(codes, i, start, end, lower, phrase):
    """Whether the lower-cased characters from `i` on are those of the phrase, within [start, end)."""
    if i < start or end - i < phrase.shape[0]:
        return False
    for c in range(phrase.shape[0]):  # noqa: SIM110 - a loop is what numba compiles
        if lower[codes[i + c]] != phrase[c]:
            return False
    return True


@_compiled
def _count_citations(codes, start, end, bits):
    i, found = start, 0
    while i < end:
        size = _citation(codes, i, end, bits)
        found += size > 0
        i += max(size, 1)
    return found


@_compiled
def _citation(codes, i, end, bits):
    """Characters of [1], [], [edit] or [citation needed] at `i`, or 0."""
    if codes[i] != 91:
        return 0
    close = i + 1
    while close < end and bits[codes[close]] & DECIMAL:
        close += 1
    if close < end and codes[close] == 93:
        return close + 1 - i
    if _same_codes(codes, i, end, _EDIT):
        return _EDIT.shape[0]
    return _CITATION_NEEDED.shape[0] if _same_codes(codes, i, end, _CITATION_NEEDED) else 0


@_compiled
def _copy_without_citations(codes, start, end, bits, out, m, any_there):
    """Copy a line to out[m:], without citations; returns where it ends there."""
    i = start
    while i < end:
        size = _citation(codes, i, end, bits) if any_there else 0
        if size > 0:
            i += size
            continue
        out[m] = codes[i]
        m += 1
        i += 1
    return m


@_compiled
def _same_codes(codes, i, end, phrase):
    if end - i < phrase.shape[0]:
        return False
    for c in range(phrase.shape[0]):  # noqa: SIM110 - a loop is what numba compiles
        if codes[i + c] != phrase[c]:
            return False
    return True


@_compiled
def _ends_well(codes, start, end):
    """Whether a line ends with one of . ? ! " ' and not with an ellipsis."""
    if start == end:
        return False
    last = codes[end - 1]
    if last == _DOT:
        return not (end - start >= 3 and codes[end - 2] == _DOT and codes[end - 3] == _DOT)
    return last in (63, 33, 34, _APOSTROPHE)


@_compiled
def _count_sentences(codes, bits, starts, ends, k, line_starts, line_ends, lines, blanks_count):
    """(words, sentences) of the lines that stay; gristmill/filter/measures.py says what a sentence is.

    starts, ends: words of the whole text.
    """
    words = sentences = word = 0
    for line in range(lines):
        start, end = line_starts[line], line_ends[line]
        sentences += 1
        ended = False
        while word < k and starts[word] < start:
            word += 1
        while word < k and starts[word] < end:
            mark = ends[word] - starts[word] == 1 and bits[codes[starts[word]]] & ENDS_SENTENCE
            if mark:
                ended = True
            elif ended:
                marks_only = True
                for c in range(starts[word], ends[word]):
                    marks_only = marks_only and bits[codes[c]] & MARK
                if not marks_only:
                    sentences += 1
                    ended = False
            words += 1
            word += 1
        # spaCy makes a token of all blanks after the first, and that token begins a sentence.
        last, before = codes[max(end - 1, 0)], codes[max(end - 2, 0)]
        if blanks_count and ended and bits[last] & SPACE and (last != 32 or bits[before] & SPACE):
            sentences += 1
    return words, sentences


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
    """ids[i] = number of the first span with the same characters.

    A slot of `table` is (key, stamp and span). The key of up to nine ASCII characters is these themselves.
    """
    mask = _mask(k)
    mark = np.int64(stamp) << 32
    for i in range(k):
        start, end = starts[i], ends[i]
        key, exact = _key(codes, start, end)
        state = np.uint64(key) * _MIX
        slot = np.int64((state ^ state >> _32) & mask)
        while True:
            held = table[slot, 1]
            if held >> 32 != stamp:
                table[slot, 0] = key
                table[slot, 1] = mark | i
                ids[i] = i
                break
            if table[slot, 0] == key:
                other = held & 0xFFFFFFFF
                size = end - start
                if exact or (
                    ends[other] - starts[other] == size and _same(codes, start, starts[other], size)
                ):
                    ids[i] = other
                    break
            slot = (slot + 1) & np.int64(mask)


@_compiled
def _key(codes, start, end):
    """(64 bits, whether no other span has them)."""
    if end - start <= 9:
        packed, high = np.uint64(0), np.int32(0)
        zero = False
        for c in range(start, end):
            code = codes[c]
            packed = packed << np.uint64(7) | np.uint64(code & 127)
            high |= code
            zero = zero or code == 0
        if high < 128 and not zero:
            return np.int64(packed), True  # the sign bit is never set
    state = _FNV_START
    c = start
    while c + 4 <= end:
        mixed = np.uint64(codes[c]) + np.uint64(codes[c + 1]) * _MIX
        mixed += np.uint64(codes[c + 2]) * _BASE + np.uint64(codes[c + 3]) * _BASE_INVERSE
        state = (state ^ mixed) * _FNV_PRIME
        state ^= state >> _32
        c += 4
    while c < end:
        state = (state ^ np.uint64(codes[c])) * _FNV_PRIME
        c += 1
    return np.int64(state | np.uint64(1) << np.uint64(63)), False


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
    counts, seen = numbers[3], numbers[4]
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
            places = _next_order(k, order, groups, active, places, counts, table, stamp)
            if order <= 4:
                row[TOP_2 + order - 2] = _top(k, order, strict, groups, active, places, counts, lengths) / n
        if order > 4:
            chars = _repeated(order, groups, active, places, lengths, seen) if k >= order else 0
            row[DUP_5 + order - 5] = chars / n
    return stamp


@_compiled
def _next_order(k, order, groups, active, places, counts, table, stamp):
    """From (n-1)-grams to n-grams: the pair of (n-1)-grams at i and i + 1 names the n-gram at i."""
    mask = _mask(places)
    mark = np.int64(stamp) << 32
    kept = 0
    for a in range(places):
        i = active[a]
        if i > k - order or groups[i + 1] < 0:
            groups[i] = -1
            continue
        key = np.int64(groups[i]) << 32 | np.int64(groups[i + 1])
        state = np.uint64(key) * _MIX
        slot = np.int64((state ^ state >> _32) & mask)
        while True:
            held = table[slot, 1]
            if held >> 32 != stamp:
                table[slot, 0] = key
                table[slot, 1] = mark | i
                counts[i] = 1
                groups[i] = i
                break
            if table[slot, 0] == key:
                other = held & 0xFFFFFFFF
                groups[i] = other
                counts[other] += 1
                break
            slot = (slot + 1) & np.int64(mask)
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
        mark = np.int64(stamp) << 32
        chars = i = 0
        while i <= k - order:
            state = (sums[i + order] - sums[i]) * inverses[i] * _MIX
            slot = np.int64((state ^ state >> _32) & mask)
            size = lengths[i + order] - lengths[i]
            step = 0
            while step == 0:
                held = table[slot, 1]
                if held >> 32 != stamp:
                    table[slot, 1] = mark | i
                    step = 1
                    break
                other = held & 0xFFFFFFFF
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
