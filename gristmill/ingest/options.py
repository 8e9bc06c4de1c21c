"""Options of stage `raw`: where the text of a source comes from, and how it is read.

A source has a kind. A new kind is one class here, one reader that yields `records.Record`, and one line in
`shard.READERS`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gristmill.options import Options

# What says where files lie and how they are cut into shards, never what is read from them: not in a fingerprint.
PLACES = frozenset({"inputs", "landing", "files_per_shard"})

LANGUAGES = {
    "c": "C",
    "cc": "C++",
    "cpp": "C++",
    "cs": "C#",
    "css": "CSS",
    "cxx": "C++",
    "go": "Go",
    "h": "C",
    "hpp": "C++",
    "hs": "Haskell",
    "html": "HTML",
    "ipynb": "Jupyter Notebook",
    "java": "Java",
    "jl": "Julia",
    "js": "JavaScript",
    "kt": "Kotlin",
    "lua": "Lua",
    "php": "PHP",
    "pl": "Perl",
    "py": "Python",
    "r": "R",
    "rb": "Ruby",
    "rs": "Rust",
    "scala": "Scala",
    "sh": "Shell",
    "sql": "SQL",
    "swift": "Swift",
    "ts": "TypeScript",
}


class SourceBase(Options):
    """What all kinds of sources have in common."""

    inputs: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Files, or patterns with * and **, relative to the recipe. A pattern that finds nothing is an "
        "error.",
    )
    landing: str | None = Field(
        None, description="Folder in which new files appear later, relative to the recipe; it may be empty."
    )
    files_per_shard: int = Field(
        1, ge=1, description="Files that make one shard, the unit of work and of caching."
    )
    max_record_bytes: int = Field(
        20_000_000,
        ge=1_000,
        description="A record larger than this, as stored or after any decoding, is dropped (too_large) without "
        "being held in memory.",
    )
    max_expansion: int = Field(
        500,
        ge=1,
        description="A compressed file that unpacks to more than so many times its size (256 MB are always "
        "allowed) ends there, and what follows is one dropped record (too_large). gzip reaches at most 1,032.",
    )

    @model_validator(mode="after")
    def _some_place(self) -> Self:
        if not self.inputs and self.landing is None:
            raise ValueError("needs `inputs:` (files or patterns) or `landing:` (a folder), or both")
        return self

    def reading(self) -> dict[str, Any]:
        """The options that decide what is read, as JSON: all but where the files lie."""
        return self.model_dump(mode="json", exclude=set(PLACES))


class WarcSource(SourceBase):
    """Web archives: WARC, plain, gzip (per record or as a whole) or zstd, told apart by content, not by name."""

    kind: Literal["warc"]
    record_types: tuple[Literal["response", "resource", "conversion"], ...] = Field(
        ("response", "conversion"),
        min_length=1,
        strict=False,
        description="WARC record types that hold documents; `conversion` is the plain text of WET files.",
    )
    statuses: tuple[int, ...] = Field(
        (200,), min_length=1, strict=False, description="HTTP status codes that are kept."
    )
    content_types: tuple[str, ...] = Field(
        ("text/html", "application/xhtml+xml"),
        min_length=1,
        strict=False,
        description="Media types that are kept: WARC-Identified-Payload-Type, else the HTTP header, else what the "
        "first bytes look like. Types other than HTML are taken as plain text.",
    )
    main_content: bool = Field(
        True,
        description="Take the main content of a page (Resiliparse's heuristics), not menus, headers and footers. "
        "false takes all visible text.",
    )
    min_chars: int = Field(
        1, ge=1, description="A text with fewer characters is dropped (short_text; empty_text without any)."
    )
    keep_partial: bool = Field(
        True,
        description="A body whose compression or chunks break off is kept up to the break, and counted "
        "(partial_body); false drops it (body_decode).",
    )
    verify_digests: bool = Field(
        True,
        description="Compare WARC-Payload-Digest with the payload. A record that differs is kept and counted "
        "(digest_mismatch).",
    )
    max_tags: int = Field(
        200_000,
        ge=1,
        description="A page with more tags is dropped (too_complex): it would need more than about 400 MB.",
    )
    max_depth: int = Field(
        512,
        ge=1,
        le=2_000,
        description="A page whose elements are nested deeper is dropped (too_deep): time grows with the square. "
        "512 is where browsers on Blink stop nesting. Pages with more than 29,000 tags are allowed less.",
    )


class JsonlSource(SourceBase):
    """JSON Lines, plain, gzip or zstd. Fields are named as they are, or with dots for fields inside fields."""

    kind: Literal["jsonl"]
    text: str = Field("text", min_length=1, description="Field that holds the text.")
    id: str | None = Field(
        "id",
        description="Field that names the record: text or a whole number, unique in the source. null, or a row "
        "without it: the record is named by its content.",
    )
    url: str | None = Field("url", description="Field with the address; a row need not have it.")
    date: str | None = Field("date", description="Field with the date; a row need not have it.")
    lang: str | None = Field(
        None, description="Field with the language's code, where the source has one and it can be trusted."
    )
    meta: tuple[str, ...] = Field(
        (), strict=False, description="Further fields that are kept in the column `meta`."
    )


class CodeSource(SourceBase):
    """Files of source code: one file, one document, named by its path."""

    kind: Literal["code"]
    files_per_shard: int = Field(
        1_000, ge=1, description="Files that make one shard, the unit of work and of caching."
    )
    max_record_bytes: int = Field(
        1_000_000,
        ge=1_000,
        description="A larger file is dropped (too_large): it is data or generated. Source: The Stack (arXiv "
        "2211.15533) has the same bound.",
    )
    languages: dict[str, str] = Field(
        LANGUAGES,
        min_length=1,
        description="File extension, without dot and in lower case, to the language's name in `meta`. A file with "
        "another extension is dropped (extension).",
    )
    notebooks: Literal["cells", "raw"] = Field(
        "cells",
        description="Jupyter notebooks: `cells` takes the text of all cells, code fenced, without outputs; `raw` "
        "the JSON as it is.",
    )

    @field_validator("languages")
    @classmethod
    def _bare_extensions(cls, languages: dict[str, str]) -> dict[str, str]:
        for extension in languages:
            if extension != extension.lower().lstrip("."):
                raise ValueError(
                    f"extension {extension!r} must be in lower case and without a dot: "
                    f"{extension.lower().lstrip('.')!r}"
                )
        return languages


AnySource = Annotated[WarcSource | JsonlSource | CodeSource, Field(discriminator="kind")]
