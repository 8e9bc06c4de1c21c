"""Options of the stage `selected`: which documents the token budget is spent on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.options import Options


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
    seed: int = Field(default=0, ge=0, description="Seed of the hash; another one breaks ties otherwise.")
