"""A small corpus made by hand: eleven records in two shards, taken through every stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from gristmill import documents as data
from gristmill.hashing import digest_json, digest_text
from gristmill.store import Registry, Store

RECIPE = "demo"
STAGES = [
    *("raw", "filtered", "signatures", "duplicates", "deduped", "refined", "rephrased"),
    *("models/quality", "scores/quality", "tokens", "scored", "selected", "mixed"),
]
WEB, BOOKS = "web-0001", "books-0001"


def key(name: str) -> str:
    """Id of a document by its short name."""
    return digest_text(name)


def document(name: str, text: str, shard: str = WEB, **more: Any) -> dict[str, Any]:
    """A row of DOCUMENTS."""
    return {
        "id": key(name),
        "text": text,
        "source": shard.rpartition("-")[0],
        "shard": shard,
        "url": f"https://example.org/{name}",
        "method": data.NATURAL,
        "generation_depth": 0,
        "meta": "{}",
        "file": "part.jsonl",
        "offset": 10,
        "length": 20,
        "record_digest": "00",
        **more,
    }


def decision(name: str, action: str = "keep", rule: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of DECISIONS."""
    return {"id": key(name), "action": action, "rule": rule, **more}


def put(
    store: Store,
    asset: str,
    partition: str | None,
    *,
    recipe: str = RECIPE,
    inputs: tuple[str, ...] = (),
    figures: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
    **tables: Any,
) -> None:
    """Publish an object and make it current. Tables are frames, or rows of DOCUMENTS, DECISIONS, DERIVATIONS."""
    schemas = {"documents": data.DOCUMENTS, "decisions": data.DECISIONS, "derivations": data.DERIVATIONS}
    frames = {
        name: rows if isinstance(rows, pl.DataFrame) else data.frame(rows, schemas[name])
        for name, rows in tables.items()
    }
    contents = {name: frame.to_dicts() for name, frame in frames.items()}
    fingerprint = digest_json([asset, partition, contents])
    with store.writer(asset=asset, partition=partition, fingerprint=fingerprint) as writer:
        for name, frame in frames.items():
            writer.write(name, frame)
        manifest = writer.publish(
            version=1,
            options={},
            inputs={f"{given}/{partition or 'global'}": "00" for given in inputs},
            figures=figures or {},
            run=run or {},
        )
    store.set_ref(recipe, manifest)


def tokens(*rows: tuple[str, str, int]) -> pl.DataFrame:
    """Table of the asset `tokens` from (name, stage, tokens)."""
    return pl.DataFrame(
        [(key(name), stage, count) for name, stage, count in rows],
        schema={"id": pl.String, "stage": pl.String, "tokens": pl.Int64},
        orient="row",
    )


