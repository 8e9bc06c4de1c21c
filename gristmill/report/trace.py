"""The path of one document through the graph: what every stage decided, and where its tokens are.

Answers "why is this page not in the corpus?" and "from which page is this?". A document that a language model wrote
is followed from the page it was made from. Only the tables of the document's own shard are read, besides the raw
tables where it is looked for, the global stages, and its twins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from gristmill.documents import DROP, EDIT
from gristmill.errors import StoreError, shorten
from gristmill.report.current import Corpus, place
from gristmill.report.sample import Row, look_up, rows_with
from gristmill.store import Store
from gristmill.token_counts import DOCUMENT_STAGES

MAX_MATCHES = 20  # documents of one address that are followed; a URL may be fetched many times
_DECIDING = frozenset(DOCUMENT_STAGES) - {"rephrased", "mixed"}
_PLACED = {
    "scores": ("scores", "scored"),  # and every asset scores/NAME
    "tokens": ("tokens", "counted"),
    "mixed": ("index", "taken"),
}


@dataclass(frozen=True)
class TraceStep:
    """What one stage did with one document.

    outcome: keep | drop | edit | accepted | rejected | ... | counted | scored | taken, or `unknown` where the stage is
    built but has nothing on the document. `facts` are further values by name; `rows` are a table (programs,
    derivations, places in the token shards).
    """

    stage: str
    id: str
    shard: str | None
    outcome: str
    rule: str | None = None
    value: float | None = None
    bound: float | None = None
    detail: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    text: str | None = None  # where the stage made or changed it
    child: bool = False  # about a document made from the one that is followed


def trace(
    store: Store, recipe_name: str, id_or_url: str, stages: Sequence[str] | None = None
) -> list[TraceStep]:
    """The steps of a document in the order of the graph, then those of the documents made from it.

    Given the id of a made document, its parent is followed and that one child. Given a URL, every document of that
    URL, one after the other. `stages` are the assets of the recipe's graph; None: all that have a ref. A stage that
    is not built is not shown. Raises StoreError where nobody knows the id or URL.
    """
    corpus = Corpus(store, recipe_name)
    known = sorted(corpus.assets if stages is None else stages, key=place)
    steps: list[TraceStep] = []
    for key, child in _resolve(corpus, id_or_url, known):
        steps += _follow(corpus, key, child, known)
    return steps


def _resolve(corpus: Corpus, name: str, stages: list[str]) -> list[tuple[str, str | None]]:
    """(natural document, made document or None) for an id or a URL."""
    for table in ("documents", "decisions"):
        found = corpus.scan("raw", table, columns=["id"])
        if found is not None and found.filter(pl.col("id") == name).head(1).collect().height:
            return [(name, None)]
    if "rephrased" in stages:
        made = rows_with(corpus, "rephrased", "derivations", "child_id", [name])
        if made:
            return [(made[0]["parent_id"], name)]
    addresses = corpus.scan("raw", columns=["id", "url"])
    if addresses is not None:
        ids = addresses.filter(pl.col("url") == name).select("id").head(MAX_MATCHES).collect()["id"].to_list()
        if ids:
            return [(key, None) for key in ids]
    raise StoreError(
        f"recipe {corpus.recipe!r} has no document with the id or URL {shorten(name)}; "
        "an id has 32 hex characters, a URL must be as the source wrote it"
    )


def _follow(corpus: Corpus, key: str, child: str | None, stages: list[str]) -> list[TraceStep]:
    shard = _shard_of(corpus, key)
    steps: list[TraceStep] = []
    for stage in stages:
        if not corpus.manifests(stage, shard):
            continue
        if stage in _DECIDING:
            steps += _decided(corpus, stage, key, shard)
        elif stage == "rephrased":
            steps += _rephrased(corpus, key, shard, child)
        elif stage.partition("/")[0] in _PLACED:
            steps += _placed(corpus, stage, key, shard)
        if steps and steps[-1].outcome == DROP:
            break
    children = [row["child_id"] for row in _accepted(steps) if child in (None, row["child_id"])]
    for made in children:
        for stage in (s for s in stages if place(s) > place("rephrased")):
            if stage in _DECIDING:
                steps += _decided(corpus, stage, made, shard, child=True)
            elif stage.partition("/")[0] in _PLACED:
                steps += _placed(corpus, stage, made, shard, child=True)
            if steps[-1].outcome == DROP:
                break
    return steps


def _shard_of(corpus: Corpus, key: str) -> str | None:
    for shard in corpus.shards:
        for table in ("documents", "decisions"):
            rows = corpus.scan("raw", table, shard.key, ["id"])
            if rows is not None and rows.filter(pl.col("id") == key).head(1).collect().height:
                return shard.key
    return None


def _decided(
    corpus: Corpus, stage: str, key: str, shard: str | None, *, child: bool = False
) -> list[TraceStep]:
    """What a stage decided, with what it measured and changed."""
    decisions = rows_with(corpus, stage, "decisions", "id", [key], shard)
    if not decisions:
        return []
    decision = decisions[0]
    facts: dict[str, Any] = {}
    rows: tuple[Row, ...] = ()
    shown = stage == "raw" or decision["action"] == EDIT
    document = look_up(corpus, [key], [stage], shard).get(key) if shown else None
    text = document["text"] if document else None
    if stage == "raw":
        facts |= _origin(corpus, key, shard)
    elif stage == "filtered":
        measured = rows_with(corpus, stage, "measures", "id", [key], shard)
        facts |= {name: value for row in measured for name, value in row.items() if name != "id"}
    elif stage in ("unique_urls", "deduped", "semantic"):
        facts |= _twins(corpus, stage, decision, key)
    elif stage in ("paragraphs", "substrings"):
        rows = tuple(rows_with(corpus, stage, "edits", "id", [key], shard))
    elif stage == "document_kept":
        judged = rows_with(corpus, stage, "judgements", "id", [key], shard)
        facts |= {name: row[name] for row in judged for name in ("answer", "word", "input_truncated")}
    elif stage == "refined":
        rows = tuple(rows_with(corpus, stage, "programs", "id", [key], shard))
    elif stage == "contamination":
        rows = tuple(rows_with(corpus, stage, "evidence", "id", [key], shard))
    elif stage == "selected":
        chosen = rows_with(corpus, stage, "selection", "id", [key])
        facts |= {name: row[name] for row in chosen for name in ("rank", "quality", "tokens") if name in row}
    return [
        TraceStep(
            stage,
            key,
            shard,
            decision["action"],
            decision["rule"],
            decision["value"],
            decision["bound"],
            decision["detail"],
            facts,
            _without(rows, "id"),
            text,
            child,
        )
    ]


def _origin(corpus: Corpus, key: str, shard: str | None) -> dict[str, Any]:
    """Where a document lies in the input."""
    names = ["source", "url", "date", "file", "offset", "length", "record_digest"]
    documents = corpus.scan("raw", "documents", shard, ["id", *names])
    found = (
        documents.filter(pl.col("id") == key).select(names).collect()
        if documents is not None
        else pl.DataFrame()
    )
    return {
        name: value for row in found.iter_rows(named=True) for name, value in row.items() if value is not None
    }


def _twins(corpus: Corpus, stage: str, decision: Row, key: str) -> dict[str, Any]:
    """The document this one is a copy of, and how many were dropped as copies of this one."""
    facts: dict[str, Any] = {}
    twin = decision["other_id"]
    if twin is not None:
        document = look_up(corpus, [twin], corpus.texts_before(stage)).get(twin)
        facts["twin"] = twin
        if document is not None:
            facts |= {"twin_shard": document["shard"], "twin_url": document["url"]}
    copies = corpus.scan(stage, "decisions", columns=["id", "other_id", "action"])
    if copies is not None:
        dropped = copies.filter((pl.col("other_id") == key) & (pl.col("action") == DROP))
        if count := dropped.select(pl.len()).collect().item():
            facts["copies_dropped"] = count
    return facts


def _rephrased(corpus: Corpus, key: str, shard: str | None, child: str | None) -> list[TraceStep]:
    """A row per passage that was planned; those never sent are counted."""
    derivations = rows_with(corpus, "rephrased", "derivations", "parent_id", [key], shard)
    wanted = [row for row in derivations if child in (None, row["child_id"])]
    if not wanted:
        return []
    outcomes = {row["outcome"]: sum(other["outcome"] == row["outcome"] for other in wanted) for row in wanted}
    facts = dict(sorted(outcomes.items()))
    return [TraceStep("rephrased", key, shard, "derived", facts=facts, rows=_without(wanted, "parent_id"))]


def _accepted(steps: list[TraceStep]) -> list[Row]:
    return [
        row
        for step in steps
        if step.stage == "rephrased"
        for row in step.rows
        if row["outcome"] == "accepted"
    ]


def _placed(
    corpus: Corpus, stage: str, key: str, shard: str | None, *, child: bool = False
) -> list[TraceStep]:
    """Token counts, scores, and places in the token shards."""
    table, outcome = _PLACED[stage.partition("/")[0]]
    rows = rows_with(corpus, stage, table, "id", [key], shard)
    if not rows:
        return [TraceStep(stage, key, shard, "not taken", child=child)] if stage == "mixed" else []
    if len(rows) == 1 and stage != "mixed":
        facts = {
            name: value
            for name, value in rows[0].items()
            if name not in ("id", "shard") and value is not None
        }
        return [TraceStep(stage, key, shard, outcome, facts=facts, child=child)]
    return [TraceStep(stage, key, shard, outcome, rows=_without(rows, "id"), child=child)]


def _without(rows: Sequence[Row], name: str) -> tuple[Row, ...]:
    return tuple({key: value for key, value in row.items() if key != name} for row in rows)
