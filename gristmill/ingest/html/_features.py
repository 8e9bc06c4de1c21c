"""Numba kernel that describes every block of a page by numbers, for the classifier.

They are of four kinds: the block's own text; its neighbours and the containers around it; its place (near the title,
in the part that holds most running text, in a row of like siblings); the marks of its ancestors. The facts of the
whole page (kind of URL, declared types) are the same for all its blocks.
"""

# mypy: disallow-untyped-defs=False
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from math import log1p
from typing import Any

import numpy as np
from numba import njit

from gristmill.ingest.html._scan import (
    BOLD_WORDS,
    BREAKS,
    CHARS,
    CONTAINER,
    CONTINUES,
    DIGITS,
    FIRST_BLOCK,
    FIRST_SEGMENT,
    FORMULAS,
    HEADING_BITS,
    IN_PRE,
    IN_TABLE,
    LAST_BLOCK,
    LAST_SEGMENT,
    LEAF,
    LEGAL_WORDS,
    LINK_WORDS,
    LOWER_WORDS,
    NEAREST_BLOCK,
    PARENT,
    PUNCTUATION,
    SEGMENT_END,
    SEGMENT_START,
    SHORT_WORDS,
    STATE,
    TAG_KIND,
    TERMINAL,
    TEXT_HASH,
    TITLE_WORDS,
    UPPER,
    WORDS,
)
from gristmill.ingest.html.facts import DECLARED
from gristmill.ingest.html.vocabulary import MARKS, N_MARKS

_NAMES = """
own: words chars link_share punctuation terminal digit_share upper_share chars_per_word lower_share
  short_share breaks bold_share title_share title_words heading in_pre in_table in_list is_cell is_item
  continues formulas legal_share action_share social_share date_share copies earlier_copy
neighbour: words link_share terminal punctuation heading same_path same_container
window: words link_share good_share
container: words link_share good_share blocks page_share position
group: count mean_words link_share page_share good_share height item
place: in_main50 in_main80 in_main95 before_main after_main block_position word_position from_h1
  words_from_h1 has_h1 to_next_good to_last_good to_next_heading from_last_heading depth under_heading
  steps_to_title title_share said_before told_body told_summary
path: count mean_words link_share page_share
page: words link_share good_share main_share main_depth group_count group_share paragraphs blocks
  comment_share told_body told_summary
"""
_OWN, _NEIGHBOUR, _WINDOW, _CONTAINER, _GROUP, _PLACE, _PATH, _PAGE = (
    line.partition(": ")[2].split() for line in _NAMES.strip().replace("\n  ", " ").splitlines()
)
OFFSETS = (-2, -1, 1, 2)
WINDOWS = (3, 10)
N_LEVELS = 4

FEATURES: tuple[str, ...] = (
    *(f"own.{name}" for name in _OWN),
    *(f"at{offset:+d}.{name}" for offset in OFFSETS for name in _NEIGHBOUR),
    *(f"within{size}.{name}" for size in WINDOWS for name in _WINDOW),
    *(f"container{level}.{name}" for level in range(N_LEVELS) for name in _CONTAINER),
    *(f"{which}_group.{name}" for which in ("near", "large") for name in _GROUP),
    *(f"place.{name}" for name in _PLACE),
    *(f"path.{name}" for name in _PATH),
    *(f"mark.{name}" for name in MARKS),
    *(f"page.{name}" for name in _PAGE),
    *DECLARED,
)
N_FEATURES = len(FEATURES)
# What the second stage sees besides: the first stage's probabilities around the block (see `_trees`).
CONTEXT: tuple[str, ...] = (
    "own",
    *(f"at{offset:+d}" for offset in (-3, -2, -1, 1, 2, 3)),
    *(f"within{size}" for size in (2, 5, 12)),
    *(f"container{level}" for level in range(N_LEVELS)),
    "path",
    "near_group",
    "large_group",
    "before",
    "after",
    "page",
    "page_most",
)
N_CONTEXT = len(CONTEXT)
COMMENT_SHARE = FEATURES.index("page.comment_share")
COMMENT_MARK = np.uint64(1 << MARKS.index("comment"))

_GOOD_WORDS, _LONG_WORDS = 8, 20
_GOOD_LINK_SHARE = 0.3
GROUP_SIZE = 3  # like siblings that make a group
_FAR = 60.0
_LIST_ITEM, _CELL = 1 << 6, 1 << 8
_MAX_BODY_BYTES = 50_000
_FNV_START, _FNV_PRIME = np.uint32(0x811C9DC5), np.uint32(0x01000193)

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _share(part, whole):
    return part / whole if whole > 0 else 0.0


