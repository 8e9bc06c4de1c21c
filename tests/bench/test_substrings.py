"""How the bench of repeated substrings counts."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench.harness import Case, Measured, Run
from bench.substrings import check, ours

PASSAGE = "Permission is granted to copy this text."


def test_what_repeats_is_counted_in_bytes(tmp_path: Path) -> None:
    texts = [f"é{PASSAGE}à", f"ñ{PASSAGE}ü", "Nothing of it."]
    pl.DataFrame({"text": texts}).write_parquet(tmp_path / "corpus.parquet")
    figures = ours(str(tmp_path / "corpus.parquet"), 20, shards=2)
    assert (figures["ranges"], figures["repeated_bytes"]) == (2, 2 * len(PASSAGE))
    assert figures["mb_per_cpu_second"] > 0


def test_engines_that_find_different_things_are_named() -> None:
    def measured(name: str, ranges: int) -> Measured:
        figures = {"ranges": float(ranges), "repeated_bytes": 7.0}
        return Measured(Case(name, "bench.substrings:ours"), (Run(1, 1, 1, figures),))

    assert check([measured("a", 2), measured("b", 2)]) is None
    assert "ranges differ: {'a': 2.0, 'b': 3.0}" in str(check([measured("a", 2), measured("b", 3)]))
