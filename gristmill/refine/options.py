"""Options of the stages `document_kept` and `refined`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.llm.budget import Budget
from gristmill.options import Options

Mode = Literal["strict", "compat"]
BosMode = Literal["single", "reference_double"]
Truncation = Literal["keep_suffix", "reference_right"]


class DocumentOptions(Options):
    """Whole documents kept or dropped by a model: the document stage of ProX (arXiv 2409.17115)."""

    model: str | None = Field(
        default=None,
        description="The model that is asked, by its name in the recipe's models; null: `refine.model`. The released "
        "refiners are two models, one for documents and one for chunks.",
    )
    prompt: Literal["instruct", "prox"] = Field(
        default="instruct",
        description="instruct: a short instruction with the criteria of ProX's annotation (worth learning from, well "
        "formed), for any chat model. prox: the exact text that the released refiners "
        "(gair-prox/web-doc-refining-lm and its siblings) were trained on; use it with them only.",
    )
    mode: Mode = Field(
        default="strict",
        description="How the answer is read. strict: its first line must say keep or drop; anything else keeps the "
        "text and is counted. compat: `drop` anywhere in it drops, as in the reference code (GAIR-NLP/ProX@b3fcbb2).",
    )
    max_prompt_tokens: int = Field(
        default=2000,
        description="Tokens of the prompt at most; of a longer text only the beginning is read. Source: reference "
        "code of ProX, for models with a context of 2,048.",
        ge=64,
        le=1_000_000,
    )
    truncation: Truncation = Field(
        default="keep_suffix",
        description="What is cut off where the prompt is too long. keep_suffix: the end of the text, so that the "
        "prompt still ends as the model expects. reference_right: the end of the prompt, as in the reference; "
        "only with the prompt prox.",
    )
    max_output_tokens: int = Field(
        default=32,
        description="Tokens of the answer at most; the context must hold them beside the prompt. Source: Gristmill; "
        "the reference asks for 2,000 and gets the 48 that its context leaves.",
        ge=4,
        le=10_000,
    )
    constrained: bool = Field(
        default=True,
        description="Let the model write only keep_doc() or drop_doc() (constrained decoding).",
    )
    min_keep_probability: float | None = Field(
        default=None,
        description="Documents are dropped whose probability of being kept is lower; null: what the model says "
        "counts. The probability is read from the answer's log-probabilities and stored, so another bound asks "
        "nothing again. Source: Gristmill; ProX takes the likelier answer, which is a bound of 0.5.",
        ge=0,
        le=1,
    )
    bos_mode: BosMode = Field(
        default="single",
        description="Begin-of-sequence tokens of the prompt prox. The reference puts one here, and two before chunks.",
    )
    budget: Budget | None = Field(
        default=None,
        description="Tokens that a shard may cost; null sets no limit. Which documents are taken depends on `seed` "
        "and their ids alone; the others are kept.",
    )
    seed: int = Field(default=0, description="Seed of the order in which a budget is spent.", ge=0)

    @model_validator(mode="after")
    def _only_prox_is_cut_at_its_end(self) -> Self:
        if self.truncation == "reference_right" and self.prompt != "prox":
            raise ValueError("truncation: reference_right is for the prompt prox; take keep_suffix")
        return self


class RefineOptions(Options):
    """Documents kept or dropped, and their chunks edited by small programs, by a model: ProX (arXiv 2409.17115)."""

    model: str = Field(
        default="refiner",
        description="The model that writes the programs, by its name in the recipe's models; `refiner` is the one "
        "that the section `refiner` trains, where there is one.",
    )
    prompt: Literal["instruct", "prox", "trained"] = Field(
        default="instruct",
        description="instruct: a short instruction and examples, for any chat model. prox: the exact text that the "
        "released refiners (gair-prox/web-chunk-refining-lm and its siblings) were trained on; use it with them only. "
        "trained: the chunk alone, for the model that the section `refiner` trains.",
    )
    document: DocumentOptions | None = Field(
        default=None,
        description="The document stage, which comes first: asset `document_kept`. Null leaves it out.",
    )
    chunks: bool = Field(
        default=True,
        description="The chunk stage: asset `refined`. false leaves it out, and needs `document`. All options of "
        "this section but `document`, `sources` and `languages` are about it.",
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

    @model_validator(mode="after")
    def _something_is_done(self) -> Self:
        if not self.chunks and self.document is None:
            raise ValueError(
                "chunks is false and there is no `document`: nothing is left to do; leave `refine` out"
            )
        return self
