"""Options of the assets that train a refiner: `refiner/labels`, `models/refiner`, `refiner/evaluation`."""

from __future__ import annotations

from pydantic import Field

from gristmill.options import Options

RULES = "rules"  # the teacher that needs no model
REFINER = "refiner"  # name of the trained model, for `refine.model`


class RefinerOptions(Options):
    """A small model trained to write the programs of the chunk stage: section 3 of ProX (arXiv 2409.17115)."""

    base: str = Field(
        description="The model that is trained, by its name in the recipe's models: a chat model whose weights are "
        "here. ProX trains the model that it later pre-trains, of 0.3 to 1.7 billion parameters."
    )
    teacher: str = Field(
        default=RULES,
        description="Who labels. rules: published rules for boilerplate lines, always there. Else a strong chat model, "
        "by its name in the recipe's models. ProX: Llama-3-70B-Instruct.",
    )
    sources: tuple[str, ...] | None = Field(
        default=None, description="Sources whose documents are labelled; null takes all.", strict=False
    )
    languages: tuple[str, ...] | None = Field(
        default=None,
        description="Languages that are labelled; null takes all. The rules know English wording.",
        strict=False,
    )
    snapshot_shards: int | None = Field(
        default=None,
        description="Label documents of the first so many registered shards only, so that a new shard trains nothing "
        "again; null takes all shards.",
        ge=1,
    )
    max_documents: int = Field(
        default=2000,
        description="Documents that are labelled, chosen by hash of their ids. ProX: 51,000.",
        ge=2,
        le=1_000_000,
    )
    max_examples: int = Field(
        default=5000,
        description="Chunks that are learned from, chosen by hash. ProX found 5,000 already sufficient.",
        ge=1,
        le=1_000_000,
    )
    max_heldout: int = Field(
        default=1000,
        description="Chunks of the held-out documents that the evaluation asks about, chosen by hash.",
        ge=1,
        le=100_000,
    )
    holdout: float = Field(
        default=0.1,
        description="Share of the documents that is held out, by hash of their ids: no chunk of them is learned from. "
        "ProX: 5,000 of 51,000.",
        gt=0,
        lt=1,
    )
    max_unchanged_share: float = Field(
        default=0.5,
        description="Share of the examples at most in which nothing is removed. Source: Gristmill; most chunks of a "
        "page are clean, and a model that only sees such learns to keep everything. Held-out chunks are not chosen so.",
        ge=0,
        le=1,
    )
    max_chunk_tokens: int = Field(
        default=1500,
        description="Tokens of a chunk at most, as `refine.max_chunk_tokens`, which should be the same. Source: ProX.",
        ge=16,
        le=100_000,
    )
    max_example_tokens: int = Field(
        default=2048,
        description="Tokens of prompt and program together; longer examples are left out. Source: ProX, context of "
        "its refiners.",
        ge=64,
        le=100_000,
    )
    max_removed_ratio: float = Field(
        default=0.5,
        description="A label that removes more of its chunk's words is left out. Source: ProX limits the share and "
        "gives no value.",
        ge=0,
        le=1,
    )
    max_ops: int = Field(
        default=8, description="A label with more calls is left out, as `refine.max_ops`.", ge=1, le=256
    )
    epochs: int = Field(
        default=3, description="Passes over the examples. Source: ProX (3 to 5).", ge=1, le=100
    )
    batch_size: int = Field(default=16, description="Examples per step. ProX: 64.", ge=1, le=4096)
    learning_rate: float = Field(
        default=2e-4,
        description="At its highest; it falls along a cosine to a tenth. ProX: 1e-5 to 1e-6 for all parameters; "
        "adapters need more (LoRA, arXiv 2106.09685, table 11: 2e-4).",
        gt=0,
        lt=1,
    )
    lora_rank: int = Field(
        default=16,
        description="Rank of the adapters (LoRA) at all linear layers; they are scaled by 2. Source: Gristmill.",
        ge=1,
        le=1024,
    )
    seed: int = Field(default=0, description="Seed of every choice by hash and of the training.", ge=0)
