from __future__ import annotations

from pathlib import Path

from rich.console import Console

from assets import dedup
from assets.step import build
from gristmill.report import render_repeats, repeats
from gristmill.store import Registry, Store
from tests.assets.stores import NO_TOOLS, add_shard, recipe_of
from tests.dedup.texts import edit, make_words

WORDS = make_words(1, 200)
TEXT, NEAR, OTHER = " ".join(WORDS), " ".join(edit(WORDS, 0.01, 2)), " ".join(make_words(3, 200))


def test_what_a_delivery_repeats_is_counted_by_the_shard_that_had_it(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), recipe_of("dedup: {}\n")
    assert repeats(store, "demo") == []
    add_shard(store, {"a": TEXT})
    add_shard(store, {"b": OTHER})
    add_shard(store, {"c": TEXT, "d": NEAR, "e": OTHER, "f": "new"})
    for step in dedup.steps(recipe, "filtered"):
        for shard in Registry(store, "demo").shards() if step.partitioned else [None]:
            build(step, recipe, store, shard, NO_TOOLS)
    third = {"shard": "web-0003", "documents": 4}
    rows = [
        {**third, "of": "web-0001", "exact": 1, "near": 1, "share": 0.5},
        {**third, "of": "web-0002", "exact": 1, "near": 0, "share": 0.25},
    ]
    assert repeats(store, "demo") == rows
    console = Console(width=100)
    with console.capture() as shown:
        console.print(render_repeats(rows))
    assert "web-0003 4 web-0001 1 1 50.0 %" in " ".join(shown.get().split())
