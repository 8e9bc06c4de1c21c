"""Options of the stage `refined`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.llm.budget import Budget
from gristmill.options import Options

Mode = Literal["strict", "compat"]
BosMode = Literal["single", "reference_double"]


class RefineOptions(Options):
    """Chunks of documents edited by small programs that a model writes, after ProX (arXiv 2409.17115)."""

    model: str = Field(
        default="refiner",
        description="The model that writes the programs, by its name in the recipe's models.",
    )
    prompt: Literal["instruct", "prox"] = Field(
        default="instruct",
        description="instruct: a short instruction and examples, for any chat model. prox: the exact text that the "
        "released refiners (gair-prox/web-chunk-refining-lm and its siblings) were trained on; use it with them only.",
    )
    sources: tuple[str, ...] | None = Field(
        default=None, description="Sources whose documents are refined; null takes all.", strict=False
    )
    languages: tuple[str, ...] | None = Field(
        default=None,
        description="Languages that are refined; null takes all. The released refiners know English only.",
        strict=False,
    )
    mode: Mode = Field(
        default="strict",
        description="How programs are read and run. strict: a real parser, each program confined to its chunk. "
        "compat: as the reference code does (GAIR-NLP/ProX@b3fcbb2), its defects included but with bounded memory; "
        "for replications.",
    )
    max_chunk_tokens: int = Field(
        default=1500,
        description="Tokens of a chunk of whole lines at most, line numbers included. Source: ProX, appendix A.2. "
        "In strict mode a longer line is never sent and stays as it is.",
        ge=16,
        le=100_000,
    )
    max_output_tokens: int = Field(
        default=256,
        description="Tokens of a program at most. Source: reference code of ProX.",
        ge=8,
        le=10_000,
    )
    constrained: bool = Field(
        default=True,
        description="Let the model write only valid calls with line numbers of the chunk (constrained decoding). "
        "Released refiners were trained to do so by themselves; a chat model needs it.",
    )
    operations: tuple[Literal["remove_lines", "normalize"], ...] = Field(
        default=("remove_lines", "normalize"),
        description="Calls that the constraint allows beside keep_chunk(). Read where `constrained` is true.",
        strict=False,
        min_length=1,
    )
    max_ops: int = Field(
        default=8,
        description="Calls per program that the constraint allows; programs of ProX have 2.7 to 3.7 in the mean "
        "(its table 35). Read where `constrained` is true.",
        ge=1,
        le=256,
    )
    error_op: int = Field(
        default=2,
        description="Errors in the programs of a document from which they are all rejected and the original stays. "
        "Source: reference code of ProX.",
        ge=1,
        le=1_000,
    )
    max_removed_ratio: float | None = Field(
        default=0.5,
        description="Share of its chunk's words that a program may remove; beyond, this program is rejected and the "
        "chunk stays as it is. Source: Gristmill; ProX limits the share in its training data and gives no value, and "
        "drops documents of which at most 5 % is left. null switches it off, as in a replication. Strict mode only.",
        ge=0,
        le=1,
    )
    bos_mode: BosMode = Field(
        default="single",
        description="Begin-of-sequence tokens of the prompt `prox`: one, or two as in the reference, whose rendered "
        "text begins with <s> and is given to an engine that adds another.",
    )
    budget: Budget | None = Field(
        default=None,
        description="Tokens that a shard may cost; null sets no limit. Documents are taken whole, in an order that "
        "depends on `seed` and their ids alone.",
    )
    seed: int = Field(default=0, description="Seed of the order in which a budget is spent.", ge=0)
