"""The step that reads the text: measures of all rules in one pass, the first rule broken, and C4's edit."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gristmill.documents import Schema
from gristmill.filter.batch import Batch
from gristmill.filter.c4 import count_bad_words, remove_lines, spare
from gristmill.filter.measures import measure_texts, measured_columns
from gristmill.filter.options import GOPHER_STOP_WORDS, FilterOptions, FineWebOptions
from gristmill.filter.rules import BAD_WORDS, judge, list_rules


def text_measures(options: FilterOptions) -> Schema:
    """Columns that `judge_texts` measures with these options."""
    columns = measured_columns(options.c4, _long_line_chars(options))
    if options.c4 is not None and options.c4.bad_words is not None:
        columns["c4_bad_words"] = pl.Int64
    return columns


def judge_texts(batch: Batch, options: FilterOptions, *, folder: Path, threads: int) -> None:
    """Measure all documents, drop by the rules of `list_rules`, and remove the lines of those that are left."""
    measured = measure_texts(
        batch.texts,
        words=options.words,
        mode=options.mode,
        stop_words=GOPHER_STOP_WORDS if options.gopher_quality is None else options.gopher_quality.stop_words,
        c4=options.c4,
        long_line_chars=_long_line_chars(options),
        short_line_chars=(options.fineweb or FineWebOptions()).short_line_chars,
        threads=threads,
    )
    if options.c4 is not None and options.c4.bad_words is not None:
        found = count_bad_words(batch.texts, options.c4, folder).cast(pl.Int64)
        measured = measured.with_columns(found)
    batch.measure(measured)

    verdicts = judge(batch.measures, list_rules(options))
    if options.c4 is not None and options.c4.keep_bad_words_ratio > 0:
        verdicts = _spare(batch, verdicts, options)
    batch.drop(verdicts)
    if options.c4 is not None:
        live = batch.live
        batch.edit(live, *remove_lines(batch.texts.filter(live), options.c4))


def _long_line_chars(options: FilterOptions) -> int | None:
    return None if options.c4_paragraph is None else options.c4_paragraph.min_paragraph_chars


def _spare(batch: Batch, verdicts: pl.DataFrame, options: FilterOptions) -> pl.DataFrame:
    """Let a share of the documents with bad words be judged by the other rules alone."""
    assert options.c4 is not None
    spared = spare(batch.documents["id"], options.c4.keep_bad_words_ratio)
    others = judge(batch.measures, [rule for rule in list_rules(options) if rule.name != BAD_WORDS])
    return pl.DataFrame([others[name].zip_with(spared, verdicts[name]) for name in verdicts.columns])
