"""Numba kernels: words of UTF-8 texts, and how much of each item a text holds."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

NOTHING, LETTER, SINGLE = 1, 2, 3  # kinds of code points; 0 separates
# FNV-1a (Fowler, Noll, Vo), over code points.
SEED, FACTOR = 0xCBF29CE484222325, 0x100000001B3
_HAN_BEYOND = 0x20000  # planes 2 and 3 are Han
_MAX_TAG_BYTES = 300
_MAX_ENTITY_BYTES = 12

_jit = numba.njit(cache=True, nogil=True)


@_jit
def hash_words(
    data: Any,
    offsets: Any,
    kinds: Any,
    starts: Any,
    folded: Any,
    dress: Any,
    aliases: Any,
    hashes: Any,
    spans: Any,
    word_offsets: Any,
) -> None:
    """Fill hashes, spans (in characters) and offsets of the words of all texts."""
    seed, factor = np.uint64(SEED), np.uint64(FACTOR)
    count = 0
    for text in range(offsets.size - 1):
        at, end = offsets[text], offsets[text + 1]
        character = 0  # number of the one at `at`
        state, begun, command = seed, -1, False
        last = 0  # one past the word's last character
        while True:
            code, size, kind = 0, 1, 0
            skip = 0  # bytes that separate and hold nothing
            if at < end:
                code, size = _decode(data, at, end)
                if code == 60:
                    skip = _tag_bytes(data, at, end)
                elif code == 38:
                    skip = _entity_bytes(data, at, end)
                elif code == 45 and begun >= 0:
                    joined = _hyphen_bytes(data, at, end)
                    if joined:
                        for i in range(at, at + joined):
                            character += (data[i] & 0xC0) != 0x80
                        at += joined
                        continue
                if skip == 0:
                    if code < kinds.size:
                        kind = kinds[code]
                    elif code >= _HAN_BEYOND and code < 0x40000:
                        kind = SINGLE
                if kind == NOTHING:
                    at += size
                    character += 1
                    continue
            if kind == LETTER:
                if begun < 0:
                    begun = character
                    command = at > offsets[text] and data[at - 1] == 92
                for i in range(starts[code], starts[code + 1]):
                    state = (state ^ np.uint64(folded[i])) * factor
                at += size
                character += 1
                last = character
                continue
            if begun >= 0:  # a word ends
                kept = True
                if command:
                    for i in range(dress.size):
                        if dress[i] == state:
                            kept = False
                    for i in range(aliases.shape[0]):
                        if aliases[i, 0] == state:
                            state = aliases[i, 1]
                if kept:
                    hashes[count] = state
                    spans[count, 0], spans[count, 1] = begun, last
                    count += 1
                state, begun = seed, -1
            if at >= end:
                break
            if kind == SINGLE:
                hashes[count] = (seed ^ np.uint64(code)) * factor
                spans[count, 0], spans[count, 1] = character, character + 1
                count += 1
            if skip:
                for i in range(at, at + skip):
                    character += (data[i] & 0xC0) != 0x80
                at += skip
            else:
                at += size
                character += 1
        word_offsets[text + 1] = count


@_jit
def _decode(data: Any, at: int, end: int) -> Any:
    """(code point, bytes) of the character at a place of valid UTF-8."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    if first < 0xF0:
        return (
            (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F),
            3,
        )
    return (
        (first & 0x07) << 18
        | (np.int64(data[at + 1]) & 0x3F) << 12
        | (np.int64(data[at + 2]) & 0x3F) << 6
        | (np.int64(data[at + 3]) & 0x3F),
        4,
    )


@_jit
def _is_ascii_letter(byte: int) -> bool:
    return 97 <= (byte | 32) <= 122


@_jit
def _tag_bytes(data: Any, at: int, end: int) -> int:
    """Length of the tag that begins here, or 0: `<`, a letter or `/`, and `>` not far on."""
    if at + 2 >= end or not (_is_ascii_letter(data[at + 1]) or data[at + 1] == 47):
        return 0
    for i in range(at + 1, min(end, at + _MAX_TAG_BYTES)):
        if data[i] == 62:
            return i + 1 - at
        if data[i] == 60:
            return 0
    return 0


@_jit
def _entity_bytes(data: Any, at: int, end: int) -> int:
    """Length of the character reference that begins here, or 0: `&`, letters, digits or #, and `;`."""
    for i in range(at + 1, min(end, at + _MAX_ENTITY_BYTES)):
        byte = data[i]
        if byte == 59:
            return i + 1 - at if i > at + 1 else 0
        if not (_is_ascii_letter(byte) or 48 <= byte <= 57 or byte == 35):
            return 0
    return 0


@_jit
def _hyphen_bytes(data: Any, at: int, end: int) -> int:
    """Length of a hyphen that broke a word at the end of a line, with all up to the word's rest, or 0."""
    i = at + 1
    while i < end and (data[i] == 32 or data[i] == 13):
        i += 1
    if i >= end or data[i] != 10:
        return 0
    i += 1
    while i < end and (data[i] == 32 or data[i] == 9 or data[i] == 62):
        i += 1
    return i - at if i < end and 97 <= data[i] <= 122 else 0


# -- n-grams ----------------------------------------------------------------------------------------------------


@_jit
def hash_ngrams(words: Any, n: int) -> Any:
    """Hash of every window of n words."""
    out = np.empty(max(0, words.size - n + 1), np.uint64)
    for i in range(out.size):
        out[i] = _ngram(words, i, n)
    return out


