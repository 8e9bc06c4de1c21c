from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from gristmill.errors import StoreError
from gristmill.llm import Answer, AnswerCache, ModelIdentity
from gristmill.store import Registry, Store
from resources.catalogue import catalogue_resource, open_catalogue, view_name, write_catalogue
from tests.report.corpora import BOOKS, RECIPE, STAGES, WEB, decision, document, key, make_corpus, put


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(make_corpus(tmp_path_factory.mktemp("store")), RECIPE, STAGES)


def test_a_view_shows_all_shards_with_their_name(catalogue: Path):
    with open_catalogue(catalogue) as connection:
        rows = connection.execute("SELECT id, _shard FROM demo.filtered ORDER BY _shard, url").fetchall()
    assert rows == [
        (key("b1"), BOOKS),
        (key("b2"), BOOKS),
        (key("w1"), WEB),
        (key("w3"), WEB),
        (key("w4"), WEB),
    ]


def test_every_table_of_every_asset_has_a_view(catalogue: Path):
    with open_catalogue(catalogue) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'demo' AND table_type = 'VIEW'"
        ).fetchall()
    assert sorted(name for (name,) in names) == [
        "deduped",
        "deduped_decisions",
        "filtered",
        "filtered_decisions",
        "filtered_measures",
        "mixed",
        "raw",
        "raw_decisions",
        "refined",
        "refined_decisions",
        "refined_programs",
        "rephrased",
        "rephrased_derivations",
        "scores_quality",
        "selected",
        "selected_decisions",
        "tokens",
    ]


def test_views_join(catalogue: Path):
    with open_catalogue(catalogue) as connection:
        query = "SELECT url, rule FROM demo.filtered_decisions JOIN demo.raw USING (id) WHERE action = 'drop'"
        assert connection.execute(query).fetchall() == [("https://example.org/w2", "gopher_min_words")]


def test_the_funnel_and_the_costs_are_tables(catalogue: Path):
    with open_catalogue(catalogue) as connection:
        funnel = connection.execute("SELECT stage, rows_in, rows_out, tokens FROM demo.funnel").fetchall()
        costs = connection.execute("SELECT stage, requests, prompt_tokens FROM demo.llm_costs").fetchall()
        assets = connection.execute(
            "SELECT rows, _a.partition FROM demo.assets _a WHERE asset = 'raw'"
        ).fetchall()
    assert funnel[0] == ("raw", 7, 6, 46)
    assert costs == [("refined", 2, 150), ("rephrased", 2, 150)]
    assert assets == [(2, BOOKS), (4, WEB)]


def test_cached_answers_are_a_view_that_sees_later_ones(tmp_path: Path):
    store = Store.open(tmp_path)
    cache = AnswerCache(tmp_path / "answers")

    def answer(number: int) -> None:
        with cache.writer(ModelIdentity("small", "d1", "float32", 256), "stub") as writer:
            writer.write(f"{number:032x}", Answer(f"text {number}", "stop", 10, 2))

    query = "SELECT model, finish_reason, count(*), sum(output_tokens), max(text) FROM answers GROUP BY ALL"
    with open_catalogue(write_catalogue(store)) as connection:
        assert connection.execute(query).fetchall() == []
    answer(1)
    with open_catalogue(write_catalogue(store)) as connection:
        answer(2)
        cache.compact()
        assert connection.execute(query).fetchall() == [("small", "stop", 2, 4, "text 2")]


def test_the_store_may_be_moved(tmp_path: Path):
    write_catalogue(make_corpus(tmp_path / "here"))
    shutil.move(tmp_path / "here", tmp_path / "it's there")
    with open_catalogue(tmp_path / "it's there" / "catalogue.duckdb") as connection:
        assert connection.execute("SELECT count(*) FROM demo.raw").fetchall() == [(6,)]


