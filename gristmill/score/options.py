"""Options of the quality classifier: what it learns from, and fastText's own."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gristmill.options import Options

_DCLM = "Source: DCLM (arXiv 2406.11794), mlfoundations/fasttext-oh-eli5"


class ExampleOptions(Options):
    """Which documents of some sources are examples."""

    sources: tuple[str, ...] = Field(strict=False, min_length=1, description="Names of sources.")
    languages: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="Only documents in these languages, as `filtered` names them; null takes all.",
    )
    min_chars: int = Field(default=200, ge=1, description="Only documents with so many characters.")
    max_documents: int | None = Field(
        default=None,
        ge=1,
        description="At most so many documents, chosen by hash of their id; null takes all. Bounds memory. DCLM had "
        "100,000 of each of two positive sources and 200,000 negatives.",
    )


class QualityOptions(Options):
    """A fastText classifier that tells `positives` from `negatives`.

    The defaults are made for a seed of hundreds to thousands of documents; each description gives those of DCLM.
    """

    positives: tuple[ExampleOptions, ...] = Field(
        strict=False,
        min_length=1,
        description="Examples of what is wanted. DCLM: OpenHermes 2.5 and r/ExplainLikeImFive.",
    )
    negatives: tuple[ExampleOptions, ...] = Field(
        strict=False, min_length=1, description="Examples of the rest, such as unselected web pages."
    )
    word_ngrams: int = Field(
        default=2, ge=1, le=5, description=f"Words and runs of up to so many words are features. {_DCLM} (2)."
    )
    dim: int = Field(default=16, ge=1, le=1000, description=f"Length of the vectors. {_DCLM} has 100.")
    bucket: int = Field(
        default=200_000,
        ge=1,
        le=2**31 - 1,
        description="Number of vectors that runs of words share by hash. The model file has 4 x dim x bucket bytes: "
        f"13 MB by default, 800 MB with the values of fastText (2,000,000 x 100). {_DCLM} has 2,000,000.",
    )
    epochs: int = Field(
        default=25, ge=1, description=f"Passes over the examples; a small seed needs more. {_DCLM} has 5."
    )
    lr: float = Field(default=0.5, gt=0, le=10, description=f"Learning rate at the start. {_DCLM} has 0.1.")
    min_count: int = Field(
        default=2,
        ge=1,
        description="Words that occur fewer times in the examples are no features of their own. "
        f"{_DCLM} has 1.",
    )
    holdout: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share of the examples of each side that is kept for the figures and not learnt from, at least "
        "one document.",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="Chooses, orders and initialises.")

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources with examples, sorted."""
        return tuple(
            sorted({name for side in (self.positives, self.negatives) for e in side for name in e.sources})
        )

    @model_validator(mode="after")
    def _sides_differ(self) -> Self:
        positive, negative = (
            {name for entry in side for name in entry.sources} for side in (self.positives, self.negatives)
        )
        if both := sorted(positive & negative):
            raise ValueError(f"sources {both} are named as positives and as negatives; each can be only one")
        return self
