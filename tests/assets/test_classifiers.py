from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from assets.graph import steps
from assets.step import build
from gristmill.recipe import Recipe, load_recipe
from gristmill.register import register_new_files
from gristmill.store import Registry, Store
from resources.tools import Tools

RECIPE = """\
name: demo
sources:
  web: {kind: jsonl, inputs: ["input/*.jsonl"]}
classifiers:
  maths: {positives: [maths.jsonl], negatives: [market.jsonl], prepare: maths, bucket: 1000}
filter:
  urls: {block_hosts: {files: [blocked.txt]}}
  unicode: {}
  language: {min_score: null}
  gopher_quality: null
  gopher_repetition: null
  classifiers: [{name: recall, model: maths, target_recall: 0.98}]
  pii: {}
"""
MATHS = [
    f"Let $x_{n}$ be a root of the polynomial; by the lemma the ring number {n} is closed." for n in range(40)
]
MARKET = [
    f"On day {n} we bought bread and cheese at the market and had a dinner with wine." for n in range(40)
]


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_recipe(folder: Path) -> Recipe:
    (folder / "input").mkdir()
    write_lines(folder / "maths.jsonl", [{"text": text} for text in MATHS])
    write_lines(folder / "market.jsonl", [{"text": text} for text in MARKET])
    (folder / "blocked.txt").write_text("blocked.org\n", encoding="utf-8")
    (folder / "demo.yaml").write_text(RECIPE, encoding="utf-8")
    return load_recipe(folder / "demo.yaml")


def build_all(recipe: Recipe, store: Store) -> dict[str, list[bool]]:
    """Which partitions of each asset were cached."""
    register_new_files(recipe, store)
    shards = Registry(store, recipe.name).shards()
    cached: dict[str, list[bool]] = {}
    with Tools.open(recipe, store, recipe.path.parent / "models") as tools:
        for step in steps(recipe):
            built = [
                build(step, recipe, store, shard, tools) for shard in (shards if step.partitioned else [None])
            ]
            cached[step.name] = [one.cached for one in built]
    return cached


def test_documents_go_by_classifier_and_url_and_are_masked(tmp_path: Path) -> None:
    recipe, store = write_recipe(tmp_path), Store.open(tmp_path / "store")
    rows = [
        {"id": "maths", "text": f"{MATHS[1]}\r\nme@site.org", "url": "https://a.org/"},
        {"id": "market", "text": MARKET[1], "url": "https://a.org/"},
        {"id": "blocked", "text": MATHS[2], "url": "https://www.blocked.org/"},
    ]
    write_lines(tmp_path / "input" / "a.jsonl", rows)
    build_all(recipe, store)
    manifest = store.current("demo", "filtered", "web-0001")
    decisions, documents = (pl.concat(store.batches(manifest, name)) for name in ("decisions", "documents"))
    assert decisions["rule"].to_list() == ["unicode.line_ends", "classifiers.recall", "urls.domain"]
    assert json.loads(decisions["detail"][0]) == {"unicode.line_ends": 1, "pii.emails": 1}
    assert "me@site.org" not in documents["text"][0]
    assert json.loads(documents["meta"][0])["pii"] == {"emails": 1}
    scores = pl.concat(store.batches(manifest, "measures"))["score_recall"]
    assert scores[0] > scores[1]
    assert scores[2] is None


def test_a_new_shard_trains_nothing_and_new_examples_do(tmp_path: Path) -> None:
    recipe, store = write_recipe(tmp_path), Store.open(tmp_path / "store")
    write_lines(tmp_path / "input" / "a.jsonl", [{"id": "a", "text": MATHS[1]}])
    build_all(recipe, store)
    write_lines(tmp_path / "input" / "b.jsonl", [{"id": "b", "text": MATHS[2]}])
    assert build_all(recipe, store) == {
        "raw": [True, False],
        "models/maths": [True],
        "filtered": [True, False],
    }
    (tmp_path / "blocked.txt").write_text("other.org\n", encoding="utf-8")
    assert build_all(recipe, store)["filtered"] == [False, False]
    write_lines(tmp_path / "market.jsonl", [{"text": text} for text in MARKET[:30]])
    assert build_all(recipe, store)["models/maths"] == [False]
