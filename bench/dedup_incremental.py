"""Deduplication of a corpus that grows: ten shards in many ways of work, and what the tenth costs beside the second.

  python -m bench.dedup_incremental --corpus FILE_OR_FOLDER [--shards 10] [--runs 1] [--json FILE]

The documents are cut into shards and registered in order. Then the steps of the graph run on a store of their own for
each way: the shards one at a time in order, backwards, and shuffled; in two batches, the second registered after the
first was done; all at once; and all documents as a single shard. Each way then forms the clusters for rule `longest`.

Figures:
  same decisions        ways whose decisions (action, rule, value, twin) are those of the first way, of all ways
  same clusters         ways whose clusters, and what stays of each, are those of the first way, of all ways
  dropped               documents, by rule `earliest`
  duplicates of N       CPU seconds of step `duplicates` for the shard, in the first way
  signature_index of N  CPU seconds of step `signature_index`
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.dedup_files import find_corpus, read_lists
from bench.dedup_store import add_shard, no_tools, recipe_of
from bench.harness import Case, main, timed

if TYPE_CHECKING:
    import polars as pl

    from gristmill.store import Shard


def cases(given: argparse.Namespace) -> list[Case]:
    """One case; none without a corpus."""
    if given.corpus is None:
        return []
    corpus = str(find_corpus(given.corpus).resolve())
    return [Case("all ways", "bench.dedup_incremental:job", {"corpus": corpus, "shards": given.shards})]


def job(corpus: str, shards: int) -> dict[str, float]:
    """All ways, compared."""
    import polars as pl

    documents = pl.concat(pl.DataFrame(batch) for batch in read_lists(corpus))
    size = -(-documents.height // shards)
    parts = [documents[first : first + size] for first in range(0, documents.height, size)]
    numbers = list(range(len(parts)))
    shuffled = random.Random(1).sample(numbers, len(numbers))
    half = len(numbers) // 2
    single = [documents]
    ways = [
        _Way(parts, [numbers], one_by_one=True),
        _Way(parts, [numbers[::-1]], one_by_one=True),
        _Way(parts, [shuffled], one_by_one=True),
        _Way(parts, [numbers[:half], numbers[half:]]),
        _Way(parts, [numbers]),
        _Way(single, [[0]]),
    ]
    first = ways[0]
    return {
        "ways": float(len(ways)),
        "same decisions": float(sum(way.decisions.equals(first.decisions) for way in ways)),
        "same clusters": float(sum(way.clusters.equals(first.clusters) for way in ways)),
        "dropped": float((first.decisions["action"] == "drop").sum()),
        **{
            name: first.seconds[name]
            for step in ("duplicates", "signature_index")
            for name in (f"{step} of 2", f"{step} of {len(parts)}")
        },
    }


class _Way:
    """One way to work through the shards, in a store of its own.

    batches: numbers of shards in order of processing; each batch is registered before it is worked on.
    """

    def __init__(
        self, parts: Sequence[pl.DataFrame], batches: Sequence[Sequence[int]], *, one_by_one: bool = False
    ) -> None:
        import polars as pl

        from assets import clusters, dedup
        from assets.step import build
        from gristmill.store import Store

        tools = no_tools()
        recipe, longest = (recipe_of(f"{{duplicates: {{rule: {rule}}}}}") for rule in ("earliest", "longest"))
        steps = {step.name: step for step in dedup.steps(recipe, "filtered")}
        self.seconds: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder))
            shards: dict[int, Shard] = {}

            def run(step: str, number: int) -> None:
                with timed(self.seconds, f"{step} of {number + 1}"):
                    build(steps[step], recipe, store, shards[number], tools)

            for batch in batches:
                for number in sorted(batch):
                    part = parts[number]
                    shards[number] = add_shard(store, part["id"][0], part["id"], part["text"])
                for turn in [[number] for number in batch] if one_by_one else [batch]:
                    for step in ("signatures", "signature_index"):
                        # What a shard is compared with must be there, whatever the order of work.
                        for number in range(max(turn) + 1):
                            if f"{step} of {number + 1}" not in self.seconds:
                                run(step, number)
                    for number in turn:
                        run("duplicates", number)
            found = [store.current("bench", "duplicates", shards[number].key) for number in sorted(shards)]
            columns = ["id", "action", "rule", "value", "bound", "other_id"]
            self.decisions = pl.concat(
                store.scan(one, "duplicates").select(columns) for one in found
            ).collect()
            by_cluster = {step.name: step for step in dedup.steps(longest, "filtered")}
            whole = build(by_cluster[clusters.NAME], longest, store, None, tools)
            columns = ["id", "cluster", "size", "kept", "kept_id", "exact", "similarity"]
            self.clusters = store.scan(whole.manifest, "members").select(columns).collect()


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus", type=Path, metavar="PATH", help="documents: a file, or a folder that has one"
    )
    parser.add_argument("--shards", type=int, default=10, help="shards that the corpus is cut into")


if __name__ == "__main__":
    main(__doc__, cases, add_options=add_options)
