"""Options of plain text and Markdown."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from gristmill.ingest.options.base import SourceBase


class TextSource(SourceBase):
    """Plain text and Markdown, plain or compressed, also inside archives; a file's key is its path."""

    key_is_name: ClassVar[bool] = True
    kind: Literal["text"]
    files_per_shard: int = Field(
        1_000, ge=1, description="Files that make one shard, the unit of work and of caching."
    )
    split: Literal["file", "line", "paragraph", "separator"] = Field(
        "file",
        description="What is one document: the whole `file`, each `line`, each `paragraph` (blank lines between), or "
        "what stands between lines that are the `separator`. Parts are named by their content.",
    )
    separator: str | None = Field(
        None, min_length=1, description="The line that parts documents, blanks at its ends left out."
    )
    front_matter: bool = Field(
        True,
        description="Take YAML between `---` lines at the head of a file out of the text; its title, date, language "
        "and further values go into the document's columns and `meta`. Only with `split: file`.",
    )
    encoding: str | None = Field(
        None, min_length=1, description="Character set of all files. null: told by the bytes of each file."
    )

    @model_validator(mode="after")
    def _separator_with_its_split(self) -> Self:
        if (self.split == "separator") != (self.separator is not None):
            raise ValueError("`separator:` and `split: separator` go together")
        return self
