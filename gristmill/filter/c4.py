"""What the line rules of C4 leave of a text, and whether it has bad words.

Lines are those of str.splitlines, stripped. In this order: a line with a word longer than `max_word_chars` goes;
citations are cut out; a line without terminal punctuation goes, one with too few words, one with `javascript`, one
about policies. Words are cut at blanks, before citations go. A line that went is not looked at for `lorem ipsum` or
`{`. What is left is joined by newlines and stripped.
Source: C4 (arXiv 1910.10683), section 2.2; the order is that of huggingface/datatrove, pipeline/filters/c4_filters.py.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from gristmill.errors import RecipeError
from gristmill.file_options import resolve
from gristmill.filter.buffers import line_rules
from gristmill.filter.options import C4Options
from gristmill.hashing import uniform
from gristmill.text_buffers import text_buffers, text_series

EDITS = ("c4.lines", "c4.citations", "c4.blanks")


def remove_lines(texts: pl.Series, options: C4Options) -> tuple[pl.Series, pl.DataFrame]:
    """(what is left of each text, how often it was edited).

    Counts, Int64: `c4.lines` (with a word in them), `c4.citations`, and `c4.blanks`: characters of white space, where
    nothing else changed. A null text is an empty one.
    """
    from gristmill.filter import _kernels
    from gristmill.filter._characters import character_bits, lower_case

    data, offsets = text_buffers(texts)
    size = int(np.diff(offsets).max(initial=0)) + 2
    left = np.empty(int(offsets[-1] - offsets[0]) + 4, np.uint8)
    left_offsets = np.zeros(len(offsets), np.int64)
    counts = np.zeros((len(texts), len(EDITS)), np.int64)
    _kernels.edit_documents(
        data,
        offsets,
        character_bits(),
        lower_case(),
        line_rules(options),
        np.empty((2, size), np.int32),
        np.empty((4, size), np.int32),
        left,
        left_offsets,
        counts,
    )
    return text_series(left, left_offsets, "text"), pl.from_numpy(counts, schema=list(EDITS))


def count_bad_words(texts: pl.Series, options: C4Options, folder: Path) -> pl.Series:
    """How often a word of the list `options.bad_words` stands in each text (UInt32), in any case.

    Raises RecipeError where the file is missing or holds no word.
    """
    assert options.bad_words is not None
    path = resolve(options.bad_words, folder, "filter.c4.bad_words")
    pattern = _pattern(path, options.bad_words_inside)
    return texts.fill_null("").str.to_lowercase().str.count_matches(pattern).alias("c4_bad_words")


def spare(ids: pl.Series, ratio: float) -> pl.Series:
    """Which documents with bad words stay all the same: a share of them, by id."""
    chosen = [ratio > 0 and uniform(0, "c4.bad_words", key) < ratio for key in ids]
    return pl.Series("spared", chosen, pl.Boolean)


@lru_cache(maxsize=4)
def _pattern(path: Path, inside: bool) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    words = sorted({line.strip().lower() for line in lines} - {""}, key=lambda word: (-len(word), word))
    if not words:
        raise RecipeError(f"filter.c4.bad_words: {path.name!r} holds no word; write one a line")
    listed = "|".join(re.escape(word) for word in words)
    return listed if inside else rf"(?:\W|^)(?:{listed})(?:\W|$)"
