"""Options of stage `raw`: where the text of a source comes from, and how it is read.

A source has a kind. A new kind is one class here, one reader that yields `records.Record`, and one line in
`shard.READERS`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gristmill.ingest.options.base import SourceBase
from gristmill.ingest.options.code import CodeSource
from gristmill.ingest.options.html import HtmlOptions
from gristmill.ingest.options.huggingface import HuggingfaceSource
from gristmill.ingest.options.jsonl import JsonlSource
from gristmill.ingest.options.pages import HtmlSource
from gristmill.ingest.options.parquet import ParquetSource
from gristmill.ingest.options.pdf import PdfSource
from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.options.stackexchange import StackExchangeSource
from gristmill.ingest.options.text import TextSource
from gristmill.ingest.options.warc import WarcSource

AnySource = Annotated[
    CodeSource
    | HtmlSource
    | HuggingfaceSource
    | JsonlSource
    | ParquetSource
    | PdfSource
    | StackExchangeSource
    | TextSource
    | WarcSource,
    Field(discriminator="kind"),
]

__all__ = [
    "AnySource",
    "CodeSource",
    "HtmlOptions",
    "HtmlSource",
    "HuggingfaceSource",
    "JsonlSource",
    "ParquetSource",
    "PdfSource",
    "RowSource",
    "SourceBase",
    "StackExchangeSource",
    "TextSource",
    "WarcSource",
]
