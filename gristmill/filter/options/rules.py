"""Options of a rule that the user wrote."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from gristmill.options import Options


class UserRuleOptions(Options):
    """A rule of the user's own: an expression that a document must meet, or a function."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$",
        description="What decisions call the rule: `rules.NAME`.",
    )
    keep: str | None = Field(
        default=None,
        description="A document stays where this SQL expression is true, or null: over the measures and the "
        "columns of documents, such as `n_words > 20 AND fw_short_line_ratio < 0.5`. docs/stages/filter.md "
        "lists columns and functions.",
    )
    function: str | None = Field(
        default=None,
        description="Name of an entry point of the group `gristmill.rules` in an installed package: a function of "
        "documents and measures that returns a truth value or a number for each document.",
    )
    min_value: float | None = Field(
        default=None, description="Smallest number of the function with which a document stays."
    )
    max_value: float | None = Field(
        default=None, description="Largest number of the function with which a document stays."
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments that the function is called with."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.keep is None) == (self.function is None):
            raise ValueError("needs either `keep:` (an expression) or `function:` (an entry point)")
        if self.keep is not None and (
            self.options or self.min_value is not None or self.max_value is not None
        ):
            raise ValueError("`min_value`, `max_value` and `options` belong to `function:`, not to `keep:`")
        return self
