"""Options of deduplication, one module per stage.

Signatures are made from `SignatureOptions` alone, so another threshold compares again and hashes nothing again.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gristmill.dedup.options.duplicates import DuplicateOptions
from gristmill.dedup.options.paragraphs import ParagraphOptions
from gristmill.dedup.options.signatures import NormaliseOptions, SignatureOptions
from gristmill.options import Options

__all__ = ["DedupOptions", "DuplicateOptions", "NormaliseOptions", "ParagraphOptions", "SignatureOptions"]


class DedupOptions(Options):
    """Options of deduplication by document."""

    signatures: SignatureOptions = Field(
        default=SignatureOptions(), description="How a text becomes shingles and bands (stage `signatures`)."
    )
    duplicates: DuplicateOptions = Field(
        default=DuplicateOptions(), description="Which documents are dropped (stage `duplicates`)."
    )
    paragraphs: ParagraphOptions | None = Field(
        default=None,
        description="Which repeated lines or paragraphs are cut, after documents are dropped (stage `paragraphs`); "
        "null: none.",
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if not (self.duplicates.exact or self.duplicates.near):
            raise ValueError(
                "duplicates: exact and near are both false, so nothing can be found; leave the stage out"
            )
        return self
