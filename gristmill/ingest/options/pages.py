"""Options of folders and archives of HTML files."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gristmill.ingest.options.base import SourceBase
from gristmill.ingest.options.html import HtmlOptions


class HtmlSource(SourceBase):
    """HTML files, one page each, plain or compressed, also inside archives; a record's key is its path."""

    key_is_name: ClassVar[bool] = True
    kind: Literal["html"]
    files_per_shard: int = Field(
        1_000, ge=1, description="Files that make one shard, the unit of work and of caching."
    )
    url_prefix: str | None = Field(
        None,
        min_length=1,
        description="What stands before a file's path in its address, where a page names none: `https://` for "
        "a mirror whose folders are hosts, `https://example.org/docs/` for the pages of one site. null: no address.",
    )
    url_from_page: bool = Field(
        True,
        description="Take the address from `<link rel=canonical>` or `<meta property=og:url>` where a page has one.",
    )
    html: HtmlOptions = Field(default=HtmlOptions(), description="How the text of a page is taken.")
    min_chars: int = Field(
        1, ge=1, description="A text with fewer characters is dropped (short_text; empty_text without any)."
    )
