"""Segments: Parquet files of finished answers, sorted by key, never changed after they were written.

The first 64 bits of every key are in the footer once more, so what a segment holds is known from its last bytes: one
request to an object store, where the column of keys would take one per row group. They are 8 bytes per answer in
memory, and a little over 1 % of a file.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import StoreError
from gristmill.hashing import digest_json
from gristmill.llm.journal import Entry
from gristmill.llm.places import Place, damaged

FORMAT = 2  # a newer one is refused; 1 had no log-probabilities

_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("model", pa.string()),
        ("model_digest", pa.string()),
        ("text", pa.string()),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("engine", pa.string()),
        ("created", pa.timestamp("us", tz="UTC")),
        ("logprobs", pa.string()),
    ],
    metadata={"gristmill.answers": str(FORMAT)},
)
_ANSWER_COLUMNS = ["key", "text", "finish_reason", "prompt_tokens", "output_tokens", "logprobs", "created"]
_GROUP_ROWS = 2_048  # a look-up reads whole row groups
_TAIL_BYTES = 256 << 10  # read at first; the footer of a segment of 20,000 answers
_PREFIX = np.dtype("<u8")
_FOOTER_END = 8  # bytes behind the footer: its length, and "PAR1"


def write_segment(path: Path, table: pa.Table, *, merged: Sequence[str] = ()) -> None:
    """Write the oldest answer of each key, sorted by key, and bring it to the disk. Raises OSError.

    The same rows give the same bytes. `merged` are the names of the segments that the rows are from; with them in it
    a segment is never one of its own ancestors, also where two versions of a library write the same rows differently.
    """
    table = table.sort_by([("key", "ascending"), ("created", "ascending"), ("text", "ascending")])
    keys = table["key"].to_numpy(zero_copy_only=False)
    table = table.filter(pa.array(np.append(True, keys[1:] != keys[:-1])))
    footer = {
        "gristmill.keys": base64.b64encode(
            key_prefixes(_series(table["key"])).astype(_PREFIX).tobytes()
        ).decode()
    }
    if merged:
        footer["gristmill.merged"] = digest_json(sorted(merged))
    with path.open("wb") as handle:
        with pq.ParquetWriter(handle, _SCHEMA, compression="zstd", write_page_checksum=True) as writer:
            writer.write_table(table, row_group_size=_GROUP_ROWS)
            writer.add_key_value_metadata(footer)
        handle.flush()
        os.fsync(handle.fileno())


def entries_table(entries: Iterable[Entry]) -> pa.Table:
    """Entries of a journal as the rows of a segment."""
    columns = list(zip(*entries, strict=True))
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA
    )


def read_segment(place: Place, name: str) -> pa.Table:
    """All rows of a segment, of an older format too. Raises FileNotFoundError where it is gone, StoreError."""
    with _reading(place, name):
        table = pq.read_table(place.fetch(name), page_checksum_verification=True)
        return _with_logprobs(table).cast(_SCHEMA).replace_schema_metadata(_SCHEMA.metadata)


class Segment:
    """One segment in its place: the first 64 bits of all keys in memory, in the order of the rows.

    Raises FileNotFoundError where it is gone, StoreError where it is damaged or of a newer format.
    """

    def __init__(self, place: Place, name: str, size: int) -> None:
        self.name = name
        self._place = place
        with _reading(place, name):
            self.prefixes = _read_prefixes(place, name, size)

    def holds(self, prefixes: np.ndarray) -> np.ndarray:
        """Indices of the keys, given by their prefixes, that are here, in the order of the rows."""
        places = np.searchsorted(self.prefixes, prefixes)
        hits = np.flatnonzero(self.prefixes[np.minimum(places, len(self.prefixes) - 1)] == prefixes)
        return hits[np.argsort(places[hits])]

    def fetch(self) -> None:
        """Bring the file here, for `entries`."""
        self._place.fetch(self.name)

    def entries(self, keys: Sequence[str], hits: np.ndarray) -> Iterator[Entry]:
        """The entries of the keys with these indices, as `holds` gives them. Memory: one row group.

        Two keys with equal prefixes would hide one of the two, which is then asked again; never a wrong answer.
        """
        rows = np.searchsorted(self.prefixes, key_prefixes([keys[index] for index in hits]))
        groups = rows // _GROUP_ROWS
        with (
            _reading(self._place, self.name),
            pq.ParquetFile(self._place.fetch(self.name), page_checksum_verification=True) as parquet,
        ):
            for group in np.unique(groups):
                here = groups == group
                table = parquet.read_row_group(int(group), columns=_ANSWER_COLUMNS)
                found = _with_logprobs(table.take(pa.array(rows[here] - group * _GROUP_ROWS)))
                created = found["created"].cast(pa.int64()).to_pylist()
                columns = [found[name].to_pylist() for name in _ANSWER_COLUMNS[:-1]]
                for index, key, *answer, logprobs, at in zip(hits[here], *columns, created, strict=True):
                    if key == keys[index]:
                        text, reason, prompt, output = answer
                        yield Entry(key, "", "", text, reason, prompt, output, "", at, logprobs)


def key_prefixes(keys: Sequence[str] | pl.Series) -> np.ndarray:
    """The first 16 hexadecimal digits of each key as numbers, which sort as the keys do."""
    series = keys if isinstance(keys, pl.Series) else pl.Series(keys, dtype=pl.String)
    decoded = series.str.head(16).str.decode("hex").bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return decoded.to_numpy()


def _read_prefixes(place: Place, name: str, size: int) -> np.ndarray:
    tail = place.tail(name, min(_TAIL_BYTES, size))
    footer = int.from_bytes(tail[-_FOOTER_END:-4], "little") + _FOOTER_END
    if len(tail) < footer <= size:
        tail = place.tail(name, footer)
    told = pq.read_metadata(pa.BufferReader(tail[-footer:])).metadata or {}
    found = int(told.get(b"gristmill.answers", b"0"))
    if found > FORMAT:
        raise StoreError(
            f"answers {place.name}: {name} has format {found}, this version reads up to {FORMAT}; install a newer "
            "Gristmill"
        )
    if b"gristmill.keys" in told:
        return np.frombuffer(base64.b64decode(told[b"gristmill.keys"]), dtype=_PREFIX)
    with pq.ParquetFile(
        place.fetch(name), page_checksum_verification=True
    ) as parquet:  # of an earlier version
        return key_prefixes(_series(parquet.read(columns=["key"])["key"]))


def _series(column: pa.ChunkedArray) -> pl.Series:
    series = pl.from_arrow(column)
    assert isinstance(series, pl.Series)
    return series


def _with_logprobs(table: pa.Table) -> pa.Table:
    """A table of segments of format 1 has no such column."""
    if "logprobs" in table.column_names:
        return table
    return table.append_column("logprobs", pa.nulls(table.num_rows, pa.string()))


@contextmanager
def _reading(place: Place, name: str) -> Iterator[None]:
    """Name a damaged segment and what to do about it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise damaged(place.name, name, str(error)) from error
