"""What is measured in every document, kept or not.

Two modes. `compat` repeats huggingface/datatrove 0.10 to the last digit. `strict`, the default, differs where that
is order-dependent, undefined or blind:

- Lines are those of str.splitlines, stripped, blank ones not counted; paragraphs are runs of such lines. The
  reference splits at `\\n` only and does not strip, so a page with CRLF has no line that ends in a full stop, and
  a newline at either end counts as a line. (`n_lines_splitlines`, `bullet_line_ratio` and `end_ellipsis_ratio`
  count blank lines in both modes.)
- Of the most frequent n-grams the longest counts; in the reference, the one that comes first.
- Two n-grams are equal if their words are; in the reference, if the words without spaces are ("ab c", "a bc").
- Stop words are found in any case ("The"); in the reference in lower case only.
- `*`, `‣`, `–`, `·`, `◦` and `▪` are bullets too, beside `•` and `-`.
- A text of punctuation only has `mean_word_len` 0; in the reference NaN, which passes every bound.

A measure without meaning (a ratio per word in a text without words) is null and fires no rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gristmill.documents import Schema
from gristmill.filter.words import split_words

# In the order of the columns that the kernels write.
MEASURED: Schema = {
    "n_chars": pl.Int64,
    "n_words": pl.Int64,  # punctuation marks counted
    "n_non_symbol_words": pl.Int64,  # words with a character that is no punctuation mark
    "mean_word_len": pl.Float64,  # characters in one of the latter
    "hash_ratio": pl.Float64,  # `#` per word
    "ellipsis_ratio": pl.Float64,  # `...` and `…` per word
    "alpha_word_ratio": pl.Float64,  # share of words with a letter
    "n_lines_splitlines": pl.Int64,
    "bullet_line_ratio": pl.Float64,
    "end_ellipsis_ratio": pl.Float64,
    "stop_word_types": pl.Int64,  # different stop words
    "n_paras": pl.Int64,
    "dup_para_frac": pl.Float64,
    "dup_para_char_frac": pl.Float64,
    "n_lines_rep": pl.Int64,
    "dup_line_frac": pl.Float64,
    "dup_line_char_frac": pl.Float64,
    **{f"top_{n}_gram_char_frac": pl.Float64 for n in (2, 3, 4)},
    **{f"dup_{n}_gram_char_frac": pl.Float64 for n in range(5, 11)},
    "fw_n_lines": pl.Int64,  # lines that are not blank; fw_*: FineWeb
    "fw_line_punct_ratio": pl.Float64,  # of them, those that end with a mark that ends sentences
    "fw_short_line_ratio": pl.Float64,  # of them, those of at most 30 characters
    "fw_char_dup_ratio": pl.Float64,  # characters in lines seen before
    "fw_newline_word_ratio": pl.Float64,  # newlines per word
}
MEASURES: Schema = {"id": pl.String, "lang": pl.String, "lang_score": pl.Float64, **MEASURED}


def measure_texts(
    texts: pl.Series, *, words: str, mode: str, stop_words: Sequence[str], threads: int = 1
) -> pl.DataFrame:
    """The values of all rules: one row per text, in order, with the columns of MEASURED.

    A null text is measured as an empty one. Linear in characters; memory up to 80 times the bytes of the longest text,
    per thread. `threads` changes nothing but time.
    """
    data, offsets = _buffers(texts)
    token_offsets, tokens = split_words(texts, words)
    stops, stop_offsets = _stop_words(stop_words)
    out = np.empty((len(texts), len(MEASURED)))

    def measure(piece: tuple[int, int]) -> None:
        _measure_piece(
            *piece, data, offsets, token_offsets, tokens, stops, stop_offsets, mode == "strict", out
        )

    pieces = _pieces(offsets, threads)
    if len(pieces) > 1:
        with ThreadPoolExecutor(len(pieces)) as pool:
            list(pool.map(measure, pieces))
    else:
        for piece in pieces:
            measure(piece)
    # NaN stands for "no meaning" in the matrix.
    return pl.from_numpy(out, schema=list(MEASURED)).fill_nan(None).cast(pl.Schema(MEASURED))


def _buffers(texts: pl.Series) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """UTF-8 bytes of all texts and where each begins."""
    array = texts.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return (np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)), starts


def _stop_words(stop_words: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Code points of all stop words and where each begins; sorted, so that their order changes nothing."""
    unique = sorted(set(stop_words))
    codes = np.array([ord(c) for word in unique for c in word], np.int32)
    return codes, np.cumsum([0, *(len(word) for word in unique)], dtype=np.int64)


def _pieces(offsets: npt.NDArray[np.int64], threads: int) -> list[tuple[int, int]]:
    """Ranges of texts of about equal size, one per thread."""
    cuts = np.linspace(offsets[0], offsets[-1], max(threads, 1) + 1)[1:-1]
    edges = [0, *np.searchsorted(offsets, cuts).tolist(), len(offsets) - 1]
    return [(lo, hi) for lo, hi in itertools.pairwise(edges) if lo < hi]


def _measure_piece(
    lo: int,
    hi: int,
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    token_offsets: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int32],
    stop_words: npt.NDArray[np.int32],
    stop_offsets: npt.NDArray[np.int64],
    strict: bool,
    out: npt.NDArray[np.float64],
) -> None:
    from gristmill.filter import _kernels
    from gristmill.filter._characters import character_bits, lower_case

    longest = int(np.diff(offsets[lo : hi + 1]).max()) + 2
    _kernels.measure_documents(
        data,
        offsets[lo : hi + 1],
        character_bits(),
        lower_case(),
        stop_words,
        stop_offsets,
        token_offsets[lo : hi + 1] if len(token_offsets) else token_offsets,
        tokens,
        strict,
        np.empty(longest, np.int32),
        np.empty((4, longest), np.int32),
        np.empty((7, longest), np.int32),
        np.zeros((1 << (2 * longest).bit_length(), 2), np.int32),
        out[lo:hi],
    )
