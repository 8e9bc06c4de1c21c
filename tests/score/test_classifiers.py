from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.classifiers import to_lines

WHITE_SPACE = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())


def line(text: str | None) -> str | None:
    return to_lines(pl.Series([text], dtype=pl.String)).item()


def test_a_text_becomes_one_line() -> None:
    assert line("  one\ntwo\r\nthree\n\nfour \n") == "one two three  four"


def test_a_text_of_white_space_becomes_null() -> None:
    assert line("") is line(WHITE_SPACE) is line(None) is None


def test_marks_of_fasttext_are_taken_apart() -> None:
    assert line("a </s> __label__b") == "a < /s> __ label__b"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab" + WHITE_SPACE), max_size=12))
def test_lines_are_those_of_python(text: str) -> None:
    assert (line(text) or "") == " ".join(text.strip().splitlines())