def make_corpus(root: Path) -> Store:
    """web: five records, of which one is unreadable, one too short, one a near copy of a book; books: two."""
    store = Store.open(root)
    registry = Registry(store, RECIPE)
    for source in ("books", "web"):
        registry.register(source, [])

    b1 = document("b1", "The miller grinds the corn.\nThe wheel turns.\n", BOOKS)
    b2 = document("b2", "A second book.\nIt has two lines.\n", BOOKS)
    w1 = document("w1", "Home | Login\nThe mill stands by the river.\nIt is old.\n")
    w2 = document("w2", "short")
    w3 = document("w3", "The miller grinds the corn.\nThe wheel turns!\n")
    w4 = document("w4", "Nothing but menu\n")
    put(store, "raw", BOOKS, documents=[b1, b2], decisions=[decision("b1"), decision("b2")])
    put(
        store,
        "raw",
        WEB,
        documents=[w1, w2, w3, w4],
        decisions=[decision(n) for n in ("w1", "w2", "w3", "w4")]
        + [decision("w5", "drop", "unreadable", detail="not UTF-8")],
    )
    put(
        store,
        "filtered",
        BOOKS,
        inputs=("raw",),
        documents=[b1, b2],
        decisions=[decision("b1"), decision("b2")],
    )
    put(
        store,
        "filtered",
        WEB,
        inputs=("raw",),
        documents=[w1, w3, w4],
        decisions=[
            decision("w1"),
            decision("w2", "drop", "gopher_min_words", value=1.0, bound=50.0),
            decision("w3"),
            decision("w4"),
        ],
        measures=pl.DataFrame({"id": [key("w1"), key("w2")], "n_words": [10, 1]}),
    )
    put(
        store,
        "deduped",
        BOOKS,
        inputs=("filtered",),
        documents=[b1, b2],
        decisions=[decision("b1"), decision("b2")],
    )
    put(
        store,
        "deduped",
        WEB,
        inputs=("filtered",),
        documents=[w1, w4],
        decisions=[
            decision("w1"),
            decision("w3", "drop", "near_duplicate", value=0.92, bound=0.8, other_id=key("b1")),
            decision("w4"),
        ],
    )
    put(
        store,
        "refined",
        BOOKS,
        inputs=("deduped",),
        documents=[b1, b2],
        decisions=[decision("b1"), decision("b2")],
    )
    put(
        store,
        "refined",
        WEB,
        inputs=("deduped",),
        run={"llm": {"seconds": 4.5}},
        documents=[{**w1, "text": "The mill stands by the river.\nIt is old.\n"}],
        decisions=[decision("w1", "edit", "refined"), decision("w4", "drop", "remove_all")],
        programs=pl.DataFrame(
            {
                "id": [key("w1"), key("w4"), key("w1")],
                "chunk": [0, 0, 1],
                "program": ["remove_lines(0, 0)", "remove_all()", None],
                "outcome": ["applied", "applied", "not_attempted"],
                "reason": [None, None, "budget"],
                "status": ["edited", "dropped_overremoved", "edited"],
                "errors": [[], ["syntax"], []],
                "prompt_tokens": [100, 50, None],
                "output_tokens": [12, 5, None],
            }
        ),
    )
    child = document(
        "w1.0",
        "By the river there is an old mill.",
        parent_id=key("w1"),
        method="wrap.medium",
        generation_depth=1,
    )
    derivation = {"parent_id": key("w1"), "passage": 0, "style": "medium", "sample": 0}
    put(
        store,
        "rephrased",
        WEB,
        inputs=("refined",),
        documents=[child],
        derivations=[
            {
                **derivation,
                "child_id": key("w1.0"),
                "outcome": "accepted",
                "text": child["text"],
                "source_text": "The mill stands by the river.",
                "prompt_tokens": 80,
                "output_tokens": 9,
            },
            {
                **derivation,
                "child_id": key("w1.1"),
                "passage": 1,
                "outcome": "rejected",
                "reason": "incomplete",
                "text": "It",
                "source_text": "It is old.",
                "prompt_tokens": 70,
                "output_tokens": 1,
            },
        ],
    )
    put(
        store,
        "rephrased",
        BOOKS,
        inputs=("refined",),
        documents=[],
        derivations=[
            {
                "parent_id": key("b1"),
                "child_id": key("b1.0"),
                "passage": 0,
                "style": "qa",
                "sample": 0,
                "outcome": "not_attempted",
                "reason": "budget",
            }
        ],
    )
    put(store, "tokens", BOOKS, tokens=tokens(("b1", "raw", 10), ("b2", "raw", 8)), inputs=("raw",))
    put(
        store,
        "tokens",
        WEB,
        inputs=("raw", "refined", "rephrased"),
        tokens=tokens(
            ("w1", "raw", 14),
            ("w2", "raw", 1),
            ("w3", "raw", 10),
            ("w4", "raw", 3),
            ("w1", "refined", 11),
            ("w1.0", "rephrased", 9),
        ),
    )
    put(
        store,
        "scores/quality",
        WEB,
        inputs=("refined", "rephrased"),
        scores=pl.DataFrame({"id": [key("w1"), key("w1.0")], "quality": [0.9, 0.7]}),
    )
    put(
        store,
        "selected",
        None,
        inputs=("refined", "rephrased"),
        decisions=[
            decision("b1"),
            decision("b2", "drop", "budget", value=38.0, bound=35.0),
            decision("w1"),
            decision("w1.0"),
        ],
        selection=pl.DataFrame(
            {
                "id": [key("b1"), key("w1"), key("w1.0")],
                "rank": [0, 1, 2],
                "tokens": [10, 11, 9],
                "quality": [None, 0.9, 0.7],
            }
        ),
    )
    put(
        store,
        "mixed",
        None,
        inputs=("selected", "refined", "rephrased"),
        index=pl.DataFrame(
            {
                "id": [key("w1"), key("w1"), key("w1.0")],
                "file": ["shard_00000.bin"] * 3,
                "start": [0, 12, 24],
                "n_tokens": [12, 12, 10],
            }
        ),
    )
    return store


def store_with_raw(root: Path) -> Store:
    """A store with one shard that has one document."""
    store = Store.open(root)
    Registry(store, RECIPE).register("web", [])
    put(store, "raw", WEB, documents=[document("a", "text")], decisions=[decision("a")])
    return store
