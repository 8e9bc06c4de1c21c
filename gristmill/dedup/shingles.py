"""Words and shingles: the sets by which two texts are compared.

A shingle is a window of `ngram` consecutive words joined by blanks, known by its hash. A text with fewer
words than that has none. Source: FineWeb (arXiv 2406.17557); huggingface/datatrove pipeline/dedup/minhash.py.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from gristmill.dedup import _kernels
from gristmill.dedup.normalise import character_tables, normalise_text
from gristmill.dedup.options import SignatureOptions
from gristmill.errors import StageError
from gristmill.text_buffers import array_buffers

_ALPHANUMERIC = re.compile(r"\w+")


@dataclass(frozen=True)
class Shingles:
    """Hashes of the shingles of many texts, text by text."""

    n_words: npt.NDArray[np.uint32]  # per text
    hashes: npt.NDArray[np.uint64]  # of all texts, one after the other
    offsets: npt.NDArray[np.int64]  # where each text's hashes begin; one more than texts


def hash_shingles(texts: pa.LargeStringArray, options: SignatureOptions) -> Shingles:
    """Hashes of the shingles of normalised texts, in the order of the text, repeated ones included.

    Memory: 8 bytes for every word, and a buffer for the longest text.
    """
    if options.words == "spacy_en":
        texts = pa.array([" ".join(_spacy_words(text)) for text in texts.to_pylist()], pa.large_string())
    if options.hash != "xxhash" or options.precision != 64:
        return _hash_in_python(texts, options)
    data, offsets = array_buffers(texts)
    longest = int(np.diff(offsets).max(initial=0))
    by_char = options.words == "char"
    used = int(offsets[-1] - offsets[0])
    hashes = np.empty(used if by_char else used // 2 + len(texts), np.uint64)
    hash_offsets = np.zeros(len(texts) + 1, np.int64)
    n_words = np.empty(len(texts), np.uint32)
    flags = character_tables(options.normalise).flags
    joined, spans = np.empty(2 * longest + 2, np.uint8), np.empty((2, longest + 1), np.int64)
    _kernels.hash_shingles(
        data, offsets, flags, by_char, options.ngram, joined, spans, n_words, hashes, hash_offsets
    )
    return Shingles(n_words, hashes[: hash_offsets[-1]], hash_offsets)


def list_words(text: str, options: SignatureOptions) -> list[str]:
    """Words of a normalised text; the definition."""
    if options.words == "alphanumeric":
        return _ALPHANUMERIC.findall(text)
    if options.words == "char":
        return [character for character in text if not character.isspace()]
    return _spacy_words(text) if options.words == "spacy_en" else text.split()


def read_words(text: str, options: SignatureOptions) -> list[str]:
    """Words of a text as hash `rolling` has them, which normalises otherwise in three ways; the definition.

    Texts are composed (NFC) unless `diacritics` takes them apart; small sigmas are one letter; and words of letters and
    digits need no `punctuation`.
    """
    normalise = options.normalise
    if not normalise.diacritics:
        text = unicodedata.normalize("NFC", text)
    if options.words == "alphanumeric":
        normalise = normalise.model_copy(update={"punctuation": False})
    text = normalise_text(text, normalise)
    return list_words(text.replace("ς", "σ") if normalise.lowercase else text, options)


def list_shingles(words: list[str], ngram: int) -> Iterator[str]:
    """Shingles of a list of words; the definition."""
    return (" ".join(words[first : first + ngram]) for first in range(len(words) - ngram + 1))


def hash_shingle(shingle: str, options: SignatureOptions) -> int:
    """Hash of a shingle; the definition. The first bytes of SHA-1 are read as a little-endian number."""
    data = shingle.encode()
    if options.hash == "sha1":
        return int.from_bytes(
            hashlib.sha1(data, usedforsecurity=False).digest()[: options.precision // 8], "little"
        )
    return xxhash.xxh64_intdigest(data) if options.precision == 64 else xxhash.xxh32_intdigest(data)


def _hash_in_python(texts: pa.LargeStringArray, options: SignatureOptions) -> Shingles:
    hashes: list[int] = []
    offsets, n_words = [0], []
    for text in texts.to_pylist():
        # spaCy's words are joined by blanks already.
        words = list_words(text, options) if options.words == "char" else text.split()
        hashes += [hash_shingle(shingle, options) for shingle in list_shingles(words, options.ngram)]
        offsets.append(len(hashes))
        n_words.append(len(words))
    return Shingles(np.array(n_words, np.uint32), np.array(hashes, np.uint64), np.array(offsets, np.int64))


def _spacy_words(text: str) -> list[str]:
    return [word for word in (token.text.strip() for token in _spacy_tokenizer()(text)) if word]


@lru_cache(maxsize=1)
def _spacy_tokenizer() -> Any:
    try:
        import spacy
    except ImportError as error:
        raise StageError(
            "dedup.signatures.words: got 'spacy_en', but spaCy is not installed; "
            "pip install 'gristmill[spacy]', or choose 'whitespace' or 'char'"
        ) from error
    return spacy.blank("en").tokenizer
