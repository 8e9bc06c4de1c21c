"""Filters: URLs, language, the rules of Gopher, C4 and FineWeb, classifiers, rules of your own, personal data.

filtered = filter_documents(documents, FilterOptions(), language_model=Path("lid.176.ftz"))
filtered.documents, filtered.decisions, filtered.measures
"""

from gristmill.filter.classifiers import JUDGED, Classifier
from gristmill.filter.filter import Filtered, filter_documents, identify_options, measures_schema
from gristmill.filter.language import describe_languages, identify_languages
from gristmill.filter.measures import MEASURED, MEASURES, measure_texts
from gristmill.filter.options import FilterOptions
from gristmill.filter.rules import Rule, count_broken, decide, judge, list_rules
from gristmill.filter.training import train

# Raise when the same documents and options give other output: every shard of the stage is then made again.
VERSION = 2

# The same for classifiers: raise when the same examples and options give another model.
TRAINING_VERSION = 1

__all__ = [
    "JUDGED",
    "MEASURED",
    "MEASURES",
    "TRAINING_VERSION",
    "VERSION",
    "Classifier",
    "FilterOptions",
    "Filtered",
    "Rule",
    "count_broken",
    "decide",
    "describe_languages",
    "filter_documents",
    "identify_languages",
    "identify_options",
    "judge",
    "list_rules",
    "measure_texts",
    "measures_schema",
    "train",
]
