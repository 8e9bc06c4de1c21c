"""Other libraries that find near duplicates, each run over a file of documents: what it joins and what it keeps.

All compare word 5-grams by 112 MinHash functions in 14 bands of 8 rows and join what shares a band, without counting
the similarity. They are imported where they are used, in the environment of the peers.
"""

from __future__ import annotations

import json
import pickle
import re
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.dedup_files import Edge, read_lists, read_rows
from bench.dedup_scores import THRESHOLD, Groups
from bench.harness import Stopwatch

BANDS, ROWS, NGRAM = 14, 8, 5


@dataclass(frozen=True)
class Found:
    """What an engine did with a file of documents."""

    ids: list[str]  # all documents, in order
    kept: set[str]
    edges: list[Edge]  # (later document, one that it is joined with)
    keeps_first: bool  # of what it joins; else another member may stay
    direct: bool  # every edge is a pair that shares a band; else a link of a cluster, which may be a chain
    complete: bool  # every pair that shares a band is an edge
    times: dict[str, float]


def rensa(corpus: str) -> Found:
    """RMinHash over word 5-grams made in Python; clusters by union-find, of which the first document stays."""
    from rensa import RMinHash, RMinHashLSH

    word = re.compile(r"\w+")
    with Stopwatch() as watch:
        # The bands are given, so the threshold decides nothing.
        index = RMinHashLSH(threshold=THRESHOLD, num_perm=BANDS * ROWS, num_bands=BANDS)
        ids: list[str] = []
        edges: list[Edge] = []
        groups = Groups()
        for batch in read_lists(corpus):
            for name, text in zip(batch["id"], batch["text"], strict=True):
                words = word.findall(text.lower())
                signature = RMinHash(num_perm=BANDS * ROWS, seed=42)
                signature.update(
                    [" ".join(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))]
                )
                for other in index.query(signature):
                    edges.append((name, ids[other]))
                    groups.join(name, ids[other])
                index.insert(len(ids), signature)
                ids.append(name)
        kept = groups.first_of_each(ids)
    return Found(ids, kept, edges, keeps_first=True, direct=True, complete=True, times=watch.times)


def datatrove(corpus: str) -> Found:
    """Its four stages with FineWeb's parameters, one task; English words by spaCy. Of a cluster its root stays."""
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
        hash_config=HashConfig(precision=64), n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS
    )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        ids = _write_lines(corpus, source / "corpus.jsonl")
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
                tasks = BANDS if number == 1 else 1
                LocalPipelineExecutor(
                    pipeline=stage, tasks=tasks, workers=1, logging_dir=f"{folder}/logs{number}"
                ).run()
        kept = {row["id"] for file in Path(folder, "kept").glob("*.jsonl") for row in read_rows(file)}
        # Of k equal bands it names the k - 1 neighbours by order, as (file, row, file, row).
        edges = {
            (ids[max(a, b)], ids[min(a, b)])
            for file in Path(folder, "2").glob("*.dups")
            for _, a, _, b in struct.iter_unpack("<4I", file.read_bytes())
        }
    return Found(ids, kept, sorted(edges), keeps_first=False, direct=True, complete=False, times=watch.times)


def text_dedup(corpus: str) -> Found:
    """Its MinHash command in one process. Texts of fewer than five words are left out, and count as dropped."""
    import datasets
    from text_dedup.minhash import main

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "corpus.jsonl"
        ids = _write_lines(corpus, lines)
        arguments = {
            "path": "json", "data_files": lines, "split": "train", "cache_dir": f"{folder}/cache",
            "output": f"{folder}/kept", "column": "text", "ngram": NGRAM, "num_perm": BANDS * ROWS, "b": BANDS,
            "r": ROWS, "hash_func": "xxh3", "num_proc": 1,
        }  # fmt: skip
        given = [f"--{name}={value}" for name, value in arguments.items()]
        with Stopwatch() as watch:
            main([*given, "--debug"], standalone_mode=False)
        kept = set(datasets.load_from_disk(f"{folder}/kept")["id"])
        with Path(folder, "kept", "uf.pkl").open("rb") as file:
            groups = pickle.load(file)
        links = [(i, groups.find(i)) for i in list(groups.parent)]
    edges = [(ids[max(a, b)], ids[min(a, b)]) for a, b in links if a != b]
    return Found(ids, kept, sorted(edges), keeps_first=False, direct=False, complete=False, times=watch.times)


ENGINES: dict[str, Callable[[str], Found]] = {
    "rensa": rensa,
    "datatrove": datatrove,
    "text_dedup": text_dedup,
}


def _write_lines(corpus: str, path: Path) -> list[str]:
    """The documents as the file of JSON lines that an engine reads; returns their ids."""
    ids: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        for batch in read_lists(corpus):
            for name, text in zip(batch["id"], batch["text"], strict=True):
                file.write(json.dumps({"id": name, "text": text}) + "\n")
                ids.append(name)
    return ids
