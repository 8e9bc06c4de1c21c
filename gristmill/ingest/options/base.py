"""What all kinds of sources have in common."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from gristmill.options import Options

# What says where files lie and how they are cut into shards, never what is read from them: not in a fingerprint.
PLACES = frozenset({"inputs", "landing", "files_per_shard"})


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
