from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from assets import contamination
from assets.graph import steps
from assets.step import Built, build
from gristmill.documents import document_id
from gristmill.errors import RecipeError
from gristmill.recipe import Recipe, parse_recipe
from gristmill.store import Shard, Store
from tests.assets.stores import NO_TOOLS, add_shard, documents_of, recipe_of

ITEM = (
    "A baker fills nine trays with twelve rolls each and sells all but seventeen of them before noon. How many rolls "
    "are left on the shelf when the shop closes at four?"
)
PROSE = "The river ran high that spring, and the ferry was moored for weeks on the far bank. "
SECTION = "contamination: {benchmarks: {sums: {path: sums.jsonl}}%s}\n"


def recipe_in(folder: Path, more: str = "") -> Recipe:
    (folder / "sums.jsonl").write_text(json.dumps({"question": ITEM, "answer": "17"}) + "\n")
    sources = "name: demo\nsources:\n  web: {kind: jsonl, inputs: [web.jsonl]}\n"
    return parse_recipe(sources + SECTION % more, folder / "demo.yaml")


def built_in(folder: Path, recipe: Recipe) -> tuple[Store, Shard, Built]:
    store = Store.open(folder / "store")
    shard = add_shard(store, {"clean": PROSE, "dirty": PROSE + ITEM}, asset="refined")
    made = documents_of({"made": ITEM.upper()}, shard.key)
    with store.writer(asset="rephrased", partition=shard.key, fingerprint="f" * 32) as writer:
        writer.write("documents", made)
        store.set_ref("demo", writer.publish(version=1, options={}, inputs={}, figures={}, run={}))
    return (
        store,
        shard,
        build(contamination.step(recipe, ("refined", "rephrased")), recipe, store, shard, NO_TOOLS),
    )


def test_natural_and_made_documents_are_checked_and_passed_on_in_one_table(tmp_path: Path) -> None:
    store, _, built = built_in(tmp_path, recipe_in(tmp_path))
    documents = store.scan(built.manifest, "documents").collect()
    decisions = store.scan(built.manifest, "decisions").collect()
    evidence = store.scan(built.manifest, "evidence").collect()
    assert documents["id"].to_list() == [document_id("web", "clean")]
    assert decisions.select("action", "rule").rows() == [
        ("keep", None),
        ("drop", "contaminated"),
        ("drop", "contaminated"),
    ]
    assert evidence["item"].to_list() == ["sums/0", "sums/0"]
    figures = built.manifest.figures
    assert (figures["rows_in"], figures["rows_out"]) == (3, 1)
    assert figures["dropped_by_rule"] == {"contaminated": 2}
    assert figures["benchmarks"] == [
        {"benchmark": "sums", "items": 1, "detectable": 1, "items_hit": 1, "documents_hit": 2}
    ]
    assert {row["id"] for row in figures["sample"]} == {
        document_id("web", name) for name in ("dirty", "made")
    }


def test_a_cut_document_is_kept_without_the_item(tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path, ", action: cut, min_chars_left: 20")
    store, _, built = built_in(tmp_path, recipe)
    documents = store.scan(built.manifest, "documents").collect()
    assert documents.filter(pl.col("id") == document_id("web", "dirty"))["text"].to_list() == [PROSE + "?"]
    assert built.manifest.figures["rows_out"] == 2


def test_what_a_benchmark_holds_counts_and_not_where_it_lies(tmp_path: Path) -> None:
    def fingerprint(folder: Path) -> object:
        folder.mkdir(exist_ok=True)
        return contamination.step(recipe_in(folder), ("raw",)).options("web")

    first = fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "b") == first
    step = contamination.step(recipe_in(tmp_path / "b"), ("raw",))
    changed = tmp_path / "b" / "sums.jsonl"
    changed.write_text(json.dumps({"question": ITEM + " Why?"}))
    os.utime(changed, ns=(1, 1))
    assert step.options("web") != first


def test_a_missing_benchmark_is_named_before_anything_runs(tmp_path: Path) -> None:
    step = contamination.step(recipe_of(SECTION % ""), ("raw",))
    with pytest.raises(RecipeError, match=r"benchmarks.sums.path: got 'sums.jsonl', but there is no"):
        step.options("web")


def test_what_comes_after_reads_the_checked_documents_alone() -> None:
    sections = (
        "models: {stub: {engine: stub}}\ntokenizer: stub\nrephrase: {model: stub}\nselect: {budget_tokens: 10}\n"
        "mix: {}\n"
    )
    names = {
        step.name: [given.asset for given in step.inputs]
        for step in steps(recipe_of(SECTION % "" + sections))
    }
    assert names["contamination"] == ["raw", "rephrased"]
    assert names["scored"] == ["contamination", "tokens"]
    assert names["mixed"] == ["selected", "contamination"]
    assert names["tokens"] == ["raw", "rephrased"]


def test_tokens_are_counted_again_where_texts_may_be_cut() -> None:
    sections = (
        SECTION % ", action: cut" + "models: {stub: {engine: stub}}\ntokenizer: stub\nfilter: {pii: {}}\n"
    )
    (tokens,) = (step for step in steps(recipe_of(sections)) if step.name == "tokens")
    assert [given.asset for given in tokens.inputs] == ["raw", "filtered", "contamination"]
