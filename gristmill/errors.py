"""Every error that Gristmill raises on purpose.

GristmillError
  x RecipeError    the recipe is wrong: a user error, found before anything runs
  x InputError     an input file cannot be used as a whole (missing, unreadable, changed since registration)
  x StoreError     an object, ref or registry entry is missing, damaged, or cannot be written
  x StageError     a stage broke a promise of the data model (rows lost, ids repeated, wrong schema)
  x ModelError     a model folder is missing or unreadable
  x EngineError    the language-model engine failed; `retryable` says whether trying again makes sense

A bad document never raises: it becomes a decision (see gristmill.documents).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class GristmillError(Exception):
    """Root of the tree; catch this to catch everything that Gristmill raises on purpose."""


class RecipeError(GristmillError):
    """The recipe is wrong; nothing has run."""


class InputError(GristmillError):
    """An input file is missing, unreadable, or not what was registered."""


class StoreError(GristmillError):
    """Something in the store is missing or damaged, or the store cannot be written."""


class StageError(GristmillError):
    """A stage returned tables that break the data model; nothing was published."""


class ModelError(GristmillError):
    """A model folder is missing, incomplete or unreadable."""


class EngineError(GristmillError):
    """The language-model engine failed."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


def shorten(value: object, limit: int = 80) -> str:
    """`repr(value)` cut to `limit` characters, for messages."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def suggest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest known name, or an empty string."""
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
