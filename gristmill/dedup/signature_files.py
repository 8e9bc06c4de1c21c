"""MinHash signatures as the files that huggingface/datatrove reads, byte by byte.

One file per band and shard, `bucket_BBB/RRRRR.minhash.sig`: records of `rows` minima and the number of the document in
its shard, little-endian, without a header, ascending by minima and then number (pipeline/dedup/minhash.py,
MinhashDedupSignature). So a corpus that was signed here can be put into an index there, or compared with one.

Every file is read again after it was written: unsorted and truncated records are the fault that was reported most there
(huggingface/datatrove#157, #301).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup.normalise import normalise_texts
from gristmill.dedup.options import SignatureOptions
from gristmill.dedup.shingles import hash_shingles
from gristmill.dedup.signatures import find_minima
from gristmill.errors import StageError, StoreError


def export_signatures(
    batches: Iterable[pl.DataFrame], folder: Path, *, options: SignatureOptions, rank: int = 0
) -> list[Path]:
    """Write the signature files of one shard, and return their paths, by band.

    batches: the shard's documents in order, with column text (String). rank: number of the shard, which names the
    files. Texts without shingles are counted, but have no record. Memory: 8 bytes for each of a document's minima.
    Raises StageError for hash `rolling`, which datatrove does not have, and StoreError if a file that was written reads
    otherwise.
    """
    if options.hash == "rolling":
        raise StageError(
            "signature files: hash is 'rolling', which datatrove does not have; choose preset `fineweb`, or hash "
            "`xxhash` or `sha1`"
        )
    numbers, minima = _sign(batches, options)
    paths = []
    for band in range(options.bands):
        records = np.empty(len(numbers), _record_type(options))
        records["minima"] = minima[:, band * options.rows : (band + 1) * options.rows]
        records["document"] = numbers
        path = folder / f"bucket_{band:03d}" / f"{rank:05d}.minhash.sig"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = records[_order(records)].tobytes()
        path.write_bytes(data)
        _verify(path, hashlib.blake2b(data).digest(), options)
        paths.append(path)
    return paths


def _sign(
    batches: Iterable[pl.DataFrame], options: SignatureOptions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Numbers of the documents that have shingles, and their minima, a row each."""
    numbers = [np.empty(0, np.int64)]
    minima = [np.empty((0, options.bands * options.rows), np.uint64)]
    count = 0
    for batch in batches:
        shingles = hash_shingles(normalise_texts(batch["text"], options.normalise).texts, options)
        signed = np.flatnonzero(np.diff(shingles.offsets) > 0)
        numbers.append(count + signed)
        minima.append(find_minima(shingles, options)[signed].astype(np.uint64, copy=False))
        count += batch.height
    return np.concatenate(numbers), np.concatenate(minima)


def _record_type(options: SignatureOptions) -> np.dtype[np.void]:
    return np.dtype([("minima", f"<u{options.precision // 8}", (options.rows,)), ("document", "<u4")])


def _order(records: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    return np.lexsort([records["document"], *records["minima"].T[::-1]])


def _verify(path: Path, digest: bytes, options: SignatureOptions) -> None:
    data = path.read_bytes()
    record = _record_type(options)
    if len(data) % record.itemsize or hashlib.blake2b(data).digest() != digest:
        raise StoreError(
            f"{path}: read back otherwise than it was written ({len(data):,} bytes); write it again"
        )
    found = np.frombuffer(data, record)
    if not np.array_equal(_order(found), np.arange(len(found))):
        raise StoreError(f"{path}: its records are not ascending; write it again")
