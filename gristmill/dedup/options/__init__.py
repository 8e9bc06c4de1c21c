"""Options of deduplication, one module per stage.

Signatures are made from `SignatureOptions` alone, so another threshold compares again and hashes nothing again.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gristmill.dedup.options.duplicates import DuplicateOptions
from gristmill.dedup.options.paragraphs import ParagraphOptions
from gristmill.dedup.options.semantic import SemanticOptions
from gristmill.dedup.options.signatures import NormaliseOptions, SignatureOptions
from gristmill.dedup.options.substrings import SubstringOptions
from gristmill.dedup.options.urls import UrlOptions
from gristmill.options import Options

__all__ = [
    "DedupOptions",
    "DuplicateOptions",
    "NormaliseOptions",
    "ParagraphOptions",
    "SemanticOptions",
    "SignatureOptions",
    "SubstringOptions",
    "UrlOptions",
]


class DedupOptions(Options):
    """Options of deduplication by document."""

    urls: UrlOptions | None = Field(
        default=None,
        description="Which documents of the same URL are dropped, before texts are compared (stage `unique_urls`); "
        "null: none.",
    )
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
    substrings: SubstringOptions | None = Field(
        default=None,
        description="Which passages are cut that occur word for word elsewhere, after repeated lines or paragraphs "
        "(stage `substrings`); null: none.",
    )
    semantic: SemanticOptions | None = Field(
        default=None,
        description="Which documents that say what another one says are dropped, last of all (stage `semantic`); null: "
        "none.",
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if not (self.duplicates.exact or self.duplicates.near):
            raise ValueError(
                "duplicates: exact and near are both false, so nothing can be found; leave the stage out"
            )
        return self
