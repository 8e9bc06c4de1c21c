"""`scored`, `selected` and `mixed` as steps of a recipe, over two shards in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import mixed, scored, selected
from assets.step import Built, Step, build
from gristmill.documents import DOCUMENTS, NATURAL, frame
from gristmill.errors import StageError
from gristmill.llm import Usage
from gristmill.mix import TokenShards, export_shards
from gristmill.recipe import Recipe, parse_recipe
from gristmill.store import Registry, Shard, ShardFile, Store
from tests.mix.builders import Characters

_RECIPE = """
name: tiny
sources: {{web: {{kind: jsonl, inputs: [a.jsonl]}}}}
models: {{characters: {{}}}}
tokenizer: characters
select: {select}
mix: {mix}
"""
_TEXTS = ("raw", "rephrased")


class _Tools:
    def usage(self) -> Usage:
        return Usage()

    def digest(self, name: str) -> str:
        return f"digest of {name}"

    def tokenizer(self, name: str) -> Characters:
        return Characters()


def _recipe(select: str = "{}", mix: str = "{}") -> Recipe:
    return parse_recipe(_RECIPE.format(select=select, mix=mix), Path("tiny.yaml"))


def _publish(store: Store, asset: str, shard: Shard, **tables: pl.DataFrame) -> None:
    fingerprint = f"{abs(hash((asset, shard.key))):032x}"
    with store.writer(asset=asset, partition=shard.key, fingerprint=fingerprint) as writer:
        for name, rows in tables.items():
            writer.write(name, rows)
        manifest = writer.publish(version=1, options={}, inputs={}, figures={}, run={})
    store.set_ref("tiny", manifest)


def _fill(store: Store) -> list[Shard]:
    """Two shards of two natural documents each; each has one synthetic child."""
    registry = Registry(store, "tiny")
    for number in (1, 2):
        shard = registry.register("web", [ShardFile(f"{number}.jsonl", f"{number}.jsonl", 0, 0, str(number))])
        natural = [
            {"id": f"n{number}{k}", "text": "text " * (k + 1), "method": NATURAL, "generation_depth": 0}
            for k in (0, 1)
        ]
        child = [
            {
                "id": f"s{number}",
                "text": "new words",
                "parent_id": f"n{number}0",
                "method": "wrap.medium",
                "generation_depth": 1,
            }
        ]
        counts = []
        for asset, rows in (("raw", natural), ("rephrased", child)):
            documents = frame([{**row, "source": "web", "shard": shard.key} for row in rows], DOCUMENTS)
            _publish(store, asset, shard, documents=documents)
            counts.append(
                documents.select(
                    "id",
                    pl.lit(asset).alias("stage"),
                    pl.col("text").str.len_chars().cast(pl.Int64).alias("tokens"),
                )
            )
        _publish(store, "tokens", shard, tokens=pl.concat(counts))
    return registry.shards()


def _build(step: Step, recipe: Recipe, store: Store, shard: Shard | None = None) -> Built:
    tools: Any = _Tools()
    return build(step, recipe, store, shard, tools)


def _mix(recipe: Recipe, store: Store, shards: list[Shard]) -> list[Built]:
    built = [_build(scored.step(recipe, _TEXTS), recipe, store, shard) for shard in shards]
    built.append(_build(selected.step(recipe), recipe, store))
    return [*built, _build(mixed.step(recipe, _TEXTS), recipe, store)]


def test_a_corpus_is_built_exported_and_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    recipe = _recipe(mix="{synthetic_share: 0.5, tokens: 40}")
    *_, choice, corpus = _mix(recipe, store, _fill(store))
    assert choice.manifest.figures["rows_in"] == choice.manifest.figures["rows_out"] == 6
    assert corpus.manifest.figures["tokenizer"] == {"name": "characters", "digest": "digest of characters"}

    export_shards(store, corpus.manifest, tmp_path / "out")
    read = TokenShards(tmp_path / "out")
    documents = ["".join(map(chr, read.document(n))) for n in range(len(read))]
    # 20 tokens of each kind: two children of 9 and an end; of the natural ones (6 and 11) what fits.
    assert documents.count("new words\0") == 2
    assert set(documents) <= {"new words\0", "text \0", "text text \0"}
    assert read.trace(0)["source"] == "web"


def test_all_is_cached_the_second_time_and_another_mixture_selects_nothing_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    shards = _fill(store)
    first = _mix(_recipe(), store, shards)
    again = _mix(_recipe(), store, shards)
    assert not any(built.cached for built in first)
    assert all(built.cached for built in again)
    other = _mix(_recipe(mix="{seed: 1}"), store, shards)
    assert [built.cached for built in other] == [True, True, True, False]


def test_the_order_in_which_shards_are_scored_does_not_change_the_corpus(tmp_path: Path) -> None:
    contents = []
    for name in ("forward", "backward"):
        store = Store.open(tmp_path / name)
        shards = _fill(store)
        recipe = _recipe()
        steps = [scored.step(recipe, _TEXTS), selected.step(recipe), mixed.step(recipe, _TEXTS)]
        for shard in shards if name == "forward" else reversed(shards):
            _build(steps[0], recipe, store, shard)
        contents.append([_build(step, recipe, store).manifest.content for step in steps[1:]])
    assert contents[0] == contents[1]


def test_a_budget_that_nothing_fits_into_publishes_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    recipe = _recipe(select="{budget_tokens: 1}")
    for shard in _fill(store):
        _build(scored.step(recipe, _TEXTS), recipe, store, shard)
    with pytest.raises(StageError, match="none of 6 scored documents is kept"):
        _build(selected.step(recipe), recipe, store)
    assert store.ref("tiny", "selected", None) is None
