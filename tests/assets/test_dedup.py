from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import dedup
from assets.step import Built, Step, build
from gristmill.dedup import SIGNATURES
from gristmill.documents import DECISIONS, DOCUMENTS
from gristmill.errors import StoreError
from gristmill.recipe import Recipe
from gristmill.store import Shard, Store
from tests.assets.stores import NO_TOOLS, add_shard, contents, key, recipe_of, table
from tests.dedup.texts import edit, make_words

WORDS = make_words(1, 200)
TEXT, NEAR, OTHER = " ".join(WORDS), " ".join(edit(WORDS, 0.01, 2)), " ".join(make_words(3, 200))


def _build(recipe: Recipe, store: Store, shard: Shard) -> dict[str, Built]:
    return {
        step.name: build(step, recipe, store, shard, NO_TOOLS)
        for step in dedup.steps(recipe, "filtered")
        if step.partitioned
    }


def test_the_steps_and_what_they_read() -> None:
    steps = {step.name: step for step in dedup.steps(recipe_of("dedup: {}\n"), "filtered")}
    read = {
        name: [(given.asset, given.scope, given.tables) for given in step.inputs]
        for name, step in steps.items()
    }
    assert read == {
        "signatures": [("filtered", "same", ("documents",))],
        "signature_index": [
            ("signature_index", "parts", ("bands", "texts", "shards")),
            ("signatures", "same", ("signatures",)),
        ],
        "duplicates": [
            ("signature_index", "covering", ("bands", "texts", "shards")),
            ("signatures", "same", ("signatures",)),
        ],
        "dedup_tables/clusters": [
            ("filtered", "all", ("documents",)),
            ("duplicates", "all", ("duplicates",)),
            ("signature_index", "covering", ("bands", "texts", "shards")),
        ],
        "deduped": [("filtered", "same", ("documents",)), ("duplicates", "same", ("duplicates",))],
    }
    assert {step.group for step in steps.values()} == {"dedup"}
    assert [name for name, step in steps.items() if step.checked] == ["deduped"]


def test_each_step_reads_its_own_options() -> None:
    def options(section: str) -> list[Any]:
        return [step.options("web") for step in dedup.steps(recipe_of(f"dedup: {section}\n"), "filtered")]

    default = options("{}")
    bands = options("{signatures: {bands: 20}}")
    threshold = options("{duplicates: {threshold: 0.9}}")
    assert [a == b for a, b in zip(default, bands, strict=True)] == [False, True, True, True, True]
    assert [a == b for a, b in zip(default, threshold, strict=True)] == [True, True, False, True, True]


