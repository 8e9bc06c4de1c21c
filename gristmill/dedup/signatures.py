"""Stage `signatures`: what of a document is needed to compare it with others.

MinHash with bands. With preset `fineweb` as in FineWeb (arXiv 2406.17557; huggingface/datatrove
pipeline/dedup/minhash.py), bit by bit: the parameters come from NumPy's legacy generator, and products wrap round at
2^64 before the modulus. The default reads a text once and takes 32-bit minima of permutations x * a + b, a odd.

Choices, and what they cost per document of w words (defaults):
  bands      one 64-bit hash per band, its number included, so one column is joined: 192 bytes.
  shingles   hashes, so that a similarity is counted, not estimated, without the text: 8 w bytes, more than the text
             itself; they lie in a column of their own that is read, and sorted, for candidates only.
  exact      128 bits of blake2b of the normalised text, or of a polynomial hash of its words: a document is dropped
             for it, so it must not collide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gristmill.dedup import _kernels
from gristmill.dedup.normalise import normalise_texts, one_pass_tables
from gristmill.dedup.options import SignatureOptions
from gristmill.dedup.shingles import Shingles, hash_shingles
from gristmill.documents import Schema, empty
from gristmill.progress import advance
from gristmill.text_buffers import text_buffers

SIGNATURES: Schema = {
    "id": pl.String,
    "row": pl.UInt32,  # position of the document in its shard, from 0
    "n_words": pl.UInt32,  # of the normalised text; 0 = empty
    "n_shingles": pl.UInt32,  # repeated ones included; 0 = too short, compared as a whole only
    "exact_hi": pl.UInt64,  # 128-bit hash of the normalised text; of its words where hashes roll
    "exact_lo": pl.UInt64,
    "mostly_unspaced": pl.Boolean,  # most letters are of a script without blanks; words should be `char`
    "bands": pl.List(pl.UInt64),  # a hash per band, comparable over all bands; empty without shingles
    "shingles": pl.List(pl.UInt64),  # hashes of the shingles in the order of the text
}

_PRIME = (1 << 61) - 1  # modulus of the hash functions
_CHUNK_BYTES = 8 << 20  # of text that is hashed at once; about 15 times as much memory is used


def compute_signatures(
    documents: pl.DataFrame, *, options: SignatureOptions, first_row: int = 0
) -> pl.DataFrame:
    """Signatures of documents, one row per document, in order.

    Columns in: id (String), text (String; null counts as empty). Out: SIGNATURES.
    first_row: position of the first document in its shard, where a shard comes in batches.
    A row depends on its document alone. Memory: about 10 bytes for a byte of text, and 130 MB of buffers.
    """
    parts = [empty(SIGNATURES)]
    for first, chunk in _chunks(documents):
        parts.append(_sign(chunk, first_row + first, options))
        advance(chunk.height)
    return pl.concat(parts).rechunk()


def find_minima(
    shingles: Shingles, options: SignatureOptions
) -> npt.NDArray[np.uint64] | npt.NDArray[np.uint32]:
    """MinHash signatures: [texts, bands * rows], uint64, or uint32 where hashes roll; all ones without shingles."""
    if options.hash == "rolling":
        return _find_short_minima(shingles, options)
    a, b = hash_parameters(options.bands * options.rows, options.seed)
    mask = np.uint64((1 << options.precision) - 1)
    minima = np.empty((len(shingles.n_words), len(a)), np.uint64)
    _kernels.find_minima(shingles.hashes, shingles.offsets, a, b, mask, minima)
    return minima


def _find_short_minima(shingles: Shingles, options: SignatureOptions) -> npt.NDArray[np.uint32]:
    count = options.bands * options.rows
    generator = np.random.RandomState(options.seed)
    a, b = (generator.randint(0, 1 << 32, dtype=np.uint32, size=count) for _ in range(2))
    minima = np.empty((len(shingles.n_words), count), np.uint32)
    _kernels.find_short_minima(shingles.hashes, shingles.offsets, a | np.uint32(1), b, minima)
    return minima


@lru_cache(maxsize=8)
def hash_parameters(count: int, seed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Factors and summands of the hash functions, from NumPy's legacy generator; two draws, in this order."""
    generator = np.random.RandomState(seed)
    a = generator.randint(1, _PRIME, dtype=np.uint64, size=(1, count))[0]
    b = generator.randint(0, _PRIME, dtype=np.uint64, size=(1, count))[0]
    return a, b


