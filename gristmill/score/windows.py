"""Windows of a file that a scorer with a short context reads: its top, its middle and its end.

The paper's score of a file is the mean over its windows. Source: Arctic-SnowCoder (arXiv
2409.02326), section on the quality annotator; the paper gives no offsets, these are ours.
"""

from __future__ import annotations

WINDOW_TOKENS = 512  # the context of Snowflake-arctic-embed-m, which the paper uses


def window_spans(tokens: int, window: int = WINDOW_TOKENS) -> list[tuple[int, int]]:
    """Spans [start, end) in tokens: one where the file fits into a window, else top, middle and end.

    The three overlap where the file is shorter than three windows. No span for an empty file.
    """
    if tokens <= 0:
        return []
    if tokens <= window:
        return [(0, tokens)]
    last = tokens - window
    return [(start, start + window) for start in (0, last // 2, last)]
