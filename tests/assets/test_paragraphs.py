from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import paragraphs, tokens
from assets.graph import steps as graph
from assets.step import Input, Step, build, identify, partitions_read
from gristmill.dedup import COUNTS, EDITS, UNITS, undo
from gristmill.documents import DECISIONS, DOCUMENTS, check_conservation
from gristmill.recipe import Recipe
from gristmill.report import sample, trace
from gristmill.store import Shard, Store
from gristmill.token_counts import counts_of
from resources.tools import Tools
from tests.assets import stores
from tests.assets.stores import NO_TOOLS, add_shard, contents, key, recipe_of, table, texts_of

FOOTER = "Share this page with a friend"
FIRST = {"a": f"The mill.\n\n{FOOTER}", "b": f"{FOOTER}\nThe river."}
SECOND = {"c": f"The ferry.\n{FOOTER.upper()}\nThe bank.", "d": FOOTER, "e": "The wheel."}
HASHES, TABLE, NAME = "unit_hashes", "dedup_tables/paragraphs", "paragraphs"


def recipe_with(options: str = "{}", more: str = "") -> Recipe:
    return recipe_of(f"dedup: {{paragraphs: {options}}}\n{more}", "web", "code")


build_all = partial(stores.build_all, paragraphs.steps)


def steps_of(recipe: Recipe) -> dict[str, Step]:
    return {step.name: step for step in paragraphs.steps(recipe, "deduped")}


def test_the_steps_and_what_they_read() -> None:
    steps = steps_of(recipe_with("{snapshot_shards: 3}"))
    assert {
        name: [(given.asset, given.scope, given.tables, given.first) for given in step.inputs]
        for name, step in steps.items()
    } == {
        HASHES: [("deduped", "same", ("documents",), None)],
        TABLE: [(HASHES, "all", ("units",), 3)],
        NAME: [
            ("deduped", "same", ("documents",), None),
            (HASHES, "same", ("units",), None),
            (TABLE, "global", ("counts", "shards"), None),
        ],
    }
    assert [name for name, step in steps.items() if not step.partitioned] == [TABLE]
    assert "first 3 registered shards" in steps[TABLE].description
    assert "a new one makes this table anew" in steps_of(recipe_with())[TABLE].description


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ("{unit: paragraph}", [False, True, False]),
        ("{min_count: 7}", [True, False, False]),
        ("{keep: none}", [True, True, False]),
        ("{snapshot_shards: 2}", [True, False, True]),
    ],
)
def test_each_step_reads_its_own_options(options: str, same: list[bool]) -> None:
    def read(section: str) -> list[Any]:
        return [step.options("web") for step in steps_of(recipe_with(section)).values()]

    assert [a == b for a, b in zip(read("{}"), read(options), strict=True)] == same


def test_the_stage_is_left_out_without_its_section_and_what_follows_reads_it_otherwise() -> None:
    without = [step.name for step in graph(recipe_of("dedup: {}\n"))]
    assert NAME not in without
    assert without[-1] == "deduped"
    more = "models: {stub: {engine: stub}}\ntokenizer: stub\nrefine: {model: stub}\n"
    found = {step.name: step for step in graph(recipe_with(more=more))}
    assert [given.asset for given in found["refined"].inputs] == [NAME]
    assert [(i.asset, i.tables) for i in found["tokens"].inputs][:2] == [
        ("raw", ("documents",)),
        (NAME, ("documents", "decisions")),
    ]