def count_signatures(signatures: pl.DataFrame) -> dict[str, int]:
    """Figures of the stage: documents, words, shingles; how many are empty, too short, mostly unspaced."""
    counted = signatures.select(
        documents=pl.len(),
        words=pl.col("n_words").cast(pl.UInt64).sum(),
        shingles=pl.col("n_shingles").cast(pl.UInt64).sum(),
        empty=(pl.col("n_words") == 0).sum(),
        too_short=((pl.col("n_shingles") == 0) & (pl.col("n_words") > 0)).sum(),
        mostly_unspaced=pl.col("mostly_unspaced").sum(),
    )
    return {name: int(value) for name, value in counted.row(0, named=True).items()}


def _chunks(documents: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """(first row, rows) of pieces of about _CHUNK_BYTES of text."""
    size = documents["text"].str.len_bytes().fill_null(0).cast(pl.Int64)
    piece = ((size.cum_sum() - size) // _CHUNK_BYTES).to_numpy()
    edges = [*np.flatnonzero(np.diff(piece, prepend=-1)), len(piece)]
    for first, last in pairwise(edges):
        yield int(first), documents.slice(int(first), int(last - first))


def _sign(documents: pl.DataFrame, first_row: int, options: SignatureOptions) -> pl.DataFrame:
    read = _read_rolling if options.hash == "rolling" else _read_normalised
    shingles, exact, unspaced = read(documents["text"], options)
    bands = np.empty((documents.height, options.bands), np.uint64)
    _kernels.hash_bands(find_minima(shingles, options), options.rows, bands)
    n_shingles = np.diff(shingles.offsets)
    band_offsets = np.cumsum(np.where(n_shingles > 0, options.bands, 0), dtype=np.int64)
    return pl.DataFrame(
        {
            "id": documents["id"],
            "row": np.arange(first_row, first_row + documents.height, dtype=np.uint32),
            "n_words": shingles.n_words,
            "n_shingles": n_shingles.astype(np.uint32),
            "exact_hi": exact[:, 0],
            "exact_lo": exact[:, 1],
            "mostly_unspaced": unspaced,
            "bands": _lists(bands[n_shingles > 0].ravel(), np.insert(band_offsets, 0, 0)),
            "shingles": _lists(shingles.hashes, shingles.offsets),
        },
        schema=SIGNATURES,
    )


_Read = tuple[Shingles, npt.NDArray[np.uint64], npt.NDArray[np.bool_]]  # shingles, exact, unspaced


def _read_normalised(texts: pl.Series, options: SignatureOptions) -> _Read:
    normalised = normalise_texts(texts, options.normalise)
    return hash_shingles(normalised.texts, options), _digest(normalised.texts), normalised.unspaced


def _read_rolling(texts: pl.Series, options: SignatureOptions) -> _Read:
    """In one pass, without writing normalised texts; in two where a text was not composed (NFC), but must be."""
    texts = texts.fill_null("").rechunk()
    found, hard = _roll(texts, options)
    if hard.any():
        rows = np.flatnonzero(hard)
        given = texts.gather(rows)
        composed = given.str.normalize("NFC")
        if not composed.equals(given):
            found, _ = _roll(texts.clone().scatter(rows, composed), options)
    return found


def _roll(texts: pl.Series, options: SignatureOptions) -> tuple[_Read, npt.NDArray[np.bool_]]:
    tables = one_pass_tables(options.normalise, alphanumeric=options.words == "alphanumeric")
    data, offsets = text_buffers(texts)
    count, used = len(texts), int(offsets[-1] - offsets[0])
    by_char = options.words == "char"
    hashes = np.empty(used if by_char else used // 2 + count, np.uint64)
    hash_offsets = np.zeros(count + 1, np.int64)
    n_words = np.empty(count, np.uint32)
    hard, unspaced = np.empty(count, np.bool_), np.empty(count, np.bool_)
    exact = np.empty((count, 2), np.uint64)
    plain = np.zeros_like(tables.plain) if by_char else tables.plain
    _kernels.roll_shingles(
        data, offsets, plain, tables.flags, tables.mapped, tables.expanded, tables.expansion_offsets,
        by_char, options.ngram, n_words, hashes, hash_offsets, exact, hard, unspaced,
    )  # fmt: skip
    # The pages of `hashes` past the last one were never touched, so they take no memory.
    return (Shingles(n_words, hashes[: hash_offsets[-1]], hash_offsets), exact, unspaced), hard


def _digest(texts: pa.LargeStringArray) -> npt.NDArray[np.uint64]:
    """blake2b of every text as two numbers, uint64[texts, 2]; a call per text, 4 % of the stage's time."""
    digests = [hashlib.blake2b(text.as_buffer(), digest_size=16).digest() for text in texts]
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2)


def _lists(values: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))))
