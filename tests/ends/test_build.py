"""A whole corpus: built, built again, damaged, changed. What kills and failing servers do: test_faults.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from assets.graph import steps
from assets.plan import plan
from gristmill import progress
from gristmill.errors import GristmillError, InputError, RecipeError
from gristmill.recipe import Recipe, load_recipe
from gristmill.store import Registry, Store
from pipelines.run import BuildError, build_corpus
from resources.home import models_folder, store_folder
from resources.tools import Tools
from tests.corpora import CPU_ONLY, prose, write_corpus, write_jsonl, write_recipe

pytestmark = pytest.mark.slow


def contents(recipe: Recipe) -> dict[str, str]:
    """Content digest of every partition of every step."""
    store = Store.open(store_folder())
    shards = [shard.key for shard in Registry(store, recipe.name).shards()]
    found = {}
    for step in steps(recipe):
        for key in shards if step.partitioned else [None]:
            found[f"{step.name} {key}"] = store.current(recipe.name, step.name, key).content
    return found


def build_and_watch(path: Path) -> dict[str, str]:
    """Build, and say what became of every partition."""
    seen: dict[str, str] = {}

    def listen(task: progress.Task) -> None:
        if task.finished:
            seen[f"{task.stage} {task.shard}"] = "cached" if ": cached, " in task.result else "made"

    with progress.listening(listen):
        build_corpus(load_recipe(path))
    return seen


def test_every_stage_has_output_and_rows_are_conserved(corpus: Path) -> None:
    recipe, store = load_recipe(corpus / "small.yaml"), Store.open(store_folder())
    for shard in Registry(store, "small").shards():
        kept = None
        for stage in ("raw", "filtered", "deduped", "refined"):
            manifest = store.current("small", stage, shard.key)
            decisions = store.scan(manifest, "decisions").collect()
            dropped = decisions.filter(pl.col("action") == "drop").height
            assert decisions["id"].is_unique().all()
            assert manifest.rows("documents") == decisions.height - dropped
            assert kept is None or kept == decisions.height
            kept = manifest.rows("documents")
        assert store.current("small", "rephrased", shard.key).rows("derivations") > 0
    mixed = store.current("small", "mixed", None)
    assert mixed.rows("index") > 0
    assert len(contents(recipe)) > 30


def test_a_second_build_makes_nothing_and_imports_no_engine(corpus: Path) -> None:
    before = contents(load_recipe(corpus / "small.yaml"))
    code = (
        "import sys; from pathlib import Path; from tests.ends.test_build import build_and_watch; "
        f"print(set(build_and_watch(Path({str(corpus / 'small.yaml')!r})).values())); "
        "print([m for m in ('vllm', 'torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-2:] == ["{'cached'}", "[]"]
    assert contents(load_recipe(corpus / "small.yaml")) == before


def test_deleted_objects_of_a_shard_come_back_with_the_same_bytes(corpus: Path) -> None:
    recipe, store = load_recipe(corpus / "small.yaml"), Store.open(store_folder())
    before = contents(recipe)
    for step in steps(recipe):
        ref = store.ref("small", step.name, "prose-0001" if step.partitioned else None)
        assert ref is not None
        store.discard(ref.fingerprint)
    seen = build_and_watch(corpus / "small.yaml")
    made = {name for name, what in seen.items() if what == "made"}
    assert {name.split(" ")[1] for name in made} == {"prose-0001", "all"}
    assert contents(recipe) == before


def test_a_build_from_nothing_gives_the_same_bytes(corpus: Path, tmp_path: Path, empty_home: Path) -> None:
    os.environ["GRISTMILL_HOME"] = str(corpus / "home")
    expected = contents(load_recipe(corpus / "small.yaml"))
    os.environ["GRISTMILL_HOME"] = str(empty_home)
    elsewhere = write_corpus(tmp_path / "elsewhere")
    build_corpus(load_recipe(elsewhere))
    assert contents(load_recipe(elsewhere)) == expected


def test_a_changed_threshold_makes_only_what_depends_on_it(corpus: Path) -> None:
    write_recipe(corpus / "small.yaml", rephrase={"acceptance": {"max_copied_8grams": 0.4}})
    seen = build_and_watch(corpus / "small.yaml")
    made = {name.split(" ")[0] for name, what in seen.items() if what == "made"}
    assert "rephrased" in made
    assert not made & {"raw", "filtered", "signatures", "duplicates", "deduped", "refined", "models/quality"}


def test_the_plan_says_what_a_build_then_does(corpus: Path) -> None:
    write_recipe(corpus / "small.yaml", filter={"gopher_quality": {"min_words": 60}})
    recipe, store = load_recipe(corpus / "small.yaml"), Store.open(store_folder())
    tools = Tools.open(recipe, store, models_folder())
    planned = plan(recipe, store, Registry(store, "small").shards(), tools)
    states = {f"{p.step.name} {p.partition or 'all'}": p.state for p in planned}
    reasons = {p.reason for p in planned if p.step.name == "filtered"}
    assert reasons == {"gopher_quality.min_words: 50 -> 60"}
    seen = build_and_watch(corpus / "small.yaml")
    assert {name for name, state in states.items() if state == "current"} <= {
        name for name, what in seen.items() if what == "cached"
    }
    assert all(seen[name] == "made" for name, state in states.items() if state == "run")


def test_two_recipes_share_objects_and_not_refs(corpus: Path) -> None:
    write_recipe(corpus / "other.yaml", name="other", select={"budget_tokens": 30_000})
    seen = build_and_watch(corpus / "other.yaml")
    assert {name.split(" ")[0] for name, what in seen.items() if what == "made"} == {"selected", "mixed"}
    assert Store.open(store_folder()).ref("small", "mixed", None) != Store.open(store_folder()).ref(
        "other", "mixed", None
    )


def test_a_new_shard_leaves_the_earlier_ones_alone(corpus: Path) -> None:
    before = contents(load_recipe(corpus / "small.yaml"))
    write_jsonl(corpus / "landing" / "more.jsonl.gz", prose()[100:110])
    seen = build_and_watch(corpus / "small.yaml")
    after = contents(load_recipe(corpus / "small.yaml"))
    per_shard = ("raw", "filtered", "signatures", "duplicates", "deduped", "refined", "rephrased", "tokens")
    for name, content in before.items():
        if name.split(" ")[0] in per_shard:
            assert after[name] == content
            assert seen[name] == "cached"
    assert seen["raw prose-0003"] == "made"


def test_a_truncated_archive_is_built_and_its_loss_is_counted(tmp_path: Path, empty_home: Path) -> None:
    path = write_corpus(tmp_path / "corpus", **CPU_ONLY)
    archive = tmp_path / "corpus" / "web" / "docs.warc.gz"
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    build_corpus(load_recipe(path))
    store = Store.open(store_folder())
    figures = store.current("small", "raw", "web-0001").figures
    assert figures["rows_out"] > 50
    decisions = store.scan(store.current("small", "raw", "web-0001"), "decisions").collect()
    assert decisions.filter(pl.col("rule").is_in(["truncated", "partial_body"])).height == 1


def test_a_missing_input_stops_before_anything_is_written(tmp_path: Path, empty_home: Path) -> None:
    path = write_corpus(tmp_path / "corpus", sources={"web": {"inputs": ["nowhere/*.warc.gz"]}})
    with pytest.raises(InputError, match=r"sources\.web\.inputs.*nowhere.*finds no file"):
        build_corpus(load_recipe(path))
    assert not list((empty_home / "store").rglob("*.parquet"))


def test_an_input_that_vanished_is_named(corpus: Path) -> None:
    store = Store.open(store_folder())
    ref = store.ref("small", "raw", "prose-0002")
    assert ref is not None
    store.discard(ref.fingerprint)
    (corpus / "prose" / "part-1.jsonl.gz").unlink()
    with pytest.raises(BuildError, match=r"part-1\.jsonl\.gz"):
        build_corpus(load_recipe(corpus / "small.yaml"))


def test_an_unreadable_model_folder_is_named_before_a_request_is_sent(
    tmp_path: Path, empty_home: Path
) -> None:
    (tmp_path / "corpus" / "model").mkdir(parents=True)
    path = write_corpus(tmp_path / "corpus", models={"stub": {"engine": "inline", "source": "model"}})
    with pytest.raises((BuildError, GristmillError), match=r"model folder 'model'"):
        build_corpus(load_recipe(path))


def test_a_store_that_cannot_be_written_is_an_error_and_leaves_nothing(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_corpus(tmp_path / "corpus", **CPU_ONLY)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("GRISTMILL_STORE", str(tmp_path / "file" / "store"))
    with pytest.raises(GristmillError, match="store"):
        build_corpus(load_recipe(path))


def test_a_wrong_asset_name_offers_the_nearest(corpus: Path) -> None:
    with pytest.raises(RecipeError, match="Did you mean 'refined'"):
        build_corpus(load_recipe(corpus / "small.yaml"), select=["refind"])