def test_lines_of_earlier_shards_are_cut_and_can_be_put_back(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shards = [add_shard(store, given, asset="deduped") for given in (FIRST, SECOND)]
    built = build_all(recipe, store, shards)
    first, second = (built[f"{NAME}/{shard.key}"] for shard in shards)

    assert texts_of(store, first) == {key("a"): FIRST["a"], key("b"): "The river."}
    assert texts_of(store, second) == {key("c"): "The ferry.\nThe bank.", key("e"): "The wheel."}
    for one, given in ((first, FIRST), (second, SECOND)):
        documents, decisions, edits = (
            table(store, one, name) for name in ("documents", "decisions", "edits")
        )
        assert [t.schema for t in (documents, decisions, edits)] == [
            pl.Schema(schema) for schema in (DOCUMENTS, DECISIONS, EDITS)
        ]
        check_conservation(len(given), documents, decisions, NAME)
        before = {key(name): text for name, text in given.items()}
        assert {k: before[k] for k in documents["id"]} == dict(
            undo(documents, edits).select("id", "text").iter_rows()
        )
    assert table(store, second, "decisions").select("action", "rule").rows() == [
        ("edit", "repeated_units"),
        ("drop", "repeated_units"),
        ("keep", None),
    ]
    assert table(store, built[f"{HASHES}/web-0001"], "units").schema == pl.Schema(UNITS)
    counts = table(store, built[TABLE], "counts")
    assert counts.schema == pl.Schema(COUNTS)
    assert counts.select("count", "sequence", "row", "unit").rows() == [(4, 0, 0, 2)]


def test_what_was_cut_is_shown(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shards = [add_shard(store, given, asset="deduped") for given in (FIRST, SECOND)]
    built = build_all(recipe, store, shards)
    counted = built[TABLE].manifest.figures
    names = ("shards", "units", "repeated_units", "repeated_occurrences", "by_count")
    assert {name: counted[name] for name in names} == {
        "shards": 2,
        "units": 10,
        "repeated_units": 1,
        "repeated_occurrences": 4,
        "by_count": [{"from_count": 3, "units": 1, "occurrences": 4}],
    }
    figures = built[f"{NAME}/{shards[1].key}"].manifest.figures
    assert (figures["rows_in"], figures["rows_out"], figures["edited"]) == (3, 2, 1)
    assert figures["dropped_by_rule"] == {"repeated_units": 1}
    assert figures["characters_removed"] == 2 * len(FOOTER) + 1
    assert figures["units_removed"] == {"across_documents": 2, "within_document": 0}
    assert figures["most_frequent"] == [
        {"count": 4, "cut_here": 2, "characters_here": 2 * len(FOOTER) + 1, "text": FOOTER.upper()}
    ]
    assert figures["sample"] == [
        {
            "id": key("c"),
            "before": f"The ferry.\n[-{FOOTER.upper()}\n-]The bank.",
            "after": "The ferry.\nThe bank.",
            "cuts": 1,
        }
    ]


def test_the_order_of_registration_decides_and_not_that_of_building(tmp_path: Path) -> None:
    recipe = recipe_with()
    left = []
    for backwards in (False, True):
        store = Store.open(tmp_path / str(backwards))
        shards = [
            add_shard(store, {"x": FOOTER + "\nx"}, asset="deduped"),
            add_shard(store, {"y": FOOTER + "\ny"}, source="code", asset="deduped"),
        ]
        built = build_all(recipe, store, shards[::-1] if backwards else shards)
        left.append([texts_of(store, built[f"{NAME}/{shard.key}"]) for shard in shards])
    assert left[0] == left[1] == [{key("x"): FOOTER + "\nx"}, {key("y"): "y"}]


def test_a_new_shard_changes_the_counts_of_all_but_not_of_a_snapshot(tmp_path: Path) -> None:
    for options, cached in (("{snapshot_shards: 2, keep: none}", True), ("{keep: none}", False)):
        store, recipe = Store.open(tmp_path / str(cached)), recipe_with(options)
        shards = [add_shard(store, {name: f"{name}\nonce"}, asset="deduped") for name in "ab"]
        build_all(recipe, store, shards)
        shards.append(add_shard(store, {"c": "c\nonce\nb"}, asset="deduped"))
        built = build_all(recipe, store, shards)
        assert built[f"{HASHES}/{shards[0].key}"].cached
        assert built[TABLE].cached is cached
        assert built[f"{NAME}/{shards[1].key}"].cached is cached
        third = built[f"{NAME}/{shards[2].key}"]
        assert third.manifest.figures["in_snapshot"] is not cached
        assert texts_of(store, third) == {
            key("c"): "c\nb" if cached else "c"
        }  # `b` occurs once in the snapshot


def test_a_shard_outside_the_snapshot_keeps_no_first_occurrence(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with("{snapshot_shards: 1}")
    shards = [
        add_shard(store, {"a": "one\ntwo", "b": "one\nthree"}, asset="deduped"),
        add_shard(store, {"c": "one\ntwo\nfour", "d": "four\nfive"}, asset="deduped"),
    ]
    built = build_all(recipe, store, shards)
    assert texts_of(store, built[f"{NAME}/{shards[0].key}"]) == {key("a"): "one\ntwo", key("b"): "three"}
    assert texts_of(store, built[f"{NAME}/{shards[1].key}"]) == {
        key("c"): "two\nfour",
        key("d"): "four\nfive",
    }


def test_the_first_shards_are_read_in_an_order_that_counts() -> None:
    recipe = recipe_with()
    shards = [
        Shard(sequence=i, key=name, source=name[:-5], files=())
        for i, name in enumerate(["b-0001", "a-0001", "b-0002"])
    ]
    assert partitions_read(Input("x", "all", first=2), None, shards) == ["b-0001", "a-0001"]
    assert partitions_read(Input("x", "all", first=9), None, shards) == ["b-0001", "a-0001", "b-0002"]
    assert partitions_read(Input("x", "all", sources=("b",), first=2), None, shards) == ["b-0001", "b-0002"]
    step = steps_of(recipe)[TABLE]
    pairs: list[tuple[str | None, str]] = [("b-0001", "1"), ("a-0001", "2")]
    names = {
        identify(step, recipe, None, {HASHES: given}, NO_TOOLS).fingerprint for given in (pairs, pairs[::-1])
    }
    assert len(names) == 2


def test_batches_change_no_byte(tmp_path: Path) -> None:
    found = []
    for rows in (1000, 3):
        store = Store.open(tmp_path / str(rows))
        for s in "ab":
            texts = {f"{s}{i}": f"{FOOTER}\nline {chr(97 + i % 9)}\n\nown {s} {i}\ny" for i in range(20)}
            add_shard(store, texts, asset="deduped", batch=rows)
        found.append(contents(build_all(recipe_with(), store)))
    assert found[0] == found[1]


def test_a_shard_without_documents_has_tables_without_rows(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shard = add_shard(store, {}, asset="deduped")
    built = build_all(recipe, store, [shard])
    assert table(store, built[TABLE], "counts").schema == pl.Schema(COUNTS)
    for name, schema in (("documents", DOCUMENTS), ("decisions", DECISIONS), ("edits", EDITS)):
        found = table(store, built[f"{NAME}/{shard.key}"], name)
        assert (found.schema, found.height) == (pl.Schema(schema), 0)


class _Words(Tools):
    """Counts words in the place of tokens."""

    def digest(self, name: str) -> str:
        return "words"

    def tokenizer(self, name: str) -> Any:
        class _Counter:
            def count(self, texts: list[str]) -> list[int]:
                return [len(text.split()) for text in texts]

        return _Counter()


def test_tokens_of_edited_documents_are_counted_again(tmp_path: Path) -> None:
    store, recipe = (
        Store.open(tmp_path),
        recipe_with(more="models: {stub: {engine: stub}}\ntokenizer: stub\n"),
    )
    shard = add_shard(store, FIRST, asset="raw")
    tools = _Words({}, base=tmp_path, answers=tmp_path, folder=tmp_path)
    steps = [*paragraphs.steps(recipe, "raw"), tokens.step(recipe, ["raw", NAME])]
    *_, built = (build(step, recipe, store, shard if step.partitioned else None, tools) for step in steps)
    counts = store.scan(built.manifest, "tokens")
    assert dict(counts_of(counts, "deduped").collect().iter_rows()) == {key("a"): 8, key("b"): 8}
    assert dict(counts_of(counts, NAME).collect().iter_rows()) == {key("a"): 8, key("b"): 2}


def test_trace_and_samples_show_what_was_cut(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    for given in (FIRST, SECOND):
        add_shard(store, given, asset="raw")
    build_all(recipe, store, upstream="raw")
    edited, dropped = (
        next(step for step in trace(store, "demo", key(name)) if step.stage == NAME) for name in "cd"
    )
    assert (edited.outcome, edited.rule, edited.value) == ("edit", "repeated_units", len(FOOTER) + 1)
    assert edited.text == "The ferry.\nThe bank."
    assert [(row["unit"], row["start"], row["text"], row["count"]) for row in edited.rows] == [
        (1, 11, FOOTER.upper() + "\n", 4)
    ]
    shown = {
        row["id"]: (row["kind"], row.get("text"), row.get("after")) for row in sample(store, "demo", NAME, 9)
    }
    assert shown == {
        key("b"): ("edit", None, "The river."),
        key("c"): ("edit", None, edited.text),
        key("d"): ("drop", FOOTER, None),
    }
    assert (dropped.outcome, dropped.bound, dropped.detail) == ("drop", 1.0, "1 of 1 units were cut")
