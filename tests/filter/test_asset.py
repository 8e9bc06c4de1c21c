from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from assets import filtered
from assets.step import Step, Work
from gristmill.documents import DOCUMENTS, check_conservation
from gristmill.filter import MEASURES
from gristmill.recipe import Recipe, parse_recipe
from gristmill.store import Manifest, Shard, Store
from tests.filter.texts import GOOD, language_model, table

RECIPE = """
name: small
sources:
  web: {kind: jsonl, inputs: [a.jsonl], text: text, id: id}
  code: {kind: jsonl, inputs: [b.jsonl], text: text, id: id}
filter: {language: {languages: [en]}}
filter_for: {code: {language: {min_score: null}, gopher_quality: null, gopher_repetition: null}}
"""


def recipe() -> Recipe:
    return parse_recipe(RECIPE, Path("small.yaml"))


def publish(store: Store, name: str, documents: pl.DataFrame) -> Manifest:
    with store.writer(asset=name, partition="s-0", fingerprint=name * 8) as writer:
        writer.write("documents", documents)
        return writer.publish(version=1, options={}, inputs={}, figures={}, run={})


def run(
    step: Step, store: Store, inputs: dict[str, list[Manifest]], source: str
) -> tuple[Manifest, dict[str, Any]]:
    tools = SimpleNamespace(path=lambda name: {"lid.176": language_model()}[name])
    with store.writer(asset=step.name, partition="s-0", fingerprint=f"{source}ff" * 8) as writer:
        shard = Shard(0, "s-0", source, ())
        work = Work(step, recipe(), store, shard, inputs, writer, cast(Any, tools))
        figures = step.run(work)
        return writer.publish(
            version=1, options={}, inputs={}, figures=figures, run={}
        ), work.counts | figures


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def test_documents_decisions_measures_and_figures_are_written(store: Store) -> None:
    raw = publish(store, "raw", table([GOOD, "too short", "ab\n" * 60, ""]))
    manifest, figures = run(filtered.step(recipe(), "raw"), store, {"raw": [raw]}, "web")

    documents, decisions, measures = (
        store.scan(manifest, name).collect() for name in ("documents", "decisions", "measures")
    )
    check_conservation(4, documents, decisions, "filtered")
    assert documents["id"].to_list() == ["d0"]
    assert dict(measures.schema) == dict(pl.Schema(MEASURES))
    assert figures["rows_in"] == 4
    assert sum(figures["dropped_by_rule"].values()) == 3
    assert sum(figures["languages"].values()) == 4
    assert figures["languages"]["none"] == 1
    assert 0 < len(figures["measures_plot"]) < 30_000
    sample = {row["id"]: row for row in figures["dropped_sample"]}
    assert set(sample) == {"d1", "d2", "d3"}
    assert sample["d3"]["rule"] == "empty"
    assert sample["d1"]["text"] == "too short"
    assert run(filtered.step(recipe(), "raw"), store, {"raw": [raw]}, "web")[1] == figures


def test_a_shard_without_documents_has_all_tables(store: Store) -> None:
    raw = publish(store, "raw", pl.DataFrame(schema=DOCUMENTS))
    manifest, figures = run(filtered.step(recipe(), "raw"), store, {"raw": [raw]}, "web")
    assert [manifest.rows(name) for name in ("documents", "decisions", "measures")] == [0, 0, 0]
    assert figures["rows_out"] == 0


def test_a_source_may_have_filters_of_its_own(store: Store) -> None:
    step = filtered.step(recipe(), "raw")
    raw = publish(store, "raw", table(["too short"]))
    assert run(step, store, {"raw": [raw]}, "code")[1]["rows_out"] == 1
    assert step.options("code") != step.options("web")
    assert step.options("web")["language"]["languages"] == ["en"]
