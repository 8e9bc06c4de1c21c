"""A tokenizer whose tokens can be read off the text, and selections written as short rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.mix import INDEX, MixOptions, Mixture, ShardWriter
from gristmill.select import SELECTION


class Characters:
    """A token is the code of a character; the end-of-text token is 0."""

    vocab_size = 1000
    eos_id = 0

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(character) for character in text] for text in texts]


def select(*rows: tuple[str, str, int], synthetic: bool = False, shard: str = "s") -> pl.DataFrame:
    """Rows (id, source, tokens) as a selection; synthetic ones have the parent `p-ID`."""
    return pl.DataFrame(
        [
            {
                "id": name,
                "source": source,
                "shard": shard,
                "asset": "rephrased" if synthetic else "refined",
                "parent_id": f"p-{name}" if synthetic else None,
                "method": "wrap.medium" if synthetic else "natural",
                "generation_depth": int(synthetic),
                "tokens": tokens,
                "quality": None,
                "rank": rank,
            }
            for rank, (name, source, tokens) in enumerate(rows)
        ],
        schema=SELECTION,
    )


def text_of(name: str, tokens: int) -> str:
    """A text of so many tokens that tells which document it is."""
    return (f"{name} " * tokens)[:tokens]


def texts_of(selection: pl.DataFrame) -> pl.DataFrame:
    """id, shard, asset, text of each selected document."""
    texts = [text_of(name, tokens) for name, tokens in selection.select("id", "tokens").iter_rows()]
    return selection.select("id", "shard", "asset").with_columns(pl.Series("text", texts, dtype=pl.String))


def write(
    mixture: Mixture,
    texts: pl.DataFrame,
    options: MixOptions,
    folder: Path,
    *,
    batch_rows: int = 1000,
    **other: Any,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Write a mixture into a folder in batches; index and figures."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = other.pop("tokenizer", Characters())
    writer = ShardWriter(mixture.order, tokenizer=tokenizer, options=options, new_file=folder.joinpath)
    for of_asset in texts.partition_by("asset", maintain_order=True):
        for batch in of_asset.iter_slices(batch_rows):
            writer.write(batch.select("id", "shard", "text"), asset=of_asset["asset"][0])
    figures = writer.close()
    assert writer.index.schema == pl.Schema(INDEX)
    return writer.index, figures


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
