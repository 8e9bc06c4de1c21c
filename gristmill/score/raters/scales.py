"""What a score may be: whole numbers from a least to a most, or labels; and how a reply spells it.

A value counts only when it is spelled exactly so. Digits of other scripts, signs, decimals and words that mean a number
are no values: `int` and `isdigit` would take some of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import polars as pl

Value = int | str

RATING = "rating"  # why a reply is not read: a number that is none, or not on the scale


@dataclass(frozen=True)
class Score:
    """One column of scores. `spellings` are the allowed values as a reply has them, lowest first."""

    name: str
    spellings: tuple[str, ...]
    is_number: bool = True

    @classmethod
    def numbers(cls, name: str, least: int, most: int) -> Score:
        """A whole number from `least` to `most`."""
        return cls(name, tuple(map(str, range(least, most + 1))))

    @classmethod
    def labels(cls, name: str, labels: tuple[str, ...]) -> Score:
        """One of these labels."""
        return cls(name, labels, is_number=False)

    @property
    def dtype(self) -> type[pl.DataType]:
        """Type of the column."""
        return pl.Int64 if self.is_number else pl.String

    @property
    def fault(self) -> str:
        """The reason of a reply whose value is not allowed: `rating`, or the name of a score of labels."""
        return RATING if self.is_number else self.name

    @property
    def most(self) -> str:
        """The highest value, as it is spelled."""
        return self.spellings[-1]

    @property
    def pattern(self) -> str:
        """A regular expression of the allowed values."""
        if all(len(value) == 1 for value in self.spellings):
            return f"[{''.join(map(re.escape, self.spellings))}]"
        return f"({'|'.join(map(re.escape, self.spellings))})"

    def read(self, text: str) -> Value | None:
        """The value that is spelled exactly so; None for anything else."""
        if text not in self._allowed:
            return None
        return int(text) if self.is_number else text

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.spellings)
