"""Kinds of fields that several groups of filter options have."""

from __future__ import annotations

from typing import Any

from pydantic import Field


def ratio(default: float | None, what: str, source: str) -> Any:
    """A bound between 0 and 1; null switches the rule off."""
    return Field(default=default, ge=0, le=1, description=f"{what} {source}")
