"""Golden cases of token shards: the bytes of Megatron's own writer, and what its reader returned."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gristmill.mix import TokenShards
from gristmill.mix.megatron import encode_index, to_dtype
from tests.golden.harness import Case, Golden

_HEX_BYTES = 1200  # longer files are given by their digest alone


def _megatron(case: Case) -> dict[str, Any]:
    documents, dtype = case["input"]["docs"], case["input"]["dtype"]
    sequences = [sequence for document in documents for sequence in document]
    tokens = b"".join(to_dtype(sequence, dtype, case["id"]).tobytes() for sequence in sequences)
    boundaries = np.cumsum([0, *map(len, documents)])
    index = encode_index(np.array([len(s) for s in sequences], dtype=np.int64), dtype, boundaries)
    computed: dict[str, Any] = {"reader": _read_back(tokens, index)}
    for name, data in (("bin", tokens), ("idx", index)):
        computed[f"{name}_len"] = len(data)
        computed[f"{name}_sha256"] = hashlib.sha256(data).hexdigest()
        computed[f"{name}_hex"] = data.hex() if len(data) <= _HEX_BYTES else None
    return {"expected": computed}


def _read_back(tokens: bytes, index: bytes) -> dict[str, Any] | str:
    """What our reader makes of the files; it takes every sequence as a document."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus-00000.bin").write_bytes(tokens)
        (folder / "corpus-00000.idx").write_bytes(index)
        (folder / "manifest.json").write_text(json.dumps({"files": [{"name": "corpus-00000.bin"}]}))
        try:
            corpus = TokenShards(folder)
        except ValueError:
            return "reader raises on an empty .bin"
        found = {
            "n_sequences": len(corpus),
            "first": corpus.document(0).tolist(),
            "last": corpus.document(len(corpus) - 1).tolist(),
        }
        return found


FILES = {
    "megatron": Golden(
        compute=_megatron,
        fields={
            "expected.bin_hex",
            "expected.bin_len",
            "expected.bin_sha256",
            "expected.idx_hex",
            "expected.idx_len",
            "expected.idx_sha256",
            "expected.reader",
        },
    )
}
