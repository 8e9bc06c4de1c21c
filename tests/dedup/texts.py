"""Texts made for the tests: repeatable, and as long as wanted."""

from __future__ import annotations

import random

import polars as pl

_SYLLABLES = [
    a + b for a in ("b", "d", "k", "l", "m", "n", "r", "s", "t", "v") for b in ("a", "e", "i", "o", "u")
]


def make_words(seed: int, count: int) -> list[str]:
    """Words of three syllables, drawn evenly from 125,000."""
    draw = random.Random(seed)
    return ["".join(draw.choices(_SYLLABLES, k=3)) for _ in range(count)]


def edit(words: list[str], share: float, seed: int) -> list[str]:
    """The words with this share of them, evenly spread, replaced."""
    changed = list(words)
    step = round(1 / share)
    for position, word in zip(range(step // 2, len(words), step), make_words(seed, len(words)), strict=False):
        changed[position] = word
    return changed


def table(texts: list[str]) -> pl.DataFrame:
    """Documents with ids d0, d1, ..."""
    return pl.DataFrame(
        {"id": [f"d{i}" for i in range(len(texts))], "text": texts}, schema={"id": str, "text": str}
    )
