"""Names of a site's users by id, in sorted files that are mapped and not held: a large site has 20 million."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from gristmill.ingest.stackexchange.spill import Spill

_PART_IDS = 1 << 19  # ids that are sorted at once
_SCHEMA = {"id": pl.Int64, "author": pl.String}


class Names:
    """First `add` all batches, then `close`, then `find`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spill = Spill(folder, "names")
        self._ids: Any = np.empty(0, np.int64)

    def add(self, users: pl.DataFrame) -> None:
        """Add a batch of (id, author)."""
        self._spill.add(users, users["id"] // _PART_IDS)

    def close(self) -> Self:
        """Sort what was added; of an id that came twice the first name stays."""
        paths = [self._folder / name for name in ("user-ids", "user-ends", "user-names")]
        written = 0
        with paths[0].open("wb") as ids, paths[1].open("wb") as ends, paths[2].open("wb") as names:
            for part in self._spill.parts():
                users = (
                    self._spill.read(part, _SCHEMA).unique("id", keep="first", maintain_order=True).sort("id")
                )
                sizes = users["author"].str.len_bytes().cast(pl.Int64)
                ids.write(users["id"].to_numpy().tobytes())
                ends.write((sizes.cum_sum() + written).to_numpy().tobytes())
                names.write("".join(users["author"]).encode())
                written += int(sizes.sum())
        if written:
            self._ids = np.memmap(paths[0], np.int64, "r")
            self._ends = np.memmap(paths[1], np.int64, "r")
            self._names = np.memmap(paths[2], np.uint8, "r")
        return self

    def find(self, ids: pl.Series) -> pl.DataFrame:
        """(author_id, name) of those of the ids that are known, each once."""
        wanted = ids.drop_nulls().unique().sort()
        found: list[tuple[int, str]] = []
        if len(self._ids) and len(wanted):
            places = np.searchsorted(self._ids, wanted.to_numpy())
            for place, number in zip(places.tolist(), wanted.to_list(), strict=True):
                if place < len(self._ids) and self._ids[place] == number:
                    start = int(self._ends[place - 1]) if place else 0
                    found.append((number, bytes(self._names[start : int(self._ends[place])]).decode()))
        return pl.DataFrame(found, schema={"author_id": pl.Int64, "name": pl.String}, orient="row")
