"""Token budgets: which groups of requests are sent, decided before any is.

What an answer will cost is not known beforehand, so a group is charged with the most it can cost. That makes the
choice the same on every run, whatever the model then writes, and the limit hold always; the price is that some of
the budget for output stays unspent.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from gristmill.options import Options


class Budget(Options):
    """Tokens that may be spent; null sets no limit."""

    prompt_tokens: int | None = Field(
        default=None, ge=0, description="Tokens of all prompts together; null: any."
    )
    output_tokens: int | None = Field(
        default=None,
        ge=0,
        description="Tokens of all answers together, at their largest allowed length; null: any.",
    )


def admit(groups: Sequence[Sequence[tuple[int, int]]], budget: Budget | None) -> list[bool]:
    """Which groups the budget admits, taken in the given order.

    A group lists (prompt tokens, largest number of output tokens) of its requests. It is admitted whole or not at
    all; one that does not fit is skipped and the next is tried. An empty group costs nothing and is admitted.
    """
    if budget is None:
        return [True] * len(groups)
    prompt_left = float("inf") if budget.prompt_tokens is None else budget.prompt_tokens
    output_left = float("inf") if budget.output_tokens is None else budget.output_tokens
    admitted = []
    for group in groups:
        prompt, output = sum(cost[0] for cost in group), sum(cost[1] for cost in group)
        fits = prompt <= prompt_left and output <= output_left
        if fits:
            prompt_left, output_left = prompt_left - prompt, output_left - output
        admitted.append(fits)
    return admitted
