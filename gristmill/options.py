"""The base of every group of options that a recipe can hold.

A stage declares its options as one class in its own room (`gristmill/filter/options.py`, ...); the recipe puts
them together. A field's description and default are what `docs/recipe.md` prints.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Options of a stage: immutable, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())
