"""Deduplication against an exact truth: speed of the whole job, precision, recall, survivors, beside other libraries.

  python -m bench.dedup --corpus FILE_OR_FOLDER --truth FILE [--planted FILE] [--peers rensa,datatrove]
                        [--json FILE]

corpus: rows {id, text} as .parquet, .jsonl or .jsonl.gz; of a folder, corpus.parquet or docs.jsonl.gz is taken.
truth: rows {a, b, jaccard}, every pair from some Jaccard similarity on; where `intersection` and `union` are given,
they count. planted: rows {id, source_ids, kind, param}, planted.jsonl beside the corpus if it is there.
Words of the truth: runs of letters, digits and underscores of the composed, lower-cased text; shingles of five.

The time runs from the file to the list of the ids that are kept. Figures of each case:
  precision       share of the reported edges (dropped document, its twin) whose true similarity reaches the threshold
  dropped near    share of the dropped documents with any true neighbour at the threshold
  recall          share of the true pairs at the threshold whose later document is dropped
  clustered       share of the same pairs that the reported edges join, chains counted; rule `earliest` names one twin
                  of a document, so two copies with different twins are not joined, but dropped both
  lost groups     groups of the reported edges, and of the true pairs, of which no document is kept
  compared        share of the same pairs that have a band in common; `compared at J` of the true pairs in that bin,
                  and `expected at J` by theory
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, Stopwatch, main

PEERS = ["datatrove[processing]==0.10.1", "orjson>=3", "pyarrow>=18", "rensa==0.5.0", "spacy>=3.7"]

THRESHOLD = 0.8
OURS, OURS_DEFAULT = "gristmill, words of the truth", "gristmill, default words"
TRUTH_WORDS = {"words": "alphanumeric", "normalise": {"numbers": False, "diacritics": False}}
BINS = 0.05  # width of a bin of true Jaccard
BATCH_ROWS = 1000

Edge = tuple[str, str]  # (dropped document, its twin)


def cases(given: argparse.Namespace) -> list[Case]:
    """Ours twice, and the peers; none without paths."""
    if given.corpus is None or given.truth is None:
        return []
    corpus = _find_corpus(given.corpus)
    planted = given.planted or corpus.parent / "planted.jsonl"
    paths = {
        "corpus": str(corpus.resolve()),
        "truth": str(given.truth.resolve()),
        "planted": str(planted.resolve()) if planted.exists() else None,
    }
    return [
        Case(OURS, "bench.dedup:ours", {**paths, "signatures": TRUTH_WORDS}),
        Case(OURS_DEFAULT, "bench.dedup:ours", {**paths, "signatures": {}}),
        Case("rensa, 14 x 8", "bench.dedup:rensa", paths, peer="rensa"),
        Case("datatrove, 14 x 8", "bench.dedup:datatrove", paths, peer="datatrove"),
    ]


# -- cases ------------------------------------------------------------------------------------------------------


def ours(corpus: str, truth: str, planted: str | None, signatures: dict[str, Any]) -> dict[str, float]:
    """The job as the stages do it, one shard."""
    import polars as pl

    from gristmill.dedup import DuplicateOptions, SignatureOptions, compute_signatures, find_duplicates
    from gristmill.documents import DROP, KEEP

    options = SignatureOptions.model_validate(signatures)
    decide = DuplicateOptions(threshold=THRESHOLD)

    def work(batches: Iterable[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
        parts: list[pl.DataFrame] = []
        rows = 0
        for batch in batches:
            parts.append(compute_signatures(pl.DataFrame(batch), options=options, first_row=rows))
            rows += parts[-1].height
        signed = pl.concat(parts)
        return signed, find_duplicates(signed, shard="corpus", options=decide)

    work([{"id": ["a", "b"], "text": ["one two three four five six"] * 2}])  # compiles
    with Stopwatch() as watch:
        signed, found = work(_read_arrow(corpus))
        kept = found.filter(pl.col("action") == KEEP)["id"].to_list()
    dropped = found.filter(pl.col("action") == DROP)
    pairs = _read_truth(truth)
    edges = [(str(a), str(b)) for a, b in dropped.select("id", "other_id").iter_rows()]
    bands = dict(zip(signed["id"], map(frozenset, signed["bands"].to_list()), strict=True))
    return {
        **watch.times,
        **_speed(corpus, watch),
        **score(signed["id"].to_list(), set(kept), edges, pairs, _read_planted(planted)),
        **_compared(pairs, bands, options.bands, options.rows),
    }


def rensa(corpus: str, truth: str, planted: str | None) -> dict[str, float]:
    """RMinHash with 112 functions in 14 bands over word 5-grams made in Python; clusters by union-find."""
    import re

    from rensa import RMinHash, RMinHashLSH

    word = re.compile(r"\w+")
    with Stopwatch() as watch:
        index = RMinHashLSH(threshold=THRESHOLD, num_perm=112, num_bands=14)
        ids: list[str] = []
        edges: list[Edge] = []
        groups = _Groups()
        for batch in _read_lists(corpus):
            for name, text in zip(batch["id"], batch["text"], strict=True):
                words = word.findall(text.lower())
                signature = RMinHash(num_perm=112, seed=42)
                signature.update([" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))])
                for other in index.query(signature):
                    edges.append((name, ids[other]))
                    groups.join(name, ids[other])
                index.insert(len(ids), signature)
                ids.append(name)
        kept = groups.first_of_each(ids)
    scores = score(ids, kept, edges, _read_truth(truth), _read_planted(planted))
    return {**watch.times, **_speed(corpus, watch), **scores}


def datatrove(corpus: str, truth: str, planted: str | None) -> dict[str, float]:
    """Its four stages with FineWeb's parameters, one task; English words by spaCy."""
    import tempfile

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(
        hash_config=HashConfig(precision=64), n_grams=5, num_buckets=14, hashes_per_bucket=8
    )
    ids = [name for batch in _read_lists(corpus) for name in batch["id"]]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        with (source / "corpus.jsonl").open("w", encoding="utf-8") as file:  # it reads no other form here
            for batch in _read_lists(corpus):
                for name, text in zip(batch["id"], batch["text"], strict=True):
                    file.write(json.dumps({"id": name, "text": text}) + "\n")
        stages = [
            [JsonlReader(str(source)), MinhashDedupSignature(f"{folder}/1", config=config, language="en")],
            [MinhashDedupBuckets(f"{folder}/1", f"{folder}/2", config=config)],
            [MinhashDedupCluster(f"{folder}/2", f"{folder}/3", config=config)],
            [
                JsonlReader(str(source)),
                MinhashDedupFilter(f"{folder}/3"),
                JsonlWriter(f"{folder}/kept", "${rank}.jsonl", compression=None),
            ],
        ]
        with Stopwatch() as watch:
            for number, stage in enumerate(stages):
                tasks = 14 if number == 1 else 1
                LocalPipelineExecutor(
                    pipeline=stage, tasks=tasks, workers=1, logging_dir=f"{folder}/logs{number}"
                ).run()
        kept = {row["id"] for file in Path(folder, "kept").glob("*.jsonl") for row in _read_rows(file)}
    # It names no twins: neither edges nor clusters can be judged.
    scores = score(ids, kept, [], _read_truth(truth), _read_planted(planted))
    return {
        **watch.times,
        **_speed(corpus, watch),
        **{name: scores[name] for name in ("dropped", "dropped_near", "recall", "lost_true_groups")},
    }


