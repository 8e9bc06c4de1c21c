"""Options of PDF files."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gristmill.ingest.options.base import SourceBase


class PdfSource(SourceBase):
    """The text of PDF files, also inside archives; a record's key is its path. Needs the extra `pdf`."""

    key_is_name: ClassVar[bool] = True
    kind: Literal["pdf"]
    files_per_shard: int = Field(
        100, ge=1, description="Files that make one shard, the unit of work and of caching."
    )
    max_record_bytes: int = Field(
        100_000_000,
        ge=1_000,
        description="A larger file is dropped (too_large) without being held in memory.",
    )
    max_pages: int = Field(5_000, ge=1, description="A file with more pages is dropped (too_many_pages).")
    max_chars: int = Field(
        20_000_000, ge=1, description="A file with more text than that is dropped (too_complex)."
    )
    max_seconds: float = Field(
        60.0,
        gt=0,
        description="CPU time that a file may take; then it is dropped (too_slow). Whether a file is dropped can "
        "depend on the machine only near this limit, so it is far above what a normal file takes (10 ms a page).",
    )
    max_memory_mb: int = Field(
        1_024, ge=256, description="Memory that reading a file may take; then it is dropped (too_complex)."
    )
    drop_running_heads: bool = Field(
        True,
        description="Leave out first and last lines that are repeated, but for numbers, on more than half of the "
        "pages: running heads, feet and page numbers.",
    )
    join_hyphens: bool = Field(
        True,
        description="Join words that a hyphen at the end of a line parts, where the next line is in lower case.",
    )
    min_chars_per_page: float = Field(
        20.0,
        ge=0,
        description="A file with less text than this on an average page is dropped (no_text): pages are pictures.",
    )
