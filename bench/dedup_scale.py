"""Deduplication far beyond memory: many documents' generated bands, shard by shard, with planted pairs.

  python -m bench.dedup_scale [--documents 200000,2000000] [--shard-documents 1000000] [--folder DIR] [--json FILE]

No texts: the signatures of each shard are made from a counter, 14 bands a document (so 20 million documents have 280
million rows of bands), and one document in a hundred takes over some of the bands of one that came before it, in any
shard. Then the steps of the graph run on a real store: each shard is found the duplicates of, with the index of those
before it, and merged into the index; similarities are not counted, as there are no texts. In the end all clusters are
formed from all shards at once, as for the rules that choose the best of a cluster.

Figures of each case:
  found           share of the planted documents that are dropped for the very document whose bands they have
  wrong           documents that are dropped although nothing was planted
  clustered       share of the planted documents that are in a cluster with that document
  rows            of bands
  disk_gb         the whole store at the end, signatures and documents included
  seconds_...     wall time of making the input, and of each step
The growth of wall time (without making the input) and of CPU time is printed as a power of the number of documents.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bench.dedup_store import add_shard, no_tools, publish, recipe_of
from bench.harness import Case, Measured, Stopwatch, main, timed

if TYPE_CHECKING:
    import polars as pl

    from gristmill.store import Shard, Store

BANDS = 14
PLANTED_EACH = 100  # one document of so many has bands of another
OPTIONS = f"{{signatures: {{bands: {BANDS}, rows: 8}}, duplicates: {{verify: false, rule: longest}}}}"


def cases(given: argparse.Namespace) -> list[Case]:
    """One case per number of documents."""
    shared = {"shard_documents": given.shard_documents, "folder": given.folder}
    return [
        Case(f"{int(count):,} documents", "bench.dedup_scale:job", {"documents": int(count), **shared})
        for count in given.documents.split(",")
    ]


def job(documents: int, shard_documents: int, folder: str | None) -> dict[str, float]:
    """All shards one after the other, then all clusters."""
    import polars as pl

    from assets import clusters, dedup
    from assets.step import build
    from gristmill.documents import DROP
    from gristmill.store import Store

    seconds: dict[str, float] = {}
    recipe, tools = recipe_of(OPTIONS), no_tools()
    steps = {step.name: step for step in dedup.steps(recipe, "filtered")}
    found: Counter[str] = Counter()
    pairs: list[pl.DataFrame] = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch, Stopwatch() as watch:
        store = Store.open(Path(scratch))
        for first in range(0, documents, shard_documents):
            with timed(seconds, "input", time.perf_counter):
                shard, planted = _make_shard(store, first, min(shard_documents, documents - first))
            with timed(seconds, "duplicates", time.perf_counter):
                done = build(steps["duplicates"], recipe, store, shard, tools)
            with timed(seconds, "index", time.perf_counter):
                build(steps["signature_index"], recipe, store, shard, tools)
            dropped = store.scan(done.manifest, "duplicates").filter(pl.col("action") == DROP).collect()
            hits = dropped.join(planted, on=["id", "other_id"], how="semi").height
            found.update(found=hits, wrong=dropped.height - hits, planted=planted.height)
            pairs.append(planted)
        with timed(seconds, "clusters", time.perf_counter):
            whole = build(steps[clusters.NAME], recipe, store, None, tools)
        members = store.scan(whole.manifest, "members").select("id", "cluster").collect()
        joined = (
            pl.concat(pairs)
            .join(members, on="id")
            .join(members.rename({"id": "other_id", "cluster": "other"}), on="other_id")
        )
        size = sum(file.stat().st_size for file in Path(scratch).rglob("*") if file.is_file())
    return {
        **watch.times,
        "found": found["found"] / found["planted"],
        "wrong": float(found["wrong"]),
        "clustered": joined.filter(pl.col("cluster") == pl.col("other")).height / found["planted"],
        "rows": float(documents * BANDS),
        "disk_gb": size / 1e9,
        **{f"seconds_{name}": value for name, value in seconds.items()},
    }


# -- input ------------------------------------------------------------------------------------------------------


def _make_shard(store: Store, first: int, count: int) -> tuple[Shard, pl.DataFrame]:
    """Register a shard of documents numbered from `first`, with signatures; returns its planted pairs."""
    import polars as pl

    from gristmill.dedup import SIGNATURES

    numbers = np.arange(first, first + count, dtype=np.uint64)
    bands = _bands(numbers)
    chosen = _choose(numbers)
    sources = _sources(numbers[chosen])
    # 1 to 14 bands are those of the source.
    shared = _mix(numbers[chosen] * np.uint64(31))[:, None] % np.uint64(BANDS) >= np.arange(
        BANDS, dtype=np.uint64
    )
    bands[chosen] = np.where(shared, _bands(sources), bands[chosen])
    lists = pl.Series(bands).cast(pl.List(pl.UInt64))
    ids = pl.Series(numbers).cast(pl.String).str.zfill(32)
    signatures = pl.DataFrame(
        {
            "id": ids,
            "row": np.arange(count),
            "n_words": pl.repeat(5, count, eager=True),
            "n_shingles": pl.repeat(1, count, eager=True),
            "exact_hi": _mix(numbers + np.uint64(1 << 60)),
            "exact_lo": numbers,
            "mostly_unspaced": pl.repeat(False, count, eager=True),
            "bands": lists,
            "shingles": pl.Series(bands[:, :1]).cast(pl.List(pl.UInt64)),
        }
    ).select(pl.col(name).cast(dtype) for name, dtype in SIGNATURES.items())
    shard = add_shard(store, str(first), ids, ids)
    publish(store, "signatures", "signatures", shard, signatures)
    pairs = {
        "id": ids.gather(np.flatnonzero(chosen)),
        "other_id": pl.Series(sources).cast(pl.String).str.zfill(32),
    }
    return shard, pl.DataFrame(pairs)


def _choose(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """The planted documents."""
    chosen: npt.NDArray[np.bool_] = numbers % np.uint64(PLANTED_EACH) == PLANTED_EACH - 1
    return chosen


def _sources(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Of each planted document another one before it that is not planted."""
    source = _mix(numbers) % numbers
    return np.where(_choose(source), source - np.uint64(1), source)


