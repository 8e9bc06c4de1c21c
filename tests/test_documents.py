from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.documents import (
    DECISIONS,
    DERIVATIONS,
    DOCUMENTS,
    Schema,
    check_conservation,
    check_schema,
    content_key,
    derived_id,
    document_id,
    empty,
    frame,
    to_meta,
)
from gristmill.errors import StageError

DECIDED = frame(
    [
        {"id": "a", "action": "keep"},
        {"id": "b", "action": "drop", "rule": "r"},
        {"id": "c", "action": "edit"},
    ],
    DECISIONS,
)


@pytest.mark.parametrize("schema", [DOCUMENTS, DECISIONS, DERIVATIONS])
def test_an_empty_table_and_a_table_of_rows_have_the_schema(schema: Schema) -> None:
    check_schema(empty(schema), schema, "here")
    check_schema(frame([], schema), schema, "here")
    check_schema(frame([{}], schema), schema, "here")
    assert frame([{}], schema).null_count().row(0) == (1,) * len(schema)


def test_rows_with_unknown_columns_are_refused() -> None:
    with pytest.raises(StageError, match=r"unknown columns \['txt'\]; known: \['action', 'bound', "):
        frame([{"id": "a", "txt": "x"}], DECISIONS)


def test_values_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(TypeError):
        frame([{"id": "a", "value": "much"}], DECISIONS)


# -- ids --------------------------------------------------------------------------------------------------------


def test_ids_stay_what_they_are() -> None:
    # Everything in existing stores is named so.
    assert document_id("web", "<urn:uuid:1>") == "bf6df49b7b577587c901b30b64dd25cd"
    assert derived_id("ab", "wrap.medium", 0) == "3ac86128181608d77430bc11facc67b2"


@given(st.text(), st.text(), st.text(), st.text())
def test_documents_of_other_sources_or_names_have_other_ids(a: str, b: str, c: str, d: str) -> None:
    assert (document_id(a, b) == document_id(c, d)) == ((a, b) == (c, d))
    assert len(document_id(a, b)) == 32


def test_a_derived_id_depends_on_parent_method_passage_and_sample() -> None:
    ids = {
        derived_id(parent, method, passage, sample)
        for parent in ("a", "b")
        for method in ("wrap.qa", "wrap.easy")
        for passage in (0, 1)
        for sample in (0, 1)
    }
    assert len(ids) == 16
    assert derived_id("a", "wrap.qa", 0) == derived_id("a", "wrap.qa", 0, 0)


def test_a_record_without_a_name_is_named_by_content_and_occurrence() -> None:
    assert content_key("d", 0) == "content:d:0"
    assert content_key("d", 1) != content_key("d", 0)


def test_meta_is_sorted_json_without_nulls() -> None:
    assert to_meta({"title": "Ü", "author": None, "lines": 3}) == '{"lines": 3, "title": "Ü"}'
    assert json.loads(to_meta({})) == {}


# -- decisions --------------------------------------------------------------------------------------------------


def test_edited_documents_are_kept_ones() -> None:
    check_conservation(3, 2, DECIDED, "here")


@pytest.mark.parametrize(
    ("rows_in", "rows_out", "decisions", "complaint"),
    [
        (4, 2, DECIDED, "here: 4 rows in, but 3 decisions"),
        (3, 3, DECIDED, "here: decisions keep 2 rows, but 3 documents came out"),
        (3, 1, DECIDED, "here: decisions keep 2 rows, but 1 documents came out"),
        (4, 3, pl.concat([DECIDED, DECIDED.head(1)]), "here: an id has more than one decision"),
    ],
)
def test_rows_that_are_lost_invented_or_repeated_are_found(
    rows_in: int, rows_out: int, decisions: pl.DataFrame, complaint: str
) -> None:
    with pytest.raises(StageError) as caught:
        check_conservation(rows_in, rows_out, decisions, "here")
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (DECIDED.drop("detail"), r"here: columns missing \['detail'\], unknown \[\]"),
        (DECIDED.with_columns(x=1), r"unknown \['x'\]"),
        (DECIDED.with_columns(pl.col("value").cast(pl.Int64)), r"\['value is Int64, not Float64'\]"),
        (DECIDED.select(reversed(DECIDED.columns)), "or in wrong order"),
    ],
)
def test_tables_of_another_shape_are_refused(table: pl.DataFrame, complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        check_schema(table, DECISIONS, "here")
