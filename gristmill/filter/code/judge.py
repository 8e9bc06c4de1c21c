"""The step of `filtered` that measures code and judges it: one call on a batch, only where the recipe has `code:`."""

from __future__ import annotations

import polars as pl

from gristmill.documents import Schema
from gristmill.filter.batch import Batch
from gristmill.filter.code.logic import LOGIC, measure_logic
from gristmill.filter.code.measures import COUNTED, measure_code
from gristmill.filter.code.rules import judge
from gristmill.filter.options.code import CodeOptions

# What `raw` writes into `meta` of a file of code, and the rules read.
FACTS: Schema = {
    "language": pl.String,
    "path": pl.String,
    "licence": pl.String,
    "licence_class": pl.String,
    "vendored": pl.Boolean,
    "generated": pl.Boolean,
    "minified": pl.Boolean,
}


def code_measures(options: CodeOptions | None) -> Schema:
    """Columns of the measures that these options give."""
    return {} if options is None else {**COUNTED, **(LOGIC if options.opencoder is not None else {})}


def judge_code(batch: Batch, options: CodeOptions | None, *, threads: int = 1) -> None:
    """Measure every file of the batch and drop those that break a rule; nothing where options is None.

    A document without `language` in its `meta` is measured and judged as one of an unknown language. Comments, words
    and declarations are measured only where a group of rules reads them, and are null otherwise.
    """
    if options is None:
        return
    files = read_facts(batch.documents)
    opencoder = options.opencoder is not None
    measured, code = measure_code(
        batch.texts,
        files["language"],
        lexed=opencoder or options.starcoder is not None,
        words=opencoder,
        threads=threads,
    )
    known = files.hstack(measured)
    if opencoder:
        logic = measure_logic(known.with_columns(batch.texts.fill_null("").alias("text"), code))
        measured, known = measured.hstack(logic), known.hstack(logic)
    batch.measure(measured)
    batch.drop(judge(known, options))


def read_facts(documents: pl.DataFrame) -> pl.DataFrame:
    """id, the columns of FACTS and n_bytes; the path is the file's name where `meta` has none."""
    # Path by path: the `meta` of other sources may hold anything under these names.
    found = {name: documents["meta"].str.json_path_match(f"$.{name}") for name in FACTS}
    facts = pl.DataFrame(
        {name: found[name] == "true" if dtype == pl.Boolean else found[name] for name, dtype in FACTS.items()}
    )
    return facts.select(
        pl.lit(documents["id"]).alias("id"),
        pl.col(name for name in FACTS if name != "path"),
        pl.coalesce("path", pl.lit(documents["file"])).fill_null("").alias("path"),
        pl.lit(documents["text"].fill_null("").str.len_bytes().cast(pl.Int64)).alias("n_bytes"),
    )
