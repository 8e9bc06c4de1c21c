from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import url_duplicates
from assets.describe import metadata
from assets.graph import steps as graph
from assets.step import Built, Step
from gristmill.dedup import URL_KEYS, WINNERS
from gristmill.documents import DECISIONS, DOCUMENTS, check_conservation
from gristmill.recipe import Recipe
from gristmill.report import sample, trace
from gristmill.store import Registry, Shard, Store
from tests.assets import stores
from tests.assets.stores import add_shard, contents, key, recipe_of, table

KEYS, TABLE, NAME = "url_keys", "dedup_tables/urls", "unique_urls"
PAGE = "https://www.mill.org/grain"
Pages = dict[str, tuple[str | None, str | None]]  # by the name of the record: URL and date
FIRST: Pages = {
    "a": (PAGE, "2021-02-01"),
    "b": (PAGE + "/?utm_source=mail", "2021-09-01T06:00:00Z"),
    "c": (None, None),
}
SECOND: Pages = {
    "d": ("http://mill.org/grain#flour", "2021-05-01"),
    "e": (PAGE, "2022-01-01"),
    "f": ("chapter 3", "2021"),
}


def recipe_with(options: str = "{}") -> Recipe:
    return recipe_of(f"dedup: {{urls: {options}}}\n", "web", "code")


def add_pages(store: Store, pages: Pages, asset: str = "filtered", batch: int = 1000) -> Shard:
    """Register a shard and publish its pages as the current output of `asset`."""
    urls, dates = ({name: page[i] for name, page in pages.items()} for i in (0, 1))
    return add_shard(store, dict.fromkeys(pages, "text"), asset=asset, batch=batch, urls=urls, dates=dates)


def build_all(
    recipe: Recipe, store: Store, shards: list[Shard] | None = None, upstream: str = "filtered"
) -> dict[str, Built]:
    return stores.build_all(url_duplicates.steps, recipe, store, shards, upstream=upstream)


def kept(store: Store, built: dict[str, Built]) -> set[str]:
    """Names of the records that stay, over all shards."""
    names = {key(name): name for name in "abcdefghij"}
    shards = [done for name, done in built.items() if name.startswith(f"{NAME}/")]
    return {names[found] for done in shards for found in table(store, done, "documents")["id"]}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Built]]:
    store = Store.open(tmp_path_factory.mktemp("two"))
    for pages in (FIRST, SECOND):
        add_pages(store, pages, "raw")
    return store, build_all(recipe_with(), store, upstream="raw")


def test_the_steps_and_what_they_read() -> None:
    steps = url_duplicates.steps(recipe_with("{snapshot_shards: 3}"), "filtered")
    assert {
        step.name: [(given.asset, given.scope, given.tables, given.first) for given in step.inputs]
        for step in steps
    } == {
        KEYS: [("filtered", "same", ("documents",), None)],
        TABLE: [(KEYS, "all", ("keys",), 3)],
        NAME: [
            ("filtered", "same", ("documents",), None),
            (KEYS, "same", ("keys",), None),
            (TABLE, "global", ("winners", "shards"), None),
        ],
    }
    assert [step.name for step in steps if not step.partitioned] == [TABLE]
    assert "first 3 registered shards" in steps[1].description
    assert "a new one makes this table anew" in url_duplicates.steps(recipe_with(), "raw")[1].description


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ("{drop_parameters: [utm_*]}", [False, True, False]),
        ("{keep: longest}", [True, False, False]),
        ("{within: ever}", [True, False, False]),
        ("{snapshot_shards: 2}", [True, False, True]),
    ],
)
def test_each_step_reads_its_own_options(options: str, same: list[bool]) -> None:
    def read(section: str) -> list[Any]:
        return [step.options("web") for step in url_duplicates.steps(recipe_with(section), "raw")]

    assert [a == b for a, b in zip(read("{}"), read(options), strict=True)] == same


def test_signatures_are_made_of_what_is_left() -> None:
    assert KEYS not in [step.name for step in graph(recipe_of("dedup: {}\n"))]
    steps: dict[str, Step] = {step.name: step for step in graph(recipe_with())}
    names = list(steps)
    assert names[:5] == ["raw", KEYS, TABLE, NAME, "signatures"]
    for name in ("signatures", "deduped"):
        assert steps[name].inputs[0].asset == NAME


def test_the_newest_of_a_year_stays(two: tuple[Store, dict[str, Built]]) -> None:
    store, built = two
    assert kept(store, built) == {"b", "c", "e", "f"}
    for number, given in enumerate((FIRST, SECOND), 1):
        done = built[f"{NAME}/web-000{number}"]
        documents, decisions = (table(store, done, name) for name in ("documents", "decisions"))
        assert [documents.schema, decisions.schema] == [pl.Schema(DOCUMENTS), pl.Schema(DECISIONS)]
        check_conservation(len(given), documents, decisions, NAME)
        assert metadata(done)["dagster/row_count"] == documents.height
    dropped = table(store, built[f"{NAME}/web-0002"], "decisions").filter(pl.col("action") == "drop")
    detail = '{"date": "2021-09-01T06:00:00Z", "documents": 3, "reason": "newer", "shard": "web-0001"}'
    assert dropped.rows() == [(key("d"), "drop", "url_duplicate", None, None, key("b"), detail)]
    assert table(store, built[f"{KEYS}/web-0001"], "keys").schema == pl.Schema(URL_KEYS)
    winners = table(store, built[TABLE], "winners")
    assert winners.schema == pl.Schema(WINNERS)
    assert winners.select("year", "count", "sequence", "row").rows() == [(2021, 3, 0, 1)]


