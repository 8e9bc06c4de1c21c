"""How well a refiner finds the lines to remove: line-wise F1.

Source: ProX (arXiv 2409.17115), section on training the refiners; replacements are not scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class LineF1(NamedTuple):
    """Counts of lines, and F1; null where neither side has a line, so that it stays out of means."""

    tp: int
    fp: int
    fn: int
    f1: float | None


def line_f1(predicted: Iterable[int], labelled: Iterable[int]) -> LineF1:
    """F1 of removed line numbers against those that should go: 2 tp / (2 tp + fp + fn)."""
    found, wanted = set(predicted), set(labelled)
    tp, fp, fn = len(found & wanted), len(found - wanted), len(wanted - found)
    return LineF1(tp, fp, fn, 2 * tp / (2 * tp + fp + fn) if found or wanted else None)
