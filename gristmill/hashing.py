"""Names for content: digests, ids and counter-based randomness.

Two families, and no third: blake2b where a name must never collide (ids, fingerprints, digests of files),
xxh3 where only an even spread is needed (random choices keyed by an id).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

import xxhash

_DIGEST_BYTES = 16
_CHUNK_BYTES = 1 << 20


def digest_bytes(data: bytes) -> str:
    """128-bit blake2b of `data` in hex (32 characters)."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def digest_text(*parts: str) -> str:
    """128-bit digest of the parts; each is preceded by its length, so `("ab", "c")` differs from `("a", "bc")`."""
    state = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "little"))
        state.update(encoded)
    return state.hexdigest()


def digest_json(value: Any) -> str:
    """Digest of a JSON value, independent of the order of keys."""
    return digest_bytes(canonical_json(value).encode())


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_file(path: Path) -> str:
    """Digest of a file's bytes, read in pieces of 1 MiB."""
    with path.open("rb") as handle:
        return digest_stream(handle)


def digest_stream(handle: BinaryIO) -> str:
    """Digest of what is still to be read of an open file, in pieces of 1 MiB."""
    state = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    while chunk := handle.read(_CHUNK_BYTES):
        state.update(chunk)
    return state.hexdigest()


def digest_folder(folder: Path) -> str:
    """Digest of all files below a folder: relative names and contents, never where the folder lies."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_json([[path.relative_to(folder).as_posix(), digest_file(path)] for path in files])


def uniform(seed: int, stage: str, key: str) -> float:
    """A number in [0, 1) that depends on (seed, stage, key) alone, never on order or worker."""
    return (random_u64(seed, stage, key) >> 11) / (1 << 53)


def random_u64(seed: int, stage: str, key: str) -> int:
    """64 random bits that depend on (seed, stage, key) alone."""
    return xxhash.xxh3_64_intdigest(f"{seed}\x1f{stage}\x1f{key}".encode("utf-8", "surrogatepass"))