@_jit
def _ngram(words: Any, first: int, n: int) -> Any:
    state = np.uint64(SEED)
    for i in range(first, first + n):
        state = (state ^ words[i]) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
    return state


@_jit
def fill_table(keys: Any, table: Any) -> None:
    """Open addressing: `table` (a power of two long, -1 = free) gets the number of every key, keys being different."""
    mask = np.uint64(table.size - 1)
    for number in range(keys.size):
        slot = keys[number] & mask
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = number


@_jit
def _look_up(key: Any, keys: Any, table: Any) -> int:
    mask = np.uint64(table.size - 1)
    slot = key & mask
    while table[slot] >= 0:
        if keys[table[slot]] == key:
            return table[slot]
        slot = (slot + np.uint64(1)) & mask
    return -1


@_jit
def find_items(
    words: Any,
    offsets: Any,
    n: int,
    keys: Any,
    table: Any,
    key_offsets: Any,
    units: Any,
    places: Any,
    unit_offsets: Any,
    weights: Any,
    needed: Any,
    reach: Any,
    gap: int,
    found: Any,
    held: Any,
    spans: Any,
) -> tuple[int, int]:
    """Which units each text holds enough of.

    keys, table: the n-grams of all units; key_offsets into `units` and `places` (where in the unit); unit_offsets into
    `weights` of the units' words; needed, reach: per unit, the weight that a stretch of so many words must hold.
    Writes found[i] = (text, unit, first row in spans, one past its last), held[i], and spans = (first word, one past
    the last) of the text, where fewer than `gap` words between two are part of the span. Returns the number of both;
    where it is more than there is room for, the rest is not written.
    """
    counts = np.zeros(needed.size, np.int32)
    touched = np.empty(needed.size, np.int32)
    seen = np.zeros(weights.size, np.int32)
    n_found = n_spans = 0
    for text in range(offsets.size - 1):
        first, last = offsets[text], offsets[text + 1]
        n_touched = n_hits = 0
        for i in range(first, last - n + 1):
            key = _look_up(_ngram(words, i, n), keys, table)
            if key >= 0:
                n_hits += key_offsets[key + 1] - key_offsets[key]
                for j in range(key_offsets[key], key_offsets[key + 1]):
                    if counts[units[j]] == 0:
                        touched[n_touched] = units[j]
                        n_touched += 1
                    counts[units[j]] += 1
        likely = 0
        for k in range(n_touched):
            unit = touched[k]
            if counts[unit] * n >= needed[unit]:  # a word weighs 1 at most
                touched[likely] = unit
                likely += 1
            else:
                counts[unit] = 0
        if likely == 0:
            continue
        # Hits of the likely units, unit by unit, in the order of the text.
        starts = np.zeros(likely + 1, np.int64)
        for k in range(likely):
            starts[k + 1] = starts[k] + counts[touched[k]]
            counts[touched[k]] = -(k + 1)
        ends = starts.copy()
        hit_places, hit_words = np.empty(starts[likely], np.int64), np.empty(starts[likely], np.int64)
        for i in range(first, last - n + 1):
            key = _look_up(_ngram(words, i, n), keys, table)
            if key >= 0:
                for j in range(key_offsets[key], key_offsets[key + 1]):
                    if counts[units[j]] < 0:
                        k = -counts[units[j]] - 1
                        hit_places[ends[k]], hit_words[ends[k]] = places[j], i - first
                        ends[k] += 1
        for k in range(likely):
            unit = touched[k]
            counts[unit] = 0
            a, b = starts[k], starts[k + 1]
            own = slice(unit_offsets[unit], unit_offsets[unit + 1])
            best, from_hit, to_hit = _cover(
                hit_places[a:b], hit_words[a:b], n, weights[own], reach[unit], seen[own]
            )
            if best < needed[unit]:
                continue
            begun = n_spans
            open_, close = hit_words[a + from_hit], hit_words[a + from_hit] + n
            for h in range(a + from_hit + 1, a + to_hit):
                if hit_words[h] > close + gap:
                    if n_spans < spans.shape[0]:
                        spans[n_spans, 0], spans[n_spans, 1] = open_, close
                    n_spans += 1
                    open_ = hit_words[h]
                close = max(close, hit_words[h] + n)
            if n_spans < spans.shape[0]:
                spans[n_spans, 0], spans[n_spans, 1] = open_, close
            n_spans += 1
            if n_found < found.shape[0]:
                found[n_found, 0], found[n_found, 1] = text, unit
                found[n_found, 2], found[n_found, 3] = begun, n_spans
                held[n_found] = best
            n_found += 1
    return n_found, n_spans


@_jit
def _cover(places: Any, texts: Any, n: int, weights: Any, reach: int, seen: Any) -> tuple[float, int, int]:
    """How much of a unit one stretch of the text, `reach` words long, holds at most.

    places, texts: where in the unit and in the text its n-grams are, in the order of the text; seen: zeros, one per
    word of the unit, and zeros again afterwards. Returns the weight of the unit's words that are in one of the
    n-grams, and the first hit and one past the last of that stretch.
    """
    best, best_first, best_last = 0.0, 0, 0
    held = 0.0
    first = 0
    for last in range(places.size):
        for i in range(places[last], places[last] + n):
            if seen[i] == 0:
                held += weights[i]
            seen[i] += 1
        while texts[last] - texts[first] > reach:
            for i in range(places[first], places[first] + n):
                seen[i] -= 1
                if seen[i] == 0:
                    held -= weights[i]
            first += 1
        if held > best + 1e-9:
            best, best_first, best_last = held, first, last + 1
    seen[:] = 0
    return best, best_first, best_last
