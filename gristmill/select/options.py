"""Options of the stage `selected`: which documents the token budget is spent on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.options import Options


class QuotaOptions(Options):
    """A budget for each group of documents, by its share of all tokens, so that the mix stays as it is."""

    by: str | Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = Field(
        default="language",
        description="What makes a group: `language` (the programming language that a source of kind `code` found), "
        "`lang` (the natural language), `source`, or a rater's column of labels, such as dataman_domain. A list splits "
        "the quota of each group of the first over those of the next. Documents without one are a group too. Source: "
        "Arctic-SnowCoder (arXiv 2409.02326), phase 2, by programming language; DataMan (arXiv 2502.19363), by source "
        "and then domain.",
    )
    weights: Literal["all", "eligible", "equal"] = Field(
        default="all",
        description="What the shares are in proportion to. all: tokens of all documents, as in Arctic-SnowCoder. "
        "eligible: tokens of those that no other rule drops, as in DataMan. equal: every group with such documents has "
        "the same.",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that make a group, the outermost first."""
        return (self.by,) if isinstance(self.by, str) else self.by


class SelectOptions(Options):
    """Rules that drop, then the order in which the budget is spent on what is left. No rule: everything is taken."""

    budget_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens to take, end-of-text tokens not counted. Documents are taken in order until the first "
        "that does not fit; that one and all after it are left. null takes all.",
    )
    by: str = Field(
        default="quality",
        pattern=r"^[a-z][a-z0-9_]*$",
        description="Order in which the budget is spent. quality, or a rater's column of numbers, such as "
        "dataman_overall_score: best first, documents without a score last, equal ones by hash of their id. hash: by "
        "hash of the id alone, a uniform sample.",
    )
    temperature: float | None = Field(
        default=None,
        gt=0,
        description="Sample instead of taking the best: documents are drawn one after the other with chances in "
        "proportion to exp(score / temperature). Source: QuRating (arXiv 2402.09739). null: best first.",
    )
    min_quality: float | None = Field(
        default=None,
        description="Documents below this score are dropped, and so are those without a score. null drops none.",
    )
    min_scores: dict[str, float] = Field(
        default_factory=dict,
        description="Documents below this score are dropped, and so are those without one, by a rater's column of "
        "numbers. The best setting of DataMan is {dataman_overall_score: 5}; FineWeb-Edu takes 3 of 5.",
    )
    labels: dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=dict,
        description="Only documents with one of these labels are taken, by a rater's column of labels.",
    )
    quotas: QuotaOptions | None = Field(
        default=None,
        description="Split `budget_tokens` over groups in proportion to their tokens before selection (largest "
        "remainder), and take documents of each until its quota is reached; the last one may pass it, equal qualities "
        "go by id, and what a group has too little of is not given to others. null: one budget for all.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the hash; another one breaks ties otherwise.")

    @model_validator(mode="after")
    def _quotas_need_a_budget(self) -> Self:
        if self.quotas is not None and self.budget_tokens is None:
            raise ValueError("`quotas` needs `budget_tokens`, which it splits")
        if self.temperature is not None and self.by == "hash":
            raise ValueError("`temperature` needs a score: `by: hash` has none")
        return self
