"""What a build would do: for every step and shard, whether its output is current, known, or must be made, and why.

Nothing is run and nothing is written. Where an input must be made first, the fingerprint of what depends on it is
not known yet: that partition `waits`, and may still turn out to be cached, if the input comes out as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assets.graph import steps
from assets.step import Step, content_of, identify, partitions_read
from gristmill.errors import shorten
from gristmill.recipe import Recipe
from gristmill.store import Manifest, Shard, Store
from resources.tools import Tools

State = Literal["current", "cached", "run", "waits"]


@dataclass(frozen=True)
class Planned:
    """One partition of a step."""

    step: Step
    partition: str | None
    state: State
    reason: str
    before: Manifest | None  # what its ref names now
    after: Manifest | None  # what its ref will name; None where that must be made first

    @property
    def seconds(self) -> float | None:
        """Expected, from the last time this partition was made; None where it never was."""
        if self.after is not None:
            return 0.0
        return float(self.before.run["seconds"]) if self.before else None


def plan(recipe: Recipe, store: Store, shards: Sequence[Shard], tools: Tools) -> list[Planned]:
    """What a build of all these shards would do, in the order of the graph.

    current: the ref is right. cached: the object is in the store and the ref will be set. run: will be made.
    waits: depends on something that will be made.
    """
    found: dict[tuple[str, str | None], Planned] = {}
    for step in steps(recipe):
        for shard in shards if step.partitioned else [None]:
            partition = shard.key if shard else None
            found[step.name, partition] = _look(step, recipe, store, shard, list(shards), found, tools)
    return list(found.values())


def _look(
    step: Step,
    recipe: Recipe,
    store: Store,
    shard: Shard | None,
    shards: list[Shard],
    found: dict[tuple[str, str | None], Planned],
    tools: Tools,
) -> Planned:
    partition = shard.key if shard else None
    before = _current(recipe, store, step, partition)
    contents: dict[str, list[tuple[str | None, str]]] = {}
    for given in step.inputs:
        tables = tuple(sorted({t for i in step.inputs if i.asset == given.asset for t in i.tables}))
        for key in partitions_read(given, shard, shards):
            other = found[given.asset, key]
            if other.after is None:
                return Planned(step, partition, "waits", f"for {given.asset}", before, None)
            contents.setdefault(given.asset, []).append((key, content_of(other.after, tables)))
    name = identify(step, recipe, shard, contents, tools)
    if before is not None and before.fingerprint == name.fingerprint:
        return Planned(step, partition, "current", "", before, before)
    known = store.find(name.fingerprint)
    if known is not None:
        return Planned(step, partition, "cached", "made before", before, known)
    return Planned(step, partition, "run", _why(step, before, name.options, name.inputs), before, None)


def _current(recipe: Recipe, store: Store, step: Step, partition: str | None) -> Manifest | None:
    ref = store.ref(recipe.name, step.name, partition)
    return store.find(ref.fingerprint) if ref else None


def _why(step: Step, before: Manifest | None, options: Any, inputs: dict[str, str]) -> str:
    """What differs from the output that is current."""
    if before is None:
        return "never made"
    if before.version != step.version:
        return f"implementation {before.version} -> {step.version}"
    changes = _differences(before.options, options)
    if changes:
        return "; ".join(changes[:3]) + (f"; and {len(changes) - 3} more" if len(changes) > 3 else "")
    different = sorted(key for key in {*before.inputs, *inputs} if before.inputs.get(key) != inputs.get(key))
    return f"changed: {', '.join(different[:3])}" + (
        f" and {len(different) - 3} more" if len(different) > 3 else ""
    )


def _differences(old: Any, new: Any, key: str = "") -> list[str]:
    """`gopher_quality.min_words: 50 -> 60` for every option that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return [
            line for k in keys for line in _differences(old.get(k), new.get(k), f"{key}.{k}" if key else k)
        ]
    old, new = _plain(old), _plain(new)
    return [] if old == new else [f"{key}: {shorten(old, 40)} -> {shorten(new, 40)}"]


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON stores them."""
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
