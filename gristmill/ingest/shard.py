"""Stage `raw`: the records of a shard's files as documents, with a decision for every record.

Files are read in the order in which the shard names them, and a document depends on its record alone, so the size of
batches changes nothing. Memory: one batch (8 M characters), one record, and about 100 bytes for each record of the
shard, by which repeated keys are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from gristmill import documents as data
from gristmill.errors import InputError
from gristmill.ingest.charset import clean_text
from gristmill.ingest.code.code import read_code
from gristmill.ingest.files.pdf import read_pdfs
from gristmill.ingest.files.text import read_texts
from gristmill.ingest.html.site_images import without_site_images
from gristmill.ingest.options import (
    CodeSource,
    HtmlSource,
    HuggingfaceSource,
    JsonlSource,
    ParquetSource,
    PdfSource,
    SourceBase,
    StackExchangeSource,
    TextSource,
    WarcSource,
)
from gristmill.ingest.packed.archives import read_inside
from gristmill.ingest.records import Record
from gristmill.ingest.rows.huggingface import read_huggingface
from gristmill.ingest.rows.jsonl import read_jsonl
from gristmill.ingest.rows.parquet import read_parquet
from gristmill.ingest.stackexchange import read_stackexchange
from gristmill.ingest.web.pages import read_html
from gristmill.ingest.web.warc import read_warc
from gristmill.inputs import InputFile
from gristmill.progress import advance
from gristmill.store.registry import Shard, ShardFile, changed
from gristmill.tokenizer import Tokenizer

BATCH_CHARS = 8 << 20  # of text
BATCH_ROWS = 4096

ShardReader = Callable[[Sequence[InputFile], Any], Iterator[tuple[InputFile, Record]]]


def _each(read: Callable[[InputFile, Any], Iterator[Record]]) -> ShardReader:
    """A reader of whole shards from one of single files."""

    def read_all(files: Sequence[InputFile], options: Any) -> Iterator[tuple[InputFile, Record]]:
        for file in files:
            try:
                for record in read(file, options):
                    yield file, record
            except OSError as error:
                error.filename = error.filename or file.path
                raise

    return read_all


# A further kind of source has its options class in options/ and its reader here.
READERS: dict[type[SourceBase], ShardReader] = {
    WarcSource: _each(read_warc),
    JsonlSource: _each(read_inside(read_jsonl, whole=False)),
    ParquetSource: _each(read_inside(read_parquet, whole=False)),
    HuggingfaceSource: _each(read_inside(read_huggingface, whole=False)),
    HtmlSource: _each(read_inside(read_html, whole=True)),
    TextSource: _each(read_texts),
    PdfSource: read_pdfs,
    CodeSource: read_code,
    StackExchangeSource: read_stackexchange,
}


def read_shard(
    shard: Shard,
    options: SourceBase,
    *,
    tokenizer: Tokenizer | None = None,
    batch_chars: int = BATCH_CHARS,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Batches of (documents, decisions) of a shard, in the order of its files and records.

    A record is kept under the id of its key. Where a key is repeated in the shard, the later record is kept under the
    id of its content, with rule `repeated_key` and `other_id`: nothing is lost, and every id is there once. A record
    that cannot be read is named by file and offset. `tokenizer` is for options that need one (`needs_tokenizer`).
    Raises InputError where a file is missing, unreadable, or not what was registered; a bad record never raises.
    """
    for registered in shard.files:
        _check_file(shard, registered)
    batches = _read_batches(shard, options, tokenizer, batch_chars, batch_rows)
    images = options.html.images if isinstance(options, WarcSource | HtmlSource) else None
    limit = images.max_pages_per_host if images is not None else None
    yield from batches if limit is None else without_site_images(batches, limit)


def _read_batches(
    shard: Shard, options: SourceBase, tokenizer: Tokenizer | None, batch_chars: int, batch_rows: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    names = _Names(shard.source)
    batch = _Batch(shard)
    for file, record in _read_files(shard, options, tokenizer):
        batch.add(record, file.name, *names.claim(record, file.name))
        advance()
        if batch.chars >= batch_chars or len(batch.decisions) >= batch_rows:
            yield batch.tables()
            batch = _Batch(shard)
    yield batch.tables()


def _check_file(shard: Shard, file: ShardFile) -> None:
    where = f"shard {shard.key!r}, input {file.path!r}"
    if not InputFile(file.path, file.name).exists():
        raise InputError(f"{where}: there is no such file any more; bring it back, or remove the shard")
    if changed(file):
        raise InputError(
            f"{where}: has changed since it was registered; register it anew: gristmill build RECIPE"
        )


def _read_files(
    shard: Shard, options: SourceBase, tokenizer: Tokenizer | None
) -> Iterator[tuple[InputFile, Record]]:
    files = [InputFile(registered.path, registered.name) for registered in shard.files]
    read: Any = READERS[type(options)]
    if options.needs_tokenizer:
        read = partial(read, tokenizer=tokenizer)
    try:
        yield from read(files, options)
    except OSError as error:
        raise InputError(
            f"shard {shard.key!r}, input {str(error.filename or shard.key)!r} cannot be read: "
            f"{error.strerror or error}"
        ) from error


class _Names:
    """Gives every record of a shard an id of its own."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._taken: set[bytes] = set()
        self._occurrences: dict[bytes, int] = {}  # of contents that were needed as names

    def claim(self, record: Record, file: str) -> tuple[str, str | None]:
        """(id, id of the earlier record with the same key, or None)."""
        repeats = None
        if record.key is not None:
            named = data.document_id(self._source, record.key)
            if self._take(named):
                return named, None
            repeats = named
        # What has no payload is a stretch of damaged bytes, and its place is all that is known of it.
        content = record.digest or f"unreadable:{file}:{record.offset}"
        while True:
            named = data.document_id(self._source, data.content_key(content, self._count(content)))
            if self._take(named):
                return named, repeats

    def _take(self, name: str) -> bool:
        short = bytes.fromhex(name)
        if short in self._taken:
            return False
        self._taken.add(short)
        return True

    def _count(self, content: str) -> int:
        key = content.encode()
        seen = self._occurrences.get(key, 0)
        self._occurrences[key] = seen + 1
        return seen


@dataclass
class _Batch:
    """Rows of documents and decisions on their way to a table."""

    shard: Shard
    documents: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    chars: int = 0

    def add(self, record: Record, file: str, name: str, repeats: str | None) -> None:
        rule, detail = record.rule, record.detail
        if repeats is not None and rule is None:
            rule, detail = "repeated_key", record.key
        self.decisions.append(
            {
                "id": name,
                "action": data.DROP if record.text is None else data.KEEP,
                "rule": rule,
                "value": record.value,
                "bound": record.bound,
                "other_id": repeats or self._other(record),
                "detail": detail,
            }
        )
        if record.text is None:
            return
        self.chars += len(record.text)
        self.documents.append(
            {
                "id": name,
                "text": record.text,
                "source": self.shard.source,
                "shard": self.shard.key,
                "url": record.url,
                "date": record.date,
                "lang": record.lang,
                "method": data.NATURAL,
                "generation_depth": 0,
                "meta": clean_text(data.to_meta(record.meta)),
                "file": file,
                "offset": record.offset,
                "length": record.length,
                "record_digest": record.digest,
            }
        )

    def _other(self, record: Record) -> str | None:
        return None if record.other is None else data.document_id(self.shard.source, record.other)

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        return data.frame(self.documents, data.DOCUMENTS), data.frame(self.decisions, data.DECISIONS)
