"""Documents of two kinds that a classifier can tell apart."""

from __future__ import annotations

import random

import polars as pl

from gristmill.score import QualityOptions

_SHARED = ["the", "a", "of", "river", "mill", "stone", "water", "and", "to", "in"]
_GOOD = ["therefore", "because", "theorem", "observe", "evidence"]
_BAD = ["buy", "cheap", "click", "offer", "subscribe"]


def documents(good: int = 40, bad: int = 40) -> pl.DataFrame:
    """`good` documents of source wiki and `bad` ones of source web; about 40 words each."""
    chance = random.Random(7)
    rows = []
    for source, words, count in (("wiki", _GOOD, good), ("web", _BAD, bad)):
        for i in range(count):
            text = " ".join(chance.choice(_SHARED if chance.random() < 0.7 else words) for _ in range(40))
            rows.append({"id": f"{source}-{i:03}", "text": text, "source": source, "lang": "en"})
    return pl.DataFrame(rows, schema=dict.fromkeys(("id", "text", "source", "lang"), pl.String))


def options(**changes: object) -> QualityOptions:
    """Small and fast."""
    given = {
        "positives": [{"sources": ["wiki"], "min_chars": 1}],
        "negatives": [{"sources": ["web"], "min_chars": 1}],
        "dim": 4,
        "bucket": 500,
        "epochs": 5,
        "holdout": 0.25,
    }
    return QualityOptions.model_validate(given | changes)
