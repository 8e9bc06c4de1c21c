"""Options of synthetic code: which files are seeds, and which of the files that a model writes are taken."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gristmill.options import Options
from gristmill.rephrase.code.languages import SNOWCODER_LANGUAGES, spelling_of

Language = Annotated[str, Field(pattern=r"^[^\x00-\x1f<>]{1,40}$")]


class SeedOptions(Options):
    """Which files of code a style takes as seeds."""

    languages: tuple[Language, ...] = Field(
        default=SNOWCODER_LANGUAGES,
        description="Programming languages of the seeds, by the `language` in the `meta` of a document, as sources of "
        "kind `code` find it; other documents, and those without one, do not get the style. Source: the 18 languages "
        "of Arctic-SnowCoder (arXiv 2409.02326).",
        strict=False,
        min_length=1,
        max_length=200,
    )

    @model_validator(mode="after")
    def _names_are_linguists(self) -> Self:
        for name in self.languages:
            if spelling_of(name) != name:
                raise ValueError(f"languages: got {name!r}, which no file has; write {spelling_of(name)!r}")
        return self


class CodeAcceptanceOptions(Options):
    """Which files of code are taken; `null` switches a rule off. The rules for text do not hold for them."""

    min_lines: int = Field(
        default=20,
        description="Lines of a file at least, blank ones not counted. Source: Gristmill; Arctic-SnowCoder gives no "
        "bound.",
        ge=1,
        le=100_000,
    )
    max_copied_13grams: float | None = Field(
        default=0.5,
        description="A file is a copy where this share of its runs of 13 words and signs is the seed's, or this share "
        "of the seed's is its own. Source: Gristmill.",
        gt=0,
        le=1,
    )
    min_distinct_lines: float | None = Field(
        default=0.3,
        description="Least share of distinct lines, blank ones not counted; finds loops. Source: OpenCoder (arXiv "
        "2411.04905), which drops files of which more than 0.7 are repeated lines.",
        ge=0,
        le=1,
    )
    parses: bool = Field(
        default=True,
        description="Reject Python, JSON and TOML that does not parse; other languages have no parser here. Source: "
        "Gristmill.",
    )
    self_contained: bool = Field(
        default=True,
        description="Reject what reads other files of its project: relative imports of Python, JavaScript, TypeScript, "
        "Dart and Ruby, quoted includes of C and C++, modules of Rust in files of their own. Source: Gristmill.",
    )
