from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from gristmill.text_buffers import text_buffers, text_series


@given(st.lists(st.text(max_size=20) | st.none(), max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_buffers_hold_the_texts_of_a_slice_and_lead_back_to_them(
    texts: list[str | None], first: int, length: int
) -> None:
    column = pl.Series("text", texts, dtype=pl.String).slice(first, length)
    data, offsets = text_buffers(column)
    whole = data.tobytes()
    found = [whole[a:b].decode() for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    assert found == column.fill_null("").to_list()
    assert text_series(data, offsets, "text").equals(column.fill_null(""), check_names=True)


def test_no_text_still_has_a_byte_to_look_at() -> None:
    data, offsets = text_buffers(pl.Series([], dtype=pl.String))
    assert (data.tolist(), offsets.tolist()) == ([0], [0])
