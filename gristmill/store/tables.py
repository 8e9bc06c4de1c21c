"""Parquet files of an object: written batch by batch, cut into row groups by the rows alone.

So the same rows give the same bytes, however they arrive.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import StoreError, shorten

ROW_GROUP_BYTES = 32 << 20  # of Arrow memory; what a reader holds at a time
ROW_GROUP_ROWS = 16_384
NARROW_GROUP_ROWS = 131_072  # of a table without texts or lists, whose row groups would be very small
_PLACE_BYTES = 8  # of a value of fixed width, or of the offset of one that is not


class TableWriter:
    """One Parquet file; rows are gathered into row groups whose cut depends on the rows alone.

    A row group is closed by the row with which it reaches ROW_GROUP_BYTES, or ROW_GROUP_ROWS (NARROW_GROUP_ROWS where
    all columns are numbers), and written as one piece, so that the same rows give the same bytes however they were cut
    when they came.
    """

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._sizes = pl.sum_horizontal(_row_bytes(pl.col(name), dtype) for name, dtype in schema.items())
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = self._waiting_bytes = 0
        narrow = all(dtype.is_numeric() or dtype == pl.Boolean for dtype in schema.values())
        self._group_rows = NARROW_GROUP_ROWS if narrow else ROW_GROUP_ROWS
        self._arrow = pl.DataFrame(schema=schema).to_arrow().schema
        # Hashes hardly repeat: a dictionary and compression would take time, and no room is won.
        leaves = {path: kind == pa.uint64() for path, kind in _leaves(self._arrow)}
        self._writer: pq.ParquetWriter | None = pq.ParquetWriter(
            path,
            self._arrow,
            compression={path: "none" if hashes else "zstd" for path, hashes in leaves.items()},
            compression_level={path: 3 for path, hashes in leaves.items() if not hashes},
            write_statistics=True,
            use_dictionary=[path for path, hashes in leaves.items() if not hashes],
        )

    def append(self, rows: pl.DataFrame) -> None:
        """Add rows of the table's schema; raises StoreError for another one."""
        if rows.schema != self.schema:
            raise StoreError(
                f"table {self.path.stem!r}: got columns {shorten(dict(rows.schema))}, "
                f"the table has {shorten(dict(self.schema))}"
            )
        self.rows += rows.height
        ends = rows.select(self._sizes.cum_sum()).to_series()
        first = done = 0  # rows of this frame that are in row groups, and their bytes
        while first < rows.height:
            full = ends.search_sorted(done + ROW_GROUP_BYTES - self._waiting_bytes, side="left") + 1
            last = min(full, first + self._group_rows - self._waiting_rows, rows.height)
            self._waiting.append(rows.slice(first, last - first))
            self._waiting_rows += last - first
            self._waiting_bytes += ends[last - 1] - done
            first, done = last, ends[last - 1]
            if self._waiting_bytes >= ROW_GROUP_BYTES or self._waiting_rows >= self._group_rows:
                self._flush()

    def close(self) -> None:
        """Write what waits and finish the file."""
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None

    def abandon(self) -> None:
        """Give the file up, whatever state it is in."""
        self._waiting = []
        if self._writer is not None:
            with contextlib.suppress(OSError):  # a full disk; the file is thrown away
                self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if self._waiting and self._writer is not None:
            table: pa.Table = pl.concat(self._waiting).to_arrow().cast(self._arrow).combine_chunks()
            self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
            self._writer.write_table(table, row_group_size=table.num_rows)


def _leaves(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """Path in a Parquet file, and type, of every column that holds values."""
    for field in fields:
        path, kind = f"{prefix}{field.name}", field.type
        if pa.types.is_struct(kind):
            yield from _leaves(kind, f"{path}.")
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield from _leaves([kind.value_field.with_name("element")], f"{path}.list.")
        else:
            yield path, kind


def _row_bytes(column: pl.Expr, dtype: Any) -> pl.Expr:
    """About the bytes of memory that each value takes; 0 for null."""
    if dtype == pl.String:
        size = column.str.len_bytes().cast(pl.Int64) + _PLACE_BYTES
    elif dtype == pl.Binary:
        size = column.bin.size().cast(pl.Int64) + _PLACE_BYTES
    elif dtype == pl.List and not (dtype.inner.is_nested() or dtype.inner in (pl.String, pl.Binary)):
        size = column.list.len().cast(pl.Int64) * _PLACE_BYTES + _PLACE_BYTES
    elif dtype == pl.List:
        size = column.list.eval(_row_bytes(pl.element(), dtype.inner)).list.sum() + _PLACE_BYTES
    elif dtype == pl.Struct:
        size = pl.sum_horizontal(_row_bytes(column.struct.field(f.name), f.dtype) for f in dtype.fields)
    else:
        size = column.is_not_null().cast(pl.Int64) * _PLACE_BYTES
    return size.fill_null(0)


def frame_of(table: pa.Table) -> pl.DataFrame:
    """The rows as a Polars frame, sharing memory."""
    read = pl.from_arrow(table)
    assert isinstance(read, pl.DataFrame)
    return read
