"""Numba kernel of the rules that the classifier cannot learn from few pages: they shift the odds of a block.

Each is one that readers of pages agree on whatever the site. Most speak of pages that declare themselves articles
(og:type, JSON-LD). At the end the odds are set right for the kind of page: on pages that are no articles the
classifier is too sure of itself. The factors were chosen on the development pages; see docs/stages/extraction.md.
"""

# mypy: disallow-untyped-defs=False
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from math import exp, expm1, log
from typing import Any

import numpy as np
from numba import njit

from gristmill.ingest.html._features import FEATURES, GROUP_SIZE, place_key
from gristmill.ingest.html._scan import CONTAINER, WORDS

COMMENT_FACTOR = 0.1  # a comment below an article
ELSEWHERE_FACTOR = (
    0.2  # a part of the page that shares nothing with the part the title is in: the next article
)
COPY_FACTOR = 0.2  # the same text a second time, from five words on; not in rows of like cards
FIGURE_FACTOR = 0.25  # captions and credits
ASIDE_FACTOR = 0.2
RELATED_FACTOR = 0.4
LINK_FACTOR = 0.15  # a short paragraph of an article that is one link
LABEL_FACTOR = 0.3  # up to four words that are no heading, no item and no sentence: credits, "back", a date
SUMMARY_FACTOR = 6.0  # the lead: most of its pairs of words are in the page's description
FORM_FACTOR = 0.15  # labels and choices of a form
COOKIE_FACTOR = 0.1  # what lies in an element named for consent, where that is not most of the page
OTHER_POWER = 0.8  # of the odds on pages that are not declared articles, products or documentation
PRODUCT_SHIFT, DOCUMENTATION_SHIFT = 0.75, 1.8  # of the odds on such pages
AGREEMENT = 0.6  # of the way to the mean of a path's blocks
SURE_QUALITY, LEAST_CHANCE = 0.8, 0.45  # where the F1 to be expected is high, less likely blocks are left out

