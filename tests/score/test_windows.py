"""Windows of a file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gristmill.score.windows import window_spans


def test_a_short_file_is_one_window_and_an_empty_one_none() -> None:
    assert window_spans(0) == []
    assert window_spans(7) == [(0, 7)]
    assert window_spans(512) == [(0, 512)]


def test_a_long_file_has_its_top_middle_and_end() -> None:
    assert window_spans(5_000) == [(0, 512), (2244, 2756), (4488, 5000)]


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_windows_lie_inside_the_file(tokens: int, window: int) -> None:
    spans = window_spans(tokens, window)
    assert all(0 <= start < end <= tokens and end - start <= window for start, end in spans)
    assert (spans[0][0], spans[-1][1]) == (0, tokens)
