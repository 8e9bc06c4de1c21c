"""Deduplication against an exact truth: speed of the whole job, precision, recall, survivors, beside other libraries.

  python -m bench.dedup --corpus FILE_OR_FOLDER [--truth FILE] [--planted FILE]
                        [--peers rensa,datatrove,text-dedup] [--json FILE]

corpus: rows {id, text} as .parquet, .jsonl or .jsonl.gz; of a folder, corpus.parquet or docs.jsonl.gz is taken, and
truth_pairs.jsonl or truth.jsonl.gz as truth. truth: rows {a, b, jaccard}, every pair from some Jaccard similarity on;
where `intersection` and `union` are given, they count. planted: rows {id, source_ids, kind, param} or {id, base, kind};
planted.jsonl or made.jsonl.gz beside the corpus if it is there. `python -m bench.make_dedup_corpus` makes a folder.
Words of the truth: runs of letters, digits and underscores of the composed, lower-cased text; shingles of five.

The time runs from Parquet (other files are written so before) to the list of the ids that are kept. Figures of a case:
  precision       share of the reported edges (dropped document, its twin) whose true similarity reaches the threshold
  dropped near    share of the dropped documents with any true neighbour at the threshold
  recall          share of the true pairs at the threshold whose later document is dropped; of a peer that may
                  keep another one than the first: of which any is
  clustered       share of the same pairs that the reported edges join, chains counted; rule `earliest` names one twin
                  of a document, so two copies with different twins are not joined, but dropped both
  lost groups     groups of the reported edges, and of the true pairs, of which no document is kept
  recall of KIND  recall of the pairs of a planted document and its source; `natural`: of those that nobody planted.
                  `dropped of KIND`: of all planted documents, however unlike their source
  compared        share of the same pairs that have a band in common; `compared at J` of the true pairs in that bin,
                  and `expected at J` by theory
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.dedup_engines import ENGINES
from bench.dedup_files import (
    as_parquet,
    find_corpus,
    find_planted,
    find_truth,
    read_arrow,
    read_lists,
    read_planted,
    read_truth,
)
from bench.dedup_scores import THRESHOLD, compared, score
from bench.harness import Case, Stopwatch, main

PEERS = [
    "datatrove[processing]==0.10.1",
    "orjson>=3",
    "pyarrow>=18",
    "rensa==0.5.0",
    "spacy>=3.7",
    "text-dedup==0.4.0",
    "xxhash>=3",
]

OURS, OURS_DEFAULT = "gristmill, words of the truth", "gristmill, default words"
TRUTH_WORDS = {"words": "alphanumeric", "normalise": {"numbers": False, "diacritics": False}}


def cases(given: argparse.Namespace) -> list[Case]:
    """Ours twice, and the peers; none without a corpus."""
    if given.corpus is None:
        return []
    corpus = find_corpus(given.corpus)
    planted = find_planted(given.planted, corpus)
    paths = {
        "corpus": str(as_parquet(corpus)),
        "truth": str(find_truth(given.truth, corpus).resolve()),
        "planted": str(planted.resolve()) if planted else None,
    }
    return [
        Case(OURS, "bench.dedup:ours", {**paths, "signatures": TRUTH_WORDS}),
        Case(OURS_DEFAULT, "bench.dedup:ours", {**paths, "signatures": {}}),
        *(
            Case(
                f"{name.replace('_', '-')}, 14 x 8",
                "bench.dedup:theirs",
                {**paths, "engine": name},
                peer=name,
            )
            for name in ENGINES
        ),
    ]


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

    # Loads compiled code, and whatever libraries load when they are used first; é is in a form that has to be composed.
    work(
        [
            {
                "id": ["a", "b"],
                "text": ["one two three four five six", "one two three four fiv\u0065\u0301 six"],
            }
        ]
        * 2
    )
    with Stopwatch() as watch:
        signed, found = work(read_arrow(corpus))
        kept = found.filter(pl.col("action") == KEEP)["id"].to_list()
    dropped = found.filter(pl.col("action") == DROP)
    pairs = read_truth(truth)
    edges = [(str(a), str(b)) for a, b in dropped.select("id", "other_id").iter_rows()]
    bands = dict(zip(signed["id"], map(frozenset, signed["bands"].to_list()), strict=True))
    return {
        **watch.times,
        **_speed(corpus, watch.times),
        **score(signed["id"].to_list(), set(kept), edges, pairs, read_planted(planted)),
        **compared(pairs, bands, options.bands, options.rows),
    }


def theirs(engine: str, corpus: str, truth: str, planted: str | None) -> dict[str, float]:
    """The same job by another library."""
    found = ENGINES[engine](corpus)
    pairs = read_truth(truth)
    scores = score(
        found.ids, found.kept, found.edges, pairs, read_planted(planted), keeps_first=found.keeps_first
    )
    if not found.direct:  # no pairs that it compared, so there is nothing to be precise about
        del scores["precision"]
    return {**found.times, **_speed(corpus, found.times), **scores}


def write_found(engine: str, corpus: str, out: str) -> None:
    """For bench/crosscheck.py, which runs in another environment: what another library joins, as JSON."""
    found = ENGINES[engine](corpus)
    told = {"edges": found.edges, "direct": found.direct, "complete": found.complete}
    Path(out).write_text(json.dumps(told), encoding="utf-8")


def _speed(corpus: str, times: dict[str, float]) -> dict[str, float]:
    size = sum(len(text.encode()) for batch in read_lists(corpus) for text in batch["text"])
    return {"mb": size / 1e6, "mb_per_cpu_second": size / 1e6 / times["cpu_seconds"]}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, metavar="PATH", help="documents, see the top of this file")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="true pairs; default: those in the folder")
    parser.add_argument("--planted", type=Path, metavar="FILE", help="kinds of the planted documents")


if __name__ == "__main__":
    main(__doc__, cases, add_options=add_options)
