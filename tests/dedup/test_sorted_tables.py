from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup.sorted_tables import SortedTable, merge

_SCHEMA = {"hash": pl.UInt64, "place": pl.UInt64}
_HASHES = st.lists(st.sampled_from([0, 1, 5, 6, 2**63, 2**64 - 1]), max_size=12).map(sorted)


def frame_of(hashes: list[int], name: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"hash": hashes, "place": [name * 100 + i for i in range(len(hashes))]}, schema=_SCHEMA
    )


@given(st.lists(_HASHES, max_size=4), st.integers(1, 9))
def test_merged_pieces_are_the_sorted_rows_and_no_hash_is_in_two(tables: list[list[int]], piece: int) -> None:
    frames = [frame_of(hashes, name) for name, hashes in enumerate(tables)]
    pieces = list(merge([SortedTable.of_frame(frame) for frame in frames], piece))
    empty = pl.DataFrame(schema=_SCHEMA)
    assert pl.concat([empty, *pieces]).equals(pl.concat([empty, *frames]).sort("hash", "place"))
    tables_ = [SortedTable.of_frame(frame) for frame in frames]
    shares = [merge(tables_, piece, (number, 3)) for number in range(3)]
    assert pl.concat([empty, *(one for share in shares for one in share)]).equals(pl.concat([empty, *pieces]))
    seen = [value for one in pieces for value in one["hash"].unique()]
    assert len(seen) == len(set(seen))


def test_only_groups_that_hold_a_wanted_hash_are_read(tmp_path: Path) -> None:
    frame = frame_of([*range(100, 200), *[2**63] * 5, 2**64 - 1], 0)
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=10)
    table = SortedTable.of_parquet(tmp_path / "a.parquet")
    read: list[int] = []
    counted = SortedTable(
        table.least, table.most, table.rows, lambda number: read.append(number) or table.read(number)
    )
    wanted = np.array([7, 111, 115, 143, 2**63, 2**64 - 1], np.uint64)
    found = list(counted.find(wanted))
    assert read == [1, 4, 10]
    rows = pl.concat([rows for rows, _ in found])
    assert rows["hash"].to_list() == [111, 115, 143, *[2**63] * 5, 2**64 - 1]
    assert np.array_equal(wanted[np.concatenate([places for _, places in found])], rows["hash"].to_numpy())


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    frame_of([], 0).write_parquet(tmp_path / "a.parquet")
    table = SortedTable.of_parquet(tmp_path / "a.parquet")
    assert list(table.find(np.array([1], np.uint64))) == []
    assert sum(piece.height for piece in merge([table, SortedTable.of_frame(frame_of([3], 1))])) == 1
