from __future__ import annotations

import pytest

from gristmill.rephrase.spans import SpanScores, best_precision, merge_spans, score_spans


def test_spans_are_merged() -> None:
    assert merge_spans([(5, 8), (0, 3), (2, 4), (8, 9), (6, 6)]) == [(0, 4), (5, 9)]


def test_overlapping_chunks_count_once_unless_the_reference_is_followed() -> None:
    references, chunks = [(0, 10)], [(0, 10), (5, 15)]
    assert score_spans(references, chunks) == pytest.approx((10 / 15, 1.0, 10 / 15))
    assert score_spans(references, chunks, strict=False) == pytest.approx((10 / 20, 1.0, 10 / 20))
    assert score_spans(references, []) == SpanScores(0.0, 0.0, 0.0)


def test_a_chunk_that_only_touches_is_met_in_the_reference_alone() -> None:
    chunks = [(0, 10), (10, 20), (20, 30)]
    assert best_precision([(12, 20)], chunks) == (0.8, 1)
    assert best_precision([(12, 20)], chunks, strict=False) == (0.4, 2)
    assert best_precision([], []) == (0.0, 0)
