"""Options of the stage `duplicates`: which documents are dropped."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.documents import DOCUMENTS
from gristmill.expressions import check_number
from gristmill.options import Options


class DuplicateOptions(Options):
    """Which documents are neighbours, and which of them are dropped."""

    rule: Literal["earliest", "longest", "newest", "best"] = Field(
        default="earliest",
        description="Which documents stay. `earliest`: those without a neighbour registered before them; a new shard "
        "changes nothing for the others. The other rules keep one document of every cluster, which are the documents "
        "that neighbours join: the `longest` text in characters, the `newest` date, or the `best` by `best_by`; the "
        "earliest of several. They need all shards at once, so every new shard decides anew for all of them; what "
        "comes out as before stays cached.",
    )
    best_by: str | None = Field(
        default=None,
        description="With rule `best`: an SQL expression over the columns of the documents that gives a number; the "
        "highest stays. Such as `lang_score` or `length(text)`.",
    )
    exact: bool = Field(default=True, description="Texts that are equal after normalisation are neighbours.")
    near: bool = Field(default=True, description="Texts with a band in common are compared.")
    verify: bool = Field(
        default=True,
        description="Texts with a band in common are neighbours only if the Jaccard similarity of their "
        "shingles, counted, not estimated, reaches `threshold`. false drops on a common band alone, as FineWeb "
        "does.",
    )
    threshold: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Jaccard similarity from which two texts are neighbours. Source: Deduplicating Training "
        "Data Makes Language Models Better (arXiv 2107.06499), section 4.2.",
    )
    skip_empty: bool = Field(
        default=True, description="Texts without a word are never duplicates of each other."
    )
    max_candidates: int | None = Field(
        default=10_000,
        ge=1,
        description="A document is compared with at most so many, the earliest registered first; that bounds "
        "the time for sites whose pages are all alike, but not alike enough. null compares with all.",
    )

    @model_validator(mode="after")
    def _best_by_what(self) -> Self:
        if (self.rule == "best") != (self.best_by is not None):
            raise ValueError(
                f"rule `best` and `best_by` belong together, got rule {self.rule!r} and best_by {self.best_by!r}"
            )
        if self.best_by is not None:
            try:
                check_number(self.best_by, DOCUMENTS)
            except ValueError as error:
                raise ValueError(f"best_by {error}") from error
        return self
