"""Numba kernel of the rules that the classifier cannot learn from few pages: they shift the odds of a block.

Each is one that readers of pages agree on whatever the site. They speak of pages that declare themselves articles
(og:type, JSON-LD), but for two: what was said before on the page is not said again, and what the page's own
description says is content. The factors were chosen on the development pages; see docs/stages/extraction.md.
"""

# mypy: disallow-untyped-defs=False
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from math import expm1
from typing import Any

from numba import njit

from gristmill.ingest.html._features import FEATURES

COMMENT_FACTOR = 0.1  # a comment below an article
ELSEWHERE_FACTOR = (
    0.2  # a part of the page that shares nothing with the part the title is in: the next article
)
COPY_FACTOR = 0.2  # the same text a second time, from five words on
FIGURE_FACTOR = 0.4  # captions and credits
ASIDE_FACTOR = 0.4
LABEL_FACTOR = 0.3  # up to four words that are no heading, no item and no sentence: credits, "back", a date
SUMMARY_FACTOR = 4.0  # the lead: most of its pairs of words are in the page's description
SURE_QUALITY, LEAST_CHANCE = 0.8, 0.45  # where the F1 to be expected is high, less likely blocks are left out

_ARTICLE, _OG_ARTICLE = FEATURES.index("type.article"), FEATURES.index("og.article")
_FORUM, _PRODUCT, _DOCUMENTATION, _ROOT = (
    FEATURES.index(f"type.{name}") if name != "root" else FEATURES.index("url.root")
    for name in ("forum", "product", "documentation", "root")
)
_COMMENT, _FIGURE, _ASIDE = (
    FEATURES.index(f"mark.{name}") for name in ("comment", "tag_figure", "tag_aside")
)
_SAID, _TITLE_SHARE, _TOLD = (
    FEATURES.index(f"place.{name}") for name in ("said_before", "title_share", "told_summary")
)
_WORDS, _TERMINAL, _HEADING, _COPY, _ITEM, _TABLE, _FORMULAS = (
    FEATURES.index(f"own.{name}")
    for name in ("words", "terminal", "heading", "earlier_copy", "is_item", "in_table", "formulas")
)
_MIN_SAID = 3.5  # log of 1 + words: 32 words of running text stand before the comments
_MIN_COPY_WORDS, _MIN_LEAD_WORDS, _MAX_LABEL_WORDS = 4.5, 7.5, 4.5
_NEAR_MARK = 2
_MIN_TOLD = 0.6
_PART_SHARE, _WHOLE_SHARE = 0.9, 0.97  # of the page's words, in what holds both a block and the title

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@_compiled
def apply_rules(features, chance):
    """Shift the probabilities in place."""
    n = chance.shape[0]
    if n == 0:
        return
    article = (
        (features[_ARTICLE, 0] > 0 or features[_OG_ARTICLE, 0] > 0)
        and features[_FORUM, 0] == 0
        and features[_PRODUCT, 0] == 0
        and features[_DOCUMENTATION, 0] == 0
        and features[_ROOT, 0] == 0
    )
    title_has_part = False
    for b in range(n):
        title_has_part = title_has_part or (chance[b] > 0.5 and features[_TITLE_SHARE, b] < _PART_SHARE)
    for b in range(n):
        factor = 1.0
        words = expm1(features[_WORDS, b])
        copied = features[_COPY, b] > 0
        if copied and words > _MIN_COPY_WORDS:
            factor *= COPY_FACTOR
        if not copied and words > _MIN_LEAD_WORDS and features[_TOLD, b] > _MIN_TOLD:
            factor *= SUMMARY_FACTOR
        if article:
            if features[_COMMENT, b] > 0 and features[_SAID, b] > _MIN_SAID:
                factor *= COMMENT_FACTOR
            if title_has_part and features[_TITLE_SHARE, b] > _WHOLE_SHARE:
                factor *= ELSEWHERE_FACTOR
            if features[_FIGURE, b] >= _NEAR_MARK:
                factor *= FIGURE_FACTOR
            if features[_ASIDE, b] > 0:
                factor *= ASIDE_FACTOR
            if (
                words < _MAX_LABEL_WORDS
                and features[_TERMINAL, b] == 0
                and features[_HEADING, b] == 0
                and features[_ITEM, b] == 0
                and features[_TABLE, b] == 0
                and features[_FORMULAS, b] == 0
            ):
                factor *= LABEL_FACTOR
        chance[b] = chance[b] * factor / (chance[b] * factor + 1 - chance[b])
