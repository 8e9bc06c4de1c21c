"""The classifier's tables: two stages of oblivious trees, shipped as `extractor.npz` (bench/train_extractor.py)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gristmill.ingest.html._features import CONTEXT, FEATURES

TABLE = "extractor.npz"


class Stage(NamedTuple):
    """Trees of one stage, as `_trees.predict` takes them."""

    columns: Any  # int16[trees, depth]
    thresholds: Any  # float32[trees, depth]
    leaves: Any  # float32[trees, 2 ** depth]
    bias: float


@cache
def shipped_model() -> tuple[Stage, Stage]:
    """The model that comes with the package."""
    with files("gristmill.ingest.html").joinpath(TABLE).open("rb") as stream:
        return read_model(stream)


def read_model(stream: Any) -> tuple[Stage, Stage]:
    """A model from an .npz file; ValueError where it was trained on other features."""
    with np.load(stream, allow_pickle=False) as table:
        names = tuple(str(table["features"]).split())
        if names != (*FEATURES, *CONTEXT):
            raise ValueError(
                f"{TABLE} was trained on {len(names)} features that are not the {len(FEATURES) + len(CONTEXT)} of this "
                "version; train it again: python -m bench.train_extractor"
            )
        first, second = (
            Stage(
                table[f"columns{n}"], table[f"thresholds{n}"], table[f"leaves{n}"], float(table[f"bias{n}"])
            )
            for n in (1, 2)
        )
    return first, second


def write_model(path: Path, model: tuple[Stage, Stage]) -> None:
    """Write a model as `read_model` reads it: plain arrays, compressed; equal models give equal bytes."""
    arrays: dict[str, Any] = {"features": np.array(" ".join((*FEATURES, *CONTEXT)))}
    for n, stage in enumerate(model, 1):
        arrays |= {
            f"columns{n}": stage.columns.astype(np.int16),
            f"thresholds{n}": stage.thresholds.astype(np.float32),
            f"leaves{n}": stage.leaves.astype(np.float32),
            f"bias{n}": np.float64(stage.bias),
        }
    np.savez_compressed(path, **arrays)
