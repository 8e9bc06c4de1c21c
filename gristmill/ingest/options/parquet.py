"""Options of Parquet files."""

from __future__ import annotations

from typing import Literal

from gristmill.ingest.options.rows import RowSource


class ParquetSource(RowSource):
    """Parquet files, also inside archives: one row, one record."""

    kind: Literal["parquet"]
