"""The steps that train a refiner, with a model of two random layers; the stub answers for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assets import refined
from assets.graph import steps
from assets.refiner import EVALUATED, LABELLED, NAME
from assets.step import Built, build
from gristmill.errors import RecipeError
from gristmill.refine.evaluation import PREDICTIONS
from gristmill.refine.labels import LABELS
from gristmill.store import Store
from resources.tools import Tools
from tests.assets.stores import add_shard, recipe_of
from tests.refine.tiny import pages, write_tiny_model

SECTIONS = """
models: {{tiny: {{source: {model}, engine: stub, max_model_len: 1024}}}}
refiner: {{base: tiny, holdout: 0.4, max_chunk_tokens: 300, epochs: 1, batch_size: 4, lora_rank: 2{more}}}
refine: {{model: refiner, prompt: trained, max_chunk_tokens: 300, max_output_tokens: 64}}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "base")


def build_all(store: Store, model: Path, folder: Path, more: str = "") -> dict[str, Built]:
    recipe = recipe_of(SECTIONS.format(model=model, more=more))
    shards = [add_shard(store, pages(12), asset="raw")] if not store.ref("demo", "raw", "web-0001") else []
    if not shards:
        from gristmill.store import Registry

        shards = Registry(store, "demo").shards()
    built = {}
    with Tools(recipe.models, base=folder, answers=folder / "answers", folder=folder / "models") as tools:
        for step in steps(recipe)[1:]:
            built[step.name] = build(step, recipe, store, shards[0] if step.partitioned else None, tools)
    return built


def test_labels_training_evaluation_and_use_follow_each_other(model: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    built = build_all(store, model, tmp_path)
    assert list(built) == [LABELLED, NAME, EVALUATED, "refined"]
    labels = store.scan(built[LABELLED].manifest, "labels").collect()
    assert labels.schema == pl.Schema(LABELS)
    figures = built[NAME].manifest.figures
    assert figures["examples"] == int((labels["use"] == "example").sum()) > 0
    assert {entry.table for entry in built[NAME].manifest.files} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    predictions = store.scan(built[EVALUATED].manifest, "predictions").collect()
    assert predictions.schema == pl.Schema(PREDICTIONS)
    assert predictions.height == 2 * int((labels["use"] == "held_out").sum()) > 0
    assert built[EVALUATED].manifest.figures["systems"][0]["system"] == "trained"
    assert built["refined"].manifest.figures["programs"]["written"] == 12
    assert f"{NAME}/global" in built["refined"].manifest.inputs

    again = build_all(store, model, tmp_path)
    assert all(one.cached for one in again.values())
    longer = build_all(store, model, tmp_path, ", learning_rate: 0.01")
    assert {name for name, one in longer.items() if not one.cached} == {NAME, EVALUATED, "refined"}


def test_a_recipe_that_asks_for_a_model_that_is_not_trained_is_refused() -> None:
    models = "models: {tiny: {engine: stub}}\n"
    with pytest.raises(RecipeError, match=r"refine\.model: unknown model 'refiner'"):
        recipe_of(f"{models}refine: {{model: refiner, prompt: trained}}\n")
    with pytest.raises(RecipeError, match=r"refine\.prompt: got 'instruct' with the model 'refiner'"):
        recipe_of(f"{models}refiner: {{base: tiny}}\nrefine: {{model: refiner}}\n")
    with pytest.raises(RecipeError, match=r"refine\.prompt: got 'trained' with the model 'tiny'"):
        recipe_of(f"{models}refine: {{model: tiny, prompt: trained}}\n")
    with pytest.raises(
        RecipeError, match=r"refiner.base: unknown model 'small'(.|\n)*unknown teacher 'rule'"
    ):
        recipe_of(f"{models}refiner: {{base: small, teacher: rule}}\n")


def test_a_trained_model_names_its_base_for_the_fingerprint() -> None:
    recipe = recipe_of(SECTIONS.format(model="tiny", more=""))
    assert refined.step(recipe, "raw").models == ("tiny",)
