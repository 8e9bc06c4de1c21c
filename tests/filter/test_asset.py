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
filter: {language: {languages: [en]}, MORE}
filter_for: {code: {language: {min_score: null}, gopher_quality: null, gopher_repetition: null}}
"""


def recipe(more: str = "", folder: Path = Path()) -> Recipe:
    return parse_recipe(RECIPE.replace(", MORE", f", {more}" if more else ""), folder / "small.yaml")


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
    assert set(MEASURES) <= set(measures.columns)
    assert figures["rows_in"] == 4
    assert sum(figures["dropped_by_rule"].values()) == 3
    assert sum(figures["languages"].values()) == 4
    assert figures["languages"]["none"] == 1
    assert 0 < len(figures["measures_plot"]) < 30_000
    sample = {row["id"]: row for row in figures["dropped_sample"]}
    assert set(sample) == {"d1", "d2", "d3"}
    assert sample["d3"]["rule"] == "empty"
    assert sample["d1"]["text"] == "too short"
    what_if = {row["rule"]: row for row in figures["rules_what_if"]}
    assert what_if["empty"] == {"rule": "empty", "bound": 1.0, "alone": 1, "first": 1, "only": 0}
    assert what_if["gopher_quality.min_words"]["alone"] == 2
    assert sum(row["first"] for row in what_if.values()) == 3
    assert run(filtered.step(recipe(), "raw"), store, {"raw": [raw]}, "web")[1] == figures


def test_edits_are_counted_and_shown_before_and_after(store: Store) -> None:
    text = f"{GOOD}\nThis site uses cookies.\n{GOOD[:60]}"
    raw = publish(store, "raw", table([text]))
    _, figures = run(
        filtered.step(recipe("c4: {min_sentences: null}, gopher_repetition: null"), "raw"),
        store,
        {"raw": [raw]},
        "web",
    )
    assert figures["edits"] == {"c4.lines": 2}
    (sample,) = figures["edited_sample"]
    assert (sample["rule"], sample["detail"]) == ("c4.lines", '{"c4.lines": 2}')
    assert "[-This site uses cookies.\n" in sample["before"]
    assert sample["after"].endswith(GOOD[-40:])


def test_a_list_counts_by_its_content_not_its_name(store: Store, tmp_path: Path) -> None:
    options = []
    for name, word in (("a", "drat"), ("b", "drat"), ("c", "other")):
        (tmp_path / f"{name}.txt").write_text(word, encoding="utf-8")
        step = filtered.step(recipe(f"c4: {{bad_words: {name}.txt}}", tmp_path), "raw")
        options.append(step.options("web"))
    assert options[0] == options[1] != options[2]


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
