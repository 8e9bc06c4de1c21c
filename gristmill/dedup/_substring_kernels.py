"""Compiled loops of repeated substrings: stretches of windows, their hashes, repeated ranges, and the seams of cuts.

They work on arrays of symbols (bytes, or a hash per word) and hold no lock of the interpreter. `data` is always the
symbols as bytes, `width` of them for a symbol. numba's cache on disk does not see a change of a helper in another file;
those taken from `_kernels` are fixed by the definitions of UTF-8 and XXH64.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array is described where it is an argument of a public kernel.
from __future__ import annotations

import numpy as np

from gristmill.dedup._kernels import _compiled, _decode, xxh64

SPACE = 1  # bit of a character, as in _unit_kernels

_U = np.uint64
_SEED = _U(0)
_FACTOR = _U(0x9E3779B97F4A7C15)  # of the polynomial that rolls; odd: 2^64 divided by the golden ratio
_WINDOW_FACTOR = _U(0xD1342543DE82EF95)  # another one, for LCGs of 64 bits (Steele, Vigna 2021)
_MIX_1, _MIX_2 = _U(0xFF51AFD7ED558CCD), _U(0xC4CEB9FE1A85EC53)  # the finaliser of MurmurHash3
_SPREAD_1, _SPREAD_2 = _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)  # the finaliser of SplitMix64
_LOW = _U(0xFFFFFFFF)
_NEWLINE = 10
_LONGEST_WORD_BYTES = 48  # a cut gives up at most so much at an end, to leave a word whole


# -- words ------------------------------------------------------------------------------------------------------------


@_compiled
def find_words(data, offsets, flags, starts, ends, symbols, word_offsets):
    """Bytes of every word (a run without white space) and its XXH64.

    flags (uint8): per code point, SPACE counts. Out: starts, ends (int64, absolute), symbols (uint64), with room for
    half the bytes of every text, rounded up; word_offsets (int64, one more than texts).
    """
    word = 0
    for document in range(offsets.shape[0] - 1):
        i, end = offsets[document], offsets[document + 1]
        inside = False
        while i < end:
            code, following = _decode(data, i)
            if flags[code] & SPACE:
                if inside:
                    ends[word - 1] = i
                    inside = False
            elif not inside:
                starts[word] = i
                word += 1
                inside = True
            i = following
        if inside:
            ends[word - 1] = end
        word_offsets[document + 1] = word
    for i in range(word):
        symbols[i] = xxh64(data, starts[i], ends[i], _SEED)


# -- stretches --------------------------------------------------------------------------------------------------------


@_compiled
def find_stretches(symbols, offsets, data, width, length, gram, collapse):
    """Every text as stretches: windows of `length` symbols in a row with the same minimizer.

    A window's minimizer is its gram (`gram` symbols) with the least hash, the last one of equals, so it depends on the
    window's symbols alone: equal windows have equal minimizers at the same place in them.
    Out, per stretch, uint64: key (hash of the minimizer, spread evenly over all numbers), hash (XXH64 of all its
    symbols), document << 32 | number of its first window in the document, windows << 32 | occurrences.
    collapse: a stretch that is equal to the one before it in its document only raises that one's occurrences, so that
    a long run of one character has one row.
    """
    leaving = _U(1)  # factor of the symbol that leaves the gram
    for _ in range(gram - 1):
        leaving *= _FACTOR
    grams = length - gram + 1  # in a window
    room = 1
    while room < grams:
        room *= 2
    ring, mask = np.empty(room, np.uint64), room - 1  # hashes of the last grams
    rows = np.empty((1024, 4), np.uint64)
    count = 0
    for document in range(offsets.shape[0] - 1):
        first = offsets[document]
        all_grams = offsets[document + 1] - first - gram + 1
        if all_grams < grams:
            continue
        rolled = _U(0)
        for i in range(first, first + gram - 1):
            rolled = rolled * _FACTOR + _U(symbols[i]) + _U(1)
        before = count  # rows of earlier documents
        least, place = _U(0), -1  # hash and number of the minimizer of the last `grams` grams
        start, start_place, start_least = 0, -1, _U(0)  # of the open stretch
        for number in range(all_grams):
            rolled = rolled * _FACTOR + _U(symbols[first + number + gram - 1]) + _U(1)
            order = (rolled ^ rolled >> _U(33)) * _MIX_1
            order = (order ^ order >> _U(33)) * _MIX_2
            order ^= order >> _U(33)
            rolled -= (_U(symbols[first + number]) + _U(1)) * leaving
            ring[number & mask] = order
            if place < 0 or order <= least:
                least, place = order, number
            elif place <= number - grams:
                least, place = order, number
                for other in range(number - 1, number - grams, -1):
                    if ring[other & mask] < least:
                        least, place = ring[other & mask], other
            window = number - grams + 1
            if window >= 0 and place != start_place:
                if start_place >= 0:
                    rows, count = _close(
                        rows, count, before, data, width, first, length, document, start, window, start_least,
                        collapse,
                    )  # fmt: skip
                start, start_place, start_least = window, place, least
        rows, count = _close(
            rows, count, before, data, width, first, length, document, start, all_grams - grams + 1, start_least,
            collapse,
        )  # fmt: skip
    return rows[:count].copy()


@_compiled
def _close(rows, count, before, data, width, first, length, document, start, end, least, collapse):
    """Add the stretch of windows start..end (exclusive) of a document; returns the rows and how many there are."""
    key = (least ^ least >> _U(30)) * _SPREAD_1
    key = (key ^ key >> _U(27)) * _SPREAD_2
    key ^= key >> _U(31)
    value = xxh64(data, (first + start) * width, (first + end - 1 + length) * width, _SEED)
    windows = _U(end - start)
    if collapse and count > before and rows[count - 1, 0] == key and rows[count - 1, 1] == value:
        rows[count - 1, 3] += _U(1)
        return rows, count
    if count == rows.shape[0]:
        longer = np.empty((2 * count, 4), np.uint64)
        longer[:count] = rows
        rows = longer
    rows[count, 0] = key
    rows[count, 1] = value
    rows[count, 2] = _U(document) << _U(32) | _U(start)
    rows[count, 3] = windows << _U(32) | _U(1)
    return rows, count + 1


@_compiled
def hash_windows(symbols, offsets, length, documents, firsts, hash_offsets, hashes):
    """A hash (uint64) of every window of some stretches: a polynomial in its symbols, which rolls, mixed.

    documents, firsts (int64): where each stretch begins; hash_offsets (one more than stretches): where its hashes go.
    """
    leaving = _leaving(length)
    for stretch in range(documents.shape[0]):
        place = offsets[documents[stretch]] + firsts[stretch]
        _hash_windows(
            symbols, place, length, leaving, hashes, hash_offsets[stretch], hash_offsets[stretch + 1]
        )


@_compiled
def _leaving(length):
    """What a symbol that leaves the window has been multiplied by."""
    factor = _U(1)
    for _ in range(length - 1):
        factor *= _WINDOW_FACTOR
    return factor


@_compiled
def _hash_windows(symbols, place, length, leaving, hashes, k, end):
    """Hashes of the windows that begin at `place` and behind it, into hashes[k:end]."""
    rolled = _U(0)
    for i in range(place, place + length):
        rolled = rolled * _WINDOW_FACTOR + _U(symbols[i]) + _U(1)
    while True:
        value = (rolled ^ rolled >> _U(33)) * _MIX_1
        value = (value ^ value >> _U(33)) * _MIX_2
        hashes[k] = value ^ value >> _U(33)
        k += 1
        if k >= end:
            break
        rolled -= (_U(symbols[place]) + _U(1)) * leaving
        rolled = rolled * _WINDOW_FACTOR + _U(symbols[place + length]) + _U(1)
        place += 1


# -- ranges -----------------------------------------------------------------------------------------------------------


@_compiled
def find_ranges(
    stretches, symbols, offsets, length, whole, parts, part_keys, sequence, first_row, keep_first
):
    """Ranges of symbols that repeat, by document and place; those that overlap or touch are one.

    stretches: of these texts, as `find_stretches` gives them, not collapsed. whole, parts: tables, see `_look_up`, of
    stretches and of single windows; part_keys: keys (uint64, ascending) and edges, of stretches that are looked up by
    window. sequence: of the shard, or a number that none has. keep_first: a window that is the first occurrence in the
    snapshot, or overlaps it in its document, is left out.
    Out, int64: document, first symbol in it, end, most occurrences of a window, and of the first window the first
    occurrence: shard, row.
    """
    leaving = _leaving(length)
    hashes, rows = np.empty(length, np.uint64), np.empty(length, np.int64)  # of a stretch's windows
    ranges = np.empty((256, 6), np.int64)
    count = 0
    for i in range(stretches.shape[0]):
        key = stretches[i, 0]
        document, start = np.int64(stretches[i, 2] >> _U(32)), np.int64(stretches[i, 2] & _LOW)
        windows = np.int64(stretches[i, 3] >> _U(32))
        place_of = _U(sequence) << _U(32) | _U(document + first_row)
        found = _look_up(whole, key, stretches[i, 1])
        if found >= 0:
            if _goes(whole, found, place_of, start, length, keep_first):
                ranges, count = _mark(
                    ranges, count, document, start, start + windows - 1 + length, whole, found
                )
        elif _has(part_keys, key):
            # One loop after the other, so that the processor waits for many rows of the table at a time.
            _hash_windows(symbols, offsets[document] + start, length, leaving, hashes, 0, windows)
            for k in range(windows):
                rows[k] = _look_up(parts, hashes[k], key)
            for k in range(windows):
                if rows[k] >= 0 and _goes(parts, rows[k], place_of, start + k, length, keep_first):
                    ranges, count = _mark(
                        ranges, count, document, start + k, start + k + length, parts, rows[k]
                    )
    return ranges[:count].copy()


@_compiled
def _look_up(table, value, other):
    """Row of a pair of hashes, or -1. table: see _table of gristmill/dedup/substrings.py."""
    rows, edges, shift = table
    bucket = value >> shift
    for i in range(edges[bucket], edges[bucket + _U(1)]):
        if rows[i, 0] == value and rows[i, 1] == other:
            return i
    return -1


@_compiled
def _has(keys, key):
    values, edges, shift = keys
    bucket = key >> shift
    found = False
    for i in range(edges[bucket], edges[bucket + _U(1)]):
        found |= values[i] == key
    return found


@_compiled
def _goes(table, found, document, window, length, keep_first):
    """Whether the window repeats one that stays."""
    rows = table[0]
    if not keep_first or rows[found, 3] != document:
        return True
    return window - np.int64(rows[found, 4]) >= length


@_compiled
def _mark(ranges, count, document, start, end, table, found):
    rows = table[0]
    occurrences = np.int64(rows[found, 2])
    if count > 0 and ranges[count - 1, 0] == document and start <= ranges[count - 1, 2]:
        ranges[count - 1, 2] = max(ranges[count - 1, 2], end)
        ranges[count - 1, 3] = max(ranges[count - 1, 3], occurrences)
        return ranges, count
    if count == ranges.shape[0]:
        longer = np.empty((2 * count, 6), np.int64)
        longer[:count] = ranges
        ranges = longer
    ranges[count, 0], ranges[count, 1], ranges[count, 2], ranges[count, 3] = document, start, end, occurrences
    ranges[count, 4], ranges[count, 5] = rows[found, 3] >> _U(32), rows[found, 3] & _LOW
    return ranges, count + 1


# -- cuts -------------------------------------------------------------------------------------------------------------


@_compiled
def shrink_to_characters(data, starts, ends):
    """Move both ends of spans inward to where characters begin; a span may become empty. In place."""
    for span in range(starts.shape[0]):
        while starts[span] < ends[span] and data[starts[span]] & 0xC0 == 0x80:
            starts[span] += 1
        # `data` may end with the span, and what begins there is then a character.
        while ends[span] > starts[span] and ends[span] < data.shape[0] and data[ends[span]] & 0xC0 == 0x80:
            ends[span] -= 1


@_compiled
def clean_seams(data, offsets, documents, starts, ends, flags):
    """Move the ends of spans, in place, so that words stay whole and seams have the white space of a text.

    An end inside a word moves inward to the next white space, if that is near; else (a script without blanks) it stays.
    Of the white space on both sides of a seam the side with fewer line feeds goes too; at either end of a text all of
    it goes. Where there is none on either side, the white space at an end of the span stays, so that no words are
    joined.
    documents: of every span; spans are ascending and disjoint, with at least a byte between two of a document; those
    of a document may overlap afterwards, and some may be empty.
    """
    for span in range(starts.shape[0]):
        begin, stop = offsets[documents[span]], offsets[documents[span] + 1]
        start, end = starts[span], ends[span]
        if start > begin and not _space_before(data, start, flags) and not _space_at(data, start, flags):
            start = _skip_word(data, start, end, flags)
        if end < stop and not _space_before(data, end, flags) and not _space_at(data, end, flags):
            end = _skip_word_back(data, start, end, flags)
        if start < end:
            left, right = _spaces_before(data, begin, start, flags), _spaces_after(data, end, stop, flags)
            if left == begin or right == stop:
                start, end = left, right
            elif left == start and right == end:
                head, tail = _spaces_after(data, start, end, flags), _spaces_before(data, start, end, flags)
                if head < end:
                    if _lines(data, tail, end) > _lines(data, start, head) or head == start:
                        end = tail
                    else:
                        start = head
            elif left < start and right > end:
                if _lines(data, end, right) > _lines(data, left, start):
                    start = left
                else:
                    end = right
        starts[span], ends[span] = start, end


@_compiled
def _skip_word(data, start, end, flags):
    """The first white space from `start` on, if it is near and before `end`; else `start`."""
    i = start
    while i < end and i - start <= _LONGEST_WORD_BYTES:
        code, following = _decode(data, i)
        if flags[code] & SPACE:
            return i
        i = following
    return start


@_compiled
def _skip_word_back(data, start, end, flags):
    """The end of the last white space before `end`, if it is near and after `start`; else `end`."""
    i = end
    while i > start and end - i <= _LONGEST_WORD_BYTES:
        if _space_before(data, i, flags):
            return i
        i = _previous(data, i)
    return end


@_compiled
def _space_at(data, i, flags):
    code, _ = _decode(data, i)
    return flags[code] & SPACE != 0


@_compiled
def _space_before(data, i, flags):
    return _space_at(data, _previous(data, i), flags)


@_compiled
def _previous(data, i):
    """Where the character before byte `i` begins."""
    i -= 1
    while data[i] & 0xC0 == 0x80:
        i -= 1
    return i


@_compiled
def _spaces_before(data, begin, i, flags):
    """Where the white space that ends at `i` begins; not before `begin`."""
    while i > begin and _space_before(data, i, flags):
        i = _previous(data, i)
    return i


@_compiled
def _spaces_after(data, i, stop, flags):
    """Where the white space that begins at `i` ends; not after `stop`."""
    while i < stop:
        code, following = _decode(data, i)
        if not flags[code] & SPACE:
            break
        i = following
    return i


@_compiled
def _lines(data, start, end):
    count = 0
    for i in range(start, end):
        count += data[i] == _NEWLINE
    return count


@_compiled
def count_characters(data, offsets, documents, starts, ends, first_chars, end_chars):
    """Characters of the text before the start and the end of every span (int64); spans ascend."""
    last, i, chars = -1, offsets[0], 0
    for span in range(starts.shape[0]):
        if documents[span] != last:
            last, i, chars = documents[span], offsets[documents[span]], 0
        while i < starts[span]:
            chars += data[i] & 0xC0 != 0x80
            i += 1
        first_chars[span] = chars
        while i < ends[span]:
            chars += data[i] & 0xC0 != 0x80
            i += 1
        end_chars[span] = chars
