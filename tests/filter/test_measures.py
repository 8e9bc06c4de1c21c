from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.documents import check_schema
from gristmill.filter import MEASURED, measure_texts
from gristmill.filter.options import GOPHER_STOP_WORDS

TEXTS = st.lists(
    st.text(st.sampled_from("aAbthe THE of...…-•#12.\n\r\u2028\u0301\0é漢ひ한😀'’n"), max_size=80)
    | st.text(max_size=40),
    max_size=8,
)


def measure(texts: list[str | None], mode: str = "strict", threads: int = 1) -> pl.DataFrame:
    series = pl.Series(texts, dtype=pl.String)
    return measure_texts(series, words="unicode", mode=mode, stop_words=GOPHER_STOP_WORDS, threads=threads)


def one(text: str | None, mode: str = "strict") -> dict[str, Any]:
    return measure([text], mode).row(0, named=True)


def test_no_texts_give_no_rows() -> None:
    check_schema(measure([]), MEASURED, "measures")


def test_an_empty_text_has_no_words_and_no_ratios() -> None:
    row = one("")
    assert (row["n_chars"], row["n_words"], row["n_non_symbol_words"], row["stop_word_types"]) == (0, 0, 0, 0)
    assert row["alpha_word_ratio"] is row["top_2_gram_char_frac"] is row["dup_line_frac"] is None
    assert one(None) == row


def test_words_and_their_mean_length_leave_punctuation_out() -> None:
    row = one("The mill, and the river: 42!")
    assert (row["n_words"], row["n_non_symbol_words"]) == (9, 6)
    assert row["mean_word_len"] == (3 + 4 + 3 + 3 + 5 + 2) / 6
    assert row["alpha_word_ratio"] == 5 / 9


def test_symbols_are_counted_per_word() -> None:
    row = one("# one ... two … three")
    assert row["n_words"] == 6
    assert row["hash_ratio"] == 1 / 6
    assert row["ellipsis_ratio"] == 2 / 6


def test_six_dots_are_two_ellipses_and_four_are_one() -> None:
    assert one("a ...... b")["ellipsis_ratio"] == 2 / 3
    assert one("a .... b")["ellipsis_ratio"] == 1 / 3


def test_lines_that_begin_with_bullets_or_end_in_ellipses() -> None:
    row = one("• one\n- two...\n three…\nfour")
    assert row["n_lines_splitlines"] == 4
    assert row["bullet_line_ratio"] == 2 / 4
    assert row["end_ellipsis_ratio"] == 2 / 4


def test_repeated_lines_and_paragraphs_count_from_the_second_on() -> None:
    row = one("abc\nabc\n\nxy\n\nxy")
    assert (row["n_lines_rep"], row["dup_line_frac"], row["dup_line_char_frac"]) == (4, 2 / 4, 5 / 15)
    assert (row["n_paras"], row["dup_para_frac"], row["dup_para_char_frac"]) == (3, 1 / 3, 2 / 15)


def test_the_most_frequent_bigram_counts_with_all_its_copies() -> None:
    assert one("go on x go on y go on")["top_2_gram_char_frac"] == 3 * len("go on") / 21


def test_repeated_ngrams_are_found_from_left_to_right() -> None:
    words = "one two three four five"
    assert one(f"{words} six {words}")["dup_5_gram_char_frac"] == len("onetwothreefourfive") / (23 * 2 + 5)
    assert one(f"{words} six {words}")["dup_6_gram_char_frac"] == 0


def test_fineweb_lines_that_end_in_a_full_stop_or_are_short() -> None:
    row = one("A line that ends well and is longer than thirty.\nshort\nshort\n")
    assert row["fw_n_lines"] == 3
    assert row["fw_line_punct_ratio"] == 1 / 3
    assert row["fw_short_line_ratio"] == 2 / 3
    assert row["fw_char_dup_ratio"] == 5 / 58


# Each difference between the modes that gristmill/filter/measures.py lists.


def test_strict_reads_lines_of_a_page_with_crlf() -> None:
    text = "One line.\r\nAnother one.\r\n"
    assert one(text, "strict")["fw_line_punct_ratio"] == 1.0
    assert one(text, "compat")["fw_line_punct_ratio"] == 0.0


def test_strict_counts_no_line_for_a_newline_at_the_end() -> None:
    assert one("abc\n", "strict")["n_lines_rep"] == 1
    assert one("abc\n", "compat")["n_lines_rep"] == 2


def test_strict_takes_the_longest_of_equally_frequent_ngrams() -> None:
    text = "a b x a b y longer words z longer words"
    assert one(text, "strict")["top_2_gram_char_frac"] == 2 * len("longer words") / len(text)
    assert one(text, "compat")["top_2_gram_char_frac"] == 2 * len("a b") / len(text)


def test_strict_tells_ngrams_apart_that_are_equal_without_blanks() -> None:
    text = "ab c d e f a bc d e f"
    assert one(text, "strict")["dup_5_gram_char_frac"] == 0
    assert one(text, "compat")["dup_5_gram_char_frac"] == 6 / len(text)


def test_strict_finds_stop_words_in_any_case() -> None:
    assert one("The mill AND the river", "strict")["stop_word_types"] == 2
    assert one("The mill AND The river", "compat")["stop_word_types"] == 0


@pytest.mark.parametrize("mark", "*‣–·◦▪")
def test_strict_knows_more_bullets(mark: str) -> None:
    assert one(f"{mark} point", "strict")["bullet_line_ratio"] == 1.0
    assert one(f"{mark} point", "compat")["bullet_line_ratio"] == 0.0


def test_strict_gives_punctuation_alone_a_mean_length_of_zero() -> None:
    assert one("!!! ???", "strict")["mean_word_len"] == 0.0
    assert one("!!! ???", "compat")["mean_word_len"] is None


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(["strict", "compat"]))
def test_a_text_has_the_same_measures_alone_and_in_any_company(texts: list[str], mode: str) -> None:
    together = measure([*texts], mode)
    assert together.equals(measure([*texts], mode, threads=3))
    for i, text in enumerate(texts):
        assert together.slice(i, 1).equals(measure([text], mode))


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(["strict", "compat"]))
def test_lines_and_shares_agree_with_their_plain_definition(texts: list[str], mode: str) -> None:
    for text, row in zip(texts, measure([*texts], mode).iter_rows(named=True), strict=True):
        lines = text.splitlines()
        assert row["n_chars"] == len(text)
        assert row["n_lines_splitlines"] == len(lines)
        if lines:
            assert row["end_ellipsis_ratio"] == sum(
                line.rstrip().endswith(("...", "…")) for line in lines
            ) / len(lines)
        shares = [
            value for name, value in row.items() if name.endswith(("_frac", "alpha_word_ratio", "line_ratio"))
        ]
        assert all(value is None or value >= 0 for value in shares)
        if mode == "strict":
            stripped = [line.strip() for line in lines if line.strip()]
            assert row["n_lines_rep"] == len(stripped)
            if stripped:
                repeated = len(stripped) - len(set(stripped))
                assert row["dup_line_frac"] == repeated / len(stripped)
