from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import ModelError, StageError
from gristmill.refine.refiner_options import RefinerOptions
from gristmill.refine.training import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    Example,
    learning_rate_share,
    train_adapter,
)
from resources.models import resolve_adapted
from tests.refine.tiny import write_tiny_model

EXAMPLES = [Example([5, *range(10, 10 + number), 7], [40, 41, 42 + number % 2, 0]) for number in range(1, 9)]
OPTIONS = RefinerOptions(base="tiny", epochs=6, batch_size=4, learning_rate=0.03, lora_rank=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("adapter")
    return folder, train_adapter(EXAMPLES, OPTIONS, base=tiny, folder=folder)


def test_the_loss_falls_and_only_the_adapter_is_written(
    tiny: Path, trained: tuple[Path, dict[str, Any]]
) -> None:
    folder, figures = trained
    losses = [row["loss"] for row in figures["loss_by_epoch"]]
    assert losses[-1] < losses[0] - 0.2
    assert (figures["examples"], figures["steps"], figures["tokens"]) == (8, 12, 8 * 6 + sum(range(1, 9)))
    assert 0 < figures["parameters_trained"] < figures["parameters"] / 2
    assert {path.name for path in folder.iterdir()} == {CONFIG_FILE, WEIGHTS_FILE}
    assert json.loads((folder / CONFIG_FILE).read_text())["base_model_name_or_path"] is None
    assert str(tiny) not in (folder / CONFIG_FILE).read_text()


def test_the_same_training_gives_the_same_bytes_and_another_seed_others(
    tiny: Path, trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    made = []
    for seed in (0, 1):
        train_adapter(EXAMPLES, OPTIONS.model_copy(update={"seed": seed}), base=tiny, folder=tmp_path)
        made.append((tmp_path / WEIGHTS_FILE).read_bytes())
    assert made[0] == (trained[0] / WEIGHTS_FILE).read_bytes()
    assert made[1] != made[0]


def test_the_merged_model_is_the_base_plus_the_adapter(
    tiny: Path, trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    files = {name: trained[0] / name for name in (CONFIG_FILE, WEIGHTS_FILE)}
    merged = resolve_adapted(tiny, "base digest", files, "adapter digest", tmp_path)
    assert merged == resolve_adapted(tiny, "base digest", files, "adapter digest", tmp_path)
    assert (merged.path / "tokenizer.json").read_bytes() == (tiny / "tokenizer.json").read_bytes()
    assert (merged.path / "chat_template.jinja").is_file()

    before, after = load_file(tiny / "model.safetensors"), load_file(merged.path / "model.safetensors")
    low_rank = load_file(trained[0] / WEIGHTS_FILE)
    name = "model.layers.0.mlp.up_proj"
    a, b = (low_rank[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    change = after[f"{name}.weight"] - before[f"{name}.weight"]
    assert abs(change - 2 * b @ a).max() < 1e-5
    assert abs(change).max() > 1e-3


def test_the_learning_rate_rises_shortly_and_falls_to_a_tenth() -> None:
    shares = [learning_rate_share(step, 100) for step in range(100)]
    assert shares[0] == 0.2
    assert max(shares) == shares[4] == shares[5] == 1.0
    assert shares[5:] == sorted(shares[5:], reverse=True)
    assert shares[-1] == pytest.approx(0.1, abs=0.001)


def test_a_training_that_blows_up_says_what_to_change(tiny: Path, tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"learning_rate": 0.99e30})
    with pytest.raises(ModelError, match="take a lower learning_rate than"):
        train_adapter(EXAMPLES, options, base=tiny, folder=tmp_path)


def test_nothing_to_learn_from_is_an_error_that_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="look at `left_out` of refiner/labels"):
        train_adapter([], OPTIONS, base=tmp_path, folder=tmp_path)


def test_a_base_without_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="model folder 'empty' cannot be loaded for training"):
        train_adapter(EXAMPLES, OPTIONS, base=tmp_path / "empty", folder=tmp_path)