@_compiled
def place_key(keys, key):
    """Where a key is, or belongs, in an open-addressing table; 0 is an empty place."""
    mask = np.uint64(keys.shape[0] - 1)
    at = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20) & mask
    while keys[at] != 0 and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@_compiled
def group_siblings(elements, paths, words, links, good):
    """Group of like siblings of each element, its number there, the groups' sums: items, words, link words, good."""
    n = elements.shape[0]
    size = 16
    while size < 2 * n:
        size *= 2
    keys = np.zeros(size, np.uint64)
    numbers = np.empty(size, np.int32)
    group = np.full(n, -1, np.int32)
    item = np.zeros(n, np.int32)
    sums = np.zeros((n, 4), np.float64)
    count = 0
    for e in range(1, n):
        first, last = elements[e, FIRST_BLOCK], elements[e, LAST_BLOCK]
        if last <= first:
            continue
        key = (
            paths[e, 0] ^ (np.uint64(elements[e, PARENT] + 1) * np.uint64(0xD6E8FEB86659FD93))
        ) | np.uint64(1)
        at = place_key(keys, key)
        if keys[at] == 0:
            keys[at] = key
            numbers[at] = count
            count += 1
        number = numbers[at]
        group[e] = number
        item[e] = sums[number, 0]
        sums[number, 0] += 1
        sums[number, 1] += words[last] - words[first]
        sums[number, 2] += links[last] - links[first]
        sums[number, 3] += good[last] - good[first]
    return group, item, sums


@_compiled
def _main_element(elements, good, share):
    """The deepest element that holds this share of the page's running text; the last in order is the deepest."""
    least = share * good[-1]
    found = 0
    for e in range(elements.shape[0]):
        first, last = elements[e, FIRST_BLOCK], elements[e, LAST_BLOCK]
        if last > first and good[last] - good[first] >= least:
            found = e
    return found


@_compiled
def _sums(blocks):
    """Running sums over the blocks, from 0: words, link words, words of running text."""
    n = blocks.shape[0]
    words, links, good = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for b in range(n):
        w, k = blocks[b, WORDS], blocks[b, LINK_WORDS]
        words[b + 1] = words[b] + w
        links[b + 1] = links[b] + k
        running = (
            w >= _GOOD_WORDS and k < _GOOD_LINK_SHARE * w and (blocks[b, PUNCTUATION] > 0 or w >= _LONG_WORDS)
        )
        good[b + 1] = good[b] + (w if running else 0)
    return words, links, good


