from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gristmill.refine.chunking import Chunk, number_lines, split_chunks


def test_numbers_have_three_digits_or_more_and_go_on_through_the_document() -> None:
    assert number_lines(["a", "", " b"], 998) == ["[998]a", "[999]", "[1000] b"]


def test_strict_counts_line_breaks_and_compat_does_not() -> None:
    assert split_chunks([5, 5, 5], 10) == [Chunk(0, 0, 5), Chunk(1, 1, 5), Chunk(2, 2, 5)]
    assert split_chunks([5, 5, 5], 11) == [Chunk(0, 1, 11), Chunk(2, 2, 5)]
    assert split_chunks([5, 5, 5], 10, "compat") == [Chunk(0, 1, 10), Chunk(2, 2, 5)]


def test_a_line_above_the_limit_is_skipped_in_strict_mode_and_sent_in_compat() -> None:
    assert split_chunks([2, 11, 2], 10) == [Chunk(0, 0, 2), Chunk(1, 1, 11, skipped=True), Chunk(2, 2, 2)]
    assert split_chunks([2, 11, 2], 10, "compat") == [Chunk(0, 0, 2), Chunk(1, 1, 11), Chunk(2, 2, 2)]
    assert split_chunks([11], 10) == [Chunk(0, 0, 11, skipped=True)]


@given(
    st.lists(st.integers(1, 30), max_size=40),
    st.integers(1, 40),
    st.sampled_from(["strict", "compat"]),
)
def test_chunks_hold_every_line_once_in_order_and_stay_within_the_limit(
    costs: list[int], limit: int, mode: str
) -> None:
    chunks = split_chunks(costs, limit, mode)  # type: ignore[arg-type]
    lines = [line for chunk in chunks for line in range(chunk.first_line, chunk.last_line + 1)]
    assert lines == list(range(len(costs)))
    for chunk in chunks:
        n_lines = chunk.last_line - chunk.first_line + 1
        breaks = n_lines - 1 if mode == "strict" else 0
        assert chunk.tokens == sum(costs[chunk.first_line : chunk.last_line + 1]) + breaks
        assert chunk.tokens <= limit or (n_lines == 1 and chunk.skipped == (mode == "strict"))
