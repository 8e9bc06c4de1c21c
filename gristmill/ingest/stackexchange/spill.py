"""Tables cut into numbered parts on disk, so that a join of two large tables becomes many joins of small parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

_BUFFER_BYTES = 6 << 20  # held in memory by one spill before it writes
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Spill:
    """Rows by number of their part. A part is read in the order in which its rows were added."""

    def __init__(self, folder: Path, name: str, *, buffer_bytes: int = _BUFFER_BYTES) -> None:
        self._path = folder / name
        self._path.mkdir()
        self._limit = buffer_bytes
        self._held: list[pl.DataFrame] = []
        self._held_bytes = 0

    def add(self, rows: pl.DataFrame, part: pl.Series | int) -> None:
        """Add rows, each to its part."""
        if rows.is_empty():
            return
        self._held.append(
            rows.with_columns(_part=pl.lit(part, pl.Int64) if isinstance(part, int) else part.cast(pl.Int64))
        )
        self._held_bytes += int(rows.estimated_size())
        if self._held_bytes >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        table = pl.concat(self._held)
        self._held, self._held_bytes = [], 0
        for (part,), rows in table.partition_by("_part", as_dict=True, include_key=False).items():
            arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
            with (
                (self._path / str(part)).open("ab") as target,
                pa.ipc.new_stream(target, arrow.schema, options=_OPTIONS) as writer,
            ):
                writer.write_table(arrow)

    def read(self, part: int, schema: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of a part, which are gone from the disk afterwards; without any, an empty table of the schema."""
        self.flush()
        path = self._path / str(part)
        if not path.exists():
            return pl.DataFrame(schema=dict(schema))
        size, tables = path.stat().st_size, []
        with path.open("rb") as source:
            while source.tell() < size:
                tables.append(pa.ipc.open_stream(source).read_all())
        path.unlink()
        return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables))).cast(pl.Schema(dict(schema)))

    def parts(self) -> list[int]:
        """Numbers of the parts that have rows, in order."""
        self.flush()
        return sorted(int(path.name) for path in self._path.iterdir())