@_compiled
def describe_blocks(elements, marks, paths, blocks, told, declared):
    """float32[N_FEATURES + N_CONTEXT, blocks], in the order of FEATURES; room for CONTEXT, which stays 0 here.

    told: pairs of words of each block, and those of them that the page's data and description hold too (int32[b, 3]).
    `declared` are the page's own features (float32[len(facts.DECLARED)]).
    """
    n = blocks.shape[0]
    out = np.zeros((N_FEATURES + N_CONTEXT, n), np.float32)
    if n == 0:
        return out
    words, links, good = _sums(blocks)
    total = max(1.0, words[n])
    group, item, sums = group_siblings(elements, paths, words, links, good)
    main50, main80, main95 = (
        _main_element(elements, good, 0.5),
        _main_element(elements, good, 0.8),
        _main_element(elements, good, 0.95),
    )
    size = 16
    while size < 2 * n:
        size *= 2
    keys = np.zeros(size, np.uint64)
    path_sums = np.zeros((size, 3))
    path_at = np.empty(n, np.int64)
    text_keys, copies = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    first_copy, text_at = np.empty(size, np.int32), np.empty(n, np.int64)
    heading = np.empty(n, np.int64)
    title = -1
    best_title = 0.0
    for b in range(n):
        container = blocks[b, CONTAINER]
        at = place_key(keys, paths[container, 1] | np.uint64(1))
        keys[at] = paths[container, 1] | np.uint64(1)
        path_at[b] = at
        path_sums[at, 0] += 1
        path_sums[at, 1] += blocks[b, WORDS]
        path_sums[at, 2] += blocks[b, LINK_WORDS]
        key = np.uint64(blocks[b, TEXT_HASH]) << np.uint64(20) | np.uint64(blocks[b, CHARS] + 1)
        at = place_key(text_keys, key)
        if text_keys[at] == 0:
            text_keys[at] = key
            first_copy[at] = b
        copies[at] += 1
        text_at[b] = at
        heading[b] = elements[blocks[b, LEAF], STATE] >> HEADING_BITS & 7
        if heading[b] == 1 or heading[b] == 2:
            # The heading that says the page's title; else the first of the highest level.
            likeness = _share(blocks[b, TITLE_WORDS], blocks[b, WORDS]) * log1p(blocks[b, TITLE_WORDS]) + (
                0.3 if heading[b] == 1 else 0.0
            )
            if likeness > best_title:
                best_title, title = likeness, b
    next_good = np.empty(n + 1)
    next_heading = np.empty(n + 1)
    next_good[n], next_heading[n] = _FAR, _FAR
    for b in range(n - 1, -1, -1):
        next_good[b] = 0.0 if good[b + 1] > good[b] else min(_FAR, next_good[b + 1] + 1)
        next_heading[b] = 0.0 if heading[b] > 0 else min(_FAR, next_heading[b + 1] + 1)
    largest = np.argmax(sums[:, 1] * (sums[:, 0] >= GROUP_SIZE))
    paragraphs = 0
    for b in range(n):
        if good[b + 1] > good[b]:
            paragraphs += 1
    last_good, last_heading, under, said = _FAR, _FAR, 0.0, 0.0
    with_title = np.zeros(elements.shape[0], np.bool_)
    if title >= 0:
        e = blocks[title, CONTAINER]
        while e >= 0:
            with_title[e] = True
            e = elements[e, PARENT]
    body_told, summary_told = np.float64(told[:, 1].sum()), np.float64(told[:, 2].sum())
    for b in range(n):
        row = blocks[b]
        w = row[WORDS]
        letters = max(1, row[CHARS])
        container, leaf = row[CONTAINER], row[LEAF]
        state = elements[leaf, STATE]
        f = 0
        out[f, b] = log1p(w)
        out[f + 1, b] = log1p(row[CHARS])
        out[f + 2, b] = _share(row[LINK_WORDS], w)
        out[f + 3, b] = row[PUNCTUATION] / (w + 1.0)
        out[f + 4, b] = row[TERMINAL]
        out[f + 5, b] = row[DIGITS] / letters
        out[f + 6, b] = row[UPPER] / letters
        out[f + 7, b] = row[CHARS] / (w + 1.0)
        out[f + 8, b] = row[LOWER_WORDS] / (w + 1.0)
        out[f + 9, b] = row[SHORT_WORDS] / (w + 1.0)
        out[f + 10, b] = min(row[BREAKS], 20)
        out[f + 11, b] = _share(row[BOLD_WORDS], w)
        out[f + 12, b] = _share(row[TITLE_WORDS], w)
        out[f + 13, b] = log1p(row[TITLE_WORDS])
        out[f + 14, b] = heading[b]
        out[f + 15, b] = (state & IN_PRE) != 0
        out[f + 16, b] = (state & IN_TABLE) != 0
        out[f + 17, b] = 0.0
        out[f + 18, b] = (elements[container, TAG_KIND] & _CELL) != 0
        out[f + 19, b] = (elements[container, TAG_KIND] & _LIST_ITEM) != 0
        out[f + 20, b] = row[CONTINUES]
        out[f + 21, b] = min(row[FORMULAS], 9)
        out[f + 22, b] = row[LEGAL_WORDS] / (w + 1.0)
        out[f + 23, b] = row[LEGAL_WORDS + 1] / (w + 1.0)
        out[f + 24, b] = row[LEGAL_WORDS + 2] / (w + 1.0)
        out[f + 25, b] = row[LEGAL_WORDS + 3] / (w + 1.0)
        out[f + 26, b] = log1p(copies[text_at[b]])
        out[f + 27, b] = first_copy[text_at[b]] < b
        f += 28
        for offset in OFFSETS:
            other = b + offset
            if 0 <= other < n:
                near = blocks[other]
                out[f, b] = log1p(near[WORDS])
                out[f + 1, b] = _share(near[LINK_WORDS], near[WORDS])
                out[f + 2, b] = near[TERMINAL]
                out[f + 3, b] = near[PUNCTUATION] / (near[WORDS] + 1.0)
                out[f + 4, b] = heading[other]
                out[f + 5, b] = path_at[other] == path_at[b]
                out[f + 6, b] = elements[near[CONTAINER], PARENT] == elements[container, PARENT]
            else:
                out[f : f + 7, b] = -1
            f += 7
        for width in WINDOWS:
            first, last = max(0, b - width), min(n, b + width + 1)
            inside = words[last] - words[first]
            out[f, b] = log1p(inside)
            out[f + 1, b] = _share(links[last] - links[first], inside)
            out[f + 2, b] = _share(good[last] - good[first], inside)
            f += 3
        # Containers that hold more blocks than the one below.
        level, held, e = 0, 0, container
        while level < N_LEVELS and e >= 0:
            first, last = elements[e, FIRST_BLOCK], elements[e, LAST_BLOCK]
            if last - first > held:
                held = last - first
                inside = words[last] - words[first]
                out[f, b] = log1p(inside)
                out[f + 1, b] = _share(links[last] - links[first], inside)
                out[f + 2, b] = _share(good[last] - good[first], inside)
                out[f + 3, b] = log1p(held)
                out[f + 4, b] = inside / total
                out[f + 5, b] = (b - first) / held
                f += 6
                level += 1
            e = elements[e, PARENT]
        while level < N_LEVELS:
            for k in range(6):
                out[f + k, b] = out[f + k - 6, b]
            f += 6
            level += 1
        near_mark, mid_mark, far_mark = np.uint64(0), np.uint64(0), np.uint64(0)
        in50, in80, in95, in_list = main50 == 0, main80 == 0, main95 == 0, False
        near_group, near_height, large_group, large_height = -1, 0, -1, 0
        near_item, large_item, steps, shared = 0, 0, -1, 0
        e, height, depth = leaf, 0, 0
        while e > 0:
            parent = elements[e, PARENT]
            in50, in80, in95 = in50 or e == main50, in80 or e == main80, in95 or e == main95
            in_list = in_list or (elements[e, TAG_KIND] & _LIST_ITEM) != 0
            if height <= 1:
                near_mark |= marks[e]
            elif height <= 4:
                mid_mark |= marks[e]
            elif parent > 0:
                far_mark |= marks[e]
            if elements[e, NEAREST_BLOCK] == e:
                height += 1
            g = group[e]
            if g >= 0 and sums[g, 0] >= GROUP_SIZE:
                if near_group < 0:
                    near_group, near_height, near_item = g, height, item[e]
                if large_group < 0 or sums[g, 1] > sums[large_group, 1]:
                    large_group, large_height, large_item = g, height, item[e]
            if steps < 0 and with_title[e]:
                steps, shared = depth, e
            depth += 1
            e = parent
        out[17, b] = in_list
        for which in range(2):
            g, high, number = near_group, near_height, near_item
            if which == 1:
                g, high, number = large_group, large_height, large_item
            if g >= 0:
                out[f, b] = log1p(sums[g, 0])
                out[f + 1, b] = log1p(sums[g, 1] / sums[g, 0])
                out[f + 2, b] = _share(sums[g, 2], sums[g, 1])
                out[f + 3, b] = sums[g, 1] / total
                out[f + 4, b] = _share(sums[g, 3], sums[g, 1])
                out[f + 5, b] = high
                out[f + 6, b] = log1p(number)
            f += 7
        last_good = 0.0 if good[b + 1] > good[b] else min(_FAR, last_good + 1)
        if heading[b] > 0:
            last_heading, under = 0.0, 7.0 - heading[b]
        else:
            last_heading = min(_FAR, last_heading + 1)
        before = b < elements[main80, FIRST_BLOCK]
        after = b >= elements[main80, LAST_BLOCK]
        distance = b - title
        distance_words = words[b] - words[max(0, title)]
        out[f, b] = in50
        out[f + 1, b] = in80
        out[f + 2, b] = in95
        out[f + 3, b] = log1p(elements[main80, FIRST_BLOCK] - b) if before else 0.0
        out[f + 4, b] = log1p(b - elements[main80, LAST_BLOCK] + 1) if after else 0.0
        out[f + 5, b] = b / n
        out[f + 6, b] = words[b] / total
        out[f + 7, b] = 0.0 if title < 0 else np.sign(distance) * log1p(abs(distance))
        out[f + 8, b] = 0.0 if title < 0 else np.sign(distance_words) * log1p(abs(distance_words))
        out[f + 9, b] = title >= 0
        out[f + 10, b] = next_good[b]
        out[f + 11, b] = last_good
        out[f + 12, b] = next_heading[b + 1]
        out[f + 13, b] = last_heading
        out[f + 14, b] = depth
        out[f + 15, b] = under
        out[f + 16, b] = steps
        out[f + 17, b] = (words[elements[shared, LAST_BLOCK]] - words[elements[shared, FIRST_BLOCK]]) / total
        out[f + 18, b] = log1p(said)
        out[f + 19, b] = _share(told[b, 1], told[b, 0])
        out[f + 20, b] = _share(told[b, 2], told[b, 0])
        f += 21
        if (near_mark | mid_mark | far_mark) & COMMENT_MARK == 0:
            said += good[b + 1] - good[b]
        at = path_at[b]
        out[f, b] = log1p(path_sums[at, 0])
        out[f + 1, b] = log1p(path_sums[at, 1] / path_sums[at, 0])
        out[f + 2, b] = _share(path_sums[at, 2], path_sums[at, 1])
        out[f + 3, b] = path_sums[at, 1] / total
        f += 4
        for k in range(N_MARKS):
            bit = np.uint64(1) << np.uint64(k)
            if near_mark & bit:
                out[f, b] = 3
            elif mid_mark & bit:
                out[f, b] = 2
            elif far_mark & bit:
                out[f, b] = 1
            f += 1
        out[f, b] = log1p(words[n])
        out[f + 1, b] = links[n] / total
        out[f + 2, b] = good[n] / total
        out[f + 3, b] = (words[elements[main80, LAST_BLOCK]] - words[elements[main80, FIRST_BLOCK]]) / total
        out[f + 4, b] = main80 > 0
        out[f + 5, b] = log1p(sums[largest, 0]) if sums[largest, 0] >= GROUP_SIZE else 0.0
        out[f + 6, b] = sums[largest, 1] / total if sums[largest, 0] >= GROUP_SIZE else 0.0
        out[f + 7, b] = log1p(paragraphs)
        out[f + 8, b] = log1p(n)
        out[f + 9, b] = 0.0  # below
        out[f + 10, b] = log1p(body_told)
        out[f + 11, b] = log1p(summary_told)
        f += 12
        out[f:N_FEATURES, b] = declared
    # The share of the running text that is in comments.
    out[COMMENT_SHARE, :] = 1.0 - said / max(1.0, good[n])
    return out


