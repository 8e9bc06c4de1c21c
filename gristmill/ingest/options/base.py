"""What all kinds of sources have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import Field, model_validator

from gristmill.options import Options


class NamedFile(Protocol):
    """A file as the registry keeps it: where it lies, and its name inside the shard."""

    @property
    def path(self) -> str:
        """Where it lies."""

    @property
    def name(self) -> str:
        """Its name inside the shard."""


File = TypeVar("File", bound=NamedFile)

# What says where files lie and how they are cut into shards, never what is read from them: not in a fingerprint.
PLACES = frozenset({"inputs", "landing", "files_per_shard"})


class SourceBase(Options):
    """What all kinds of sources have in common."""

    # Whether a document is known by the name of its file (`Record.key`), so that no two files may have the same.
    key_is_name: ClassVar[bool] = False

    # Whether `inputs` may name folders, of which `files_below` chooses the files.
    chooses_files: ClassVar[bool] = False

    inputs: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Files, or patterns with * and **, relative to the recipe, or URIs (s3://, gs://, https://). A "
        "pattern that finds nothing is an error.",
    )
    landing: str | None = Field(
        None,
        description="Folder in which new files appear later, relative to the recipe, or a URI; it may be empty.",
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

    @property
    def needs_tokenizer(self) -> bool:
        """Whether reading measures texts in tokens of the recipe's tokenizer."""
        return False

    def group(self, files: Sequence[File]) -> list[list[File]]:
        """New files, in order, as the files of shards to come."""
        size = self.files_per_shard
        return [list(files[start : start + size]) for start in range(0, len(files), size)]

    def files_below(self, names: Sequence[str], read: Callable[[str], bytes]) -> list[str]:
        """The files of a folder that belong to the source, of all names below it; `read` gives a file's content.

        Only of kinds that choose files. Raises InputError.
        """
        raise NotImplementedError

    def reading(self) -> dict[str, Any]:
        """The options that decide what is read, as JSON: all but where the files lie."""
        return self.model_dump(mode="json", exclude=set(PLACES))
