"""Options of the stage `duplicates`: which documents are dropped."""

from __future__ import annotations

from pydantic import Field

from gristmill.options import Options


class DuplicateOptions(Options):
    """Which documents are dropped, by the rule `earliest`: those with a neighbour registered before them."""

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
