"""Options of source code."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from gristmill.errors import suggest
from gristmill.ingest.code.languages import known_languages
from gristmill.ingest.options.base import SourceBase


class CodeSource(SourceBase):
    """Files of source code, in folders, archives or git repositories: one file, one document, named by its path."""

    key_is_name: ClassVar[bool] = True

    kind: Literal["code"]
    files_per_shard: int = Field(
        1_000,
        ge=1,
        description="Files that make one shard, the unit of work and of caching. An archive or bundle is one file; "
        "licence texts hold for the files of the same shard.",
    )
    max_record_bytes: int = Field(
        1_000_000,
        ge=1_000,
        description="A larger file is dropped (too_large): it is data or generated. Source: The Stack (arXiv "
        "2211.15533) has the same bound.",
    )
    languages: tuple[str, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="Languages that are read, by linguist's names (`Python`, `C++`, `Jupyter Notebook`); a file in "
        "another is dropped (language). null reads all that are known. Arctic-SnowCoder reads Python, Java, C++, C, "
        "JavaScript, PHP, C#, Go, TypeScript, SQL, Ruby, Rust, Jupyter Notebook, Scala, Kotlin, Shell, Dart, Swift.",
    )
    extensions: dict[str, str] = Field(
        default_factory=dict,
        description="Further file extensions, without dot and in lower case, to the language that their files are in, "
        "whatever the content. A file whose language is not known is dropped (extension).",
    )
    notebooks: Literal["cells", "script", "raw"] = Field(
        "cells",
        description="Jupyter notebooks: `cells` takes the text of all cells, code fenced, without outputs; `script` "
        "makes a program of them, with all but code as comments, as StarCoder did; `raw` the JSON as it is.",
    )
    repository_depth: int = Field(
        1,
        ge=0,
        description="Folders at the beginning of a file's name that are the name of its repository: 2 for "
        "`owner/name/...`. 0, or a file in fewer folders: no repository. Archives and git repositories have a name "
        "of their own.",
    )
    revision: str = Field(
        "HEAD",
        min_length=1,
        description="What is read of a git repository: HEAD, a branch, a tag, a ref or a full hash.",
    )

    @field_validator("extensions")
    @classmethod
    def _bare_extensions(cls, extensions: dict[str, str]) -> dict[str, str]:
        for extension in extensions:
            if extension != extension.lower().lstrip("."):
                raise ValueError(
                    f"extension {extension!r} must be in lower case and without a dot: "
                    f"{extension.lower().lstrip('.')!r}"
                )
        return extensions

    @model_validator(mode="after")
    def _languages_are_known(self) -> Self:
        known = known_languages() | set(self.extensions.values())
        for language in self.languages or ():
            if language not in known:
                raise ValueError(f"unknown language {language!r} in `languages`.{suggest(language, known)}")
        return self
