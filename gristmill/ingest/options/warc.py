"""Options of web archives."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.ingest.options.base import SourceBase
from gristmill.ingest.options.html import HtmlOptions


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
    html: HtmlOptions = Field(default=HtmlOptions(), description="How the text of a page is taken.")
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
