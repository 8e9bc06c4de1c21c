from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gristmill.errors import ModelError, RecipeError
from gristmill.llm.options import ModelOptions
from resources.models import resolve_model, resolve_tokenizer
from resources.tools import Tools
from tests.llm.models import write_model


def _adapter(folder: Path, *, value: float = 1.0, **config: Any) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    written = {"peft_type": "LORA", "r": 8, **config}
    (folder / "adapter_config.json").write_text(json.dumps(written), encoding="utf-8")
    save_file({"a": np.full(3, value, dtype=np.float32)}, folder / "adapter_model.safetensors")
    return folder


def test_the_adapter_is_part_of_the_model_and_of_its_digest(tmp_path: Path) -> None:
    write_model(tmp_path / "base")
    _adapter(tmp_path / "first")
    _adapter(tmp_path / "second", value=2.0)
    made = {
        name: resolve_model(ModelOptions(source="base", adapter=name), tmp_path / "models", tmp_path)
        for name in (None, "first", "second")
    }
    assert len({model.digest for model in made.values()}) == 3
    assert made["first"].adapter == tmp_path / "first"
    assert (made["first"].path, made[None].adapter) == (made[None].path, None)
    shutil.move(tmp_path / "first", tmp_path / "elsewhere")
    moved = resolve_model(ModelOptions(source="base", adapter="elsewhere"), tmp_path / "models", tmp_path)
    assert moved.digest == made["first"].digest
    stub = ModelOptions(source="base", adapter="second", engine="stub")
    plain = ModelOptions(source="base", engine="stub")
    folder = tmp_path / "models"
    assert (
        resolve_tokenizer(stub, folder, tmp_path).digest != resolve_tokenizer(plain, folder, tmp_path).digest
    )


@pytest.mark.parametrize(
    ("config", "said"), [({"peft_type": "IA3"}, "only LORA"), ({"r": None}, "rank None")]
)
def test_another_kind_of_adapter_is_refused_before_an_engine_sees_it(
    tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    write_model(tmp_path / "base")
    _adapter(tmp_path / "other", **config)
    with pytest.raises(ModelError, match=said):
        resolve_model(ModelOptions(source="base", adapter="other"), tmp_path / "models", tmp_path)
    with pytest.raises(ModelError, match=r"must have adapter_config\.json"):
        resolve_model(ModelOptions(source="base", adapter="none"), tmp_path / "models", tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"adapter": "first"}, "models.m.adapter: got 'first'"),
        (
            {"engine": "server", "server": {"endpoints": ["http://127.0.0.1:1"]}},
            "models.m.engine: got 'server'",
        ),
    ],
)
def test_a_model_that_is_trained_on_has_no_adapter_and_runs_here(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    models = {"m": ModelOptions.model_validate({"source": "base", **options})}
    tools = Tools(models, base=tmp_path, answers=tmp_path / "answers", folder=tmp_path / "models")
    with pytest.raises(RecipeError, match=said):
        tools.weights("m")
    with pytest.raises(RecipeError, match=said):
        tools.add_adapted("trained", "m", {}, "d1")


def test_a_server_is_asked_for_an_adapter_by_name() -> None:
    with pytest.raises(ValueError, match="set `served_model` to the adapter's name"):
        ModelOptions.model_validate(
            {"engine": "server", "adapter": "a", "server": {"endpoints": ["http://127.0.0.1:1"]}}
        )
