"""The funnel: what came into every stage, what went out, what was dropped by which rule, and what it cost.

Everything is counted again from the tables in the store, a shard at a time, so the figures hold for what is current
and not for some run. Tokens come from the asset `tokens`, which counts a text where it is new: a document that
`refined` edited has its count there from `refined` on, and its count in `raw` before (gristmill.token_counts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from gristmill.documents import DROP
from gristmill.report.current import Corpus
from gristmill.store import Manifest, Store
from gristmill.token_counts import DOCUMENT_STAGES, counts_of

NOT_ATTEMPTED = "not_attempted"


@dataclass(frozen=True)
class Usage:
    """What a stage asked of a language model; an answer from the cache counts like a new one."""

    requests: int
    prompt_tokens: int
    output_tokens: int
    seconds: float  # of the runs that made the current objects; near 0 where all answers were cached


@dataclass(frozen=True)
class SourceCount:
    """What goes out of a stage, of one source."""

    documents: int
    tokens: int | None


@dataclass(frozen=True)
class StageFunnel:
    """One stage. rows_in + new = rows_out + dropped; `raw` counts records in, all others documents.

    `rephrased` makes new documents and lets all others pass; `mixed` may take a document several times, which counts
    once in the rows and every time in the tokens.
    """

    stage: str
    partitions: int  # that are built
    expected: int
    rows_in: int
    rows_out: int
    dropped: int
    new: int
    tokens: int | None  # of the documents that go out; None where they were not all counted
    dropped_by_rule: dict[str, int]
    not_attempted: dict[str, int]  # what the language model was not asked about or did not answer, by reason
    usage: Usage | None
    seconds: float  # of the runs that made the current objects
    sources: dict[str, SourceCount]


@dataclass(frozen=True)
class Funnel:
    """The stages of a recipe in order, as far as they are built."""

    recipe: str
    shards: int
    stages: tuple[StageFunnel, ...]
    raters: tuple[
        StageFunnel, ...
    ] = ()  # `scores/NAME` that ask a model; beside the funnel, as no document goes through

    @property
    def asking(self) -> list[StageFunnel]:
        """The stages that ask a language model."""
        return [stage for stage in (*self.stages, *self.raters) if stage.usage is not None]

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per stage, for tables and figures."""
        return [
            {
                "stage": s.stage,
                "rows_in": s.rows_in,
                "rows_out": s.rows_out,
                "dropped": s.dropped,
                "new": s.new,
                "tokens": s.tokens,
                "partitions": s.partitions,
                "expected_partitions": s.expected,
                "seconds": round(s.seconds, 3),
            }
            for s in self.stages
        ]

    def drops(self) -> list[dict[str, Any]]:
        """One row per stage and rule, most frequent first."""
        return [
            {"stage": s.stage, "rule": rule, "documents": count}
            for s in self.stages
            for rule, count in s.dropped_by_rule.items()
        ]

    def llm_costs(self) -> list[dict[str, Any]]:
        """One row per stage that asks a language model."""
        return [
            {
                "stage": s.stage,
                "requests": s.usage.requests,
                "prompt_tokens": s.usage.prompt_tokens,
                "output_tokens": s.usage.output_tokens,
                "seconds": round(s.usage.seconds, 3),
                "not_attempted": sum(s.not_attempted.values()),
            }
            for s in self.asking
            if s.usage is not None
        ]


def funnel(store: Store, recipe_name: str, stages: Sequence[str]) -> Funnel:
    """Count the stages among `stages` that hold documents and are built, in the order of the graph.

    `stages` are the assets of the recipe's graph: a ref that an earlier version of the recipe left behind is not
    counted. A stage of which only some shards are built is counted over those.
    """
    corpus = Corpus(store, recipe_name)
    counted: list[StageFunnel] = []
    for stage in (name for name in DOCUMENT_STAGES if name in stages):
        if corpus.manifests(stage):
            counted.append(_count(corpus, stage, counted[-1] if counted else None))
    rated = [name for name in stages if name.startswith("scores/") and corpus.manifests(name)]
    raters = (_count(corpus, name, None) for name in rated)
    return Funnel(
        recipe_name, len(corpus.shards), tuple(counted), tuple(one for one in raters if one.usage is not None)
    )


@dataclass
class _Tally:
    rows_in: int = 0
    rows_out: int = 0
    new: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    not_attempted: Counter[str] = field(default_factory=Counter)
    usage: list[Usage] = field(default_factory=list)
    documents: Counter[str] = field(default_factory=Counter)  # by source
    tokens: Counter[str] = field(default_factory=Counter)
    uncounted: bool = False


def _count(corpus: Corpus, stage: str, before: StageFunnel | None) -> StageFunnel:
    manifests = corpus.manifests(stage)
    tally = _Tally()
    for manifest in manifests:
        _count_rows(corpus, manifest, tally)
        _count_llm(corpus, manifest, tally)
    for source, documents, tokens in _by_source(corpus, stage, manifests):
        tally.documents[source] += documents
        if tokens is None:
            tally.uncounted = True
        else:
            tally.tokens[source] += tokens
    tokens = None if tally.uncounted or not tally.documents else tally.tokens.total()
    sources = {
        source: SourceCount(n, None if tally.uncounted else tally.tokens[source])
        for source, n in tally.documents.items()
    }
    rows_in, rows_out, new = tally.rows_in, tally.rows_out, 0
    if stage == "rephrased":
        new, rows_in = rows_out, before.rows_out if before else 0
        rows_out = rows_in + new
        tokens = _sum(tokens, before.tokens if before else None)
        sources = _merge(sources, before.sources if before else {})
    elif stage == "mixed":
        rows_in = before.rows_out if before else rows_out
        if rows_in > rows_out:
            tally.rules["not_drawn"] = rows_in - rows_out
    usage = tally.usage
    return StageFunnel(
        stage=stage,
        partitions=len(manifests),
        expected=1 if manifests[0].partition is None else len(corpus.shards),
        rows_in=rows_in,
        rows_out=rows_out,
        dropped=tally.rules.total(),
        new=new,
        tokens=tokens,
        dropped_by_rule=dict(tally.rules.most_common()),
        not_attempted=dict(tally.not_attempted.most_common()),
        usage=Usage(
            sum(u.requests for u in usage),
            sum(u.prompt_tokens for u in usage),
            sum(u.output_tokens for u in usage),
            sum(u.seconds for u in usage),
        )
        if usage
        else None,
        seconds=sum(float(manifest.run.get("seconds", 0.0)) for manifest in manifests),
        sources=dict(sorted(sources.items())),
    )


