from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gristmill.errors import ModelError
from resources.convert import convert_gguf, convert_tokenizer, halves_from_pairs

WIDTH, HEADS, KV_HEADS, VOCABULARY = 8, 2, 1, 3 + 256
HEAD = WIDTH // HEADS


def _rotate_pairs(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """GGUF's rotation: numbers 0 and 1, 2 and 3, ... of a head turn together."""
    out = x.copy()
    out[0::2] = x[0::2] * np.cos(angles) - x[1::2] * np.sin(angles)
    out[1::2] = x[0::2] * np.sin(angles) + x[1::2] * np.cos(angles)
    return out


def _rotate_halves(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """The rotation of transformers: number i of the first half turns with number i of the second."""
    first, second = np.split(x, 2)
    turned = (
        first * np.cos(angles) - second * np.sin(angles),
        first * np.sin(angles) + second * np.cos(angles),
    )
    return np.concatenate(turned)


def test_attention_scores_are_the_same_under_either_rotation() -> None:
    random = np.random.default_rng(0)
    head, width = 6, 5
    q, k = random.normal(size=(head, width)), random.normal(size=(head, width))
    x, y = random.normal(size=width), random.normal(size=width)
    angles_x, angles_y = 3 * np.array([1.0, 0.1, 0.01]), 7 * np.array([1.0, 0.1, 0.01])
    expected = _rotate_pairs(q @ x, angles_x) @ _rotate_pairs(k @ y, angles_y)
    new_q, new_k = halves_from_pairs(q, 1), halves_from_pairs(k, 1)
    assert np.isclose(_rotate_halves(new_q @ x, angles_x) @ _rotate_halves(new_k @ y, angles_y), expected)


def test_each_head_is_reordered_by_itself() -> None:
    weight = np.arange(8.0).reshape(8, 1)
    assert halves_from_pairs(weight, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def _write_gguf(path: Path, *, architecture: str = "llama", pre: str = "smollm") -> dict[str, np.ndarray]:
    """A model of one layer, and its tensors by their names in the file."""
    import gguf
    from tokenizers import pre_tokenizers

    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(12)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    writer.add_token_list([*tokens[:-1], "12"])  # a digit pair that splitting must never use
    writer.add_token_types([3, 3, 3] + [1] * (VOCABULARY - 3))
    writer.add_token_merges(["1 2"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    random = np.random.default_rng(1)
    shapes = {
        "token_embd.weight": (VOCABULARY, WIDTH),
        "output_norm.weight": (WIDTH,),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.attn_q.weight": (WIDTH, WIDTH),
        "blk.0.attn_k.weight": (KV_HEADS * HEAD, WIDTH),
        "blk.0.attn_v.weight": (KV_HEADS * HEAD, WIDTH),
        "blk.0.attn_output.weight": (WIDTH, WIDTH),
        "blk.0.ffn_norm.weight": (WIDTH,),
        "blk.0.ffn_gate.weight": (12, WIDTH),
        "blk.0.ffn_up.weight": (12, WIDTH),
        "blk.0.ffn_down.weight": (WIDTH, 12),
    }
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def test_weights_keep_their_values_under_the_names_of_transformers(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    given = _write_gguf(tmp_path / "a.gguf")
    convert_gguf(tmp_path / "a.gguf", tmp_path / "a")
    found = load_file(tmp_path / "a" / "model.safetensors")
    layer = "model.layers.0"
    assert len(found) == len(given)
    assert np.array_equal(found["model.embed_tokens.weight"], given["token_embd.weight"])
    assert np.array_equal(found[f"{layer}.mlp.down_proj.weight"], given["blk.0.ffn_down.weight"])
    assert np.array_equal(
        found[f"{layer}.self_attn.q_proj.weight"], halves_from_pairs(given["blk.0.attn_q.weight"], HEADS)
    )
    assert np.array_equal(
        found[f"{layer}.self_attn.k_proj.weight"], halves_from_pairs(given["blk.0.attn_k.weight"], KV_HEADS)
    )
    assert np.array_equal(found[f"{layer}.self_attn.v_proj.weight"], given["blk.0.attn_v.weight"])


def test_the_configuration_describes_the_model(tmp_path: Path) -> None:
    _write_gguf(tmp_path / "a.gguf")
    convert_gguf(tmp_path / "a.gguf", tmp_path / "a")
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["hidden_size"], config["head_dim"], config["num_key_value_heads"]) == (
        WIDTH,
        HEAD,
        KV_HEADS,
    )
    assert (config["bos_token_id"], config["eos_token_id"]) == (1, 2)
    assert config["tie_word_embeddings"] is True


def test_the_tokenizer_splits_digits_and_knows_its_control_tokens(tmp_path: Path) -> None:
    from gristmill.llm.chat import PromptEncoder
    from gristmill.tokenizer import Tokenizer

    _write_gguf(tmp_path / "a.gguf")
    convert_tokenizer(tmp_path / "a.gguf", tmp_path / "a")
    tokenizer = Tokenizer(tmp_path / "a")
    assert tokenizer.count(["12"]) == [2]
    assert tokenizer.eos_id == 2
    assert PromptEncoder(tokenizer).render((("user", "hi"),)) == "hi"
    assert not (tmp_path / "a" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"architecture": "falcon"}, "general.architecture: got 'falcon', can convert llama"),
        ({"pre": "llama-bpe"}, "tokenizer.ggml.pre: got 'llama-bpe', can convert smollm"),
    ],
)
def test_a_kind_that_was_not_compared_is_refused(
    tmp_path: Path, values: dict[str, str], message: str
) -> None:
    _write_gguf(tmp_path / "a.gguf", **values)
    with pytest.raises(ModelError, match=message):
        convert_gguf(tmp_path / "a.gguf", tmp_path / "a")


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GG" + bytes(100))
    with pytest.raises(ModelError, match=r"a\.gguf: cannot be read as GGUF"):
        convert_gguf(tmp_path / "a.gguf", tmp_path / "a")
