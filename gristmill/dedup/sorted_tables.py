"""Tables sorted by a column of hashes, read by range of it, looked up and merged; memory is that of a few row groups.

The hashes are even, so a range of them is a fair share of a table, and ranges can be worked on apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from gristmill.dedup import _kernels

PIECE_ROWS = 4_000_000  # of merged rows that are in memory at a time; about 200 MB while they are sorted


@dataclass(frozen=True)
class SortedTable:
    """A table in groups of rows, ascending by its first column (uint64) through all groups."""

    least: npt.NDArray[np.uint64]  # of the first column, by group
    most: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    read: Callable[[int], pl.DataFrame]  # a group by its number

    @classmethod
    def of_parquet(cls, path: Path) -> SortedTable:
        """The table in a Parquet file with statistics; its groups are the file's row groups."""
        with pq.ParquetFile(path, pre_buffer=False) as file:
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            statistics = [group.column(0).statistics for group in groups]
            return cls(
                np.array([one.min for one in statistics], np.uint64),
                np.array([one.max for one in statistics], np.uint64),
                np.array([group.num_rows for group in groups], np.int64),
                _reader(path),
            )

    @classmethod
    def of_frame(cls, frame: pl.DataFrame) -> SortedTable:
        """A table in memory, sorted by its first column; one group."""
        if not frame.height:
            empty = np.empty(0, np.uint64)
            return cls(empty, empty, np.empty(0, np.int64), lambda number: frame)
        first = frame.to_series(0)
        return cls(
            np.array([first[0]], np.uint64),
            np.array([first[-1]], np.uint64),
            np.array([frame.height], np.int64),
            lambda number: frame,
        )

    def find(self, wanted: npt.NDArray[np.uint64]) -> Iterator[tuple[pl.DataFrame, npt.NDArray[np.int64]]]:
        """Rows whose first column is among `wanted` (ascending, distinct), with their places there.

        Groups without any of them are not read.
        """
        first = np.searchsorted(wanted, self.least, side="left")
        last = np.searchsorted(wanted, self.most, side="right")
        for number in np.flatnonzero(first < last):
            group = self.read(int(number))
            hashes = group.to_series(0).to_numpy()
            places = np.empty(len(hashes), np.int64)
            _kernels.match_sorted(hashes, wanted, first[number], places)
            hit = places >= 0
            if hit.any():
                yield group.filter(pl.Series(hit)), places[hit]


def read_by_hash(
    tables: Sequence[pl.LazyFrame], column: str, rows_at_once: int
) -> Iterator[list[pl.LazyFrame]]:
    """The same tables cut to one range of hashes after the other, ascending, each of about so many rows in all.

    Each with a column `sequence` (UInt32), its place in the list. Where they are Parquet sorted by the column, a range
    reads the row groups it needs.
    """
    rows = sum(table.select(pl.len()).collect().item() for table in tables)
    ranges = max(1, -(-rows // rows_at_once))
    for number in range(ranges if tables else 0):
        first, last = _bounds_of(number, ranges)
        inside = pl.col(column).is_between(pl.lit(first, pl.UInt64), pl.lit(last, pl.UInt64))
        yield [
            table.filter(inside).with_columns(sequence=pl.lit(sequence, pl.UInt32))
            for sequence, table in enumerate(tables)
        ]


def _bounds_of(number: int, ranges: int) -> tuple[int, int]:
    """First and last hash of one of so many equal ranges."""
    return (number << 64) // ranges, ((number + 1) << 64) // ranges - 1


def merge(
    tables: Sequence[SortedTable], piece_rows: int = PIECE_ROWS, share: tuple[int, int] = (0, 1)
) -> Iterator[pl.DataFrame]:
    """The rows of all tables, ascending by the first column, in pieces; no value of it is in two pieces.

    Rows of the same value come in the order of the tables, and inside a table in its own. share: (number, of how many)
    equal ranges of the column; only the rows of that one are read and given.
    """
    first, last = map(np.uint64, _bounds_of(*share))
    cursors = [_Cursor(table, first) for table in tables]
    for bound in _bounds(tables, piece_rows, first, last):
        parts = [cursor.take(bound) for cursor in cursors]
        piece = pl.concat([part for part in parts if part.height] or parts[:1])
        if piece.height:
            yield piece.sort(piece.columns[0], maintain_order=True)


def _bounds(
    tables: Sequence[SortedTable], piece_rows: int, first: np.uint64, last: np.uint64
) -> Iterator[np.uint64]:
    """Last hash of each piece between two hashes."""
    if not tables:
        return
    most = np.concatenate([table.most for table in tables])
    rows = np.concatenate([table.rows for table in tables])
    order = np.argsort(most, kind="stable")
    ends = np.cumsum(rows[order])
    pieces = ends // piece_rows
    for bound in most[order][np.flatnonzero(np.diff(pieces)) + 1]:
        if first <= bound < last:
            yield bound
    yield last


class _Cursor:
    """Where reading a table has come to."""

    def __init__(self, table: SortedTable, first: np.uint64) -> None:
        self._table, self._first = table, first
        self._next = int(np.searchsorted(table.most, first))
        self._left: list[pl.DataFrame] = []  # of groups that were read, above the last bound

    def take(self, bound: np.uint64) -> pl.DataFrame:
        """The rows up to the bound, this included, that were not taken before."""
        table = self._table
        while self._next < len(table.least) and table.least[self._next] <= bound:
            group = table.read(self._next)
            if table.least[self._next] < self._first:
                group = group.slice(int(np.searchsorted(group.to_series(0).to_numpy(), self._first)))
            self._left.append(group)
            self._next += 1
        if not self._left:
            return table.read(0).clear()
        rows = pl.concat(self._left)
        count = int(np.searchsorted(rows.to_series(0).to_numpy(), bound, side="right"))
        self._left = [rows.slice(count)] if count < rows.height else []
        return rows.slice(0, count)


def _reader(path: Path) -> Callable[[int], pl.DataFrame]:
    file: pq.ParquetFile | None = None

    def read(number: int) -> pl.DataFrame:
        nonlocal file
        if file is None:
            file = pq.ParquetFile(path, pre_buffer=False)
        table = file.read_row_group(number) if file.num_row_groups else file.schema_arrow.empty_table()
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    return read
