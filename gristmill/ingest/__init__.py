"""Stage `raw`: web archives, JSON Lines and source code as documents.

for documents, decisions in read_shard(shard, WarcSource(kind="warc", inputs=("crawl/*.warc.gz",))):
    ...
"""

from gristmill.ingest.options import AnySource, CodeSource, JsonlSource, SourceBase, WarcSource
from gristmill.ingest.shard import read_shard

# Raise it when the same files and options give other documents: every shard is then read again.
VERSION = 1

__all__ = ["VERSION", "AnySource", "CodeSource", "JsonlSource", "SourceBase", "WarcSource", "read_shard"]