def test_plain_duckdb_reads_it_from_the_folder_of_the_store(catalogue: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(catalogue.parent)
    with duckdb.connect("catalogue.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM demo.mixed").fetchall() == [(3,)]


def test_it_cannot_be_written_through(catalogue: Path):
    with (
        open_catalogue(catalogue) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("DROP TABLE demo.funnel")


def test_the_dagster_resource_reads_the_same(catalogue: Path):
    with catalogue_resource(catalogue).get_connection() as connection:
        assert connection.execute("SELECT count(*) FROM demo.raw").fetchall() == [(6,)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("DROP TABLE demo.funnel")


def test_it_is_replaced_while_others_read(tmp_path: Path):
    store = make_corpus(tmp_path)
    path = write_catalogue(store)
    with open_catalogue(path) as before:
        put(store, "raw", WEB, documents=[], decisions=[decision("w1", "drop", "empty")])
        write_catalogue(store)
        assert before.execute("SELECT count(*) FROM demo.raw").fetchall() == [(6,)]
    with open_catalogue(path) as after:
        assert after.execute("SELECT count(*) FROM demo.raw").fetchall() == [(2,)]
    assert [name for name in os.listdir(tmp_path) if "catalogue" in name] == ["catalogue.duckdb"]


def test_recipes_stand_side_by_side(tmp_path: Path):
    store = make_corpus(tmp_path)
    Registry(store, "other").register("web", [])
    put(store, "raw", WEB, recipe="other", documents=[document("x", "text")], decisions=[decision("x")])
    with open_catalogue(write_catalogue(store, "other", ["raw"])) as connection:
        count = "SELECT (SELECT count(*) FROM demo.raw), (SELECT count(*) FROM other.raw)"
        assert connection.execute(count).fetchall() == [(6, 1)]


def test_assets_that_are_not_in_the_graph_are_left_out(tmp_path: Path):
    path = write_catalogue(make_corpus(tmp_path), RECIPE, ["raw"])
    with open_catalogue(path) as connection:
        assert connection.execute("SELECT DISTINCT asset FROM demo.assets").fetchall() == [("raw",)]
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM demo.filtered")


def test_shards_made_by_different_versions_are_joined_by_column(tmp_path: Path):
    store = make_corpus(tmp_path)
    put(
        store,
        "scores/quality",
        BOOKS,
        scores=pl.DataFrame({"id": [key("b1")], "quality": [0.5], "more": [1]}),
    )
    with open_catalogue(write_catalogue(store)) as connection:
        rows = connection.execute("SELECT quality, more FROM demo.scores_quality ORDER BY quality").fetchall()
    assert rows == [(0.5, 1), (0.7, None), (0.9, None)]


def test_an_empty_store_has_an_empty_catalogue(tmp_path: Path):
    with open_catalogue(write_catalogue(Store.open(tmp_path))) as connection:
        query = "SELECT table_name FROM information_schema.tables"
        assert connection.execute(query).fetchall() == [("answers",)]


def test_a_missing_catalogue_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(StoreError, match=r"does not exist; make it: gristmill build"):
        open_catalogue(tmp_path / "catalogue.duckdb")


def test_a_folder_that_duckdb_cannot_search_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="with a comma in its name"):
        write_catalogue(make_corpus(tmp_path / "a,b"))
    assert not (tmp_path / "a,b" / "catalogue.duckdb").exists()


def test_names_of_views():
    assert view_name("filtered", "documents", main="documents") == "filtered"
    assert view_name("filtered", "decisions", main="documents") == "filtered_decisions"
    assert view_name("scores/quality", "scores", main="scores") == "scores_quality"
    assert view_name("funnel", "documents", main="documents") == "funnel_"


def test_a_hostile_name_in_a_manifest_stays_a_name(tmp_path: Path):
    store = Store.open(tmp_path)
    Registry(store, RECIPE).register("web", [])
    put(store, "raw", WEB, documents=[], extra=pl.DataFrame({"id": ["x"]}))
    (manifest,) = tmp_path.glob("objects/*/*/manifest.json")
    hostile = 'a"; DROP SCHEMA demo; --'
    text = manifest.read_text(encoding="utf-8").replace('"extra"', json.dumps(hostile))
    manifest.write_text(text, encoding="utf-8")
    with open_catalogue(write_catalogue(store)) as connection:
        names = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE schema_name = 'demo'"
        ).fetchall()
    assert sorted(names) == [("raw",), ('raw_a"; DROP SCHEMA demo; __',)]
