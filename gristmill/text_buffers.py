"""Columns of text as the UTF-8 buffers that compiled code reads, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Buffers = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]  # bytes, and where each text begins


def text_buffers(texts: pl.Series) -> Buffers:
    """UTF-8 bytes of all texts, and where each begins (one more than texts); a null is an empty text. No copy."""
    array = texts.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return array_buffers(array.cast(pa.large_string()))


def array_buffers(array: pa.LargeStringArray) -> Buffers:
    """The same of an Arrow array without nulls. There is always a byte, so that its first can be looked at."""
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8), starts


def text_series(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], name: str = "") -> pl.Series:
    """The column of texts that lie in `data` as `offsets` say; the bytes must be valid UTF-8. No copy."""
    array = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))
    return pl.Series(name, pl.from_arrow(array), dtype=pl.String)
