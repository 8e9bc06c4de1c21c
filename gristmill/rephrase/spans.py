"""How well retrieved chunks of a document meet the reference spans of an answer.

Ranges are half-open [start, end) in one unit, characters or tokens; overlaps count once unless said otherwise.
`strict=False` gives what brandonstarxel/chunking_evaluation computes: a chunk that only touches a reference at a
boundary counts as meeting it, and the lengths of overlapping chunks are added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Span = tuple[int, int]


class SpanScores(NamedTuple):
    """recall: of the references; precision: of the chunks; iou: of both together. All 0..1."""

    iou: float
    recall: float
    precision: float


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, overlapping and adjacent ones joined, empty ones left out."""
    merged: list[Span] = []
    for start, end in sorted((start, end) for start, end in spans if start < end):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def score_spans(references: Sequence[Span], chunks: Sequence[Span], *, strict: bool = True) -> SpanScores:
    """Scores of retrieved chunks; all 0 where there is no reference or no chunk."""
    wanted, found = _size(references), _size(chunks)
    if not wanted or not found:
        return SpanScores(0.0, 0.0, 0.0)
    shared = _shared(references, chunks)
    read = found if strict else sum(end - start for start, end in chunks)
    return SpanScores(shared / (read + wanted - shared), shared / wanted, shared / read)


def best_precision(
    references: Sequence[Span], chunks: Sequence[Span], *, strict: bool = True
) -> tuple[float, int]:
    """Precision where all chunks that meet a reference are retrieved (Precision-Omega), and their number."""
    least = 1 if strict else 0
    met = [
        chunk
        for chunk in chunks
        if any(min(chunk[1], end) - max(chunk[0], start) >= least for start, end in references)
    ]
    whole = _size([*met, *references])
    return (_shared(references, met) / whole if whole else 0.0), len(met)


def _size(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in merge_spans(spans))


def _shared(first: Sequence[Span], second: Sequence[Span]) -> int:
    return _size(first) + _size(second) - _size([*first, *second])
