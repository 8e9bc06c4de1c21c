"""A step of the graph, and the one place where a partition of it is built, cached and published.

A step says what it reads (inputs, its part of the recipe, models) and how to run. From that follows its fingerprint:
where the store already holds an object of that fingerprint, the ref is set and nothing runs. The command line, the
Dagster assets and `plan` all go through this module, so they agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from gristmill import documents as data
from gristmill import progress
from gristmill.blocks import covering, parts_of
from gristmill.errors import StageError, StoreError
from gristmill.hashing import digest_json
from gristmill.llm import Usage
from gristmill.options import Options
from gristmill.recipe import Recipe
from gristmill.store import Manifest, ObjectWriter, Registry, Shard, Store
from gristmill.store.objects import fingerprint
from resources.tools import Tools

Scope = Literal["same", "covering", "parts", "all", "global"]


_BLOCKS = ("covering", "parts")


@dataclass(frozen=True)
class Input:
    """Tables of another step that this one reads.

    Scope of a partitioned input: the `same` shard or `all` shards. Of an asset whose partitions are merged blocks (see
    gristmill/blocks.py): those `covering` all shards registered before this one (for a step that is not partitioned:
    all shards), or the `parts` that make up this one's block. A `global` input is not partitioned.
    """

    asset: str
    scope: Scope = "same"
    tables: tuple[str, ...] = ("documents",)
    sources: tuple[str, ...] | None = None  # with scope `all`: only shards of these sources
    first: int | None = None  # with scope `all`: only so many, the earliest registered
    ordered: bool = False  # with scope `all`: which of them was registered earlier counts


@dataclass(frozen=True)
class Step:
    """One asset of the graph; `run` writes the tables of one partition and returns its figures."""

    name: str
    run: Callable[[Work], dict[str, Any]]
    version: int
    description: str
    group: str
    options: Callable[[str | None], Any]  # the part of the recipe that is read, given the source's name
    inputs: tuple[Input, ...] = ()
    models: tuple[str, ...] = ()  # names of models whose content counts
    partitioned: bool = True
    kinds: frozenset[str] = frozenset({"parquet", "polars"})
    # The table that says what became of every input, for the checks of the data model; None: makes no documents.
    checked: Literal["decisions", "derivations"] | None = None


@dataclass
class Work:
    """What a step's `run` gets: its inputs, where to write, and what it may use."""

    step: Step
    recipe: Recipe
    store: Store
    shard: Shard | None
    inputs: dict[str, list[Manifest]]  # by asset; in order of registration
    writer: ObjectWriter
    tools: Tools
    counts: dict[str, Any] = field(
        default_factory=lambda: {"rows_in": 0, "rows_out": 0, "characters": 0, "dropped_by_rule": {}}
    )

    @property
    def source(self) -> str:
        """Name of the shard's source."""
        assert self.shard is not None
        return self.shard.source

    def batches(
        self, asset: str, table: str = "documents", columns: list[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Row groups of an input's table, over all its partitions in order."""
        for manifest in self.inputs[asset]:
            yield from self.store.batches(manifest, table, columns)

    def scan(self, asset: str, table: str = "documents") -> pl.LazyFrame:
        """An input's table over all its partitions, lazily."""
        if not self.inputs[asset]:
            raise StoreError(
                f"{self.step.name}: no shard of {asset!r} is there; register one: gristmill build RECIPE"
            )
        return pl.concat([self.store.scan(manifest, table) for manifest in self.inputs[asset]])

    def rows(self, asset: str, table: str = "documents") -> int:
        """Rows of an input's table over all its partitions."""
        return sum(manifest.rows(table) for manifest in self.inputs[asset])

    def emit(self, **tables: pl.DataFrame) -> None:
        """Write rows to the output's tables and count what documents and decisions say."""
        if "documents" in tables:
            data.check_schema(tables["documents"], data.DOCUMENTS, f"{self.step.name}, documents")
            self.counts["rows_out"] += tables["documents"].height
            self.counts["characters"] += int(tables["documents"]["text"].str.len_chars().sum() or 0)
        if "decisions" in tables:
            data.check_schema(tables["decisions"], data.DECISIONS, f"{self.step.name}, decisions")
            self._count_decisions(tables["decisions"])
        for name, rows in tables.items():
            self.writer.write(name, rows)

    def _count_decisions(self, decisions: pl.DataFrame) -> None:
        self.counts["rows_in"] += decisions.height
        dropped = decisions.filter(pl.col("action") == data.DROP).group_by("rule").len()
        for rule, count in dropped.iter_rows():
            self.counts["dropped_by_rule"][rule] = self.counts["dropped_by_rule"].get(rule, 0) + count


@dataclass(frozen=True)
class Built:
    """What became of one partition of a step."""

    manifest: Manifest
    cached: bool
    seconds: float
    usage: Usage = field(default_factory=Usage)  # of language models, now; a cached partition asks nothing

    def sentence(self) -> str:
        """`filtered web-0001: 196 in, 120 out (61.2 %), 1.2 s`, for logs."""
        manifest = self.manifest
        where = f"{manifest.asset} {manifest.partition}" if manifest.partition else manifest.asset
        if self.cached:
            return f"{where}: cached, {self.seconds * 1000:.0f} ms"
        rows_in, rows_out = manifest.figures.get("rows_in", 0), manifest.figures.get("rows_out", 0)
        if rows_in:
            did = f"{rows_in:,} in, {rows_out:,} out ({100 * rows_out / rows_in:.1f} %)"
        else:
            did = f"{sum(entry.rows or 0 for entry in manifest.files):,} rows"
        asked = f"; {self.usage.sentence()}" if self.usage.requests else ""
        return f"{where}: {did}, {self.seconds:.1f} s{asked}"


def build(step: Step, recipe: Recipe, store: Store, shard: Shard | None, tools: Tools) -> Built:
    """Make one partition current: by setting a ref where the work was done before, else by doing it.

    Raises StoreError where an input is missing (it says how to build it), StageError where the step breaks the data
    model; in both cases nothing is published.
    """
    started, asked = time.monotonic(), tools.usage()
    with progress.task(step.name, shard.key if shard else "all") as task:
        inputs = current_inputs(step, recipe, store, shard)
        name = identify(step, recipe, shard, {k: _contents(step, k, v) for k, v in inputs.items()}, tools)
        manifest = store.find(name.fingerprint)
        cached = manifest is not None
        if manifest is None:
            if (rows := _documents_to_read(step, inputs)) is not None:
                progress.expect(rows)
            manifest = _run(step, recipe, store, shard, tools, inputs, name)
        store.set_ref(recipe.name, manifest)
        if store.find(manifest.fingerprint) is None:  # collected as garbage just before the ref named it
            manifest = _run(step, recipe, store, shard, tools, inputs, name)
        built = Built(manifest, cached, time.monotonic() - started, tools.usage().since(asked))
        task.result = built.sentence()
    return built


@dataclass(frozen=True)
class Identity:
    """All that a fingerprint is made of."""

    fingerprint: str
    options: Any
    inputs: dict[str, str]


def identify(
    step: Step,
    recipe: Recipe,
    shard: Shard | None,
    contents: dict[str, list[tuple[str | None, str]]],
    tools: Tools,
) -> Identity:
    """Fingerprint of one partition, given per input asset its (partition, content digest) pairs."""
    options = step.options(shard.source if shard else None)
    inputs = {
        f"{asset}/{partition or 'global'}": digest
        for asset, pairs in contents.items()
        for partition, digest in pairs
    }
    order = [f"{asset}/{partition}" for asset, pairs in contents.items() for partition, _ in pairs]
    if any(given.scope in _BLOCKS or given.ordered for given in step.inputs):
        inputs["order"] = digest_json(order)  # which of two duplicates is the earlier one
    if not step.inputs and shard is not None:
        inputs["files"] = shard.digest
    for model in step.models:
        inputs[f"model/{model}"] = tools.digest(model)
    partition = shard.key if shard else None
    return Identity(
        fingerprint(
            asset=step.name, version=step.version, options=options, inputs=inputs, partition=partition
        ),
        options,
        inputs,
    )


def partitions_read(given: Input, shard: Shard | None, shards: list[Shard]) -> list[str | None]:
    """Which partitions of an input are read for `shard`, in order of registration; None is the global one."""
    if given.scope == "global":
        return [None]
    if given.scope == "all":
        chosen = [other.key for other in shards if given.sources is None or other.source in given.sources]
        return list(chosen[: given.first])
    keys = {other.sequence: other.key for other in shards}
    if given.scope == "covering":
        last = shard.sequence - 1 if shard is not None else max(keys, default=0)
        return [keys[number] for number in covering(last, keys)]
    assert shard is not None, f"{given.asset}: scope {given.scope!r} needs a shard"
    if given.scope == "parts":
        return [keys[number] for number in parts_of(shard.sequence, keys)]
    return [shard.key]


def current_inputs(
    step: Step, recipe: Recipe, store: Store, shard: Shard | None
) -> dict[str, list[Manifest]]:
    """The current objects that a step reads, by asset, in order of registration."""
    shards = (
        Registry(store, recipe.name).shards()
        if any(i.scope in ("all", *_BLOCKS) for i in step.inputs)
        else []
    )
    found: dict[str, list[Manifest]] = {}
    for given in step.inputs:
        partitions = partitions_read(given, shard, shards)
        found.setdefault(given.asset, []).extend(
            store.current(recipe.name, given.asset, p) for p in partitions
        )
    return found


def content_of(manifest: Manifest, tables: tuple[str, ...]) -> str:
    """Digest of the tables that are read: a change elsewhere in the object does not count."""
    return digest_json([[entry.table, entry.digest] for entry in manifest.files if entry.table in tables])


def _contents(step: Step, asset: str, manifests: list[Manifest]) -> list[tuple[str | None, str]]:
    tables = tuple(sorted({table for given in step.inputs if given.asset == asset for table in given.tables}))
    return [(manifest.partition, content_of(manifest, tables)) for manifest in manifests]


def _run(
    step: Step,
    recipe: Recipe,
    store: Store,
    shard: Shard | None,
    tools: Tools,
    inputs: dict[str, list[Manifest]],
    name: Identity,
) -> Manifest:
    partition = shard.key if shard else None
    with store.writer(asset=step.name, partition=partition, fingerprint=name.fingerprint) as writer:
        work = Work(step, recipe, store, shard, inputs, writer, tools)
        asked = tools.usage()
        figures = step.run(work)
        usage = tools.usage().since(asked)
        writer.close()
        if step.checked == "decisions":
            _check(work, inputs)
        return writer.publish(
            version=step.version,
            options=name.options,
            inputs=name.inputs,
            figures={**work.counts, **figures},
            run={"llm": usage.figures()} if usage.requests else {},
        )


def _documents_to_read(step: Step, inputs: dict[str, list[Manifest]]) -> int | None:
    given = documents_in(step)
    return sum(m.rows("documents") for asset in given for m in inputs[asset]) if given else None


def _check(work: Work, inputs: dict[str, list[Manifest]]) -> None:
    """Refuse to publish an output that lost, invented or repeated rows."""
    where = f"{work.step.name} {work.shard.key if work.shard else ''}".strip()
    rows_in, rows_out = work.counts["rows_in"], work.counts["rows_out"]
    kept = rows_in - sum(work.counts["dropped_by_rule"].values())
    if kept != rows_out:
        raise StageError(f"{where}: decisions keep {kept} rows, but {rows_out} documents came out")
    came_in = _documents_to_read(work.step, inputs)
    if came_in is not None and came_in != rows_in:
        raise StageError(f"{where}: {came_in} documents came in, but there are {rows_in} decisions")
    for table in ("documents", "decisions"):
        path = work.writer.folder / f"{table}.parquet"
        if not path.exists():
            raise StageError(f"{where}: no table {table!r} was written")
        repeated = pl.scan_parquet(path).select(pl.col("id").is_duplicated().sum()).collect().item()
        if repeated:
            raise StageError(f"{where}: {repeated} rows of {table!r} share an id with another")


def options_for(options: Options, source: str | None, **more: Any) -> dict[str, Any]:
    """The options of a stage with `sources` that count for a shard of this source.

    Of the list of sources that is whether this one is in it: naming another one there changes nothing here.
    """
    chosen: tuple[str, ...] | None = getattr(options, "sources", None)
    included = chosen is None or source in chosen
    return {**options.model_dump(mode="json", exclude={"sources"}), "included": included, **more}


def documents_in(step: Step) -> list[str]:
    """The assets whose documents a step reads; none for `raw`, whose inputs are records."""
    return [given.asset for given in step.inputs if "documents" in given.tables]
