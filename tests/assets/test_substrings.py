from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import substrings
from assets.graph import steps as graph
from assets.step import Step
from gristmill.dedup import (
    COUNTED_STRETCHES,
    COUNTED_WINDOWS,
    EDITS,
    RANGES,
    STRETCHES,
    WINDOWS,
    undo,
)
from gristmill.documents import DECISIONS, DOCUMENTS, check_conservation
from gristmill.recipe import Recipe
from gristmill.report import sample, trace
from gristmill.store import Store
from tests.assets import stores
from tests.assets.stores import add_shard, contents, key, recipe_of, table, texts_of

LICENCE = "Permission is granted to copy this text."
FIRST = {"a": f"The mill. {LICENCE}", "b": f"{LICENCE} The river runs."}
SECOND = {"c": f"The ferry\n{LICENCE}\nThe bank", "d": LICENCE, "e": "The wheel."}
HASHES, STRETCHED = "substring_hashes", "dedup_tables/substring_stretches"
HASHED, TABLE, NAME = "substring_windows", "dedup_tables/substrings", "substrings"
NAME_OF_RULE = "repeated_substrings"
LENIENT = "min_length: 20, min_chars_left: 1, min_share_left: 0"


def recipe_with(options: str = "", more: str = "") -> Recipe:
    return recipe_of(f"dedup: {{substrings: {{{LENIENT}{options}}}}}\n{more}", "web", "code")


build_all = partial(stores.build_all, substrings.steps)


def steps_of(recipe: Recipe) -> dict[str, Step]:
    return {step.name: step for step in substrings.steps(recipe, "deduped")}


def test_the_steps_and_what_they_read() -> None:
    steps = steps_of(recipe_with(", snapshot_shards: 3"))
    documents = ("deduped", "same", ("documents",), None)
    assert {
        name: [(given.asset, given.scope, given.tables, given.first) for given in step.inputs]
        for name, step in steps.items()
    } == {
        HASHES: [documents],
        STRETCHED: [(HASHES, "all", ("stretches",), 3)],
        HASHED: [documents, (STRETCHED, "global", ("parts", "shards"), None)],
        TABLE: [(HASHED, "all", ("windows",), 3)],
        NAME: [
            documents,
            (HASHES, "same", ("stretches",), None),
            (STRETCHED, "global", ("whole", "shards"), None),
            (TABLE, "global", ("windows",), None),
        ],
    }
    assert [name for name, step in steps.items() if not step.partitioned] == [STRETCHED, TABLE]
    assert "first 3 registered shards" in steps[TABLE].description
    assert "a new one makes this table anew" in steps_of(recipe_with())[TABLE].description


@pytest.mark.parametrize(
    ("options", "same"),
    [
        (", unit: words", [False, True, False, True, False]),
        (", min_count: 7", [True, False, True, False, True]),
        (", keep: none", [True, True, True, True, False]),
        (", snapshot_shards: 2", [True, False, True, False, True]),
    ],
)
def test_each_step_reads_its_own_options(options: str, same: list[bool]) -> None:
    def read(section: str) -> list[Any]:
        return [step.options("web") for step in steps_of(recipe_with(section)).values()]

    assert [a == b for a, b in zip(read(""), read(options), strict=True)] == same


def test_the_stage_comes_after_paragraphs_and_before_what_changes_texts() -> None:
    both = "dedup: {paragraphs: {}, substrings: {}}\n"
    more = "models: {stub: {engine: stub}}\ntokenizer: stub\nrefine: {model: stub}\n"
    found = {step.name: step for step in graph(recipe_of(both + more))}
    assert [given.asset for given in found[HASHES].inputs] == ["paragraphs"]
    assert [given.asset for given in found["refined"].inputs] == [NAME]
    edited = [i.asset for i in found["tokens"].inputs if i.tables == ("documents", "decisions")]
    assert edited == ["paragraphs", NAME, "refined"]
    assert HASHES not in {step.name for step in graph(recipe_of("dedup: {}\n"))}


