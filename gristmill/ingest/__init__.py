"""Stage `raw`: the records of any kind of source as documents.

for documents, decisions in read_shard(shard, WarcSource(kind="warc", inputs=("crawl/*.warc.gz",))):
    ...
"""

from gristmill.ingest.options import (
    AnySource,
    CodeSource,
    HtmlSource,
    HuggingfaceSource,
    JsonlSource,
    ParquetSource,
    PdfSource,
    SourceBase,
    TextSource,
    WarcSource,
)
from gristmill.ingest.shard import read_shard

# Raise it when the same files and options give other documents: every shard is then read again.
VERSION = 2

__all__ = [
    "VERSION",
    "AnySource",
    "CodeSource",
    "HtmlSource",
    "HuggingfaceSource",
    "JsonlSource",
    "ParquetSource",
    "PdfSource",
    "SourceBase",
    "TextSource",
    "WarcSource",
    "read_shard",
]
