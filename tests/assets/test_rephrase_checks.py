from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assets import rephrased
from assets.rephrase_checks import Recursion, show_sampling
from gristmill.documents import DOCUMENTS, frame
from gristmill.embeddings import MINILM, Embedded
from gristmill.rephrase import RephraseOptions
from gristmill.rephrase.sampling import sampling_figures
from gristmill.store import Store
from tests.assets.stores import add_shard, recipe_of
from tests.assets.test_rephrased import MILL, NO_LANGUAGES, OPTIONS, _build, _tables, _Tools


def test_samples_are_drawn_until_one_passes_and_the_rules_are_measured(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    tools.model.written = {"Salt": "I cannot rewrite this.", **tools.model.written}
    shard = add_shard(store, {"a": MILL, "b": f"Salt. {MILL}"})
    options = f"{NO_LANGUAGES}, samples: 3, take: first, pilot_share: 0, audit_share: 1"
    built = _build(store, shard, tools, options)
    _, derivations = _tables(store, built)
    assert tools.model.calls == [2, 1, 1]
    assert derivations.group_by("outcome", "reason").len().sort("outcome", "reason").rows() == [
        ("accepted", None, 1),
        ("not_attempted", "not_needed", 2),
        ("rejected", "refusal", 3),
    ]
    figures = built.manifest.figures
    recall = {row["kind"]: row["recall"] for row in figures["audit"]}
    assert (recall["number"], recall["name"], recall["refusal"], recall["negation"]) == (1.0, 1.0, 1.0, 0.0)
    assert list(figures["recursion"]["size_by_depth"]) == ["0", "1"]
    assert figures["warning"] is None
    assert "pass_at_k" not in figures  # nothing was drawn in full


def test_pass_at_k_is_shown_where_all_samples_are_drawn(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    tools.model.written = {"Salt": "I cannot rewrite this.", **tools.model.written}
    shard = add_shard(store, {"a": MILL, "b": f"Salt. {MILL}"})
    built = _build(store, shard, tools, f"{NO_LANGUAGES}, samples: 3, take: best")
    figures = built.manifest.figures
    assert [row["coverage"] for row in figures["pass_at_k"]] == [0.5, 0.5, 0.5]
    assert figures["sampling"][0]["passages"] == 2
    assert figures["sampling"][0]["a"] is None  # no curve: all points are equal
    assert figures["pass_at_k_plot"]
    assert show_sampling({}) == {}
    found = sampling_figures({(4, 1): 6, (4, 0): 4})
    assert found is not None
    assert show_sampling({"medium": found})["sampling"][0]["b"] < 0


def test_texts_are_compared_where_a_similarity_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _Embedder:
        def embed(self, texts: list[str], *, max_chunks: int = 1) -> Embedded:
            vectors = np.array([[1.0, 0.0] if text.startswith("The") else [0.6, 0.8] for text in texts])
            return Embedded(vectors.astype(np.float32), np.ones(len(texts), np.uint32), np.zeros(len(texts)))

    store, tools = Store.open(tmp_path), _Tools()
    monkeypatch.setattr(_Tools, "embedder", lambda self, name: _Embedder(), raising=False)
    options = OPTIONS + ", acceptance: {min_language_score: null, min_similarity: 0.7}"
    _, derivations = _tables(store, _build(store, add_shard(store, {"a": MILL}), tools, options))
    assert derivations["reason"].to_list() == ["dissimilar"]
    recipe = recipe_of(f"models: {{small: {{}}}}\nrephrase: {{{options}}}\n")
    assert rephrased.step(recipe, "filtered").models == ("small", MINILM)


def test_made_text_that_is_fed_back_is_warned_of() -> None:
    recursion = Recursion()
    rows: list[dict[str, Any]] = [
        {"id": str(depth), "text": "x" * size, "generation_depth": depth}
        for depth, size in ((0, 50), (1, 30), (2, 30))
    ]
    recursion.add(frame(rows, DOCUMENTS))
    recursion.add(pl.DataFrame(schema=pl.Schema(DOCUMENTS)))
    best = RephraseOptions(samples=2, take="best")
    assert "fed back" in recursion.figures(best)["warning"]
    assert recursion.figures(RephraseOptions(samples=2))["warning"] is None  # nothing is selected