def test_copies_are_dropped_within_a_shard_and_shown_beside_their_twin(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_of("dedup: {}\n")
    shard = add_shard(store, {"a": TEXT, "b": OTHER, "c": TEXT.upper(), "d": NEAR})
    built = _build(recipe, store, shard)

    assert table(store, built["signatures"], "signatures").schema == pl.Schema(SIGNATURES)
    duplicates = table(store, built["duplicates"], "duplicates")
    decisions = table(store, built["deduped"], "decisions")
    documents = table(store, built["deduped"], "documents")
    assert duplicates.equals(decisions)
    assert (decisions.schema, documents.schema) == (pl.Schema(DECISIONS), pl.Schema(DOCUMENTS))
    assert decisions["rule"].to_list() == [None, None, "exact_duplicate", "near_duplicate"]
    assert documents["id"].to_list() == [key(name) for name in "ab"]

    (point,) = built["duplicates"].manifest.figures["s_curve"]
    assert (point["pairs"], point["jaccard"]) == (1, duplicates["value"][3])
    figures = built["deduped"].manifest.figures
    assert (figures["rows_in"], figures["rows_out"]) == (4, 2)
    assert figures["dropped_by_rule"] == {"exact_duplicate": 1, "near_duplicate": 1}
    near, exact = figures["sample"]
    assert (near["rule"], near["id"], near["twin_id"]) == (
        "near_duplicate",
        key("d"),
        key("a"),
    )
    assert "[-" in near["dropped"]  # the part is shown in which they differ
    assert "{+" in near["twin"]
    assert exact["dropped"] != exact["twin"]  # equal but for capitals


def test_copies_of_earlier_shards_are_dropped_whatever_is_built_first(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_of("dedup: {}\n", "web", "code")
    first = add_shard(store, {"a": TEXT})
    second = add_shard(store, {"b": OTHER}, source="code")
    third = add_shard(store, {"c": TEXT, "d": OTHER, "e": NEAR})
    signatures, index, duplicates, _, deduped = dedup.steps(recipe, "filtered")
    for shard in (third, first, second):
        build(signatures, recipe, store, shard, NO_TOOLS)
    for shard in (first, second):
        build(index, recipe, store, shard, NO_TOOLS)
    found = build(duplicates, recipe, store, third, NO_TOOLS)
    kept = build(deduped, recipe, store, third, NO_TOOLS)

    decided = table(store, found, "duplicates")
    assert decided["other_id"].to_list() == [key(name) for name in "aba"]
    assert decided["detail"].to_list() == [
        '{"row": 0, "shard": "web-0001"}',
        '{"row": 0, "shard": "code-0001"}',
        '{"row": 0, "shard": "web-0001"}',
    ]
    figures = found.manifest.figures
    assert (figures["rows_in"], figures["rows_out"], figures["earlier_shards"]) == (3, 0, 2)
    assert figures["duplicates_by_source"] == [
        {"source": "web", "twin_source": "web", "exact": 1, "near": 1},
        {"source": "web", "twin_source": "code", "exact": 1, "near": 0},
    ]
    assert [(point["pairs"], point["jaccard"] > 0.9) for point in figures["s_curve"]] == [(1, True)]
    assert all(1000 < len(figures[f"{plot}_plot"]) < 30_000 for plot in ("similarity", "s_curve"))
    assert kept.manifest.rows("documents") == 0
    assert kept.manifest.figures["sample"] == []  # the twins' texts are not in this shard
    assert build(deduped, recipe, store, third, NO_TOOLS).cached


def test_a_missing_earlier_shard_is_named(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_of("dedup: {}\n")
    add_shard(store, {"a": TEXT})
    second = add_shard(store, {"b": OTHER})
    signatures, _, duplicates, *_ = dedup.steps(recipe, "filtered")
    build(signatures, recipe, store, second, NO_TOOLS)
    with pytest.raises(
        StoreError, match="shard 'web-0001' of 'signature_index' of recipe 'demo' is not in the store"
    ):
        build(duplicates, recipe, store, second, NO_TOOLS)


def test_a_later_shard_changes_nothing_for_an_earlier_one(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_of("dedup: {}\n")
    first = add_shard(store, {"a": TEXT})
    _build(recipe, store, first)
    add_shard(store, {"b": TEXT})
    assert [built.cached for built in _build(recipe, store, first).values()] == [True] * 4


def test_another_threshold_hashes_nothing_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    shard = add_shard(store, {"a": TEXT, "b": NEAR})
    _build(recipe_of("dedup: {}\n"), store, shard)
    built = _build(recipe_of("dedup: {duplicates: {threshold: 1.0}}\n"), store, shard)
    assert [done.cached for done in built.values()] == [True, True, False, False]
    assert built["deduped"].manifest.rows("documents") == 2


def test_batches_change_no_byte(tmp_path: Path) -> None:
    texts = {str(i): " ".join(make_words(i % 7, 60)) for i in range(20)}
    found = []
    for rows in (1000, 3):
        store = Store.open(tmp_path / str(rows))
        shard = add_shard(store, texts, batch=rows)
        batches = store.batches(store.current("demo", "filtered", shard.key), "documents")
        assert len(list(batches)) == -(-20 // rows)
        found.append(contents(_build(recipe_of("dedup: {}\n"), store, shard)))
    assert found[0] == found[1]


def test_a_shard_without_documents_has_tables_without_rows(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_of("dedup: {}\n")
    built = _build(recipe, store, add_shard(store, {}))
    assert table(store, built["signatures"], "signatures").schema == pl.Schema(SIGNATURES)
    assert table(store, built["duplicates"], "duplicates").height == 0
    assert table(store, built["deduped"], "documents").schema == pl.Schema(DOCUMENTS)
    assert table(store, built["deduped"], "decisions").schema == pl.Schema(DECISIONS)
    assert "similarity_plot" not in built["duplicates"].manifest.figures


def test_step_names_can_be_built_from_another_upstream() -> None:
    steps: list[Step] = dedup.steps(recipe_of("dedup: {}\n"), "raw")
    assert [
        given.asset
        for step in steps
        for given in step.inputs
        if given.asset not in ("signatures", "signature_index", "duplicates")
    ] == [
        "raw",
        "raw",
        "raw",
    ]