def _count_rows(corpus: Corpus, manifest: Manifest, tally: _Tally) -> None:
    ids = ids_out(corpus, manifest)
    if "documents" in manifest.schemas:
        tally.rows_out += manifest.rows("documents")
    elif ids is not None:
        tally.rows_out += ids.select(pl.col("id").n_unique()).collect().item()
    if "decisions" in manifest.schemas:
        decisions = corpus.store.scan(manifest, "decisions")
        dropped = decisions.filter(pl.col("action") == DROP).group_by("rule").len().sort("rule").collect()
        tally.rows_in += manifest.rows("decisions")
        for rule, count in dropped.iter_rows():
            tally.rules[rule or "no rule"] += count


def ids_out(corpus: Corpus, manifest: Manifest) -> pl.LazyFrame | None:
    """Column `id` of what goes out of a partition: its documents, what it selects, or what its token shards hold.

    With a column `tokens` where the partition itself says how many it took.
    """
    scan, schemas = corpus.store.scan, manifest.schemas
    if "documents" in schemas:
        return scan(manifest, "documents").select("id")
    if "index" in schemas:
        return scan(manifest, "index").select("id", pl.col("n_tokens").alias("tokens"))
    if "decisions" in schemas:
        return scan(manifest, "decisions").filter(pl.col("action") != DROP).select("id")
    return None


def _count_llm(corpus: Corpus, manifest: Manifest, tally: _Tally) -> None:
    """Requests and tokens of a partition, from the table that has a row for each of them."""
    for table in ("judgements", "programs", "derivations", "scores"):
        columns = manifest.schemas.get(table, {})
        if not {"outcome", "reason", "prompt_tokens", "output_tokens"} <= set(columns):
            continue
        rows = corpus.store.scan(manifest, table)
        sent = rows.filter(pl.col("prompt_tokens").is_not_null())
        requests, prompt, output = (
            sent.select(pl.len(), pl.col("prompt_tokens").sum(), pl.col("output_tokens").sum())
            .collect()
            .row(0)
        )
        seconds = manifest.run.get("llm", {}).get("seconds", manifest.run.get("seconds", 0.0))
        tally.usage.append(Usage(requests, prompt, output, float(seconds)))
        skipped = rows.filter(pl.col("outcome") == NOT_ATTEMPTED).group_by("reason").len().sort("reason")
        for why, count in skipped.collect().iter_rows():
            tally.not_attempted[why or "no reason"] += count


# -- tokens -----------------------------------------------------------------------------------------------------


def _by_source(
    corpus: Corpus, stage: str, manifests: list[Manifest]
) -> Iterator[tuple[str, int, int | None]]:
    """(source, documents, tokens or None) of what goes out of a stage, a shard at a time.

    A global stage is split by looking for its ids in the shards.
    """
    if manifests[0].partition is not None:
        for manifest in manifests:
            ids = ids_out(corpus, manifest)
            if ids is not None:
                yield corpus.source_of(manifest) or "", *_tokens_of(corpus, stage, manifest.partition, ids)
        return
    ids = ids_out(corpus, manifests[0])
    if ids is None:
        return
    taken = ids.collect()
    for shard in corpus.shards:
        known = _counts(corpus, stage, shard.key)
        if known is None:
            yield shard.source, 0, None
            continue
        here = taken.join(known.rename({"tokens": "counted"}), on="id", how="inner")
        tokens = here["tokens"] if "tokens" in here.columns else here["counted"]
        yield shard.source, here["id"].n_unique(), int(tokens.sum())


def _tokens_of(corpus: Corpus, stage: str, shard: str | None, ids: pl.LazyFrame) -> tuple[int, int | None]:
    counts = _counts(corpus, stage, shard)
    documents = ids.select("id").collect()
    if counts is None:
        return documents.height, None
    joined = documents.join(counts, on="id", how="left")
    complete = joined["tokens"].null_count() == 0
    return documents.height, int(joined["tokens"].sum()) if complete else None


def _counts(corpus: Corpus, stage: str, shard: str | None) -> pl.DataFrame | None:
    """id, tokens: the newest count of every document of a shard, as far as `stage` knows of it."""
    found = corpus.scan("tokens", "tokens", shard, ["id", "stage", "tokens"])
    if found is None:
        return None
    return counts_of(found, stage).collect()


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _merge(a: dict[str, SourceCount], b: dict[str, SourceCount]) -> dict[str, SourceCount]:
    nothing = SourceCount(0, 0)
    return {
        source: SourceCount(
            a.get(source, nothing).documents + b.get(source, nothing).documents,
            _sum(a.get(source, nothing).tokens, b.get(source, nothing).tokens),
        )
        for source in {*a, *b}
    }