def _bands(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A document's own bands, uint64[documents, BANDS]."""
    return _mix(numbers[:, None] * np.uint64(BANDS) + np.arange(BANDS, dtype=np.uint64) + np.uint64(1 << 50))


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64 of a counter (Steele, Lea, Flood, OOPSLA 2014): a permutation, so no two bands are equal by chance."""
    z = values * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


# -- command line -----------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--documents", default="200000,2000000", help="numbers of documents, by commas")
    parser.add_argument("--shard-documents", type=int, default=1_000_000, help="documents of a shard")
    parser.add_argument("--folder", help="where the store may take its space (default: the system's)")


def exponents(small: Measured, large: Measured) -> tuple[float, float]:
    """Growth of wall time, without making the input, and of CPU time, as powers of the number of documents."""

    def power(seconds: Callable[[Measured], float]) -> float:
        return math.log(seconds(large) / seconds(small)) / math.log(
            large.median("rows") / small.median("rows")
        )

    return (
        power(lambda one: one.median("wall_seconds") - one.median("seconds_input")),
        power(lambda one: one.median("cpu_seconds")),
    )


def main_with_exponent(argv: list[str] | None = None) -> list[Measured]:
    """Measure, and print the growth from the first case to the last."""
    measured = main(__doc__, cases, argv, add_options=add_options)
    if len(measured) > 1:
        wall, cpu = exponents(measured[0], measured[-1])
        print(f"exponent of growth: wall {wall:.3f}, CPU {cpu:.3f}")
    return measured


if __name__ == "__main__":
    main_with_exponent()
