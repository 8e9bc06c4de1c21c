"""A small but whole model folder, written by the tests: byte-level tokenizer, chat template, configuration, weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def write_model(folder: Path, *, weights: bool = True, template: str | None = CHAT_TEMPLATE) -> Path:
    """A folder as the Hugging Face hub has them; every byte is a token, so a text has as many tokens as bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    folder.mkdir(parents=True, exist_ok=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*CONTROL_TOKENS, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in CONTROL_TOKENS]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {"eos_token": "<|endoftext|>", "bos_token": {"content": "<|endoftext|>"}},
    )
    _write(folder / "config.json", {"architectures": ["LlamaForCausalLM"], "eos_token_id": 0})
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    if weights:
        from safetensors.numpy import save_file

        save_file({"a": np.arange(6, dtype=np.float32)}, folder / "model.safetensors")
    return folder


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
