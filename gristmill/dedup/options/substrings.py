"""Options of the stages of repeated substrings: what repeats, and what becomes of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.options import Options

_LEE = "Deduplicating Training Data Makes Language Models Better (arXiv 2107.06499)"
_MIN_LENGTHS = {"bytes": 100, "words": 50}


class SubstringOptions(Options):
    """Which passages are cut out of the documents because they occur word for word elsewhere."""

    unit: Literal["bytes", "words"] = Field(
        default="bytes",
        description="What is compared: the bytes of the UTF-8 text, in any language; or runs without white space, so "
        "that copies with other line breaks or blanks are found too.",
    )
    min_length: int | None = Field(
        default=None,
        ge=2,
        description="Bytes or words from which a passage counts. null: 100 bytes, as the README of "
        f"google-research/deduplicate-text-datasets has it, which are 50 tokens of two bytes in {_LEE}; or 50 words.",
    )
    min_count: int = Field(
        default=2, ge=2, description=f"Occurrences from which a passage repeats. 2: {_LEE}."
    )
    keep: Literal["first", "none"] = Field(
        default="first",
        description="What stays of a passage that repeats: its first occurrence by order of registration, or nothing, "
        f"as in {_LEE}.",
    )
    action: Literal["cut", "mask", "drop_document"] = Field(
        default="cut",
        description="`cut` takes the passages out of the text and drops documents with too little left. `mask` only "
        "records them in the table `ranges`: all documents stay as they are. `drop_document` drops documents with "
        "too little besides them and leaves the others as they are.",
    )
    min_chars_left: int = Field(
        default=100,
        ge=0,
        description="Characters that a document must have besides the passages that repeat, without white space at "
        "either end; one without such a passage is never dropped. Default: ours.",
    )
    min_share_left: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="The same as a share of the document's characters. Default: ours.",
    )
    snapshot_shards: int | None = Field(
        default=None,
        ge=1,
        description="Passages are counted over the first so many shards by order of registration. null counts all "
        "shards, so every new shard counts anew. With a number, later shards are compared with what repeats in the "
        "snapshot and change nothing for the others.",
    )

    @property
    def length(self) -> int:
        """Symbols (bytes or words) from which a passage counts."""
        return self.min_length or _MIN_LENGTHS[self.unit]