def test_passages_of_earlier_shards_are_cut_and_can_be_put_back(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shards = [add_shard(store, given, asset="deduped") for given in (FIRST, SECOND)]
    built = build_all(recipe, store, shards)
    first, second = (built[f"{NAME}/{shard.key}"] for shard in shards)

    assert texts_of(store, first) == {key("a"): FIRST["a"], key("b"): "The river runs."}
    assert texts_of(store, second) == {key("c"): "The ferry\nThe bank", key("e"): "The wheel."}
    for one, given in ((first, FIRST), (second, SECOND)):
        documents, decisions, edits, ranges = (
            table(store, one, name) for name in ("documents", "decisions", "edits", "ranges")
        )
        assert [t.schema for t in (documents, decisions, edits, ranges)] == [
            pl.Schema(schema) for schema in (DOCUMENTS, DECISIONS, EDITS, RANGES)
        ]
        check_conservation(len(given), documents, decisions, NAME)
        before = {key(name): text for name, text in given.items()}
        assert {k: before[k] for k in documents["id"]} == dict(
            undo(documents, edits).select("id", "text").iter_rows()
        )
    assert table(store, second, "decisions").select("action", "rule").rows() == [
        ("edit", NAME_OF_RULE),
        ("drop", NAME_OF_RULE),
        ("keep", None),
    ]
    for step, name, schema in (
        (f"{HASHES}/web-0001", "stretches", STRETCHES),
        (STRETCHED, "parts", COUNTED_STRETCHES),
        (f"{HASHED}/web-0001", "windows", WINDOWS),
        (TABLE, "windows", COUNTED_WINDOWS),
    ):
        assert table(store, built[step], name).schema == pl.Schema(schema)


def test_what_repeats_is_shown(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shards = [add_shard(store, given, asset="deduped") for given in (FIRST, SECOND)]
    built = build_all(recipe, store, shards)
    figures = built[f"{NAME}/{shards[1].key}"].manifest.figures
    assert (figures["rows_in"], figures["rows_out"], figures["edited"]) == (3, 2, 1)
    assert figures["dropped_by_rule"] == {NAME_OF_RULE: 1}
    size = len(LICENCE)
    assert figures["characters_in"] == sum(map(len, SECOND.values()))
    assert (figures["characters_repeated"], figures["characters_removed"]) == (2 * size, 2 * size + 1)
    assert figures["by_length"] == [{"from_characters": 0, "ranges": 2, "characters": 2 * size}]
    assert [row["text"] for row in figures["longest"]] == [LICENCE]  # once, though it is cut twice
    assert [row["count"] for row in figures["most_frequent"]] == [4]
    sample = figures["sample"][0]
    assert re.sub(r"\[-|-\]", "", sample["before"]) == SECOND["c"].rstrip()
    assert built[TABLE].manifest.figures["shards"] == 2


def test_the_order_of_registration_decides_and_not_that_of_building(tmp_path: Path) -> None:
    recipe = recipe_with()
    left = []
    for backwards in (False, True):
        store = Store.open(tmp_path / str(backwards))
        shards = [
            add_shard(store, {"x": LICENCE + "\nx"}, asset="deduped"),
            add_shard(store, {"y": LICENCE + "\ny"}, source="code", asset="deduped"),
        ]
        built = build_all(recipe, store, shards[::-1] if backwards else shards)
        left.append([texts_of(store, built[f"{NAME}/{shard.key}"]) for shard in shards])
    assert left[0] == left[1] == [{key("x"): LICENCE + "\nx"}, {key("y"): "y"}]


def test_a_new_shard_changes_what_is_counted_of_all_but_not_of_a_snapshot(tmp_path: Path) -> None:
    once, twice = "There is one of this passage.", "Both of the shards have this one."
    for options, cached in ((", snapshot_shards: 2, keep: none", True), (", keep: none", False)):
        store, recipe = Store.open(tmp_path / str(cached)), recipe_with(options)
        shards = [
            add_shard(store, {"a": f"a {twice} {once}"}, asset="deduped"),
            add_shard(store, {"b": f"b {twice}"}, asset="deduped"),
        ]
        build_all(recipe, store, shards)
        shards.append(add_shard(store, {"c": f"c {once} {twice}"}, asset="deduped"))
        built = build_all(recipe, store, shards)
        assert built[f"{HASHES}/{shards[0].key}"].cached
        assert built[TABLE].cached is cached
        assert built[f"{NAME}/{shards[0].key}"].cached is cached
        third = built[f"{NAME}/{shards[2].key}"]
        assert third.manifest.figures["in_snapshot"] is not cached
        assert texts_of(store, third) == {key("c"): f"c {once}" if cached else "c"}


def test_batches_change_no_byte(tmp_path: Path) -> None:
    found = []
    for rows in (1000, 3):
        store = Store.open(tmp_path / str(rows))
        for s in "ab":
            texts = {f"{s}{i}": f"{LICENCE} own {s} {i} {'of the same kind ' * (i % 3)}y" for i in range(8)}
            add_shard(store, texts, asset="deduped", batch=rows)
        found.append(contents(build_all(recipe_with(), store)))
    assert found[0] == found[1]


def test_a_shard_without_documents_has_tables_without_rows(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shard = add_shard(store, {}, asset="deduped")
    built = build_all(recipe, store, [shard])
    for name, schema in (
        ("documents", DOCUMENTS),
        ("decisions", DECISIONS),
        ("edits", EDITS),
        ("ranges", RANGES),
    ):
        found = table(store, built[f"{NAME}/{shard.key}"], name)
        assert (found.schema, found.height) == (pl.Schema(schema), 0)


def test_trace_and_samples_show_what_was_cut(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    for given in (FIRST, SECOND):
        add_shard(store, given, asset="raw")
    build_all(recipe, store, upstream="raw")
    edited, dropped = (
        next(step for step in trace(store, "demo", key(name)) if step.stage == NAME) for name in "bd"
    )
    assert (edited.outcome, edited.rule, edited.text) == ("edit", NAME_OF_RULE, "The river runs.")
    assert [(row["start"], row["text"], row["count"]) for row in edited.rows] == [(0, f"{LICENCE} ", 4)]
    shown = {
        row["id"]: (row["kind"], row.get("text"), row.get("after")) for row in sample(store, "demo", NAME, 9)
    }
    assert shown[key("b")] == ("edit", None, "The river runs.")
    assert shown[key("d")] == ("drop", LICENCE, None)
    assert (dropped.outcome, dropped.bound) == ("drop", 1.0)