@_compiled
def _pair_words(data, start, end, last, table, bit, found):
    """Go through the pairs of words of a run of text; `last` is the word before it (0: none), returned anew.

    With `bit` the pairs are entered into `table`; without, counted into `found`: all, those with bit 1, with bit 2.
    """
    mask = np.uint32(table.shape[0] - 1)
    key, length = _FNV_START, 0
    for at in range(start, end + 1):
        byte = data[at] if at < end else np.uint8(32)
        if byte >= 128 or 48 <= byte <= 57 or 97 <= byte <= 122 or 65 <= byte <= 90:
            if 65 <= byte <= 90:
                byte = np.uint8(byte | 32)
            key = np.uint32((key ^ np.uint32(byte)) * _FNV_PRIME)
            length += 1
        elif length > 0:
            if last != 0:
                place = np.uint32(key * np.uint32(2654435761) ^ last) >> np.uint32(7) & mask
                if bit > 0:
                    table[place] |= bit
                else:
                    found[0] += 1
                    found[1] += table[place] & 1
                    found[2] += table[place] >> 1 & 1
            last = key
            key, length = _FNV_START, 0
    return last


@_compiled
def compare_texts(data, blocks, segments, body, summary):
    """Pairs of words of each block (int32[blocks, 3]): all, those in `body`, those in `summary` (UTF-8 bytes).

    By a table of flags by hash: with the largest `body` that is taken one pair in 15 is found by chance.
    """
    n = blocks.shape[0]
    out = np.zeros((n, 3), np.int32)
    if body.shape[0] == 0 and summary.shape[0] == 0:
        return out
    table = np.zeros(1 << 17, np.uint8)
    _pair_words(body, 0, min(body.shape[0], _MAX_BODY_BYTES), np.uint32(0), table, np.uint8(1), out[0])
    _pair_words(summary, 0, min(summary.shape[0], _MAX_BODY_BYTES), np.uint32(0), table, np.uint8(2), out[0])
    for b in range(n):
        last = np.uint32(0)
        for s in range(blocks[b, FIRST_SEGMENT], blocks[b, LAST_SEGMENT]):
            last = _pair_words(
                data, segments[s, SEGMENT_START], segments[s, SEGMENT_END], last, table, np.uint8(0), out[b]
            )
    return out
