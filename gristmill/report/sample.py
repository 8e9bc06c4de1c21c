"""Rows to look at: what a stage did, side by side with what it was given.

Which rows is decided by a hash of their ids, so the same corpus shows the same rows on every machine, and another
seed shows others. Texts are returned whole; the terminal cuts them.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from gristmill.documents import DROP, EDIT, KEEP
from gristmill.errors import StoreError, suggest
from gristmill.hashing import random_u64
from gristmill.report.current import Corpus
from gristmill.store import Store

Row = dict[str, Any]

_MAIN_TABLES = ("documents", "scores", "selection", "index", "signatures", "tokens", "decisions")


def sample(
    store: Store, recipe_name: str, asset: str, count: int, *, shard: str | None = None, seed: int = 0
) -> list[Row]:
    """At most `count` rows of an asset; `kind` says what a row shows and which keys it has.

    drop: id, shard, url, rule, value, bound, detail, text (of `filtered`, `selected`, ...: what was left out)
    pair: id, shard, url, text, rule, similarity, kept_id, kept_shard, kept_url, kept_text
    edit: id, shard, url, action, rule, value, bound, before, programs, after (null where dropped)
    rephrase: id, parent_id, shard, passage, style, outcome, reason, before, after, spans (of `before`, that prove pairs
    of question and answer)
    row: the columns of the main table, and `text` where the id is that of a document
    Raises StoreError where nothing of the asset, or of that shard, is built.
    """
    corpus = Corpus(store, recipe_name)
    if not corpus.manifests(asset, shard):
        raise StoreError(_missing(corpus, asset, shard))
    make: dict[str, Callable[..., list[Row]]] = {
        "filtered": _drops_and_edits,
        "unique_urls": _pairs,
        "contamination": _drops_and_edits,
        "duplicates": _pairs,
        "deduped": _pairs,
        "paragraphs": _drops_and_edits,
        "substrings": _drops_and_edits,
        "semantic": _pairs,
        "document_kept": _drops,
        "refined": _refinements,
        "rephrased": _rephrasings,
        "selected": _drops,
    }
    return make.get(asset, _rows)(corpus, asset, count, shard, seed)


def choose(ids: Iterable[str], count: int, asset: str, seed: int) -> list[str]:
    """The `count` ids whose hash is smallest, in order of the hash."""
    return heapq.nsmallest(count, set(ids), key=lambda key: (random_u64(seed, f"sample/{asset}", key), key))


def look_up(
    corpus: Corpus, ids: Sequence[str], assets: Sequence[str], shard: str | None = None
) -> dict[str, Row]:
    """Documents by id, from the first of the assets that has them; ids that none has are left out."""
    found: dict[str, Row] = {}
    for asset in assets:
        wanted = [key for key in ids if key not in found]
        documents = corpus.scan(asset, "documents", shard, ["id", "shard", "source", "url", "text"])
        if wanted and documents is not None:
            rows = documents.filter(pl.col("id").is_in(wanted)).collect()
            found |= {row["id"]: row for row in rows.iter_rows(named=True)}
    return found


def _drops(corpus: Corpus, asset: str, count: int, shard: str | None, seed: int) -> list[Row]:
    decisions = corpus.scan(asset, "decisions", shard)
    if decisions is None:
        return []
    dropped = _chosen(decisions.filter(pl.col("action") == DROP), "id", count, asset, seed)
    texts = look_up(corpus, [row["id"] for row in dropped], corpus.texts_before(asset), shard)
    return [
        {
            "kind": "drop",
            **_place(texts.get(row["id"]), row["id"]),
            **{key: row[key] for key in ("rule", "value", "bound", "detail")},
            "text": _text(texts.get(row["id"])),
        }
        for row in dropped
    ]


def _drops_and_edits(corpus: Corpus, asset: str, count: int, shard: str | None, seed: int) -> list[Row]:
    """What was left out, and up to half as many that stayed with another text."""
    edited = _edits(corpus, asset, count // 2, shard, seed, actions=(EDIT,))
    return _drops(corpus, asset, count - len(edited), shard, seed) + edited


def _pairs(corpus: Corpus, asset: str, count: int, shard: str | None, seed: int) -> list[Row]:
    decisions = corpus.scan(asset, "duplicates" if asset == "duplicates" else "decisions", shard)
    if decisions is None:
        return []
    twins = decisions.filter(pl.col("other_id").is_not_null() & (pl.col("action") == DROP))
    dropped = _chosen(twins, "id", count, asset, seed)
    before = corpus.texts_before(asset)
    texts = look_up(corpus, [row["id"] for row in dropped], before, shard)
    kept = look_up(corpus, [row["other_id"] for row in dropped], before)  # in any earlier shard
    return [
        {
            "kind": "pair",
            **_place(texts.get(row["id"]), row["id"]),
            "text": _text(texts.get(row["id"])),
            "rule": row["rule"],
            "similarity": row["value"],
            **{f"kept_{k}": v for k, v in _place(kept.get(row["other_id"]), row["other_id"]).items()},
            "kept_text": _text(kept.get(row["other_id"])),
        }
        for row in dropped
    ]


def _refinements(corpus: Corpus, asset: str, count: int, shard: str | None, seed: int) -> list[Row]:
    """Edited and dropped documents; untouched ones only where there are no others."""
    return _edits(corpus, asset, count, shard, seed, actions=(EDIT, DROP)) or _edits(
        corpus, asset, count, shard, seed, actions=(KEEP,)
    )


def _edits(
    corpus: Corpus, asset: str, count: int, shard: str | None, seed: int, *, actions: Sequence[str]
) -> list[Row]:
    decisions = corpus.scan(asset, "decisions", shard)
    if decisions is None:
        return []
    chosen = _chosen(decisions.filter(pl.col("action").is_in(actions)), "id", count, asset, seed)
    ids = [row["id"] for row in chosen]
    before = look_up(corpus, ids, corpus.texts_before(asset), shard)
    after = look_up(corpus, ids, [asset], shard)
    programs = rows_with(corpus, asset, "programs", "id", ids, shard)
    return [
        {
            "kind": "edit",
            **_place(before.get(row["id"]), row["id"]),
            **{key: row[key] for key in ("action", "rule", "value", "bound")},
            "before": _text(before.get(row["id"])),
            "programs": [
                {key: value for key, value in program.items() if key != "id"}
                for program in programs
                if program["id"] == row["id"]
            ],
            "after": _text(after.get(row["id"])),
        }
        for row in chosen
    ]


def _rephrasings(corpus: Corpus, asset: str, count: int, shard: str | None, seed: int) -> list[Row]:
    """What the model wrote, accepted or not; passages that were never sent have nothing to show."""
    derivations = corpus.scan(asset, "derivations", shard)
    if derivations is None:
        return []
    chosen = _chosen(derivations.filter(pl.col("text").is_not_null()), "child_id", count, asset, seed)
    parents = look_up(corpus, [row["parent_id"] for row in chosen], corpus.texts_before(asset), shard)
    spans = _spans(corpus, asset, [row["child_id"] for row in chosen if row["outcome"] == "accepted"], shard)
    return [
        {
            "kind": "rephrase",
            **_place(parents.get(row["parent_id"]), row["child_id"]),
            **{key: row[key] for key in ("parent_id", "passage", "style", "outcome", "reason")},
            "before": row["source_text"],
            "after": row["text"],
            "spans": spans.get(row["child_id"], []),
        }
        for row in chosen
    ]


def _spans(corpus: Corpus, asset: str, ids: Sequence[str], shard: str | None) -> dict[str, list[list[int]]]:
    """The places in their passages that new documents name in their metadata, by id."""
    metas = {
        row["id"]: json.loads(row["meta"] or "{}")
        for row in rows_with(corpus, asset, "documents", "id", ids, shard)
    }
    return {key: [span for pair in meta.get("spans", []) for span in pair] for key, meta in metas.items()}


def _rows(corpus: Corpus, asset: str, count: int, shard: str | None, seed: int) -> list[Row]:
    present = {table for manifest in corpus.manifests(asset, shard) for table in manifest.schemas}
    table = next((name for name in _MAIN_TABLES if name in present), min(present, default=None))
    rows = corpus.scan(asset, table, shard) if table else None
    if rows is None:
        return []
    names = rows.collect_schema().names()
    if "id" not in names:
        return [{"kind": "row", **row} for row in rows.head(count).collect().iter_rows(named=True)]
    chosen = _chosen(rows, "id", count, asset, seed)
    if "text" not in names:
        texts = look_up(corpus, [row["id"] for row in chosen], corpus.texts_before(asset), shard)
        chosen = [{**row, "text": _text(texts.get(row["id"]))} for row in chosen]
    return [{"kind": "row", **row} for row in chosen]


def _chosen(rows: pl.LazyFrame, key: str, count: int, asset: str, seed: int) -> list[Row]:
    """Rows chosen by hash of their key; the keys are read first, the rest for the chosen ones only."""
    keys = choose(rows.select(key).collect()[key].to_list(), count, asset, seed)
    found = rows.filter(pl.col(key).is_in(keys)).unique(key, keep="first", maintain_order=True).collect()
    by_key = {row[key]: row for row in found.iter_rows(named=True)}
    return [by_key[chosen] for chosen in keys]


def rows_with(
    corpus: Corpus, asset: str, table: str, key: str, values: Sequence[str], shard: str | None = None
) -> list[Row]:
    """Rows of a table whose key is one of the values, in the table's order; none where there is no such table."""
    rows = corpus.scan(asset, table, shard)
    if rows is None or key not in rows.collect_schema().names():
        return []
    return list(rows.filter(pl.col(key).is_in(list(values))).collect().iter_rows(named=True))


def _place(document: Row | None, key: str) -> Row:
    document = document or {}
    return {"id": key, "shard": document.get("shard"), "url": document.get("url")}


def _text(document: Row | None) -> str | None:
    return document["text"] if document else None


def _missing(corpus: Corpus, asset: str, shard: str | None) -> str:
    if asset not in corpus.assets:
        known = ", ".join(corpus.assets) or "none"
        return (
            f"{asset!r} of recipe {corpus.recipe!r} is not in the store; built are: {known}."
            f"{suggest(asset, corpus.assets)}"
        )
    known = ", ".join(known.key for known in corpus.shards) or "none"
    return f"shard {shard!r} of {asset!r} is not in the store; registered are: {known}"
