"""The recipe for Stack Exchange, end to end on its sample dump, with the stub in place of the model's tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from gristmill.recipe import load_recipe
from gristmill.store import Registry, Store
from pipelines.run import build_corpus
from resources.home import store_folder

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.slow
def test_the_recipe_builds_its_sample(tmp_path: Path, empty_home: Path) -> None:
    shutil.copytree(RECIPES / "sample" / "stackexchange", tmp_path / "sample" / "stackexchange")
    values = yaml.safe_load((RECIPES / "stackexchange.yaml").read_text(encoding="utf-8"))
    values |= {"models": {"stub": {"engine": "stub"}}, "tokenizer": "stub"}
    path = tmp_path / "stackexchange.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    recipe = load_recipe(path)
    build_corpus(recipe)

    store = Store.open(store_folder())
    assert [shard.key for shard in Registry(store, "stackexchange").shards()] == [
        "threads-0001",
        "sobert-0001",
    ]
    rows = {}
    for shard in ("threads-0001", "sobert-0001"):
        manifest = store.current("stackexchange", "raw", shard)
        rows[shard] = store.scan(manifest, "documents").collect()
        decisions = store.scan(manifest, "decisions").collect()
        assert decisions.height == 12  # 11 posts, and the comment on a post that is gone
        for row in rows[shard].iter_rows(named=True):
            meta = json.loads(row["meta"])
            assert row["url"].startswith("https://mill.example.com/")
            assert meta["licence"] == "CC BY-SA 4.0"
            assert meta["author"]
    assert rows["threads-0001"].height == 4
    assert rows["sobert-0001"].height == 4
    assert store.current("stackexchange", "mixed", None).rows("index") > 0
