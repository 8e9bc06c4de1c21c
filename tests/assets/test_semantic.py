from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import semantic
from assets.graph import steps as graph
from assets.step import Step
from gristmill.dedup import SIMILARITIES
from gristmill.documents import DECISIONS, DOCUMENTS, check_conservation
from gristmill.embeddings import MINILM, embeddings_schema
from gristmill.errors import RecipeError
from gristmill.recipe import Recipe
from gristmill.report import sample
from gristmill.store import Store
from resources.tools import Tools
from tests.assets import stores
from tests.assets.stores import add_shard, contents, key, recipe_of, table
from tests.embedders import BagOfWords

EMBEDDINGS, TABLE, NAME = "embeddings", "dedup_tables/semantic", "semantic"
FIRST = {"a": "the mill grinds corn", "b": "a ferry crosses the river", "c": ""}
SECOND = {"d": "corn grinds the mill", "e": "sheep", "f": "? ? ?", "g": "? ? ?"}
EITHER = {"a", "d"}  # which of the two stays, k-means says


class _Fake(Tools):
    """Words in the place of a model."""

    def __init__(self) -> None:
        super().__init__({}, base=Path("/nowhere"), answers=Path("/nowhere"), folder=Path("/nowhere"))

    def digest(self, name: str) -> str:
        return f"bag of words for {name}"

    def embedder(self, name: str) -> BagOfWords:
        assert name == MINILM
        return BagOfWords()


def recipe_with(options: str = "{}", more: str = "") -> Recipe:
    return recipe_of(f"dedup: {{semantic: {options}}}\n{more}", "web", "code")


build_all = partial(stores.build_all, semantic.steps, tools=_Fake())


def steps_of(recipe: Recipe) -> dict[str, Step]:
    return {step.name: step for step in semantic.steps(recipe, "deduped")}


def names(ids: pl.Series) -> set[str]:
    known = {key(name): name for name in "abcdefghijk"}
    return {known[one] for one in ids}


def test_the_steps_and_what_they_read() -> None:
    steps = steps_of(recipe_with("{snapshot_shards: 3}"))
    assert {
        name: [(given.asset, given.scope, given.first) for given in step.inputs]
        for name, step in steps.items()
    } == {
        EMBEDDINGS: [("deduped", "same", None)],
        TABLE: [(EMBEDDINGS, "all", 3)],
        NAME: [("deduped", "same", None), (EMBEDDINGS, "same", None), (TABLE, "global", None)],
    }
    assert [name for name, step in steps.items() if not step.partitioned] == [TABLE]
    assert steps[EMBEDDINGS].models == (MINILM,)
    assert "first 3 registered shards" in steps[TABLE].description


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ("{max_chunks: 4}", [False, True, True]),
        ("{eps: 0.05}", [True, True, False]),
        ("{clusters: 7}", [True, False, True]),
        ("{which_to_keep: easy}", [True, False, False]),
        ("{snapshot_shards: 2}", [True, False, True]),
    ],
)
def test_each_step_reads_its_own_options(options: str, same: list[bool]) -> None:
    def read(section: str) -> list[Any]:
        return [step.options("web") for step in steps_of(recipe_with(section)).values()]

    assert [a == b for a, b in zip(read("{}"), read(options), strict=True)] == same


