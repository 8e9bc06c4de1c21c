"""Decontamination: recall and false alarms on documents with planted items, and MB/s beside a bare n-gram hash.

  python -m bench.contamination --documents DOCS.jsonl.gz --truth TRUTH.jsonl --items ITEMS.jsonl.gz [--json FILE]

documents: rows {id, text}. truth: rows {doc_id, kind, must: yes | no | either, spans, item_id}. items: a benchmark
file, or a folder of them. Recall is over the documents that must be found, by the right item; a false alarm is one
that must not be found.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from bench.harness import Case, Measured, Stopwatch, main

OURS, BARE = "find items", "words and 3-grams hashed"
REPEATS = 20  # of the documents, for a rate


def cases(given: argparse.Namespace) -> list[Case]:
    """The two sides, or none without paths."""
    if given.documents is None:
        return []
    paths = {name: str(getattr(given, name)) for name in ("documents", "truth", "items")}
    return [
        Case(OURS, "bench.contamination:find", paths),
        Case(BARE, "bench.contamination:hash_only", {"documents": paths["documents"]}),
    ]


def find(documents: str, truth: str, items: str) -> dict[str, float]:
    """Recall by kind, false alarms, how well the places fit, MB per CPU-second."""
    from gristmill.contamination import ContaminationOptions, build_index, find_items, read_benchmark

    texts = _documents(documents)
    index = build_index(
        read_benchmark("items", [Path(items)]),
        ContaminationOptions.model_validate({"benchmarks": {"items": {"path": items}}}),
    )
    found = find_items(texts, index)  # compiles, too
    many = pl.concat([texts] * REPEATS)
    with Stopwatch() as watch:
        find_items(many, index)
    size = many["text"].str.len_bytes().sum() / 1e6
    scores = _score(found, [json.loads(line) for line in Path(truth).read_text("utf-8").splitlines()])
    return {**scores, **watch.times, "mb_per_cpu_second": size / watch.times["cpu_seconds"]}


def hash_only(documents: str) -> dict[str, float]:
    """What no such rule can do without: cut texts into words and hash every 3-gram."""
    from gristmill.contamination._kernels import hash_ngrams
    from gristmill.contamination.words import hash_words

    texts = _documents(documents)["text"]
    hash_ngrams(hash_words(texts).hashes, 3)
    many = pl.concat([texts] * REPEATS)
    with Stopwatch() as watch:
        hash_ngrams(hash_words(many).hashes, 3)
    return {**watch.times, "mb_per_cpu_second": many.str.len_bytes().sum() / 1e6 / watch.times["cpu_seconds"]}


def _documents(path: str) -> pl.DataFrame:
    data = Path(path).read_bytes()
    lines = (gzip.decompress(data) if path.endswith(".gz") else data).splitlines()
    return pl.DataFrame([json.loads(line) for line in lines]).select("id", "text")


def _score(found: pl.DataFrame, truth: list[dict[str, Any]]) -> dict[str, float]:
    named: dict[str, dict[str, set[int]]] = {}
    for row in found.iter_rows(named=True):
        named.setdefault(row["id"], {}).setdefault(row["item"], set()).update(range(row["start"], row["end"]))
    total: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    false: Counter[str] = Counter()
    covered = reported = wanted = 0
    for row in truth:
        got = named.get(row["doc_id"], {})
        if row["must"] == "no":
            false[row["kind"]] += bool(got)
            continue
        kind = f"{row['kind']} ({row['must']})"
        total[kind] += 1
        place = got.get(row["item_id"])
        if place is not None:
            hits[kind] += 1
            planted = {i for first, last in row["spans"] for i in range(first, last)}
            covered, reported, wanted = (
                covered + len(place & planted),
                reported + len(place),
                wanted + len(planted),
            )
    must = [kind for kind in total if kind.endswith("(yes)")]
    return {
        "recall": sum(hits[kind] for kind in must) / max(1, sum(total[kind] for kind in must)),
        "false_alarms": float(sum(false.values())),
        "must_not": float(sum(row["must"] == "no" for row in truth)),
        "span_recall": covered / max(1, wanted),
        "span_precision": covered / max(1, reported),
        **{f"recall of {kind}": hits[kind] / total[kind] for kind in sorted(total)},
        **{f"false alarms of {kind}": float(count) for kind, count in sorted(false.items())},
    }


def _options(parser: argparse.ArgumentParser) -> None:
    for name in ("documents", "truth", "items"):
        parser.add_argument(f"--{name}", type=Path, metavar="PATH", help="see the top of this file")


def _tell(measured: list[Measured]) -> None:
    for one in measured:
        if one.case.name == OURS and one.runs:
            for name, value in one.runs[0].figures.items():
                print(f"  {name:34} {value:.3f}")


if __name__ == "__main__":
    _tell(main(__doc__, cases, add_options=_options))
