"""Compiled loops of deduplication: normalising, words, shingle hashes, minima, and comparing documents.

All of them work on Arrow buffers (UTF-8 bytes and offsets) and hold no lock of the interpreter, so callers
may use threads. Everything compiled lies in this file because numba's cache on disk looks only at the file of
the function that was called: a helper elsewhere could change without the cached caller noticing.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types; every array is described where it is an argument of a public kernel.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# Bits of a character, see gristmill/dedup/normalise.py.
DIGIT, SEPARATOR, MARK, SPACE, HARD, LETTER, UNSPACED = 1, 2, 4, 8, 16, 32, 64
DROPPED = -1  # in `mapped`: nothing is left of the character; -2 - k: the k-th expansion

_BLANK, _ZERO = 32, 48
_U = np.uint64
_0, _3, _8, _61 = _U(0), _U(3), _U(8), _U(61)
_PRIME_1, _PRIME_2, _PRIME_3 = _U(0x9E3779B185EBCA87), _U(0xC2B2AE3D27D4EB4F), _U(0x165667B19E3779F9)
_PRIME_4, _PRIME_5 = _U(0x85EBCA77C2B2AE63), _U(0x27D4EB2F165667C5)
_MERSENNE_61 = _U((1 << 61) - 1)
_MOST = _U(0xFFFFFFFFFFFFFFFF)
_BLOCK = (
    512  # shingles that go through all hash functions before the next ones: 4 KiB, which stays in the cache
)
_LANES = 32  # numbers of 32 bits in a round of a compiled loop; divides _BLOCK

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


# -- normalised text -----------------------------------------------------------------------------------------


@_compiled
def normalise(
    data, offsets, flags, mapped, expanded, expansion_offsets, collapse, out, out_offsets, hard, unspaced
):
    """Write the normalised texts to `out`, and where they end to `out_offsets` (one more than documents).

    data, offsets: the texts. flags (uint8) and mapped (int32): per code point; expanded (int32) and
    expansion_offsets: characters that become several. collapse: a run of white space becomes one blank.
    hard (bool): the document has a character that needs its neighbours, do it elsewhere. unspaced (bool):
    more than half of its letters belong to scripts without blanks between words.
    """
    k = 0
    for document in range(offsets.shape[0] - 1):
        i, end = offsets[document], offsets[document + 1]
        start = solid = k  # solid: end of the last character that is not white space
        letters = letters_unspaced = 0
        pending = seen = is_hard = False
        while i < end:
            code, i = _decode(data, i)
            flag = flags[code]
            letters += (flag >> 5) & 1
            letters_unspaced += (flag >> 6) & 1
            if flag & HARD:
                is_hard = True
            if flag & DIGIT:
                i = _end_of_number(data, i, end, flags)
                glyph = _ZERO
            elif flag & (MARK | SPACE):
                if collapse:
                    pending = seen
                elif k > start:
                    k = _encode(_BLANK if flag & MARK else mapped[code], out, k)
                continue
            else:
                glyph = mapped[code]
            if pending and k > start:
                out[k] = _BLANK
                k += 1
            pending = False
            seen = True
            if glyph == DROPPED:
                continue
            if glyph >= 0:
                k = _encode(glyph, out, k)
            else:
                for position in range(expansion_offsets[-2 - glyph], expansion_offsets[-1 - glyph]):
                    k = _encode(expanded[position], out, k)
            solid = k
        k = solid
        out_offsets[document + 1] = k
        hard[document] = is_hard
        unspaced[document] = 2 * letters_unspaced > letters


@_compiled
def _end_of_number(data, i, end, flags):
    """End of the number whose first digit ends at `i`: digits, then at most one separator with digits."""
    parts = 0
    while i < end:
        code, following = _decode(data, i)
        if flags[code] & DIGIT:
            i = following
        elif parts == 0 and flags[code] & SEPARATOR and following < end:
            code, following = _decode(data, following)
            if not flags[code] & DIGIT:
                break
            parts = 1
            i = following
        else:
            break
    return i


@_compiled
def _decode(data, i):
    """(code point, where the next one starts); the bytes are valid UTF-8, as in every Arrow string."""
    first = np.int32(data[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | data[i + 1] & 0x3F, i + 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | data[i + 2] & 0x3F, i + 3
    return (
        (first & 0x07) << 18 | (data[i + 1] & 0x3F) << 12 | (data[i + 2] & 0x3F) << 6 | data[i + 3] & 0x3F,
        i + 4,
    )


@_compiled
def _encode(code, out, k):
    """Write a code point as UTF-8; returns where the next one goes."""
    if code < 0x80:
        out[k] = code
        return k + 1
    if code < 0x800:
        out[k] = 0xC0 | code >> 6
        out[k + 1] = 0x80 | code & 0x3F
        return k + 2
    if code < 0x10000:
        out[k] = 0xE0 | code >> 12
        out[k + 1] = 0x80 | code >> 6 & 0x3F
        out[k + 2] = 0x80 | code & 0x3F
        return k + 3
    out[k] = 0xF0 | code >> 18
    out[k + 1] = 0x80 | code >> 12 & 0x3F
    out[k + 2] = 0x80 | code >> 6 & 0x3F
    out[k + 3] = 0x80 | code & 0x3F
    return k + 4


# -- words and shingles --------------------------------------------------------------------------------------


@_compiled
def hash_shingles(data, offsets, flags, by_char, ngram, joined, spans, n_words, hashes, hash_offsets):
    """xxh64 of every window of `ngram` words, joined by blanks, in the order of the text.

    Out: n_words (uint32) per document; hashes (uint64), document by document as hash_offsets says.
    by_char: every character that is not white space is a word. Scratch: joined uint8 and spans int64[2, :],
    as long as the longest document needs (twice its bytes + 2 is enough).
    """
    starts, ends = spans[0], spans[1]
    k = 0
    for document in range(offsets.shape[0] - 1):
        words = _find_words(
            data, offsets[document], offsets[document + 1], flags, by_char, joined, starts, ends
        )
        n_words[document] = words
        for first in range(words - ngram + 1):
            hashes[k] = xxh64(joined, starts[first], ends[first + ngram - 1], _0)
            k += 1
        hash_offsets[document + 1] = k


@_compiled
def _find_words(data, i, end, flags, by_char, joined, starts, ends):
    """Copy the words to `joined`, one blank between them, and note their spans; returns how many."""
    k = words = 0
    inside = False
    while i < end:
        code, following = _decode(data, i)
        if flags[code] & SPACE:
            inside = False
            i = following
            continue
        if by_char or not inside:
            if words > 0:
                joined[k] = _BLANK
                k += 1
            starts[words] = k
            words += 1
            inside = True
        while i < following:
            joined[k] = data[i]
            k += 1
            i += 1
        ends[words - 1] = k
    return words


@_compiled
def xxh64(data, start, end, seed):
    """XXH64 of data[start:end] (bytes), as the published specification defines it; `seed` is a uint64."""
    i = start
    if end - start >= 32:
        v1, v2, v3, v4 = seed + _PRIME_1 + _PRIME_2, seed + _PRIME_2, seed, seed - _PRIME_1
        while i + 32 <= end:
            v1 = _round(v1, _read(data, i))
            v2 = _round(v2, _read(data, i + 8))
            v3 = _round(v3, _read(data, i + 16))
            v4 = _round(v4, _read(data, i + 24))
            i += 32
        h = _rotate(v1, 1) + _rotate(v2, 7) + _rotate(v3, 12) + _rotate(v4, 18)
        for v in (v1, v2, v3, v4):
            h = (h ^ _round(_0, v)) * _PRIME_1 + _PRIME_4
    else:
        h = seed + _PRIME_5
    h += _U(end - start)
    while i + 8 <= end:
        h = _rotate(h ^ _round(_0, _read(data, i)), 27) * _PRIME_1 + _PRIME_4
        i += 8
    if i + 4 <= end:
        half = _U(data[i]) | _U(data[i + 1]) << _U(8) | _U(data[i + 2]) << _U(16) | _U(data[i + 3]) << _U(24)
        h = _rotate(h ^ half * _PRIME_1, 23) * _PRIME_2 + _PRIME_3
        i += 4
    while i < end:
        h = _rotate(h ^ _U(data[i]) * _PRIME_5, 11) * _PRIME_1
        i += 1
    h = (h ^ h >> _U(33)) * _PRIME_2
    h = (h ^ h >> _U(29)) * _PRIME_3
    return h ^ h >> _U(32)


@_compiled
def _read(data, i):
    """Eight bytes as a little-endian number."""
    low = _U(data[i]) | _U(data[i + 1]) << _U(8) | _U(data[i + 2]) << _U(16) | _U(data[i + 3]) << _U(24)
    high = _U(data[i + 4]) | _U(data[i + 5]) << _U(8) | _U(data[i + 6]) << _U(16) | _U(data[i + 7]) << _U(24)
    return low | high << _U(32)


@_compiled
def _round(accumulator, lane):
    return _rotate(accumulator + lane * _PRIME_2, 31) * _PRIME_1


@_compiled
def _rotate(value, bits):
    return value << _U(bits) | value >> _U(64 - bits)


# -- all of it in one pass ---------------------------------------------------------------------------------------


@_compiled
def roll_shingles(
    data, offsets, plain, flags, mapped, expanded, expansion_offsets, by_char, ngram,
    n_words, hashes, hash_offsets, exact, hard, unspaced,
):  # fmt: skip
    """Words, shingle hashes and a 128-bit digest of every text, without writing its normalised form.

    Tables: OnePassTables of gristmill/dedup/normalise.py. A word's hash is taken over its code points; a shingle's is a
    polynomial in the hashes of its words, which rolls; so is the digest. Out as by `hash_shingles`; exact:
    uint64[documents, 2]; hard and unspaced as by `normalise`.
    """
    factor = _PRIME_1
    last_factor = _U(1)  # of the word that leaves the window
    for _ in range(ngram):
        last_factor *= factor
    ring = np.zeros(ngram, np.uint64)
    k = 0
    for document in range(offsets.shape[0] - 1):
        i, end = offsets[document], offsets[document + 1]
        words = slot = letters = letters_unspaced = 0
        piece = last_piece = np.int64(0)  # what is left of a character that became several
        inside = is_hard = False
        state, rolled, high, low = _PRIME_5, _0, _PRIME_3, _PRIME_4
        while True:
            glyph, ends, more = DROPPED, True, True
            if piece < last_piece:
                if expanded[piece] != _BLANK:
                    glyph, ends = expanded[piece], by_char
                piece += 1
            else:
                # Most bytes are letters of ASCII; one look at a small table is all that they need.
                while i < end:
                    letter = plain[data[i]]
                    if letter == 0:
                        break
                    state = _absorb(state, letter & 0x7F)
                    letters += letter >> 8
                    inside = True
                    i += 1
                more = i < end
                if more:
                    code, i = _decode(data, i)
                    flag = flags[code]
                    letters += (flag >> 5) & 1
                    letters_unspaced += (flag >> 6) & 1
                    is_hard |= (flag & HARD) != 0
                    if flag & DIGIT:
                        i = _end_of_number(data, i, end, flags)
                        glyph, ends = _ZERO, by_char
                    elif not flag & (MARK | SPACE):
                        glyph, ends = mapped[code], by_char
                        if glyph == DROPPED:
                            continue
                        if glyph < DROPPED:
                            piece, last_piece = expansion_offsets[-2 - glyph], expansion_offsets[-1 - glyph]
                            glyph = DROPPED
            if inside and ends:
                word = _mix(state)
                high = (high ^ word) * _PRIME_2
                high ^= high >> _U(29)
                low = _rotate(low + word * _PRIME_1, 27) * _PRIME_4
                rolled = rolled * factor + word - ring[slot] * last_factor
                ring[slot] = word
                slot = slot + 1 if slot + 1 < ngram else 0
                words += 1
                if words >= ngram:
                    hashes[k] = _mix(rolled)
                    k += 1
                state = _PRIME_5
                inside = False
            if not more:
                break
            if glyph != DROPPED:
                state = _absorb(state, glyph)
                inside = True
        ring[:] = _0
        n_words[document] = words
        hash_offsets[document + 1] = k
        exact[document, 0], exact[document, 1] = _mix(high + _U(words)), _mix(low)
        hard[document] = is_hard
        unspaced[document] = 2 * letters_unspaced > letters


@_compiled
def _absorb(state, code):
    state = (state ^ _U(code)) * _PRIME_2
    return state ^ state >> _U(32)


@_compiled
def _mix(h):
    """The last steps of XXH64: every bit of the result depends on every bit of the number."""
    h = (h ^ h >> _U(33)) * _PRIME_2
    h = (h ^ h >> _U(29)) * _PRIME_3
    return h ^ h >> _U(32)


@_compiled
def find_short_minima(hashes, offsets, a, b, out):
    """The least (x * a[i] + b[i]) mod 2^32 of the upper halves x of the hashes, per document and function i.

    a: odd, so that every function is a permutation. out: uint32[documents, functions]; all ones without shingles.
    """
    halves = np.empty(_BLOCK, np.uint32)
    for document in range(offsets.shape[0] - 1):
        row = out[document]
        row[:] = np.uint32(0xFFFFFFFF)
        for first in range(offsets[document], offsets[document + 1], _BLOCK):
            size = min(_BLOCK, offsets[document + 1] - first)
            # Filled up to whole lanes with a value that is there already, which changes no minimum.
            filled = (size + _LANES - 1) // _LANES * _LANES
            for i in range(filled):
                halves[i] = np.uint32(hashes[first + min(i, size - 1)] >> _U(32))
            block = halves[:filled]
            whole = a.shape[0] - a.shape[0] % 4
            for i in range(0, whole, 4):
                _lower_four(block, a[i : i + 4], b[i : i + 4], row[i : i + 4])
            for i in range(whole, a.shape[0]):
                for x in block:
                    row[i] = min(row[i], np.uint32(x * a[i] + b[i]))


@_compiled
def _lower_four(block, a, b, row):
    """Four functions at once: one alone waits for its own minimum."""
    a0, a1, a2, a3 = a[0], a[1], a[2], a[3]
    b0, b1, b2, b3 = b[0], b[1], b[2], b[3]
    least0, least1, least2, least3 = row[0], row[1], row[2], row[3]
    for x in block:
        least0 = min(least0, np.uint32(x * a0 + b0))
        least1 = min(least1, np.uint32(x * a1 + b1))
        least2 = min(least2, np.uint32(x * a2 + b2))
        least3 = min(least3, np.uint32(x * a3 + b3))
    row[0], row[1], row[2], row[3] = least0, least1, least2, least3


# -- minima and bands ----------------------------------------------------------------------------------------


@_compiled
def find_minima(hashes, offsets, a, b, mask, out):
    """The least ((x * a[i] + b[i]) mod 2^64) mod (2^61 - 1), cut to `mask`, per document and function i.

    out: uint64[documents, functions]; all ones for a document without shingles.
    """
    for document in range(offsets.shape[0] - 1):
        row = out[document]
        row[:] = _MOST
        for first in range(offsets[document], offsets[document + 1], _BLOCK):
            block = hashes[first : min(first + _BLOCK, offsets[document + 1])]
            for i in range(a.shape[0]):
                row[i] = min(row[i], _least(block, a[i], b[i], mask))


@_compiled
def _least(block, a, b, mask):
    least = _MOST
    for x in block:
        value = x * a + b
        value = (value & _MERSENNE_61) + (value >> _61)
        # Below the modulus the difference wraps round to a huge number, so the lesser one is the remainder.
        value = min(value, value - _MERSENNE_61) & mask
        least = min(least, value)
    return least


@_compiled
def hash_bands(minima, rows, out):
    """xxh64 of every band's minima as little-endian bytes; seed: its number; out: uint64[documents, bands].

    minima: uint64 or uint32; eight bytes are hashed of each in both cases.
    """
    buffer = np.empty(rows * 8, np.uint8)
    for document in range(minima.shape[0]):
        for band in range(out.shape[1]):
            for i in range(rows):
                value = _U(minima[document, band * rows + i])
                for byte in range(8):
                    buffer[i * 8 + byte] = np.uint8(value & _U(0xFF))
                    value >>= _8
            out[document, band] = xxh64(buffer, 0, rows * 8, _U(band))


# -- comparing -----------------------------------------------------------------------------------------------


@_compiled
def match_sorted(values, wanted, first, out):
    """Where each of the ascending values is among `wanted` (ascending, distinct; none before `first`), or -1."""
    place, count = first, wanted.shape[0]
    for i in range(values.shape[0]):
        while place < count and wanted[place] < values[i]:
            place += 1
        out[i] = place if place < count and wanted[place] == values[i] else -1


@_compiled
def _find_slot(key, keys, used):
    """Where the key is, or where it would go: the first slot from its low bits on whose `used` is below 0."""
    last = keys.shape[0] - 1
    slot = np.int64(key & _U(last))
    while used[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & last
    return slot


@_compiled
def list_documents(numbers, offsets, out):
    """Documents by band number, ascending inside each; those of number n go to out[offsets[n] : offsets[n + 1]].

    numbers: int32[documents, bands], -1 for none. offsets: int64[distinct numbers + 1], zeros, which are filled.
    """
    for document in range(numbers.shape[0]):
        for band in range(numbers.shape[1]):
            offsets[numbers[document, band] + 1] += numbers[document, band] >= 0
    total = np.int64(0)
    for number in range(1, offsets.shape[0]):
        # Where the documents of `number - 1` start, for now; it moves to where they end.
        offsets[number], total = total, total + offsets[number]
    for document in range(numbers.shape[0]):
        for band in range(numbers.shape[1]):
            number = numbers[document, band]
            if number >= 0:
                out[offsets[number + 1]] = document
                offsets[number + 1] += 1


@_compiled
def find_neighbours(
    numbers, shingles, starts, stops, queries, limits, run_offsets, run_documents, pool, pool_starts, pool_stops,
    keys, seen, verify, threshold, most, compared, found, similarity,
):  # fmt: skip
    """For every query, the first document of the pool that shares a band and is similar enough.

    numbers: int32[documents, bands] of this shard. shingles, starts, stops: its shingles, by document.
    queries: documents of this shard. limits: per query, the first document of the pool that comes too late for it.
    run_offsets, run_documents: the pool's documents by number of the band. pool, pool_starts, pool_stops: the pool's
    shingles. keys (uint64), seen (int32): scratch; a power of two above the shingles of the longest document.
    most: comparisons allowed to a query. In and out: compared, comparisons of the query so far. Out: found (document
    of the pool or -1), similarity.
    """
    n_bands = numbers.shape[1]
    position = np.empty(n_bands, np.int64)
    stop = np.empty(n_bands, np.int64)
    distinct = np.full(pool_starts.shape[0], -1, np.int64)  # shingles of the pool's documents, each once
    for q in range(queries.shape[0]):
        query = queries[q]
        found[q] = -1
        for band in range(n_bands):
            number = numbers[query, band]
            position[band], stop[band] = run_offsets[number], run_offsets[number + 1]
        mine = shingles[starts[query] : stops[query]]
        filled, size, before = 0, np.int64(0), compared[q]
        while compared[q] < most:
            candidate = _next_candidate(position, stop, run_documents, limits[q])
            if candidate < 0:
                break
            compared[q] += 1
            value = 1.0
            if verify:
                other = pool[pool_starts[candidate] : pool_stops[candidate]]
                if distinct[candidate] < 0:
                    distinct[candidate] = _fill_set(other, keys, seen)
                    filled = 0
                if filled == 0:
                    size = _fill_set(mine, keys, seen)
                    filled = count_slots(mine.shape[0])
                mark = np.int32(compared[q] - before)
                value = _jaccard(
                    other, distinct[candidate], keys[:filled], seen[:filled], size, mark, threshold
                )
            if value >= threshold:
                found[q] = candidate
                similarity[q] = value
                break


@_compiled
def _next_candidate(position, stop, documents, limit):
    """The earliest document at any of the positions, which move past it; -1 if none is before `limit`."""
    earliest = limit
    for band in range(position.shape[0]):
        if position[band] < stop[band]:
            earliest = min(earliest, documents[position[band]])
    if earliest == limit:
        return -1
    for band in range(position.shape[0]):
        while position[band] < stop[band] and documents[position[band]] == earliest:
            position[band] += 1
    return earliest


@_compiled
def count_slots(count):
    """Slots for so many hashes: a power of two, at least a third of them empty."""
    size = 4
    while size < count + (count >> 1):
        size *= 2
    return size


@_compiled
def _fill_set(hashes, keys, seen):
    """Put the hashes into the first slots of `keys`, where `seen` becomes 0 and is -1 elsewhere; how many differ."""
    size = count_slots(hashes.shape[0])
    keys, seen = keys[:size], seen[:size]
    seen[:] = -1
    count = 0
    for value in hashes:
        slot = _find_slot(value, keys, seen)
        if seen[slot] < 0:
            keys[slot], seen[slot] = value, 0
            count += 1
    return count


@_compiled
def _jaccard(hashes, distinct, keys, seen, size, mark, threshold):
    """Jaccard similarity of hashes with a filled set; 0 as soon as it is certain to stay below `threshold`.

    distinct: how many of the hashes differ. size: hashes in the set. mark: above 0, another one in each call.
    Two empty sets have similarity 0: nothing says that they are alike.
    """
    total = distinct + size
    # The least intersection that reaches the threshold, found with the very division of the result: a product
    # would round otherwise.
    needed = max(0, int(threshold * total / (1.0 + threshold)) - 2)
    while needed < total and needed / (total - needed) < threshold:
        needed += 1
    if total == 0 or min(distinct, size) < needed:
        return 0.0
    common = 0
    left = hashes.shape[0]
    for value in hashes:
        if common + left < needed:
            return 0.0
        left -= 1
        slot = _find_slot(value, keys, seen)
        if seen[slot] >= 0 and seen[slot] != mark:
            seen[slot] = mark
            common += 1
    return common / (total - common) if common >= needed else 0.0


@_compiled
def jaccard(left, right, threshold):
    """Jaccard similarity of two lists of hashes, repeated ones counted once; 0 where it is below `threshold`."""
    size = count_slots(max(left.shape[0], right.shape[0]))
    keys, seen = np.empty(size, np.uint64), np.empty(size, np.int32)
    distinct = _fill_set(right, keys, seen)
    count = _fill_set(left, keys, seen)
    used = count_slots(left.shape[0])
    return _jaccard(right, distinct, keys[:used], seen[:used], count, np.int32(1), threshold)
