"""Options of Stack Exchange dumps."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Literal, Self, cast

from pydantic import Field, model_validator

from gristmill.ingest.options.base import File, SourceBase

ARCHIVE = re.compile(r"\.(7z|zip)$", re.IGNORECASE)
_ONE_TABLE = re.compile(r"-[A-Za-z]+$")  # stackoverflow.com-Posts.7z
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class StackExchangeSource(SourceBase):
    """Dumps of Stack Exchange sites: Posts.xml, Comments.xml and Users.xml in a folder or archive named by the site.

    A file may be plain, gzip or zstd; an archive zip or 7z (with the extra `stackexchange`).
    Source of modes and defaults: SOBert ("Stack Over-Flowing with Results", arXiv 2306.03268).
    """

    kind: Literal["stackexchange"]
    mode: Literal["answer", "thread"] = Field(
        "answer",
        description="What a document is. `answer`: an answer and its comments, as SOBert was trained on. `thread`: a "
        "question with title and comments, then its answers with theirs, the accepted first, then by score and id.",
    )
    site: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
        description="Host of the site, for addresses. null: the name of the folder or archive, as in "
        "`coffee.stackexchange.com/Posts.xml` or `stackoverflow.com-Posts.7z`.",
    )
    min_comments: int = Field(
        1,
        ge=0,
        description="An answer with fewer comments is dropped (min_comments). Mode `answer` alone. Default: SOBert.",
    )
    min_score: int | None = Field(
        None,
        description="An answer with a lower score is dropped (min_score); no score counts 0. SOBert has a version "
        "with 1, InCoder takes 0.",
    )
    require_answer: bool = Field(
        False, description="Mode `thread`: drop a question of which no answer is kept (no_answer)."
    )
    max_answers: int | None = Field(
        None, ge=0, description="Mode `thread`: answers kept of a question, the best. InCoder: 10."
    )
    max_comments: int | None = Field(
        None, ge=0, description="Comments kept of a post, the earliest; the others are counted. InCoder: 5."
    )
    markdown: bool = Field(
        False,
        description="Put back ticks around code, fences around blocks of code, and bars between the cells of tables; "
        "false keeps the text alone, as SOBert does.",
    )
    keep_links: bool = Field(
        False, description="Write a link as `text (address)`; false keeps the text alone."
    )
    mask_mentions: bool = Field(False, description="Replace `@name` at the start of a comment by `@user`.")
    max_tokens: int | None = Field(
        None,
        ge=16,
        description="Most tokens of a document by the recipe's `tokenizer`, special tokens counted. SOBert: 2048. "
        "null: no limit, and no tokenizer is needed.",
    )
    too_long: Literal["truncate", "split", "drop"] = Field(
        "truncate",
        description="What becomes of a document with more than `max_tokens`. `truncate`: comments go, the last first, "
        "then the end is cut off (SOBert). `split`: windows of whole lines, each a document. `drop`: dropped "
        "(too_long).",
    )
    files_per_shard: int = Field(
        1,
        ge=1,
        description="Sites that make one shard, the unit of work and of caching; the files of a site stay together.",
    )
    max_record_bytes: int = Field(
        4_000_000,
        ge=1_000,
        description="A row larger than this is dropped (too_large). The sites allow 30,000 characters of Markdown.",
    )

    @model_validator(mode="after")
    def _thread_options(self) -> Self:
        for name in ("require_answer", "max_answers"):
            if self.mode == "answer" and getattr(self, name) not in (None, False):
                raise ValueError(f"{name} is about threads; set `mode: thread`, or leave it out")
        return self

    def group(self, files: Sequence[File]) -> list[list[File]]:
        """New files as shards of whole sites; a file whose name lacks the site's folder gets it from its path."""
        sites: dict[str, list[File]] = {}
        for file in files:
            site = self.site or site_name(file.name)
            if site is None and (site := site_name(file.path)) is not None:
                file = cast(File, dataclasses.replace(cast(Any, file), name=f"{site}/{file.name}"))
            sites.setdefault(site or "", []).append(file)
        parts = list(sites.values())
        size = self.files_per_shard
        return [
            [file for part in parts[start : start + size] for file in part]
            for start in range(0, len(parts), size)
        ]

    @property
    def needs_tokenizer(self) -> bool:
        """Whether documents are measured in tokens."""
        return self.max_tokens is not None


def site_name(path: str) -> str | None:
    """The host that a folder or archive in a path is named by, the innermost; None where none looks like one."""
    pure = PurePosixPath(path)
    if ARCHIVE.search(pure.name):
        stem = ARCHIVE.sub("", pure.name).lower()
        for name in (_ONE_TABLE.sub("", stem), stem):
            if _HOST.fullmatch(name):
                return name
    for part in reversed(pure.parts[:-1]):
        if _HOST.fullmatch(part.lower()):
            return part.lower()
    return None
