"""Filters: language, Gopher repetition and Gopher quality.

filtered = filter_documents(documents, FilterOptions(), language_model=Path("lid.176.ftz"))
filtered.documents, filtered.decisions, filtered.measures
"""

from gristmill.filter.filter import Filtered, filter_documents
from gristmill.filter.language import identify_languages
from gristmill.filter.measures import MEASURED, MEASURES, measure_texts
from gristmill.filter.options import FilterOptions
from gristmill.filter.rules import Rule, decide, list_rules

# Raise when the same documents and options give other output: every shard of the stage is then made again.
VERSION = 1

__all__ = [
    "MEASURED",
    "MEASURES",
    "VERSION",
    "FilterOptions",
    "Filtered",
    "Rule",
    "decide",
    "filter_documents",
    "identify_languages",
    "list_rules",
    "measure_texts",
]
