"""Options of the stage `selected`: which documents the token budget is spent on."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.options import Options


class QuotaOptions(Options):
    """A budget for each group of documents, by its share of all tokens, so that the mix stays as it is."""

    by: Literal["language", "lang", "source"] = Field(
        default="language",
        description="What makes a group: the programming language that a source of kind `code` found, the natural "
        "language, or the source. Documents without one are a group too. Source: Arctic-SnowCoder (arXiv 2409.02326), "
        "phase 2, by programming language.",
    )


class SelectOptions(Options):
    """Rules that drop, then the order in which the budget is spent on what is left. No rule: everything is taken."""

    budget_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens to take, end-of-text tokens not counted. Documents are taken in order until the first "
        "that does not fit; that one and all after it are left. null takes all.",
    )
    by: Literal["quality", "hash"] = Field(
        default="quality",
        description="Order in which the budget is spent. quality: best first, documents without a score last, equal "
        "ones by hash of their id. hash: by hash of the id alone, a uniform sample.",
    )
    min_quality: float | None = Field(
        default=None,
        description="Documents below this score are dropped, and so are those without a score. null drops none.",
    )
    quotas: QuotaOptions | None = Field(
        default=None,
        description="Split `budget_tokens` over groups in proportion to their tokens before selection (largest "
        "remainder), and take documents of each until its quota is reached; the last one may pass it, equal scores go "
        "by id, and what a group has too little of is not given to others. null: one budget for all.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the hash; another one breaks ties otherwise.")

    @model_validator(mode="after")
    def _quotas_need_a_budget(self) -> Self:
        if self.quotas is not None and self.budget_tokens is None:
            raise ValueError("`quotas` needs `budget_tokens`, which it splits")
        return self
