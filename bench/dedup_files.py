"""Files of the benches of deduplication: documents, true pairs, planted documents."""

from __future__ import annotations

import atexit
import gzip
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH_ROWS = 1000

CORPORA = ("corpus.parquet", "docs.jsonl.gz", "corpus.jsonl")
TRUTHS = ("truth_pairs.jsonl", "truth.jsonl.gz", "truth.jsonl")
PLANTED = ("planted.jsonl", "made.jsonl.gz")

Edge = tuple[str, str]  # two ids; of edges that an engine reports, the dropped document and its twin


def find_corpus(path: Path) -> Path:
    """The file of documents itself, or the one in this folder."""
    return path if path.is_file() else _find_in(path, CORPORA, "--corpus")


def as_parquet(corpus: Path) -> Path:
    """The file itself, or a Parquet file with its documents, which is there until the process ends."""
    if corpus.suffix == ".parquet":
        return corpus.resolve()
    import polars as pl

    folder = Path(tempfile.mkdtemp(prefix="bench-dedup-"))
    atexit.register(shutil.rmtree, folder)
    rows = read_rows(corpus)
    target = folder / "corpus.parquet"
    pl.DataFrame({name: [row[name] for row in rows] for name in ("id", "text")}).write_parquet(target)
    return target


def find_truth(given: Path | None, corpus: Path) -> Path:
    """The file of true pairs that was given, or the one beside the corpus."""
    return given or _find_in(corpus.parent, TRUTHS, "--truth")


def find_planted(given: Path | None, corpus: Path) -> Path | None:
    """The file of planted documents that was given, or the one beside the corpus, if any."""
    return given or next((corpus.parent / name for name in PLANTED if (corpus.parent / name).is_file()), None)


def read_arrow(path: str) -> Iterator[dict[str, Any]]:
    """Columns id and text in batches, as Arrow arrays where the file is Parquet."""
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=["id", "text"]):
            yield {name: batch.column(name) for name in ("id", "text")}
        return
    rows = read_rows(Path(path))
    yield {name: [row[name] for row in rows] for name in ("id", "text")}


def read_lists(path: str) -> Iterator[dict[str, list[str]]]:
    """The same as lists of strings, which the peers take."""
    for batch in read_arrow(path):
        yield {
            name: values if isinstance(values, list) else values.to_pylist() for name, values in batch.items()
        }


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a file of JSON lines."""
    data = path.read_bytes()
    return [
        json.loads(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
    ]


def read_truth(path: str) -> dict[Edge, float]:
    """Jaccard similarity by pair, the lesser id first."""
    return {
        pair(row["a"], row["b"]): row["intersection"] / row["union"] if "union" in row else row["jaccard"]
        for row in read_rows(Path(path))
    }


def read_planted(path: str | None) -> list[tuple[str, str, str]]:
    """(kind, id, id of what it was made of) of every planted document."""
    found = []
    for row in [] if path is None else read_rows(Path(path)):
        kind = f"{row['kind']} {row['param']}" if row.get("param") else row["kind"]
        source = row["source_ids"][0] if "source_ids" in row else row["base"]
        if source is not None:
            found.append((kind, row["id"], source))
    return found


def pair(a: str, b: str) -> Edge:
    """Two ids, the lesser first."""
    return (a, b) if a < b else (b, a)


def _find_in(folder: Path, names: tuple[str, ...], option: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise SystemExit(f"{option}: nothing was given, and {folder} has none of {', '.join(names)}")
