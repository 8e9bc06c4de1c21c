"""Steps `url_keys`, `dedup_tables/urls` and `unique_urls`: of the documents of one URL, one stays.

The ones that stay are one global table over a declared snapshot of shards; the other two steps are made per shard.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import polars as pl

from assets.size_classes import SizeClasses
from assets.snapshots import list_shards, over_snapshot, places_in, sentence
from assets.step import Input, Step, Work
from gristmill.dedup import (
    UNIQUE_URLS_VERSION,
    URL_DUPLICATE,
    URL_KEYS,
    URL_KEYS_VERSION,
    URL_WINNERS_VERSION,
    UrlOptions,
    canonical_urls,
    drop_url_duplicates,
    find_url_duplicates,
    key_urls,
    pick_winners,
)
from gristmill.documents import DECISIONS, DOCUMENTS, empty
from gristmill.progress import advance
from gristmill.recipe import Recipe

KEYS, TABLE, NAME = "url_keys", "dedup_tables/urls", "unique_urls"

_MAX_HOSTS = 20
_SAMPLES = 6
_COUNT_CLASSES = (2, 3, 5, 10, 100, 1_000)  # each up to the next


def steps(recipe: Recipe, upstream: str) -> list[Step]:
    """The steps for the documents of the asset `upstream`."""
    assert recipe.dedup is not None
    options = recipe.dedup.urls
    assert options is not None
    choosing = {"keep", "within"}
    return [
        Step(
            name=KEYS,
            run=partial(_key, upstream=upstream, options=options),
            version=URL_KEYS_VERSION,
            description="A hash of every URL, in one form for all ways to write it, with date and length of the text.",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include={"drop_parameters"}),
            inputs=(Input(upstream),),
            kinds=frozenset({"parquet", "polars", "numba"}),
        ),
        Step(
            name=TABLE,
            run=partial(_pick, options=options),
            version=URL_WINNERS_VERSION,
            description=f"Of every URL that several documents have, which one stays: the {options.keep}. "
            f"{sentence(options.snapshot_shards)}",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include={*choosing, "snapshot_shards"}),
            inputs=(over_snapshot(KEYS, "keys", options.snapshot_shards),),
            partitioned=False,
        ),
        Step(
            name=NAME,
            run=partial(_drop, upstream=upstream, options=options),
            version=UNIQUE_URLS_VERSION,
            description="Documents without those of which another one of the same URL stays; each names that one.",
            group="dedup",
            options=lambda source: options.model_dump(mode="json", include={*choosing, "drop_parameters"}),
            inputs=(
                Input(upstream),
                Input(KEYS, tables=("keys",)),
                Input(TABLE, scope="global", tables=("winners", "shards")),
            ),
            checked="decisions",
        ),
    ]


# -- url_keys -----------------------------------------------------------------------------------------------------


def _key(work: Work, *, upstream: str, options: UrlOptions) -> dict[str, Any]:
    parts = [empty(URL_KEYS)]
    counts = Counter(documents=0, without_url=0, not_of_the_web=0)
    for batch in work.batches(upstream, columns=["id", "text", "url", "date"]):
        found = key_urls(batch, options=options, first_row=counts["documents"])
        without = int((batch["url"].fill_null("") == "").sum())
        parts.append(found)
        counts["documents"] += batch.height
        counts["without_url"] += without
        counts["not_of_the_web"] += batch.height - without - found.height
        advance(batch.height)
    # Sorted, so that a range of hashes is read from every shard without the rest of it.
    keys = pl.concat(parts).sort("hash_hi", "hash_lo", "row")
    work.emit(keys=keys)
    documents = counts.pop("documents")
    return {
        "rows_in": documents,
        "rows_out": documents,
        "urls": keys.height,
        **counts,
        "urls_without_date": keys["date"].null_count(),
    }


# -- dedup_tables/urls ----------------------------------------------------------------------------------------------


def _pick(work: Work, *, options: UrlOptions) -> dict[str, Any]:
    compared = work.inputs.get(KEYS, [])
    work.emit(shards=list_shards(compared))
    classes = SizeClasses(_COUNT_CLASSES, size="from_count", things="urls", total="documents")
    for part in pick_winners([work.store.scan(manifest, "keys") for manifest in compared], options=options):
        work.emit(winners=part)
        classes.add(part["count"].filter(part["count"] >= _COUNT_CLASSES[0]))
    return {
        "shards": len(compared),
        "urls": sum(manifest.rows("keys") for manifest in compared),
        "repeated_urls": classes.things,
        "documents_to_drop": classes.total - classes.things,
        "by_count": classes.rows(),
    }


# -- unique_urls ------------------------------------------------------------------------------------------------------


def _drop(work: Work, *, upstream: str, options: UrlOptions) -> dict[str, Any]:
    assert work.shard is not None
    shards = list(places_in(work, TABLE))
    losers = find_url_duplicates(
        work.scan(KEYS, "keys").collect(),
        _winners_of(work),
        shards=shards,
        shard=work.shard.key,
        options=options,
    )
    figures = _Figures(options)
    # So that a shard without documents has its tables too.
    work.emit(documents=empty(DOCUMENTS), decisions=empty(DECISIONS))
    rows = 0
    for batch in work.batches(upstream):
        kept = drop_url_duplicates(batch, losers, first_row=rows)
        work.emit(**kept._asdict())
        figures.add(batch, kept.decisions)
        rows += batch.height
        advance(batch.height)
    return {
        "in_snapshot": work.shard.key in shards,
        "by_reason": dict(losers.group_by("reason").len().sort("reason").iter_rows()),
        "by_year": losers.group_by("year").len("dropped").sort("year", nulls_last=True).to_dicts(),
        **figures.report(),
    }


def _winners_of(work: Work) -> pl.DataFrame:
    """The winners of the URLs that the shard has; the whole table may be larger than memory."""
    same = ["hash_hi", "hash_lo"]
    mine = work.scan(KEYS, "keys").select(same).unique()
    return work.scan(TABLE, "winners").join(mine, on=same, how="semi").collect(engine="streaming")


class _Figures:
    """What was dropped from a shard, batch by batch."""

    def __init__(self, options: UrlOptions) -> None:
        self._options = options
        self._hosts: Counter[str] = Counter()
        self._samples: list[dict[str, Any]] = []

    def add(self, before: pl.DataFrame, decisions: pl.DataFrame) -> None:
        """Count the drops of a batch by host and keep some to show."""
        dropped = before.select("id", "url", "date").join(
            decisions.filter(pl.col("rule") == URL_DUPLICATE), on="id", maintain_order="left"
        )
        canonical = canonical_urls(dropped["url"], self._options.drop_parameters)
        self._hosts.update(canonical.str.extract(r"^http://(\[[^\]]*\]|[^/:]*)").to_list())
        said = pl.col("detail").str.json_path_match
        # Ids are hashes, so the smallest ones are a fair choice.
        self._samples += (
            dropped.with_columns(canonical=canonical)
            .sort("id")
            .head(_SAMPLES)
            .select(
                "url",
                "date",
                reason=said("$.reason"),
                kept_date=said("$.date"),
                kept_shard=said("$.shard"),
                kept_id="other_id",
                id="id",
                compared_as="canonical",
            )
            .to_dicts()
        )
        self._samples = sorted(self._samples, key=lambda row: str(row["id"]))[:_SAMPLES]

    def report(self) -> dict[str, Any]:
        """The figures of the shard."""
        hosts = sorted(self._hosts.items(), key=lambda item: (-item[1], item[0]))[:_MAX_HOSTS]
        return {
            "by_host": [{"host": host, "dropped": count} for host, count in hosts],
            "sample": self._samples,
        }
