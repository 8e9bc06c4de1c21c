"""Options of the filters by classifier, and of the classifiers themselves."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gristmill.file_options import input_file, input_files
from gristmill.options import Options
from gristmill.preparations import Preparation

_NAME = r"^[a-z][a-z0-9_]{0,39}$"


class ClassifierFilterOptions(Options):
    """A bound on the probability that a classifier gives to one of its labels."""

    name: str = Field(
        pattern=_NAME,
        description="What the measure is called (`score_NAME`), and the rule (`classifiers.NAME`).",
    )
    model: str = Field(description="Name of a classifier of the section `classifiers:`.")
    label: str = Field(
        default="positive",
        min_length=1,
        description="The label whose probability counts, without `__label__`; trained classifiers know `positive` and "
        "`negative`.",
    )
    min_score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A document stays if its score is at least this. null with no `target_recall`: the score is kept "
        "and drops nothing.",
    )
    target_recall: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Instead of `min_score`: the highest score that keeps this share of the positives that were "
        "held out in training. InfiMM-WebMath's recall pass (arXiv 2409.12568) wants 0.98 or more.",
    )
    max_chars: int | None = Field(
        default=10_000,
        ge=1,
        description="Characters from the start of a document that the classifier sees; null is all of them.",
    )

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.min_score is not None and self.target_recall is not None:
            raise ValueError("`min_score` and `target_recall` are two ways to say the same; give one")
        return self


class ClassifierOptions(Options):
    """A fastText classifier: a file, or one that is trained on labelled files."""

    path: str | None = input_file(
        "A fastText model, `.bin` or `.ftz`. Leaves out all that is about training."
    )
    positives: tuple[str, ...] = input_files("Examples of what is wanted: .jsonl, .jsonl.gz or .parquet.")
    negatives: tuple[str, ...] = input_files("Examples of the rest, likewise.")
    text_field: str = Field(
        default="text", min_length=1, description="Field or column of the examples that holds their text."
    )
    prepare: Preparation = Field(
        default="lines_joined_by_space",
        description="What is done to a text before the model sees it, in training and after. `maths`: lower case, no "
        "accents, digits as 0, formulas as one mark (arXiv 2310.06786); the others are those of published models "
        "(gristmill/preparations.py).",
    )
    max_chars: int | None = Field(
        default=10_000, ge=1, description="Characters from the start of an example that are learnt from."
    )
    max_examples: int = Field(
        default=500_000,
        ge=10,
        description="At most so many examples a side, by hash of their text. Bounds memory.",
    )
    word_ngrams: int = Field(
        default=2, ge=1, le=5, description="Words and runs of so many words are features."
    )
    dim: int = Field(default=16, ge=1, le=1000, description="Length of the vectors.")
    bucket: int = Field(
        default=200_000,
        ge=1,
        le=2**31 - 1,
        description="Number of vectors that runs of words share by hash. The file has 4 x dim x bucket bytes.",
    )
    epochs: int = Field(default=10, ge=1, description="Passes over the examples.")
    lr: float = Field(default=0.5, gt=0, le=10, description="Learning rate at the start.")
    min_count: int = Field(default=2, ge=1, description="Rarer words are no features of their own.")
    holdout: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Share of the examples of each side that is judged on and not learnt from, at least one.",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="Chooses, orders and initialises.")

    @model_validator(mode="after")
    def _file_or_examples(self) -> Self:
        if (self.path is None) == (not self.positives and not self.negatives):
            raise ValueError("needs either `path:` (a model), or `positives:` and `negatives:` (examples)")
        if self.path is None and not (self.positives and self.negatives):
            raise ValueError("needs examples of both sides: `positives:` and `negatives:`")
        return self
