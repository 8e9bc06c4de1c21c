"""Options of the fact check of rephrasings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.llm.budget import Budget
from gristmill.options import Options


class FactCheckOptions(Options):
    """Accepted rephrasings compared with their passages fact by fact, by a language model. Idea: SIFT (arXiv
    2502.14922).
    """

    model: str | None = Field(
        default=None,
        description="The model that checks, by its name in the recipe's models; a strong one, for a small one's "
        "verdicts are chance. null: the rephraser.",
    )
    share: float = Field(
        default=0.02,
        description="Share of the accepted rephrasings of a shard that are checked, the same in each style, drawn by "
        "`seed`. Source: Gristmill; each costs about ten short requests.",
        gt=0,
        le=1,
    )
    gate: bool = Field(
        default=False,
        description="Reject what the check finds unfaithful, as unsupported_fact, lost_fact or disagreement. Needs "
        "`share: 1`. false: only measure.",
    )
    max_facts: int = Field(
        default=12,
        description="Facts listed of a passage and of a rephrasing at most. Source: Gristmill.",
        ge=1,
        le=64,
    )
    questions: int = Field(
        default=3,
        description="Questions about the passage's facts, each answered from the rephrasing alone and from both; "
        "answers that differ are a disagreement. 0 asks none. Source: SIFT's consensus of two answers.",
        ge=0,
        le=16,
    )
    min_precision: float = Field(
        default=1.0,
        description="Share of the rephrasing's facts that the passage must support. Source: Gristmill.",
        ge=0,
        le=1,
    )
    min_recall: float = Field(
        default=0.8,
        description="Share of the passage's facts that a paraphrase must keep. Source: as min_precision.",
        ge=0,
        le=1,
    )
    min_recall_condensed: float = Field(
        default=0.6,
        description="The same for styles that take some of a passage or give it another form: lists, tables, "
        "questions and answers, distill, extract_knowledge. Source: as min_precision.",
        ge=0,
        le=1,
    )
    passes: int = Field(
        default=2,
        description="With `gate`: 2 asks the rephraser once more with the faults listed, and checks what it then "
        "writes; 1 rejects at once. Source: SIFT, where the first repeat brings most of the gain.",
        ge=1,
        le=2,
    )
    on_unknown: Literal["keep", "drop"] = Field(
        default="keep",
        description="With `gate`: what becomes of rephrasings that could not be checked (the checker's replies are no "
        "use, the passage itself is ambiguous, the budget is spent). drop rejects them as not_checked.",
    )
    audit_share: float = Field(
        default=0.2,
        description="Share of the supported rephrasings that are checked once more with a fault planted (two names or "
        "numbers exchanged, a negation, a sentence dropped), to measure what the checker finds; they are thrown away. "
        "0 measures nothing. Source: Gristmill.",
        ge=0,
        le=1,
    )
    budget: Budget | None = Field(
        default=None,
        description="Tokens that the check of a shard may cost, on top of the budget of `rephrase`; null sets no "
        "limit.",
    )

    @model_validator(mode="after")
    def _a_gate_lets_nothing_pass_it(self) -> Self:
        if self.gate and self.share < 1:
            raise ValueError(
                f"gate: true checks every rephrasing, so it needs share: 1; share is {self.share}"
            )
        return self