def test_figures_say_what_was_dropped(two: tuple[Store, dict[str, Built]]) -> None:
    _, built = two
    keys = built[f"{KEYS}/web-0001"].manifest.figures
    names = ("rows_in", "urls", "without_url", "not_of_the_web", "urls_without_date")
    assert {name: keys[name] for name in names} == dict(zip(names, (3, 2, 1, 0, 0), strict=True))
    assert built[f"{KEYS}/web-0002"].manifest.figures["not_of_the_web"] == 1
    picked = built[TABLE].manifest.figures
    assert [picked[name] for name in ("shards", "urls", "repeated_urls", "documents_to_drop")] == [2, 4, 1, 2]
    assert picked["by_count"] == [{"from_count": 3, "urls": 1, "documents": 3}]
    figures = built[f"{NAME}/web-0002"].manifest.figures
    assert figures["dropped_by_rule"] == {"url_duplicate": 1}
    assert figures["by_reason"] == {"newer": 1}
    assert figures["by_year"] == [{"year": 2021, "dropped": 1}]
    assert figures["by_host"] == [{"host": "mill.org", "dropped": 1}]
    assert figures["sample"] == [
        {
            "url": "http://mill.org/grain#flour",
            "date": "2021-05-01",
            "reason": "newer",
            "kept_date": "2021-09-01T06:00:00Z",
            "kept_shard": "web-0001",
            "kept_id": key("b"),
            "id": key("d"),
            "compared_as": "http://mill.org/grain",
        }
    ]


def test_trace_and_samples_show_both_documents(two: tuple[Store, dict[str, Built]]) -> None:
    store, _ = two
    (step,) = (found for found in trace(store, "demo", key("d")) if found.stage == NAME)
    assert (step.outcome, step.rule) == ("drop", "url_duplicate")
    assert step.facts == {"twin": key("b"), "twin_shard": "web-0001", "twin_url": FIRST["b"][0]}
    (step,) = (found for found in trace(store, "demo", key("b")) if found.stage == NAME)
    assert step.facts == {"copies_dropped": 2}
    pairs = {(row["url"], row["kept_url"]) for row in sample(store, "demo", NAME, 9)}
    assert pairs == {(FIRST["a"][0], FIRST["b"][0]), (SECOND["d"][0], FIRST["b"][0])}


def test_removing_a_shard_promotes_the_next_one(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    for name, date in (("a", "2021-01-01"), ("b", "2021-09-01"), ("d", "2021-05-01")):
        add_pages(store, {name: (PAGE, date)})
    assert kept(store, build_all(recipe, store)) == {"b"}
    Registry(store, "demo").remove("web-0002")
    built = build_all(recipe, store)
    assert kept(store, built) == {"d"}
    assert built[f"{KEYS}/web-0003"].cached
    (decision,) = table(store, built[f"{NAME}/web-0001"], "decisions").to_dicts()
    assert decision["other_id"] == key("d")
    Registry(store, "demo").remove("web-0003")
    assert kept(store, build_all(recipe, store)) == {"a"}


def test_a_new_shard_may_replace_documents_of_all_but_a_snapshot(tmp_path: Path) -> None:
    for options, cached, left in (("{snapshot_shards: 2}", True, {"a", "b"}), ("{}", False, {"b", "d"})):
        store, recipe = Store.open(tmp_path / str(cached)), recipe_with(options)
        add_pages(store, {"a": (PAGE, "2021-01-01")})
        add_pages(store, {"b": ("http://mill.org/", "2021-01-01")})
        build_all(recipe, store)
        add_pages(store, {"d": (PAGE, "2021-12-31")})
        built = build_all(recipe, store)
        assert built[f"{KEYS}/web-0001"].cached
        assert built[TABLE].cached is cached
        assert built[f"{NAME}/web-0001"].cached is cached
        assert kept(store, built) == left
        third = built[f"{NAME}/web-0003"].manifest.figures
        assert (third["in_snapshot"], third["by_reason"]) == (
            not cached,
            {"in_snapshot": 1} if cached else {},
        )


def test_batches_and_the_order_of_building_change_no_byte(tmp_path: Path) -> None:
    found = []
    for rows in (1000, 3):
        store = Store.open(tmp_path / str(rows))
        for s in "ab":
            pages: Pages = {f"{s}{i}": (f"{PAGE}/{i % 5}", f"2021-0{1 + i % 9}-01") for i in range(20)}
            add_pages(store, pages, batch=rows)
        shards = Registry(store, "demo").shards()
        found.append(contents(build_all(recipe_with(), store, shards if rows == 3 else shards[::-1])))
    assert found[0] == found[1]


def test_a_shard_without_documents_has_tables_without_rows(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_with()
    add_pages(store, {})
    built = build_all(recipe, store)
    assert table(store, built[TABLE], "winners").schema == pl.Schema(WINNERS)
    done = built[f"{NAME}/web-0001"]
    assert [table(store, done, name).height for name in ("documents", "decisions")] == [0, 0]
