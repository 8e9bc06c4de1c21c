"""The classifier's tables and kernels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from gristmill.ingest.html._features import CONTEXT, FEATURES, N_CONTEXT, N_FEATURES
from gristmill.ingest.html._trees import choose_blocks, predict
from gristmill.ingest.html.model import Stage, read_model, shipped_model, write_model


def stage() -> Stage:
    return Stage(
        np.array([[0, 1]], np.int16),
        np.array([[0.5, 2.0]], np.float32),
        np.array([[0, 1, 2, 3]], np.float32),
        -1.0,
    )


def test_the_shipped_table_fits_the_features() -> None:
    first, second = shipped_model()
    assert first.columns.max() < N_FEATURES
    assert second.columns.max() < N_FEATURES + N_CONTEXT
    assert np.isfinite(first.leaves).all()


def test_a_table_survives_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    write_model(path, (stage(), stage()))
    with path.open("rb") as stream:
        first, _ = read_model(stream)
    assert first.leaves.tolist() == [[0, 1, 2, 3]]
    assert first.bias == -1.0


def test_a_table_for_other_features_is_refused() -> None:
    stream = io.BytesIO()
    np.savez(stream, features=np.array(" ".join((*FEATURES[1:], *CONTEXT))))
    stream.seek(0)
    with pytest.raises(ValueError, match=r"train it again: python -m bench\.train_extractor"):
        read_model(stream)


def test_leaves_are_numbered_bit_by_bit() -> None:
    features = np.array([[0, 1, 0, 1], [0, 0, 3, 3]], np.float32)
    chance = predict(features, *stage())
    assert np.log(chance / (1 - chance)) == pytest.approx([-1, 0, 1, 2], abs=1e-6)


def test_the_chosen_blocks_maximise_the_f1_to_be_expected() -> None:
    chance, weights = np.array([0.9, 0.5, 0.1, 0.45]), np.array([10.0, 2.0, 50.0, 3.0])
    keep, quality = choose_blocks(chance, weights)
    wanted = (chance * weights).sum()
    tried = []
    for mask in range(16):
        taken = np.array([mask >> bit & 1 for bit in range(4)], bool)
        tried.append(2 * (chance * weights)[taken].sum() / (weights[taken].sum() + wanted))
    assert quality == pytest.approx(max(tried))
    assert keep.tolist() == [True, True, False, True]
