"""Web archive to Parquet, all included, beside datatrove; and the reader alone beside FastWARC.

    scripts/bench warc --pages DIR | --warc FILE [--peers datatrove,fastwarc] [--runs N] [--json FILE]

FILE is a WARC file; DIR holds pages (*.html, *.html.gz), of which one is made: one gzip member and one HTTP response a
page. `raw` is what the asset of that name does: the records of a shard as documents and decisions in Parquet. Once
with one file and once with four, whose peak memory must be the same. datatrove reads the same file with its
WarcReader, Trafilatura (as in its FineWeb example; its limit of one second a page raised, which drops pages on a busy
machine) and ParquetWriter. Processor time of child processes counts.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import os
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.harness import ROOT, Case, Measured, Stopwatch, main

PEERS = ("datatrove[io,processing]==0.10.1", "fastwarc>=2.0")

MADE = ROOT / "var" / "bench"
TIMEOUT_SECONDS = 60  # of datatrove's extractor
FILES = 4

RAW, RAW_FILES, DATATROVE = "raw", f"raw, {FILES} files", "datatrove"
READER, FASTWARC = "reader alone", "FastWARC alone"


def raw(warc: str, files: int = 1) -> dict[str, float]:
    """The file, so many times, to Parquet as the asset `raw` does it."""
    from gristmill import documents as data
    from gristmill.ingest import WarcSource, read_shard
    from gristmill.store.registry import Shard, describe_file
    from gristmill.store.tables import TableWriter

    options = WarcSource(kind="warc", inputs=("x",))
    shard = Shard(1, "web-0001", "web", tuple(describe_file(Path(warc), str(n)) for n in range(files)))
    list(
        read_shard(Shard(1, "web-0001", "web", (describe_file(_small(), "x"),)), options)
    )  # loads everything
    with tempfile.TemporaryDirectory() as folder, Stopwatch() as watch:
        kept = TableWriter(Path(folder, "documents.parquet"), data.DOCUMENTS)
        decided = TableWriter(Path(folder, "decisions.parquet"), data.DECISIONS)
        for documents, decisions in read_shard(shard, options):
            kept.append(documents)
            decided.append(decisions)
        kept.close()
        decided.close()
    return _figures(watch, decided.rows, kept.rows)


def datatrove(warc: str) -> dict[str, float]:
    """The file to Parquet with datatrove; run in the peers' environment."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import ParquetWriter

    path = Path(warc)
    counted: list[int] = []

    def count(documents: Any, rank: int = 0, world_size: int = 1) -> Any:
        for document in documents:
            counted.append(1)
            yield document

    with tempfile.TemporaryDirectory() as folder, Stopwatch() as watch:
        LocalPipelineExecutor(
            pipeline=[
                WarcReader(str(path.parent), glob_pattern=path.name),
                count,
                Trafilatura(favour_precision=True, timeout=TIMEOUT_SECONDS),
                ParquetWriter(f"{folder}/out"),
            ],
            logging_dir=f"{folder}/logs",
        ).run()
        kept = _rows(Path(folder))
    return _figures(watch, len(counted), kept)


def reader(warc: str) -> dict[str, float]:
    """Framing alone: every record's headers and block."""
    from gristmill.ingest.web.framing import read_warc_records
    from gristmill.inputs import InputFile

    limits = {"max_bytes": 20_000_000, "max_expansion": 500}
    small = InputFile.at(_small())
    list(read_warc_records(small, **limits))
    with Stopwatch() as watch:
        sizes = [len(one.block or b"") for one in read_warc_records(InputFile.at(Path(warc)), **limits)]
    return _figures(watch, len(sizes), None, sum(sizes))


def fastwarc(warc: str) -> dict[str, float]:
    """The same with FastWARC; run in the peers' environment."""
    from fastwarc.warc import ArchiveIterator

    with Path(warc).open("rb") as stream, Stopwatch() as watch:
        sizes = [len(one.reader.read()) for one in ArchiveIterator(stream, parse_http=False)]
    return _figures(watch, len(sizes), None, sum(sizes))


def make_warc(pages: Path, path: Path) -> Path:
    """A WARC file of a folder of pages, one gzip member each, in the order of their names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        for page in sorted((*pages.glob("*.html"), *pages.glob("*.html.gz"))):
            html = gzip.decompress(page.read_bytes()) if page.suffix == ".gz" else page.read_bytes()
            out.write(gzip.compress(_record(f"https://example.org/{page.name}", html), 6, mtime=0))
    return path


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to read."""
    parser.add_argument("--warc", type=Path, metavar="FILE", help="a WARC file")
    parser.add_argument("--pages", type=Path, metavar="DIR", help="pages of which a WARC file is made")


def cases(options: argparse.Namespace) -> list[Case]:
    """All of them on one file; none where none is given."""
    if options.pages:
        options.warc = make_warc(options.pages, MADE / "pages.warc.gz")
    if not options.warc:
        return []
    file = {"warc": str(options.warc.resolve())}
    return [
        Case(RAW, "bench.warc:raw", file),
        Case(RAW_FILES, "bench.warc:raw", {**file, "files": FILES}),
        Case(DATATROVE, "bench.warc:datatrove", file, peer="datatrove"),
        Case(READER, "bench.warc:reader", file),
        Case(FASTWARC, "bench.warc:fastwarc", file, peer="fastwarc"),
    ]


def compare(measured: Sequence[Measured]) -> str:
    """The ratios that the bench is for, where both sides were measured."""
    found = {m.case.name: m for m in measured if m.runs}
    said = []
    for ours, theirs, name in (
        (RAW, DATATROVE, "pages_per_cpu_second"),
        (READER, FASTWARC, "mb_per_cpu_second"),
    ):
        if ours in found and theirs in found:
            ratio = found[ours].median(name) / found[theirs].median(name)
            said.append(f"{ours}: {ratio:.2f} times the {name.replace('_', ' ')} of {theirs}.")
    if RAW in found and RAW_FILES in found:
        ratio = found[RAW_FILES].median("peak_bytes") / found[RAW].median("peak_bytes")
        said.append(f"{FILES} files take {ratio:.2f} times the memory of one.")
    return "\n".join(said)


def _figures(watch: Stopwatch, pages: int, kept: int | None, size: int | None = None) -> dict[str, float]:
    seconds = watch.times["cpu_seconds"]
    figures = {**watch.times, "pages": pages, "pages_per_cpu_second": pages / seconds}
    if kept is not None:
        figures["kept"] = kept
    if size is not None:
        figures["mb_per_cpu_second"] = size / seconds / 1e6
    return figures


def _record(uri: str, html: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
    digest = base64.b32encode(hashlib.sha1(html, usedforsecurity=False).digest()).decode()
    head = (
        "WARC/1.0",
        "WARC-Type: response",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, uri)}>",
        f"WARC-Target-URI: {uri}",
        "WARC-Date: 2024-03-01T00:00:00Z",
        f"WARC-Payload-Digest: sha1:{digest}",
        "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(block)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def _small() -> Path:
    """A WARC file of one page, read before the clock starts so that no import or compilation counts."""
    handle, name = tempfile.mkstemp(suffix=".warc.gz")
    page = (
        b"<!DOCTYPE html><html><body><article><p>"
        + b"The mill stands by the river. " * 30
        + b"</article></html>"
    )
    with os.fdopen(handle, "wb") as out:
        out.write(gzip.compress(_record("https://example.org/small", page)))
    return Path(name)


def _rows(folder: Path) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))


if __name__ == "__main__":
    print(compare(main(__doc__, cases, add_options=add_options)))
