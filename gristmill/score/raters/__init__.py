"""Raters: language models that score documents. DataMan, and any prompt with a scale. Start at `ratings.py`."""

from gristmill.score.raters.figures import Tally
from gristmill.score.raters.options import DatamanOptions, RaterOptions, ScaleOptions, TemplateOptions
from gristmill.score.raters.planning import Plan, Planned, plan_ratings, planned_requests
from gristmill.score.raters.rater import DOMAINS, Rater, ScoreColumn, make_rater, score_columns
from gristmill.score.raters.ratings import rate_documents, ratings_schema, read_answer

VERSION = 1  # raise when the same documents, options and answers give other output

__all__ = [
    "DOMAINS",
    "VERSION",
    "DatamanOptions",
    "Plan",
    "Planned",
    "Rater",
    "RaterOptions",
    "ScaleOptions",
    "ScoreColumn",
    "Tally",
    "TemplateOptions",
    "make_rater",
    "plan_ratings",
    "planned_requests",
    "rate_documents",
    "ratings_schema",
    "read_answer",
    "score_columns",
]
