from __future__ import annotations

import json

import polars as pl
import pytest

from gristmill.documents import DECISIONS, check_schema
from gristmill.errors import StageError
from gristmill.filter.batch import VERDICTS, Batch
from tests.filter.texts import table


def verdicts(*rules: str | None) -> pl.DataFrame:
    rows = [
        {"rule": r, "value": 1.0 if r else None, "bound": 0.0 if r else None, "detail": None} for r in rules
    ]
    return pl.DataFrame(rows, schema=VERDICTS)


def edit(batch: Batch, name: str, texts: list[str], times: list[int]) -> None:
    batch.edit(batch.live, pl.Series("text", texts, dtype=pl.String), pl.DataFrame({name: times}))


def test_the_first_verdict_stands() -> None:
    batch = Batch(table(["a", "b"]))
    batch.drop(verdicts("urls.host", None))
    batch.drop(verdicts("c4.empty", "c4.empty"))
    assert batch.decide()["rule"].to_list() == ["urls.host", "c4.empty"]
    assert batch.live.to_list() == [False, False]


def test_an_edited_document_names_its_first_edit_and_counts_all() -> None:
    batch = Batch(table(["a", "b", "c"]))
    edit(batch, "c4.lines", ["a2", "b", "c2"], [3, 0, 1])
    edit(batch, "pii.emails", ["a3", "b", "c2"], [1, 0, 0])
    decisions = batch.decide()
    check_schema(decisions, DECISIONS, "decisions")
    assert decisions["action"].to_list() == ["edit", "keep", "edit"]
    assert decisions["rule"].to_list() == ["c4.lines", None, "c4.lines"]
    assert decisions["value"].to_list() == [3, None, 1]
    assert json.loads(decisions["detail"][0]) == {"c4.lines": 3, "pii.emails": 1}
    assert decisions["detail"][2] == '{"c4.lines": 1}'
    assert batch.texts.to_list() == ["a3", "b", "c2"]


def test_a_document_that_was_dropped_before_is_not_edited() -> None:
    batch = Batch(table(["a", "b"]))
    batch.drop(verdicts("empty", None))
    edit(batch, "c4.lines", ["b2"], [1])
    assert batch.texts.to_list() == ["a", "b2"]
    assert batch.decide()["action"].to_list() == ["drop", "edit"]


def test_an_edited_document_that_is_dropped_later_is_a_drop() -> None:
    batch = Batch(table(["a"]))
    edit(batch, "c4.lines", ["a2"], [1])
    batch.drop(verdicts("rules.mine"))
    assert batch.decide().select("action", "rule", "detail").row(0) == ("drop", "rules.mine", None)


def test_a_step_that_loses_rows_is_refused() -> None:
    batch = Batch(table(["a", "b"]))
    with pytest.raises(StageError, match="1 verdicts for 2 documents"):
        batch.drop(verdicts(None))
    with pytest.raises(StageError, match="1 texts for 2 live documents"):
        edit(batch, "c4.lines", ["a"], [1])


def test_no_documents_give_no_decisions() -> None:
    batch = Batch(table([]))
    edit(batch, "c4.lines", [], [])
    check_schema(batch.decide(), DECISIONS, "decisions")
