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

- A sentence ends at a mark that ends sentences, with all punctuation after it. Both modes count so; the words are
  those of the splitter, so `unicode` ends a sentence after `Mr.`, which spaCy keeps as one word.

A measure without meaning (a ratio per word in a text without words) is null and fires no rule.

All measures are of the text that the stage was given (after Unicode repair), but for the `fw_*` and the long lines of
mC4: with the rules of C4 on they are of what C4 leaves, as in the reference, also for documents that are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.documents import Schema
from gristmill.filter.buffers import line_rules, run_in_pieces
from gristmill.filter.c4 import remove_lines
from gristmill.filter.options import C4Options, FineWebOptions
from gristmill.filter.words import UNICODE, Spans, split_words
from gristmill.text_buffers import text_buffers

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
# What the line rules of C4 find, where they are on. Lines are those with a word.
MEASURED_BY_C4: Schema = {
    "c4_n_lines": pl.Int64,  # lines that stay
    "c4_long_word_lines": pl.Int64,  # lines that went, by the first reason that held
    "c4_no_terminal_punct_lines": pl.Int64,
    "c4_few_words_lines": pl.Int64,
    "c4_javascript_lines": pl.Int64,
    "c4_policy_lines": pl.Int64,
    "c4_lorem_ipsum_lines": pl.Int64,  # lines with the phrase; of the two that drop a document, the one that comes
    "c4_curly_bracket_lines": pl.Int64,  # first is counted and the other is 0
    "c4_n_sentences": pl.Int64,  # in the lines that stay
}
MEASURED_PARAGRAPHS: Schema = {"c4_n_long_lines": pl.Int64}  # mC4
_CITATION = r"\[(?:\d*|edit|citation needed)\]"
_COLUMNS: Schema = {**MEASURED, **MEASURED_BY_C4, **MEASURED_PARAGRAPHS}  # in the order of the kernel
# Every document has these, whatever the options.
MEASURES: Schema = {
    "id": pl.String,
    "lang": pl.String,
    "lang_score": pl.Float64,
    "script": pl.String,
    **MEASURED,
}


def measure_texts(
    texts: pl.Series,
    *,
    words: str,
    mode: str,
    stop_words: Sequence[str],
    c4: C4Options | None = None,
    long_line_chars: int | None = None,
    short_line_chars: int = FineWebOptions().short_line_chars,
    threads: int = 1,
) -> pl.DataFrame:
    """The values of all rules: one row per text, in order, with the columns of `measured_columns`.

    A null text is measured as an empty one. Linear in characters; memory up to 130 times the bytes of the longest text,
    per thread. `threads` changes nothing but time.
    """
    from gristmill.filter._characters import character_bits, lower_case

    data, offsets = text_buffers(texts)
    stops, stop_offsets = _stop_words(stop_words)
    rules = line_rules(c4, long_line_chars=long_line_chars or 0, short_line_chars=short_line_chars)
    given = split_words(texts, words)
    edited = given if words == UNICODE else _split_edited(texts, words, c4)
    out = np.empty((len(texts), len(_COLUMNS)))

    def measure(lo: int, hi: int) -> None:
        from gristmill.filter import _kernels

        size = int(np.diff(offsets[lo : hi + 1]).max()) + 2
        _kernels.measure_documents(
            data,
            offsets[lo : hi + 1],
            character_bits(),
            lower_case(),
            stops,
            stop_offsets,
            *_of_documents(given, lo, hi),
            *_of_documents(edited, lo, hi),
            mode == "strict",
            rules,
            np.empty((2, size), np.int32),
            np.empty((6, size), np.int32),
            np.empty((5, size), np.int32),
            np.zeros((1 << (2 * size).bit_length(), 2), np.int64),
            out[lo:hi],
        )

    run_in_pieces(measure, offsets, threads)
    # NaN stands for "no meaning" in the matrix.
    columns = measured_columns(c4, long_line_chars)
    return pl.from_numpy(out, schema=list(_COLUMNS)).select(*columns).fill_nan(None).cast(pl.Schema(columns))


def measured_columns(c4: C4Options | None, long_line_chars: int | None) -> Schema:
    """MEASURED, with the rules of C4 also MEASURED_BY_C4, with a length also MEASURED_PARAGRAPHS."""
    return {
        **MEASURED,
        **(MEASURED_BY_C4 if c4 is not None else {}),
        **(MEASURED_PARAGRAPHS if long_line_chars is not None else {}),
    }


def _split_edited(texts: pl.Series, words: str, c4: C4Options | None) -> Spans:
    """Words of what C4 leaves of the documents with citations; of the others none."""
    if c4 is None or not c4.remove_citations:
        return split_words(pl.Series([None] * len(texts), dtype=pl.String), words)
    edited, _ = remove_lines(texts, c4)
    return split_words(edited.set(~texts.str.contains(_CITATION).fill_null(False), None), words)


def _of_documents(spans: Spans, lo: int, hi: int) -> Spans:
    offsets, tokens = spans
    return (offsets[lo : hi + 1] if len(offsets) else offsets), tokens


def _stop_words(stop_words: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Code points of all stop words and where each begins; sorted, so that their order changes nothing."""
    unique = sorted(set(stop_words))
    codes = np.array([ord(c) for word in unique for c in word], np.int32)
    return codes, np.cumsum([0, *(len(word) for word in unique)], dtype=np.int64)