_ARTICLE, _OG_ARTICLE, _OG_PRODUCT = (
    FEATURES.index(name) for name in ("type.article", "og.article", "og.product")
)
_FORUM, _PRODUCT, _DOCUMENTATION = (
    FEATURES.index(f"type.{name}") for name in ("forum", "product", "documentation")
)
_URL_FORUM, _URL_DOCUMENTATION, _ROOT = (
    FEATURES.index(f"url.{name}") for name in ("forum", "documentation", "root")
)
_COMMENT, _FIGURE, _ASIDE, _RELATED, _COOKIE, _FORM, _BUTTON = (
    FEATURES.index(f"mark.{name}")
    for name in ("comment", "tag_figure", "tag_aside", "related", "cookie", "tag_form", "tag_button")
)
_SAID, _TITLE_SHARE, _TOLD = (
    FEATURES.index(f"place.{name}") for name in ("said_before", "title_share", "told_summary")
)
_WORDS, _LINK_SHARE, _TERMINAL, _HEADING, _COPY, _ITEM, _TABLE, _FORMULAS, _PRE = (
    FEATURES.index(f"own.{name}")
    for name in (
        "words",
        "link_share",
        "terminal",
        "heading",
        "earlier_copy",
        "is_item",
        "in_table",
        "formulas",
        "in_pre",
    )
)
_CARDS, _CARD_WORDS = FEATURES.index("near_group.count"), FEATURES.index("near_group.mean_words")
_MIN_SAID = 3.5  # log of 1 + words: 32 words of running text stand before the comments
_MIN_COPY_WORDS, _MIN_LEAD_WORDS, _MAX_LABEL_WORDS, _MAX_LINK_WORDS = 4.5, 7.5, 4.5, 14.5
_MIN_CARDS, _MAX_CARD_WORDS = 1.38, 4.1  # logs of 1 + them: three cards, 60 words
_MOSTLY_LINK, _MAX_LINK_SHARE, _MAX_COOKIE_SHARE = 0.9, 0.3, 0.6
_NEAR_MARK = 2
_LEAST = 1e-6  # a probability is never taken to be less
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
    forum = features[_FORUM, 0] > 0 or features[_URL_FORUM, 0] > 0
    product = features[_PRODUCT, 0] > 0 or features[_OG_PRODUCT, 0] > 0
    article = is_article(features)
    documentation = not forum and (features[_DOCUMENTATION, 0] > 0 or features[_URL_DOCUMENTATION, 0] > 0)
    title_has_part = False
    running, in_cookie = 0.0, 0.0
    for b in range(n):
        title_has_part = title_has_part or (chance[b] > 0.5 and features[_TITLE_SHARE, b] < _PART_SHARE)
        if features[_LINK_SHARE, b] < _MAX_LINK_SHARE:
            words = expm1(features[_WORDS, b])
            running += words
            in_cookie += words if features[_COOKIE, b] > 0 else 0.0
    has_cookies = in_cookie < _MAX_COOKIE_SHARE * running
    for b in range(n):
        factor = 1.0
        words = expm1(features[_WORDS, b])
        plain = features[_HEADING, b] == 0 and features[_ITEM, b] == 0 and features[_TABLE, b] == 0
        copied = features[_COPY, b] > 0
        card = (
            features[_CARDS, b] > _MIN_CARDS
            and features[_CARD_WORDS, b] < _MAX_CARD_WORDS
            and not (forum or product or article)
        )
        if copied and words > _MIN_COPY_WORDS and not card:
            factor *= COPY_FACTOR
        if not copied and words > _MIN_LEAD_WORDS and features[_TOLD, b] > _MIN_TOLD:
            factor *= SUMMARY_FACTOR
        if features[_FORM, b] > 0 and features[_BUTTON, b] >= _NEAR_MARK:
            factor *= FORM_FACTOR
        if has_cookies and features[_COOKIE, b] > 0:
            factor *= COOKIE_FACTOR
        if features[_FIGURE, b] >= _NEAR_MARK and (article or not product):
            factor *= FIGURE_FACTOR
        if article:
            if features[_COMMENT, b] > 0 and features[_SAID, b] > _MIN_SAID:
                factor *= COMMENT_FACTOR
            if title_has_part and features[_TITLE_SHARE, b] > _WHOLE_SHARE:
                factor *= ELSEWHERE_FACTOR
            if features[_ASIDE, b] > 0:
                factor *= ASIDE_FACTOR
            if features[_RELATED, b] >= _NEAR_MARK:
                factor *= RELATED_FACTOR
            unended = features[_TERMINAL, b] == 0 and features[_FORMULAS, b] == 0 and features[_PRE, b] == 0
            if plain and unended and words < _MAX_LABEL_WORDS:
                factor *= LABEL_FACTOR
            elif plain and words < _MAX_LINK_WORDS and features[_LINK_SHARE, b] > _MOSTLY_LINK:
                factor *= LINK_FACTOR
        odds = chance[b] * factor / max(1e-12, 1 - chance[b])
        if documentation:
            odds *= DOCUMENTATION_SHIFT
        elif product:
            odds *= PRODUCT_SHIFT
        elif not article:
            odds **= OTHER_POWER
        chance[b] = odds / (1 + odds)


@_compiled
def agree_on_paths(features, paths, blocks, chance):
    """Draw the log odds of blocks of one path together, in place, where it has three or more; not on articles.

    Posts, cards and rows of one kind are content together or not at all.
    """
    n = chance.shape[0]
    if n == 0 or is_article(features):
        return
    size = 16
    while size < 2 * n:
        size *= 2
    keys = np.zeros(size, np.uint64)
    sums = np.zeros((size, 3))
    path_at = np.empty(n, np.int64)
    for b in range(n):
        key = paths[blocks[b, CONTAINER], 1] | np.uint64(1)
        at = place_key(keys, key)
        keys[at] = key
        path_at[b] = at
        weight = blocks[b, WORDS] + 0.5
        known = min(max(chance[b], _LEAST), 1 - _LEAST)
        sums[at, 0] += 1
        sums[at, 1] += weight
        sums[at, 2] += weight * log(known / (1 - known))
    for b in range(n):
        at = path_at[b]
        if sums[at, 0] >= GROUP_SIZE:
            known = min(max(chance[b], _LEAST), 1 - _LEAST)
            own = log(known / (1 - known))
            chance[b] = 1 / (1 + exp(-own - AGREEMENT * (sums[at, 2] / sums[at, 1] - own)))


@_compiled
def is_article(features):
    """Whether the page declares itself an article and nothing else."""
    return (
        (features[_ARTICLE, 0] > 0 or features[_OG_ARTICLE, 0] > 0)
        and features[_FORUM, 0] == 0
        and features[_PRODUCT, 0] == 0
        and features[_DOCUMENTATION, 0] == 0
        and features[_ROOT, 0] == 0
    )
