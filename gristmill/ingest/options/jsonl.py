"""Options of JSON Lines."""

from __future__ import annotations

from typing import Literal

from gristmill.ingest.options.rows import RowSource


class JsonlSource(RowSource):
    """JSON Lines, plain or compressed (gzip, zstd, bzip2, xz), also inside archives: one line, one record."""

    kind: Literal["jsonl"]
