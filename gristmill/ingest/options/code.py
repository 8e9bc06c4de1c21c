"""Options of source code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from gristmill.ingest.options.base import SourceBase

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
