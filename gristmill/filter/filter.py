"""Stage `filtered`: rules that drop documents and edits of their text, by values that are kept for every document.

The steps, in this order; each is a module here:

1. URL rules. 2. Unicode repair, an edit. 3. Language. 4. Repetition and quality of Gopher, C4, which removes lines, and
FineWeb: one pass over the text (`texts`). 5. Rules on code. 6. Classifiers. 7. Rules of the user's own. 8. Masking of
personal data, an edit, on what is left.

A step takes a Batch and says what it found out; the first rule that drops a document is the one its decision names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.documents import DECISIONS, DROP, Schema, check_schema
from gristmill.file_options import dump_with_digests, resolve
from gristmill.filter.batch import Batch
from gristmill.filter.classifiers import Classifier, judge_by_classifiers, score_measures
from gristmill.filter.code import code_measures, judge_code
from gristmill.filter.language import describe_languages
from gristmill.filter.options import FilterOptions
from gristmill.filter.pii import mask_batch
from gristmill.filter.texts import judge_texts, text_measures
from gristmill.filter.unicode import repair_batch
from gristmill.filter.urls import judge_batch
from gristmill.filter.user_rules import (
    apply_user_rules,
    check_rules,
    function_versions,
    known_columns,
    user_measures,
)


@dataclass(frozen=True)
class Filtered:
    """What became of a batch of documents."""

    documents: pl.DataFrame  # DOCUMENTS: those kept, in order, edited, `lang` and `lang_score` filled
    decisions: pl.DataFrame  # DECISIONS: one per document that came in, in order
    measures: pl.DataFrame  # measures_schema(options): likewise, kept or not


def measures_schema(options: FilterOptions) -> Schema:
    """Columns of the measures that these options give."""
    return {
        "id": pl.String,
        "lang": pl.String,
        "lang_score": pl.Float64,
        "script": pl.String,
        **({"lang_allowed_score": pl.Float64} if options.mode == "compat" else {}),
        **text_measures(options),
        **code_measures(options.code),
        **score_measures(options.classifiers),
        **user_measures(options),
    }


def check_user_rules(options: FilterOptions) -> None:
    """Raise ValueError, naming the rule, unless every rule of the user's own can be read and has its own name."""
    check_rules(options.rules, known_columns(measures_schema(options)))


def identify_options(options: FilterOptions, folder: Path) -> dict[str, Any]:
    """What of the options decides the output, as JSON: files by their content, functions by their version.

    Raises RecipeError where a file or an entry point is missing.
    """
    versions = function_versions(options)
    return {**dump_with_digests(options, folder, "filter"), **({"functions": versions} if versions else {})}


def filter_documents(
    documents: pl.DataFrame,
    options: FilterOptions,
    *,
    language_model: Path,
    folder: Path = Path(),
    classifiers: Mapping[str, Classifier] | None = None,
    threads: int = 1,
) -> Filtered:
    """Measure every document, edit it, and keep those that break no rule (gristmill/filter/rules.py has the order).

    A null text is an empty one. language_model: file of lid.176, or of another fastText model of languages. folder:
    what the files that the options name are relative to. classifiers: those that the options name. A document's row
    depends on its text and the options alone, whatever the batch; `threads` changes nothing but time. Raises
    ModelError, or RecipeError where a file, spaCy or an entry point is missing.
    """
    batch = Batch(documents)
    if options.urls is not None:
        judge_batch(batch, options.urls, mode=options.mode, folder=folder)
    if options.unicode is not None:
        repair_batch(batch, options.unicode)
    own = options.language.model
    model = language_model if own is None else resolve(own, folder, "filter.language.model")
    _identify(batch, options, model)
    judge_texts(batch, options, folder=folder, threads=threads)
    judge_code(batch, options.code, threads=threads)
    judge_by_classifiers(batch, options.classifiers, classifiers or {})
    apply_user_rules(batch, options)
    if options.pii is not None:
        mask_batch(batch, options.pii, mode=options.mode)

    decisions = batch.decide()
    measures = batch.measures.select(*measures_schema(options))
    check_schema(measures, measures_schema(options), "filtered, measures")
    check_schema(decisions, DECISIONS, "filtered, decisions")
    return Filtered(batch.documents.filter(decisions["action"] != DROP), decisions, measures)


def _identify(batch: Batch, options: FilterOptions, model: Path) -> None:
    languages = describe_languages(batch.texts, model, options.language, mode=options.mode)
    batch.describe(languages.select("lang", "lang_score"))
    batch.measure(languages if options.mode == "compat" else languages.drop("lang_allowed_score"))
