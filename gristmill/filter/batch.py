"""A batch of documents on its way through the steps of `filtered`.

A step measures, drops and edits; it never takes rows out. So every document has all measures, and one decision that is
made at the end:

- `drop` with the rule, value and bound of the first step that dropped it;
- `edit` for a kept document whose text changed: the first edit as its rule, how often that was made as its value, and
  in `detail` the number of every edit, as in {"c4.lines": 3, "pii.emails": 1};
- `keep` for the others.

A step that edits asks which documents are still `live`; the text of one that was dropped before stays as it is.
"""

from __future__ import annotations

import polars as pl

from gristmill.documents import DECISIONS, DROP, EDIT, KEEP, Schema, check_schema
from gristmill.errors import StageError

# What a rule says of each document, in order; a null `rule` lets it pass.
VERDICTS: Schema = {"rule": pl.String, "value": pl.Float64, "bound": pl.Float64, "detail": pl.String}


class Batch:
    """Documents with what was found out about them; rows keep their order and number."""

    def __init__(self, documents: pl.DataFrame) -> None:
        self.documents = documents
        self.measures = documents.select("id")
        nothing = [
            pl.repeat(None, documents.height, dtype=kind).alias(name) for name, kind in VERDICTS.items()
        ]
        self._verdicts = pl.select(nothing)
        self._edits: list[pl.Series] = []  # how often each was made, a row for every document

    @property
    def texts(self) -> pl.Series:
        """The text of every document as edited so far."""
        return self.documents["text"]

    @property
    def live(self) -> pl.Series:
        """Whether no step has dropped it yet, for every document."""
        return self._verdicts["rule"].is_null().alias("live")

    def describe(self, columns: pl.DataFrame) -> None:
        """Fill columns of the documents, such as `lang`; a row for every document."""
        self.documents = self.documents.with_columns(columns.get_columns())

    def measure(self, columns: pl.DataFrame) -> None:
        """Store measures under the columns' names; a row for every document."""
        self.measures = self.measures.hstack(columns)

    def drop(self, verdicts: pl.DataFrame) -> None:
        """Drop the documents with a rule in VERDICTS, which has a row for every document; the first verdict stands."""
        check_schema(verdicts, VERDICTS, "filtered, verdicts")
        self._same_height(verdicts)
        live = self.live
        self._verdicts = pl.DataFrame(
            [verdicts[name].zip_with(live, self._verdicts[name]) for name in VERDICTS]
        )

    def edit(self, live: pl.Series, texts: pl.Series, counts: pl.DataFrame) -> None:
        """Give the documents where `live` is true new texts.

        texts, counts: a row for each of those documents, in order. counts: whole numbers; a column is a kind of edit,
        named `group.what`, and says how often it was made. Where all are 0 the text stays as it was.
        """
        if texts.len() != counts.height or texts.len() != live.sum():
            raise StageError(f"filtered: {texts.len()} texts for {live.sum()} live documents")
        changed = counts.select(pl.any_horizontal(pl.all() > 0).alias("changed"))["changed"]
        rows = live.arg_true().filter(changed)
        self.documents = self.documents.with_columns(self.texts.scatter(rows, texts.filter(changed)))
        for count in counts.filter(changed).cast(pl.Int64).get_columns():
            every = pl.repeat(0, self.documents.height, dtype=pl.Int64, eager=True)
            self._edits.append(every.scatter(rows, count).alias(count.name))

    def decide(self) -> pl.DataFrame:
        """One row of DECISIONS for every document, in order."""
        edits = [edit.name for edit in self._edits]
        made = [pl.when(pl.col(name) > 0).then(pl.col(name)) for name in edits]
        names = [pl.when(pl.col(name) > 0).then(pl.lit(name)) for name in edits]
        listed = [pl.format(f'"{name}": {{}}', count) for name, count in zip(edits, made, strict=True)]
        if not edits:
            return _decisions(self.documents["id"], self._verdicts, None)
        summed = pl.DataFrame(self._edits).select(
            pl.coalesce(names).alias("rule"),
            pl.coalesce(made).cast(pl.Float64).alias("value"),
            pl.lit(None, pl.Float64).alias("bound"),
            (pl.lit("{") + pl.concat_str(listed, separator=", ", ignore_nulls=True) + pl.lit("}")).alias(
                "detail"
            ),
        )
        return _decisions(self.documents["id"], self._verdicts, summed)

    def _same_height(self, table: pl.DataFrame) -> None:
        if table.height != self.documents.height:
            raise StageError(f"filtered: {table.height} verdicts for {self.documents.height} documents")


def _decisions(ids: pl.Series, verdicts: pl.DataFrame, edits: pl.DataFrame | None) -> pl.DataFrame:
    dropped = verdicts["rule"].is_not_null()
    action = pl.select(pl.when(dropped).then(pl.lit(DROP)).otherwise(pl.lit(KEEP)).alias("action"))["action"]
    rows = verdicts
    if edits is not None:
        edited = edits["rule"].is_not_null() & ~dropped
        rows = pl.DataFrame([edits[name].zip_with(edited, verdicts[name]) for name in VERDICTS])
        action = pl.select(pl.when(edited).then(pl.lit(EDIT)).otherwise(action).alias("action"))["action"]
    return rows.with_columns(ids, action, pl.lit(None, pl.String).alias("other_id")).select(*DECISIONS)
