from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assets import clusters, dedup
from assets.step import Built
from gristmill.errors import RecipeError
from gristmill.store import Registry, Store
from tests.assets import stores
from tests.assets.stores import add_shard, key, recipe_of, table
from tests.dedup.texts import edit, make_words

WORDS = make_words(1, 200)
TEXT, LONGER = " ".join(WORDS), " ".join([*WORDS, "mill"])
NEAR = " ".join(edit(WORDS, 0.01, 2))
OTHER = " ".join(make_words(3, 200))
LONGEST = "dedup: {duplicates: {rule: longest}}\n"


def build_all(section: str, store: Store) -> dict[str, Built]:
    return stores.build_all(dedup.steps, recipe_of(section), store, upstream="filtered")


def kept(store: Store, built: dict[str, Built]) -> list[str]:
    """Ids of what is left, in all shards."""
    left = [done for name, done in built.items() if name.startswith("deduped/")]
    return [found for done in left for found in table(store, done, "documents")["id"]]


def ids(names: str) -> list[str]:
    return [key(name) for name in names]


def test_the_longest_of_a_cluster_stays_wherever_it_is_and_every_new_shard_decides_anew(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path)
    add_shard(store, {"a": TEXT, "b": OTHER})
    assert kept(store, build_all(LONGEST, store)) == ids("ab")
    add_shard(store, {"c": LONGER, "d": TEXT})
    built = build_all(LONGEST, store)
    assert kept(store, built) == ids("bc")
    decisions = table(store, built["deduped/web-0001"], "decisions")
    assert decisions.select("action", "rule", "value", "other_id", "detail").rows() == [
        ("drop", "near_duplicate", 196 / 197, ids("c")[0], '{"cluster_size": 3, "shard": "web-0002"}'),
        ("keep", None, None, None, None),
    ]
    add_shard(store, {"e": "a new text that nobody has seen"})
    assert (
        build_all(LONGEST, store)["deduped/web-0002"].manifest.content
        == built["deduped/web-0002"].manifest.content
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("rule: newest", "bc"), ("rule: best, best_by: length(text)", "bd"), ("rule: earliest", "ab")],
)
def test_each_rule_keeps_one_document_of_a_cluster(tmp_path: Path, rule: str, expected: str) -> None:
    store = Store.open(tmp_path)
    texts = {"a": TEXT, "b": OTHER, "c": NEAR, "d": LONGER}
    dates = {"a": "2024-02-01", "c": "2024-02-01T10:00:00Z", "d": None, "b": "no date"}
    add_shard(store, texts, dates=dates)
    assert kept(store, build_all(f"dedup: {{duplicates: {{{rule}}}}}\n", store)) == ids(expected)


def test_clusters_are_shown_by_size_by_source_and_side_by_side(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    add_shard(store, {"a": TEXT, "b": OTHER})
    add_shard(store, {"c": NEAR, "d": TEXT, "e": OTHER}, source="mail")
    figures = build_all("dedup: {}\n", store)[clusters.NAME].manifest.figures
    assert (figures["clusters"], figures["members"], figures["largest"]) == (2, 5, 3)
    assert figures["by_size"] == [
        {"from_size": 2, "clusters": 1, "members": 2},
        {"from_size": 3, "clusters": 1, "members": 3},
    ]
    assert figures["by_source_pair"] == [
        {"source": "mail", "kept_source": "web", "documents": 3, "share": 1.0}
    ]
    assert figures["largest_clusters"][0]["kept"] == TEXT[:200]
    assert figures["largest_clusters"][0]["others"] == f"{NEAR[:200]}\n---\n{TEXT[:200]}"
    assert 1000 < len(figures["size_plot"]) < 30_000


@pytest.mark.parametrize("section", ["dedup: {}\n", LONGEST])
def test_without_a_removed_shard_its_copies_come_back(tmp_path: Path, section: str) -> None:
    store = Store.open(tmp_path)
    first = add_shard(store, {"a": LONGER})
    add_shard(store, {"b": TEXT, "c": OTHER})
    add_shard(store, {"d": TEXT})
    assert kept(store, build_all(section, store)) == ids("ac")
    Registry(store, "demo").remove(first.key)
    built = build_all(section, store)
    assert kept(store, built) == ids("bc")
    assert built["signatures/web-0003"].cached
    members = table(store, built[clusters.NAME], "members")
    assert members.select("id", "kept").rows() == list(zip(ids("bd"), [True, False], strict=True))
    assert members["sequence"].dtype == pl.UInt32


def test_a_rule_without_what_it_needs_is_refused() -> None:
    for section in (
        "rule: best",
        "best_by: length(text)",
        "rule: best, best_by: size",
        "rule: best, best_by: text",
    ):
        with pytest.raises(RecipeError, match="best_by"):
            recipe_of(f"dedup: {{duplicates: {{{section}}}}}\n")
