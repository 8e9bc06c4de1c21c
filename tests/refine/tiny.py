"""A random language model of two layers, as a folder that everything can load; and pages to train it on."""

from __future__ import annotations

from pathlib import Path

from tests.llm.models import CONTROL_TOKENS, write_model
from tests.refine.corpora import PAGE


def write_tiny_model(folder: Path) -> Path:
    """Two layers of width 32 over bytes; the same weights every time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    write_model(folder, weights=False)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(CONTROL_TOKENS) + 256,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def pages(count: int) -> dict[str, str]:
    """Pages with two lines of boilerplate each, by name."""
    return {f"page {number}": f"{PAGE}\nThis was page number {number}." for number in range(count)}