def test_the_stage_comes_last_in_deduplication_and_only_where_it_is_asked_for() -> None:
    without = [step.name for step in graph(recipe_of("dedup: {paragraphs: {}}\n"))]
    assert NAME not in without
    more = "models: {stub: {engine: stub}}\ntokenizer: stub\nrefine: {model: stub}\n"
    found = {
        step.name: step for step in graph(recipe_of(f"dedup: {{paragraphs: {{}}, semantic: {{}}}}\n{more}"))
    }
    assert [given.asset for given in found[EMBEDDINGS].inputs] == ["paragraphs"]
    assert [given.asset for given in found["refined"].inputs] == [NAME]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("minilm", "dedup.semantic.model: unknown model 'minilm'; declared: all-minilm-l6-v2, stub"),
        ("stub", "dedup.semantic.model: 'stub' has engine 'stub'"),
    ],
)
def test_a_model_that_is_not_there_is_found_before_anything_runs(model: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_with(f"{{model: {model}}}", "models: {stub: {engine: stub}}\n")


def test_what_says_the_same_in_another_shard_is_dropped(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shards = [add_shard(store, given, asset="deduped") for given in (FIRST, SECOND)]
    built = build_all(recipe, store, shards)
    kept: set[str] = set()
    for shard, given in zip(shards, (FIRST, SECOND), strict=True):
        one = built[f"{NAME}/{shard.key}"]
        documents, decisions = table(store, one, "documents"), table(store, one, "decisions")
        assert [documents.schema, decisions.schema] == [pl.Schema(DOCUMENTS), pl.Schema(DECISIONS)]
        check_conservation(len(given), documents, decisions, NAME)
        kept |= names(documents["id"])
    (dropped,) = EITHER - kept
    (stays,) = EITHER & kept
    assert kept == {*FIRST, *SECOND} - {dropped}  # unknown words and no words are never alike
    where = shards[0 if dropped == "a" else 1]
    (decision,) = table(store, built[f"{NAME}/{where.key}"], "decisions").filter(action="drop").to_dicts()
    assert (decision["rule"], decision["value"], decision["bound"], decision["other_id"]) == (
        "semantic_duplicate", 1.0, 0.99, key(stays),
    )  # fmt: skip
    (shown,) = sample(store, "demo", NAME, 9)
    everything = FIRST | SECOND
    assert (shown["kind"], shown["similarity"]) == ("pair", 1.0)
    assert (shown["text"], shown["kept_text"]) == (everything[dropped], everything[stays])
    similarities = table(store, built[TABLE], "similarities")
    assert similarities.schema == pl.Schema(SIMILARITIES)
    assert similarities["shard"].to_list() == [shards[0].key] * 3 + [shards[1].key] * 4
    assert table(store, built[f"{EMBEDDINGS}/{where.key}"], "embeddings").schema == pl.Schema(
        embeddings_schema(16)
    )
    assert table(store, built[TABLE], "members").height == 0


def test_what_was_found_is_shown(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with("{which_to_keep: easy}")
    shard = add_shard(store, {**FIRST, **SECOND}, asset="deduped")
    built = build_all(recipe, store, [shard])
    embedded = built[f"{EMBEDDINGS}/{shard.key}"].manifest.figures
    wanted = {"rows_in": 7, "tokens_read": 20, "without_tokens": 1, "too_many_unknown_tokens": 2}
    assert {name: embedded[name] for name in wanted} == wanted
    for name in (TABLE, f"{NAME}/{shard.key}"):
        figures = built[name].manifest.figures
        assert figures["not_compared"] == 3
        assert figures["cluster_size"] == {"smallest": 4, "median": 4.0, "largest": 4}
        assert {"eps": 0.01, "dropped": 1, "kept_share": round(6 / 7, 6)} in figures["kept_by_eps"]
        assert figures["similarity_plot"]
    assert {"cluster_size_plot", "kept_by_eps_plot"} <= built[TABLE].manifest.figures.keys()
    (pair,) = built[f"{NAME}/{shard.key}"].manifest.figures["sample"]
    assert {pair["id"], pair["twin_id"]} == {key("a"), key("d")}
    assert "[-" in pair["dropped"]  # the words have another order
    assert pair["similarity"] == 1.0


def test_another_eps_compares_nothing_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    shard = add_shard(store, {**FIRST, **SECOND}, asset="deduped")
    build_all(recipe_with(), store, [shard])
    again = build_all(recipe_with("{eps: 1.9}"), store, [shard])
    assert {name: one.cached for name, one in again.items()} == {
        f"{EMBEDDINGS}/{shard.key}": True, TABLE: True, f"{NAME}/{shard.key}": False,
    }  # fmt: skip
    assert (
        again[f"{NAME}/{shard.key}"].manifest.figures["rows_out"] == 4
    )  # one of the cluster, and what is not compared


def test_a_later_shard_is_compared_with_the_snapshot_and_changes_nothing_for_others(tmp_path: Path) -> None:
    for options, cached in (("{snapshot_shards: 2}", True), ("{}", False)):
        store, recipe = Store.open(tmp_path / str(cached)), recipe_with(options)
        shards = [add_shard(store, given, asset="deduped") for given in (FIRST, SECOND)]
        build_all(recipe, store, shards)
        later = {"h": "river the crosses ferry a", "i": "wool", "j": "wool", "k": "sheep"}
        shards.append(add_shard(store, later, asset="deduped"))
        built = build_all(recipe, store, shards)
        assert built[TABLE].cached is cached
        assert built[f"{NAME}/{shards[0].key}"].cached is cached
        last = built[f"{NAME}/{shards[2].key}"]
        assert last.manifest.figures["in_snapshot"] is not cached
        if cached:
            decisions = table(store, last, "decisions")
            assert names(decisions.filter(action="keep")["id"]) == {"i"}  # `j` repeats it in the same shard
            assert names(decisions["other_id"].drop_nulls()) == {"b", "e", "i"}
            assert decisions["detail"].drop_nulls().str.json_path_match("$.shard").to_list() == [
                shards[0].key, shards[2].key, shards[1].key,
            ]  # fmt: skip


def test_batches_change_no_byte(tmp_path: Path) -> None:
    recipe = recipe_with("{clusters: 3, snapshot_shards: 1}")
    found = []
    for rows in (1000, 3):
        store = Store.open(tmp_path / str(rows))
        for s in "ab":
            texts = {f"{s}{i}": f"w{i % 7} w{i % 5} w{i % 3}" for i in range(40)}
            add_shard(store, texts, asset="deduped", batch=rows)
        found.append(contents(build_all(recipe, store)))
    assert found[0] == found[1]


def test_a_shard_without_documents_has_tables_without_rows(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    shard = add_shard(store, {}, asset="deduped")
    built = build_all(recipe, store, [shard])
    for name, one, schema in (
        ("similarities", built[TABLE], SIMILARITIES),
        ("documents", built[f"{NAME}/{shard.key}"], DOCUMENTS),
        ("decisions", built[f"{NAME}/{shard.key}"], DECISIONS),
    ):
        assert (table(store, one, name).schema, table(store, one, name).height) == (pl.Schema(schema), 0)


def test_without_shards_the_table_is_empty(tmp_path: Path) -> None:
    built = build_all(recipe_with(), Store.open(tmp_path), [])
    assert built[TABLE].manifest.figures["clusters"] == 0
