"""Selection: one row of measures per document, and the token budget spent on the best of them.

scores = join_scores(documents, counts, quality, asset="refined")
selected = select_documents(scores, SelectOptions(budget_tokens=10_000_000))
"""

from gristmill.select.options import QuotaOptions, SelectOptions
from gristmill.select.scored import DOCUMENT_COLUMNS, SCORES, join_scores
from gristmill.select.select import (
    BUDGET,
    EMPTY,
    MIN_QUALITY,
    QUOTA,
    SELECTION,
    UNSCORED,
    Selected,
    select_documents,
)

# Raise one when its stage's output changes: it is then made again.
SCORED_VERSION = 2
SELECTED_VERSION = 2

__all__ = [
    "BUDGET",
    "DOCUMENT_COLUMNS",
    "EMPTY",
    "MIN_QUALITY",
    "QUOTA",
    "SCORED_VERSION",
    "SCORES",
    "SELECTED_VERSION",
    "SELECTION",
    "UNSCORED",
    "QuotaOptions",
    "SelectOptions",
    "Selected",
    "join_scores",
    "select_documents",
]