# -- scores -----------------------------------------------------------------------------------------------------


def score(
    ids: list[str],
    kept: set[str],
    edges: list[Edge],
    truth: dict[Edge, float],
    planted: list[dict[str, Any]],
) -> dict[str, float]:
    """Figures of a keep list and of the edges that led to it; see the top of this file.

    ids: in order. truth: Jaccard by pair, the lesser id first.
    """
    place = {name: i for i, name in enumerate(ids)}
    true = [pair for pair, value in truth.items() if value >= THRESHOLD]
    near = {name for pair in true for name in pair}
    dropped = [name for name in ids if name not in kept]
    groups, true_groups = _Groups(), _Groups()
    for a, b in edges:
        groups.join(a, b)
    for a, b in true:
        true_groups.join(a, b)

    def later_is_dropped(pair: Edge) -> bool:
        return max(pair, key=place.__getitem__) not in kept

    figures = {
        "dropped": float(len(dropped)),
        "precision": _share(truth.get(_pair(*edge), 0.0) >= THRESHOLD for edge in edges),
        "dropped_near": _share(name in near for name in dropped),
        "recall": _share(map(later_is_dropped, true)),
        "clustered": _share(groups.find(a) == groups.find(b) for a, b in true),
        "recall_of_equal": _share(later_is_dropped(pair) for pair, value in truth.items() if value == 1),
        "lost_groups": float(groups.count_without(kept)),
        "lost_true_groups": float(true_groups.count_without(kept)),
    }
    by_bin: dict[float, list[bool]] = defaultdict(list)
    for pair, value in truth.items():
        by_bin[_bin(value)].append(later_is_dropped(pair))
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for row in planted:
        kind = f"{row['kind']} {row['param']}" if row.get("param") else row["kind"]
        by_kind[kind].append(later_is_dropped((row["id"], row["source_ids"][0])))
    figures |= {f"recall at {value:.2f}": _share(hits) for value, hits in sorted(by_bin.items())}
    return figures | {f"dropped of {kind}": _share(hits) for kind, hits in sorted(by_kind.items())}


