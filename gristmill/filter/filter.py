"""Stage `filtered`: language, repetition and quality, by rules whose values are kept for every document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from gristmill.documents import DECISIONS, KEEP, check_schema
from gristmill.filter.language import identify_languages
from gristmill.filter.measures import MEASURED, MEASURES, measure_texts
from gristmill.filter.options import GOPHER_STOP_WORDS, FilterOptions
from gristmill.filter.rules import decide


@dataclass(frozen=True)
class Filtered:
    """What became of a batch of documents."""

    documents: pl.DataFrame  # DOCUMENTS: those kept, in order, `lang` and `lang_score` filled
    decisions: pl.DataFrame  # DECISIONS: one per document that came in, in order
    measures: pl.DataFrame  # MEASURES: likewise, kept or not


def filter_documents(
    documents: pl.DataFrame, options: FilterOptions, *, language_model: Path, threads: int = 1
) -> Filtered:
    """Measure every document, and keep those that break no rule (gristmill/filter/rules.py has the order).

    A null text is an empty one. language_model: file of lid.176. A document's row depends on its text and the options
    alone, whatever the batch; `threads` changes nothing but time. Raises ModelError or, where spaCy is asked for and
    missing, RecipeError.
    """
    quality = options.gopher_quality
    lang, score = identify_languages(documents["text"], language_model, max_chars=options.language.max_chars)
    measured = measure_texts(
        documents["text"],
        words=options.words,
        mode=options.mode,
        stop_words=quality.stop_words if quality is not None else GOPHER_STOP_WORDS,
        threads=threads,
    )
    measures = pl.DataFrame([documents["id"], lang, score]).hstack(measured.select(*MEASURED))
    decisions = decide(measures, options)
    check_schema(measures, MEASURES, "filtered, measures")
    check_schema(decisions, DECISIONS, "filtered, decisions")
    kept = documents.with_columns(lang, score).filter(decisions["action"] == KEEP)
    return Filtered(kept, decisions, measures)
