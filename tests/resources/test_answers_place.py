"""Answers of language models in an object store, as a recipe's steps, its builds and SQL see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest

from gristmill.errors import StoreError
from gristmill.llm import Answer, AnswerCache, ModelIdentity
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Request
from gristmill.recipe import load_recipe
from gristmill.store import Registry, Store
from pipelines.run import build_corpus
from resources import tools as module
from resources.catalogue import open_catalogue, write_catalogue
from resources.home import answers_place, spool_folder, store_folder
from resources.tools import Tools
from tests.conftest import use_home
from tests.llm.models import write_model

URI = "memory://bucket/answers"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The memory of fsspec, empty before and after, as the place of answers."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    monkeypatch.setenv("GRISTMILL_ANSWERS", URI)
    monkeypatch.setenv("GRISTMILL_HOME", str(tmp_path / "home"))
    yield memory
    memory.store.clear()


def _ask(folder: Path) -> str:
    recipe = SimpleNamespace(
        models={"small": ModelOptions(source="model", engine="stub")}, path=folder / "recipe.yaml"
    )
    with Tools.open(recipe, Store.open(folder / "store"), folder / "models") as tools:  # type: ignore[arg-type]
        return dict(tools.llm("small").answer([(0, Request("One two three.", 20))]))[0].text


def test_answers_lie_in_the_store_unless_the_environment_names_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answers_place(str(tmp_path)) == tmp_path / "answers"
    assert answers_place("s3://bucket/store") == "s3://bucket/store/answers"
    monkeypatch.setenv("GRISTMILL_ANSWERS", str(tmp_path / "elsewhere"))
    assert answers_place("s3://bucket/store") == tmp_path / "elsewhere"
    monkeypatch.setenv("GRISTMILL_SPOOL", str(tmp_path / "spool"))
    assert spool_folder(URI).parent == tmp_path / "spool"
    assert spool_folder(URI) == spool_folder(f"{URI}/") != spool_folder("memory://bucket/others")


def test_another_machine_asks_nothing_again(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "model", weights=False)
    given = _ask(tmp_path)
    assert [key for key in bucket.store if key.startswith("/bucket/answers/segments/")]
    assert not (tmp_path / "store" / "answers").exists()
    monkeypatch.setenv("GRISTMILL_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(module, "make_engine", lambda *_: pytest.fail("an engine was made"))
    assert _ask(tmp_path) == given


def test_the_view_answers_reads_the_bucket(bucket: Any, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    query = "SELECT model, finish_reason, count(*), sum(output_tokens), max(text) FROM answers GROUP BY ALL"
    with open_catalogue(write_catalogue(store)) as connection:
        assert connection.execute(query).fetchall() == []
    cache = AnswerCache(URI, spool=tmp_path / "spool")
    for number in range(2):
        with cache.writer(ModelIdentity("small", "d1", "float32", 256), "stub") as writer:
            writer.write(f"{number:032x}", Answer(f"text {number}", "stop", 10, 2))
    with open_catalogue(write_catalogue(store)) as connection:
        cache.compact()
        assert connection.execute(query).fetchall() == [("small", "stop", 2, 4, "text 1")]


def test_a_folder_of_answers_outside_the_store_has_its_view_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_ANSWERS", str(tmp_path / "shared"))
    with AnswerCache(tmp_path / "shared").writer(
        ModelIdentity("small", "d1", "float32", 256), "stub"
    ) as writer:
        writer.write("0" * 32, Answer("text", "stop", 10, 2))
    with open_catalogue(write_catalogue(Store.open(tmp_path / "store"))) as connection:
        assert connection.execute("SELECT text FROM answers").fetchall() == [("text",)]


def test_a_bucket_that_does_not_answer_is_named(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.remote._WAITS_SECONDS", ())
    monkeypatch.setattr(type(bucket), "ls", lambda *_, **__: 1 / 0)
    with pytest.raises(StoreError, match="answers memory://bucket/answers: cannot list the segments"):
        write_catalogue(Store.open(tmp_path))


@pytest.mark.slow
def test_a_build_with_its_answers_in_a_bucket_makes_the_same(
    corpus: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(monkeypatch, corpus / "home")
    monkeypatch.setenv("GRISTMILL_ANSWERS", URI)
    recipe, store = load_recipe(corpus / "small.yaml"), Store.open(store_folder())
    shards = [shard.key for shard in Registry(store, "small").shards()]
    expected = [store.current("small", "refined", shard) for shard in shards]
    for manifest in expected:
        store.discard(manifest.fingerprint)
    local = AnswerCache(corpus / "home" / "store" / "answers").count()

    build_corpus(recipe, select=["refined"])
    made = [store.current("small", "refined", shard) for shard in shards]
    assert [manifest.content for manifest in made] == [manifest.content for manifest in expected]
    asked = sum(manifest.figures["usage"]["requests"] for manifest in made)
    assert 0 < AnswerCache(URI, spool=corpus / "spool").count() <= asked
    assert AnswerCache(corpus / "home" / "store" / "answers").count() == local
