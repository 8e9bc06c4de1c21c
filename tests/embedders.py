"""Embedders for tests: one that needs no model, and a small real model made on the spot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xxhash

from gristmill.embeddings import Embedded

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "the",
    "mill",
    "river",
    "ferry",
    "wheel",
    "grinds",
    "crosses",
    "##s",
    "a",
]


class BagOfWords:
    """A vector is the sum of those of the words, so their order does not matter; `?` is an unknown word."""

    width = 16

    def embed(self, texts: Sequence[str], *, max_chunks: int = 1) -> Embedded:
        vectors = np.zeros((len(texts), self.width))
        for row, text in enumerate(texts):
            for word in text.lower().split():
                seed = xxhash.xxh64_intdigest(word.encode())
                vectors[row] += np.random.default_rng(seed).standard_normal(self.width)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.where(lengths > 0, lengths, 1)
        tokens = np.array([len(text.split()) for text in texts], np.uint32)
        unknown = np.array([text.split().count("?") for text in texts]) / np.maximum(tokens, 1)
        return Embedded(vectors.astype(np.float32), tokens, unknown)


def write_model(folder: Path, *, pooling: str = "mean_tokens", max_seq_length: int = 8) -> Path:
    """A BERT of two layers with random weights, laid out as sentence-transformers does."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.save(str(folder / "tokenizer.json"))
    kinds = ["Transformer", "Pooling", "Normalize"]
    write_json(folder / "modules.json", [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds])
    write_json(folder / "1_Pooling" / "config.json", {f"pooling_mode_{pooling}": True})
    write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False}
    )
    return folder


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))
