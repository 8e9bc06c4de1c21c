"""Stage `raw` of sources with rows: documents and decisions from Parquet, Arrow, CSV and JSON Lines, as rows and MB per
CPU-second.

    python -m bench.readers FILE ... [--text FIELD] [--id FIELD] [--runs N] [--json FILE] [--only TEXT]

The kind of each file is told by its name, as kind `huggingface` does it. One case is Arrow alone, which reads the same
column into memory: the floor for Parquet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from bench.harness import Case, main
from gristmill.ingest import HuggingfaceSource, read_shard
from gristmill.store.registry import Shard, describe_file


def read_raw(path: str, text: str, id: str) -> dict[str, float]:
    """Read one file as a shard; counts of what came out."""
    shard = Shard(1, "bench-0001", "bench", (describe_file(Path(path), Path(path).name),))
    options = HuggingfaceSource(kind="huggingface", inputs=(path,), text=text, id=id)
    rows = text_bytes = 0
    for documents, decisions in read_shard(shard, options):
        rows += decisions.height
        text_bytes += int(documents["text"].str.len_bytes().sum())
    return {"rows": rows, "text_mb": text_bytes / 1e6}


def read_by_arrow(path: str, text: str) -> dict[str, float]:
    """Read the column of texts of a Parquet file, a batch at a time, and look at none of it."""
    rows = 0
    for batch in pq.ParquetFile(path).iter_batches(4_096, columns=[text], use_threads=False):
        rows += batch.num_rows
    return {"rows": rows}


def cases(arguments: Sequence[str]) -> tuple[list[Case], list[str]]:
    """The cases of a command line, and what is left of it for the harness."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--text", default="text")
    parser.add_argument("--id", default="id")
    given, rest = parser.parse_known_args(arguments)
    found = []
    for path in given.files:
        name = Path(path).name
        shared = {"path": path, "text": given.text}
        found.append(Case(f"raw {name}", "bench.readers:read_raw", {**shared, "id": given.id}))
        if name.endswith(".parquet"):
            found.append(Case(f"arrow alone {name}", "bench.readers:read_by_arrow", shared))
    return found, rest


if __name__ == "__main__":
    main(__doc__, *cases(sys.argv[1:]))
