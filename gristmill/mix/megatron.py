"""Megatron's indexed dataset, version 1: token ids back to back in `.bin`, where each sequence lies in `.idx`.

`.idx`, little-endian: magic, uint64 version, uint8 dtype code, uint64 sequences S, uint64 boundaries B, then S int32
lengths in tokens, S int64 offsets in bytes, B int64 document boundaries (0, then after each document the number of
sequences so far). Gristmill writes one sequence per document.
Source: NVIDIA/Megatron-LM at d98e8a64, megatron/core/datasets/indexed_dataset.py. The reference lets a token beyond
the dtype wrap around silently; `to_dtype` raises.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from gristmill.errors import StageError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
CODES = {"uint8": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "uint16": 8}
UINT16_VOCABULARY = 65_500  # vocabularies below are stored in 2 bytes a token
MAX_SEQUENCE_TOKENS = 2**31 - 1  # lengths are int32


def choose_dtype(vocab_size: int) -> str:
    """`uint16` where the vocabulary has fewer than 65,500 entries, else `int32`, as Megatron chooses."""
    return "uint16" if vocab_size < UINT16_VOCABULARY else "int32"


def to_dtype(tokens: Sequence[int], dtype: str, where: str) -> np.ndarray:
    """Token ids as a little-endian array; raise StageError where one is outside the dtype's range."""
    wide = np.asarray(tokens, dtype=np.int64)
    limits = np.iinfo(dtype)
    outside = wide[(wide < limits.min) | (wide > limits.max)]
    if outside.size:
        raise StageError(
            f"{where}: token {int(outside[0])} does not fit into {dtype} ({limits.min} to {limits.max}); "
            "set mix.dtype to auto or int32"
        )
    return wide.astype(np.dtype(dtype).newbyteorder("<"))


def encode_index(lengths: np.ndarray, dtype: str, boundaries: np.ndarray | None = None) -> bytes:
    """The bytes of an `.idx` file.

    lengths: tokens of each sequence. boundaries: sequences before each document and in all, beginning with 0; None:
    every sequence is a document. Raises StageError for a sequence of 2^31 tokens or more.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    if lengths.size and int(lengths.max()) > MAX_SEQUENCE_TOKENS:
        raise StageError(
            f"a document of {int(lengths.max()):,} tokens does not fit into an index; at most {MAX_SEQUENCE_TOKENS:,}"
        )
    if boundaries is None:
        boundaries = np.arange(lengths.size + 1)
    offsets = (np.cumsum(lengths) - lengths) * np.dtype(dtype).itemsize
    head = struct.pack("<9sQBQQ", MAGIC, VERSION, CODES[dtype], lengths.size, boundaries.size)
    return b"".join(
        [
            head,
            lengths.astype("<i4").tobytes(),
            offsets.astype("<i8").tobytes(),
            boundaries.astype("<i8").tobytes(),
        ]
    )
