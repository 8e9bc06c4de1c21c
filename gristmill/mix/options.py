"""Options of the stage `mixed`: the proportions of the corpus, and the files that it is written to."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, field_validator

from gristmill.options import Options


class GroupOptions(Options):
    """Documents that stand together in the corpus: the files of a repository in one language, say."""

    by: tuple[Literal["language", "repository", "lang", "shard"], ...] = Field(
        default=("language", "repository"),
        strict=False,
        min_length=1,
        description="What the documents of a group have in common. One that lacks any of it stands alone. Source: "
        "Arctic-SnowCoder (arXiv 2409.02326), where grouping by language and then repository beat repository alone.",
    )
    sources: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="Sources whose natural documents are grouped; null: all.",
    )
    join: bool = Field(
        default=True,
        description="Write a group as one document: an end-of-text token, and a boundary in the index, only after its "
        "last file. false: the files stand side by side, each a document.",
    )


class MixOptions(Options):
    """The proportions hold on tokens as they lie in the files, end-of-text tokens included."""

    weights: dict[str, float] | None = Field(
        default=None,
        min_length=1,
        description="Weight of each source; they need not add up to 1. A source that is not named is left out, one "
        "that is named and has no selected documents is an error. null: sources in proportion to their tokens.",
    )
    synthetic_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of tokens that models wrote (rephrased documents) in the whole corpus; 0.5 is real to "
        "synthetic 1:1. Together with `weights` both hold, where that is possible. null: in proportion to their "
        "tokens. Source: WRAP (arXiv 2401.16380), which mixes 1:1.",
    )
    tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of the corpus; more than `max_repeats` allows is an error. null: as many as it allows.",
    )
    max_repeats: float = Field(
        default=1.0,
        ge=1,
        le=1000,
        description="How often the documents of a source may be used; no document is used again before all others "
        "of its source and kind were. Up to about 4 repeats are nearly as good as new text. Source: Scaling "
        "Data-Constrained Language Models (arXiv 2305.16264).",
    )
    group: GroupOptions | None = Field(
        default=None,
        description="Which documents stand together, in random order within their group and the groups in random "
        "order. null: every document by itself.",
    )
    shard_tokens: int = Field(
        default=100_000_000,
        ge=1,
        description="Tokens in a file at most; documents are not cut, so a longer document has a file of its own.",
    )
    dtype: Literal["auto", "uint16", "int32"] = Field(
        default="auto",
        description="Type of a stored token. auto: uint16 where the vocabulary has fewer than 65,500 entries, else "
        "int32. Source: NVIDIA/Megatron-LM, core/datasets/indexed_dataset.py.",
    )
    append_eos: bool = Field(
        default=True, description="End every document with the tokenizer's end-of-text token, exactly one."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the order of documents.")

    @field_validator("weights", mode="after")
    @classmethod
    def _weights_are_proportions(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        for source, weight in (weights or {}).items():
            if not math.isfinite(weight) or weight < 0:
                raise ValueError(f"weight of {source!r} must be 0 or more and finite")
        if weights is not None and not any(weights.values()):
            raise ValueError("all weights are 0; at least one must be above 0")
        return weights
