"""All definitions load, and the graph is the one that DESIGN and docs/architecture.md promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets import definitions as module
from assets.graph import steps, upstream
from gristmill.errors import RecipeError
from gristmill.recipe import load_recipe
from gristmill.store import Store
from pipelines.definitions import definitions
from tests.corpora import write_corpus, write_recipe

GRAPH = {
    "raw": [],
    "filtered": ["raw"],
    "signatures": ["filtered"],
    "signature_index": ["signature_index", "signatures"],
    "duplicates": ["signature_index", "signatures"],
    "dedup_tables/clusters": ["duplicates", "filtered", "signature_index"],
    "deduped": ["duplicates", "filtered"],
    "refined": ["deduped"],
    "rephrased": ["refined"],
    "models/quality": ["deduped"],
    "scores/quality": ["models/quality", "refined", "rephrased"],
    "tokens": ["raw", "refined", "rephrased"],
    "scored": ["refined", "rephrased", "scores/quality", "tokens"],
    "selected": ["scored"],
    "mixed": ["refined", "rephrased", "selected"],
}


def test_the_graph_of_a_full_recipe(tmp_path: Path) -> None:
    found = steps(load_recipe(write_corpus(tmp_path)))
    assert {step.name: sorted({given.asset for given in step.inputs}) for step in found} == GRAPH


def test_every_step_comes_after_those_it_reads(tmp_path: Path) -> None:
    names: list[str] = []
    for step in steps(load_recipe(write_corpus(tmp_path))):
        assert all(given.asset in names for given in step.inputs if given.asset != step.name), step.name
        names.append(step.name)


def test_a_stage_that_is_left_out_is_not_in_the_graph(tmp_path: Path) -> None:
    recipe = load_recipe(write_corpus(tmp_path, dedup=None, refine=None, quality=None))
    found = {step.name: {given.asset for given in step.inputs} for step in steps(recipe)}
    assert not {"signatures", "duplicates", "deduped", "refined", "models/quality", "scores/quality"} & set(
        found
    )
    assert found["rephrased"] == {"filtered"}


def test_all_that_a_step_needs_is_found(tmp_path: Path) -> None:
    found = steps(load_recipe(write_corpus(tmp_path)))
    assert upstream(found, "deduped") == {
        *("raw", "filtered", "signatures", "signature_index", "duplicates", "deduped")
    }


def test_definitions_load_and_every_asset_explains_itself(tmp_path: Path) -> None:
    loaded = definitions([write_corpus(tmp_path)])
    dg.Definitions.validate_loadable(loaded)
    for spec in loaded.resolve_all_asset_specs():
        assert spec.description
        assert spec.group_name
        assert spec.kinds
        assert list(spec.owners) == ["team:data"]
        assert spec.code_version
        assert spec.key.path[0] == "small"


def test_two_recipes_live_side_by_side_and_need_two_names(tmp_path: Path) -> None:
    first = write_corpus(tmp_path)
    second = write_recipe(tmp_path / "other.yaml", name="other")
    keys = {spec.key.path[0] for spec in definitions([first, second]).resolve_all_asset_specs()}
    assert keys == {"small", "other"}
    with pytest.raises(RecipeError, match="two recipes share a name"):
        definitions([first, write_recipe(tmp_path / "same.yaml")])


def test_importing_the_definitions_imports_no_engine() -> None:
    code = (
        "import sys, pipelines.definitions; "
        "print([m for m in ('vllm', 'torch', 'transformers', 'matplotlib', 'fasttext') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interrupted_step_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]
) -> None:
    def interrupted(*given: object) -> None:
        raise interrupt

    recipe = load_recipe(write_corpus(tmp_path))
    monkeypatch.setattr(module, "build", interrupted)
    (refined,) = [step for step in steps(recipe) if step.name == "refined"]
    with pytest.raises(dg.Failure, match="interrupted; what was made until now is in the store") as failed:
        module._build(refined, recipe, Store.open(tmp_path / "store"), None, None)
    assert not failed.value.allow_retries
