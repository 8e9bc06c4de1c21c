"""Step `raw`: the records of a shard's input files as documents."""

from __future__ import annotations

from typing import Any

from assets.step import Step, Work
from gristmill.ingest import VERSION, read_shard
from gristmill.ingest.figures import Tally
from gristmill.recipe import Recipe


def step(recipe: Recipe) -> Step:
    """The step that reads input files; it has no inputs but the shard itself."""
    sources, tokenizer = recipe.sources, recipe.tokenizer
    measures_tokens = any(source.needs_tokenizer for source in sources.values())

    def run(work: Work) -> dict[str, Any]:
        assert work.shard is not None
        tally = Tally()
        shard = work.shard.below(recipe.path.parent)
        options = sources[work.source]
        measure = work.tools.tokenizer(tokenizer) if tokenizer and options.needs_tokenizer else None
        for documents, decisions in read_shard(shard, options, tokenizer=measure):
            work.emit(documents=documents, decisions=decisions)
            tally.add(documents, decisions)
        return {"bytes_read": sum(file.bytes for file in work.shard.files), **tally.figures()}

    return Step(
        name="raw",
        run=run,
        version=VERSION,
        description="Documents as they came: pages of web archives, rows of JSON Lines, files of source code. "
        "Every record has a decision, unreadable ones included.",
        group="ingest",
        # Where the files lie is left out: the same bytes elsewhere are the same input.
        options=lambda source: sources[source].reading() if source else {},
        models=(tokenizer,) if tokenizer and measures_tokens else (),
        kinds=frozenset({"parquet", "polars", "resiliparse"}),
        checked="decisions",
    )
