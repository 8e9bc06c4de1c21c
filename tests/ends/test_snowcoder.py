"""The recipe for code, built on the sample with the stub's tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from gristmill.documents import DROP
from gristmill.recipe import Recipe, load_recipe
from gristmill.store import Registry, Store
from pipelines.run import build_corpus
from resources.home import store_folder
from tests.conftest import use_home

RECIPES = Path(__file__).parent.parent.parent / "recipes"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Store]:
    folder = tmp_path_factory.mktemp("snowcoder")
    for part in ("repositories", "code"):
        shutil.copytree(RECIPES / "sample" / part, folder / "sample" / part)
    text = yaml.safe_load((RECIPES / "snowcoder.yaml").read_text(encoding="utf-8"))
    text["models"], text["tokenizer"] = {"stub": {"engine": "stub"}}, "stub"
    (folder / "snowcoder.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    recipe = load_recipe(folder / "snowcoder.yaml")
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, folder / "home")
        build_corpus(recipe)
        return recipe, Store.open(store_folder())


def table(built: tuple[Recipe, Store], asset: str, name: str, shard: str | None) -> pl.DataFrame:
    recipe, store = built
    manifest = store.current(recipe.name, asset, shard)
    assert manifest is not None
    return store.scan(manifest, name).collect()


def shard_of(built: tuple[Recipe, Store]) -> str:
    (shard,) = Registry(built[1], built[0].name).shards()
    return shard.key


def test_the_recipe_as_it_is_can_be_loaded() -> None:
    assert load_recipe(RECIPES / "snowcoder.yaml").name == "snowcoder"


def test_files_are_dropped_for_what_they_are(built: tuple[Recipe, Store]) -> None:
    shard = shard_of(built)
    documents = table(built, "raw", "documents", shard).select("id", "file")
    decisions = table(built, "filtered", "decisions", shard).join(documents, on="id")
    dropped = decisions.filter(pl.col("action") == DROP)
    rules = {
        row["file"]: row["rule"]
        for row in dropped.to_dicts()
        if row["file"].startswith(("mill", "weir", "loom"))
    }
    assert rules == {
        "loom/src/pattern.js": "code.licences",
        "loom/third_party/left.min.js": "code.licences",
        "mill/src/grain_pb2.py": "code.stack_v2.drop_generated",
    }
    measures = table(built, "filtered", "measures", shard)
    assert measures["code_n_lines"].null_count() == 0
    assert measures.height == decisions.height


def test_files_of_a_repository_are_joined_by_language(built: tuple[Recipe, Store]) -> None:
    shard = shard_of(built)
    meta = {
        name: json.loads(text)
        for name, text in table(built, "raw", "documents", shard).select("id", "meta").iter_rows()
    }
    index = table(built, "mixed", "index", None)
    order = [
        (meta[name]["repository"], meta[name]["language"])
        for name in index["id"]
        if "repository" in meta[name]
    ]
    runs = [group for n, group in enumerate(order) if n == 0 or order[n - 1] != group]
    assert sorted(runs) == [("mill", "C"), ("mill", "Python"), ("weir", "Go"), ("weir", "Python")]
    assert order.count(("mill", "Python")) == 3
    assert index["id"].n_unique() == index.height
