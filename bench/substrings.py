"""Passages that repeat word for word in a corpus: ours by shards on disk, beside a suffix array in memory.

    python -m bench.substrings --corpus FILE [--shards 4] [--min-length 100] [--peers pydivsufsort] [--json FILE]

FILE is Parquet with a column `text`. Both must find the same: the bench fails where `ranges` or `repeated_bytes`
differ. Ours takes the documents in shards through all five steps, tables lie in a folder of their own; the suffix array
is taken over all texts at once. The clock runs from the texts to the ranges, for ours to the texts without them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, main, timed

PEERS = ["pydivsufsort==0.0.20", "pyarrow>=17"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, help="Parquet with a column `text`")
    parser.add_argument("--shards", type=int, default=4, help="shards that ours cuts it into (default: 4)")
    parser.add_argument("--min-length", type=int, default=100, help="bytes of a passage (default: 100)")


def cases(options: argparse.Namespace) -> list[Case]:
    if options.corpus is None:
        return []
    given: dict[str, Any] = {"corpus": str(options.corpus.resolve()), "length": options.min_length}
    return [
        Case("gristmill", "bench.substrings:ours", {**given, "shards": options.shards}),
        Case("pydivsufsort", "bench.substrings:suffix_array", given, peer="pydivsufsort"),
    ]


def ours(corpus: str, length: int, shards: int) -> dict[str, float]:
    """All five steps; figures by step are CPU seconds."""
    import polars as pl

    from gristmill.dedup import (
        COUNTED_STRETCHES,
        COUNTED_WINDOWS,
        SubstringOptions,
        count_stretches,
        count_windows,
        hash_stretches,
        hash_windows,
        merge_stretches,
        merge_windows,
        remove_substrings,
    )
    from gristmill.documents import empty

    options = SubstringOptions(min_length=length, keep="none")
    texts = pl.read_parquet(corpus, columns=["text"]).with_row_index("id").cast(pl.String)
    size = -(-texts.height // shards)
    parts = [texts.slice(first, size) for first in range(0, texts.height, size)]
    _compile(parts[0].head(1), options)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with timed(seconds, "hash_stretches"):
            for number, part in enumerate(parts):
                merge_stretches([hash_stretches(part, options=options)]).write_parquet(folder / f"s{number}")
        with timed(seconds, "count_stretches"):
            tables = [pl.scan_parquet(folder / f"s{number}") for number in range(len(parts))]
            repeated = list(count_stretches(tables, options=options))
            whole, some = (
                pl.concat([empty(COUNTED_STRETCHES), *(one[kind] for one in repeated)]) for kind in (0, 1)
            )
        with timed(seconds, "hash_windows"):
            for number, part in enumerate(parts):
                candidates = some.filter(pl.col("sequence") == number)
                hashed = merge_windows([hash_windows(part, candidates, options=options)])
                hashed.write_parquet(folder / f"w{number}")
        with timed(seconds, "count_windows"):
            tables = [pl.scan_parquet(folder / f"w{number}") for number in range(len(parts))]
            windows = pl.concat([empty(COUNTED_WINDOWS), *count_windows(tables, options=options)])
            counted = ((whole, "key"), (windows, "hash"))
        found = []
        with timed(seconds, "remove_substrings"):
            for number, part in enumerate(parts):
                keys = pl.read_parquet(folder / f"s{number}", columns=["key"]).unique()
                mine = [table.join(keys, on="key", how="semi").sort(by) for table, by in counted]
                found.append(remove_substrings(part, *mine, options=options, sequence=number).ranges)
        disk = sum(path.stat().st_size for path in folder.iterdir())
    by_id = dict(texts.iter_rows())
    ranges = pl.concat(found).select("id", "start", "end").rows()
    megabytes = float(texts["text"].str.len_bytes().sum()) / 1e6
    return {
        "mb": megabytes,
        "mb_per_cpu_second": megabytes / sum(seconds.values()),
        **seconds,
        "mb_on_disk": disk / 1e6,
        "ranges": len(ranges),
        "repeated_bytes": sum(len(by_id[key][start:end].encode()) for key, start, end in ranges),
    }


def _compile(documents: Any, options: Any) -> None:
    """Load the compiled loops, which is done once per process."""
    import polars as pl

    from gristmill.dedup import (
        COUNTED_STRETCHES,
        COUNTED_WINDOWS,
        hash_stretches,
        hash_windows,
        remove_substrings,
    )
    from gristmill.documents import empty

    found = hash_stretches(documents, options=options)
    hash_windows(documents, found, options=options)
    whole = found.with_columns(sequence=pl.lit(0, pl.UInt32)).sort("key").select(*COUNTED_STRETCHES)
    remove_substrings(documents, whole, empty(COUNTED_WINDOWS), options=options, sequence=0)


def suffix_array(corpus: str, length: int) -> dict[str, float]:
    """Positions whose suffix shares `length` bytes with a neighbour in a suffix array over all texts."""
    import numpy as np
    import pyarrow.parquet as pq
    from pydivsufsort import divsufsort, kasai  # type: ignore[import-not-found, unused-ignore]

    texts = [text.encode() for text in pq.read_table(corpus, columns=["text"])["text"].to_pylist()]
    started = time.process_time()
    data = np.frombuffer(b"\xff".join(texts), np.uint8).copy()  # a byte that UTF-8 does not have
    suffixes = divsufsort(data)
    common = kasai(data, suffixes)  # with the next suffix
    repeats = common >= length
    repeats[1:] |= repeats[:-1].copy()
    starts = np.sort(suffixes[repeats])
    # A window over the end of a document does not count.
    separators = np.concatenate([[0], np.cumsum(data == 0xFF)])
    starts = starts[starts + length <= len(data)]
    starts = starts[separators[starts + length] == separators[starts]].astype(np.int64)
    first = np.ones(len(starts), bool)
    first[1:] = starts[1:] > starts[:-1] + length
    begins, ends = starts[first], starts[np.append(first[1:], True)] + length
    # Shrink to whole characters, as ours does.
    inside = (data & 0xC0) == 0x80
    for _ in range(3):
        begins = begins + inside[begins]
        ends = ends - inside[np.minimum(ends, len(data) - 1)]
    seconds = time.process_time() - started
    return {
        "mb": sum(map(len, texts)) / 1e6,
        "mb_per_cpu_second": sum(map(len, texts)) / 1e6 / seconds,
        "ranges": int((begins < ends).sum()),
        "repeated_bytes": int((ends - begins).sum()),
    }


def check(measured: Sequence[Measured]) -> str | None:
    """What the cases do not agree on."""
    ran = [one for one in measured if one.runs]
    for name in ("ranges", "repeated_bytes"):
        values = {one.case.name: one.median(name) for one in ran}
        if len(set(values.values())) > 1:
            return f"substrings: {name} differ: {values}"
    return None


if __name__ == "__main__":
    if different := check(main(__doc__, cases, add_options=add_options)):
        sys.exit(different)