def _compared(
    truth: dict[Edge, float], bands: dict[str, frozenset[int]], count: int, rows: int
) -> dict[str, float]:
    """The S-curve: share of the true pairs with a band in common, and by theory."""
    from gristmill.dedup import collision_probability

    hits: dict[float, list[bool]] = defaultdict(list)
    chances: dict[float, list[float]] = defaultdict(list)
    for (a, b), value in truth.items():
        hits[_bin(value)].append(not bands[a].isdisjoint(bands[b]))
        chances[_bin(value)].append(collision_probability(value, bands=count, rows=rows))
    figures = {"compared": _share(hit for value in hits for hit in hits[value] if value >= THRESHOLD)}
    for value in sorted(hits):
        figures[f"compared at {value:.2f}"] = _share(hits[value])
        figures[f"expected at {value:.2f}"] = sum(chances[value]) / len(chances[value])
    return figures


def _bin(value: float) -> float:
    """Lower edge of the bin; equal texts are in one of their own."""
    return round(int(value / BINS + 1e-9) * BINS, 2)


def _share(hits: Iterable[bool]) -> float:
    """Share of the true ones; 1 of none, as nothing was missed."""
    found = list(hits)
    return sum(found) / len(found) if found else 1.0


class _Groups:
    """Union-find."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        while self._parent.get(name, name) != name:
            self._parent[name] = self._parent.get(self._parent[name], self._parent[name])
            name = self._parent[name]
        return name

    def join(self, a: str, b: str) -> None:
        self._parent.setdefault(a, a)
        self._parent.setdefault(b, b)
        self._parent[self.find(a)] = self.find(b)

    def first_of_each(self, names: list[str]) -> set[str]:
        """The first of every group, and what is in none."""
        seen: dict[str, str] = {}
        for name in names:
            seen.setdefault(self.find(name), name)
        return set(seen.values())

    def count_without(self, kept: set[str]) -> int:
        alive = {self.find(name) for name in self._parent if name in kept}
        return len({self.find(name) for name in self._parent} - alive)


# -- files ------------------------------------------------------------------------------------------------------


def _find_corpus(path: Path) -> Path:
    if path.is_file():
        return path
    for name in ("corpus.parquet", "docs.jsonl.gz", "corpus.jsonl"):
        if (path / name).is_file():
            return path / name
    raise SystemExit(f"--corpus {path}: neither a file nor a folder with corpus.parquet or docs.jsonl.gz")


def _read_arrow(path: str) -> Iterator[dict[str, Any]]:
    """Columns id and text in batches, as Arrow arrays where the file is Parquet."""
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=["id", "text"]):
            yield {name: batch.column(name) for name in ("id", "text")}
        return
    rows = _read_rows(Path(path))
    yield {name: [row[name] for row in rows] for name in ("id", "text")}


def _read_lists(path: str) -> Iterator[dict[str, list[str]]]:
    """The same as lists of strings, which the peers take."""
    for batch in _read_arrow(path):
        yield {
            name: values if isinstance(values, list) else values.to_pylist() for name, values in batch.items()
        }


def _read_rows(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    return [
        json.loads(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
    ]


def _read_truth(path: str) -> dict[Edge, float]:
    return {
        _pair(row["a"], row["b"]): row["intersection"] / row["union"] if "union" in row else row["jaccard"]
        for row in _read_rows(Path(path))
    }


def _read_planted(path: str | None) -> list[dict[str, Any]]:
    return [] if path is None else _read_rows(Path(path))


def _pair(a: str, b: str) -> Edge:
    return (a, b) if a < b else (b, a)


def _speed(corpus: str, watch: Stopwatch) -> dict[str, float]:
    size = sum(len(text.encode()) for batch in _read_lists(corpus) for text in batch["text"])
    return {"mb": size / 1e6, "mb_per_cpu_second": size / 1e6 / watch.times["cpu_seconds"]}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, metavar="PATH", help="documents, see the top of this file")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="true pairs")
    parser.add_argument("--planted", type=Path, metavar="FILE", help="kinds of the planted documents")


def main_with_figures(argv: list[str] | None = None) -> list[Measured]:
    """Measure, and print the many figures of each case below each other."""
    measured = main(__doc__, cases, argv, add_options=_options)
    for one in measured:
        if one.runs:
            print(f"{one.case.name}:")
            for name in one.runs[0].figures:
                print(f"  {name:26} {one.median(name):.4f}")
    return measured


if __name__ == "__main__":
    main_with_figures()
