"""Parquet files as documents: one row, one record.

Only the declared columns are read, a batch of about 8 MB at a time. A row's place is its number in the file, which
names nothing: a row without a declared id is named by its content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.packed.archives import FREE_BYTES
from gristmill.ingest.packed.entries import Allowance
from gristmill.ingest.records import Record
from gristmill.ingest.rows.arrow import file_faults, raise_real_fault, tell_fault
from gristmill.ingest.rows.tables import batch_records, declared_fields, is_in
from gristmill.inputs import InputFile

_MAGIC = b"PAR1"
_BATCH_BYTES = 8 << 20
_MAX_BATCH_ROWS = 8_192
_MAX_BATCH_BYTES = 256 << 20
_PAGE_HEADER_BYTES = 32
_DICTIONARY_PAGE = 2  # PageType of parquet.thrift
_NEXT_I32 = 0x15  # a 32-bit number whose field follows the one before
_BUFFER_BYTES = 1 << 20  # read from a column at once


def read_parquet(file: InputFile, options: RowSource) -> Iterator[Record]:
    """Every row of a Parquet file; `offset` is its number, from 0, and `length` null. `meta`: the declared fields.

    Rules: missing_text, empty_text, too_large; truncated (the file has no footer, nothing can be read), unreadable
    (a footer that cannot be read, or the rest of a row group behind damage: `value` rows). OSError is raised where the
    file cannot be read. Memory: some batches of 8 MB, or the largest page where that is more.
    """
    size = file.size()
    if not size:
        return
    with file.open() as handle:
        try:
            parquet = _open(handle)
        except file_faults() as error:
            raise_real_fault(error)
            handle.seek(max(0, size - len(_MAGIC)))
            cut = handle.read() != _MAGIC
            detail = "no footer: the file is cut, or no Parquet" if cut else tell_fault(error)
            yield Record(0, size, rule="truncated" if cut else "unreadable", detail=detail)
            return
        allowance = Allowance(max_bytes=max(FREE_BYTES, size * options.max_expansion))
        first_row = 0
        for group in range(parquet.num_row_groups):
            yield from _read_group(parquet, handle, group, first_row, options, allowance)
            if allowance.exceeded:
                return
            first_row += parquet.metadata.row_group(group).num_rows


def _open(handle: BinaryIO) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(
        pa.PythonFile(handle, "r"),
        pre_buffer=False,
        buffer_size=_BUFFER_BYTES,
        page_checksum_verification=True,
    )


def _read_group(
    parquet: Any, handle: BinaryIO, group: int, first_row: int, options: RowSource, allowance: Allowance
) -> Iterator[Record]:
    schema = parquet.schema_arrow
    fields = [name for name in declared_fields(options) if is_in(schema, name)] or schema.names[:1]
    rows, read = parquet.metadata.row_group(group).num_rows, 0
    try:
        batch_rows = _batch_rows(parquet.metadata.row_group(group), handle, fields)
        for batch in parquet.iter_batches(batch_rows, row_groups=[group], columns=fields, use_threads=False):
            yield from batch_records(batch, options, first_row=first_row + read, allowance=allowance)
            read += batch.num_rows
            if allowance.exceeded:
                return
    except file_faults() as error:
        raise_real_fault(error)
        yield _lost_rows(first_row + read, rows - read, f"row group {group}: {tell_fault(error)}")
        return
    if read < rows:
        yield _lost_rows(first_row + read, rows - read, f"row group {group} has fewer rows than it says")


def _batch_rows(group: Any, handle: BinaryIO, fields: list[str]) -> int:
    """As many rows as take about 8 MB by what the footer says, and at most 256 MB whatever they hold.

    A dictionary, or prefixes that are shared, let a few bytes stand for a large value in every row.
    """
    columns = [one for one in (group.column(i) for i in range(group.num_columns)) if _is_read(one, fields)]
    row_bytes = sum(one.total_uncompressed_size for one in columns) / max(1, group.num_rows)
    repeated_bytes = max((_repeated_bytes(one, handle) for one in columns), default=0)
    rows = min(_BATCH_BYTES / max(1, row_bytes), _MAX_BATCH_BYTES / max(1, repeated_bytes), _MAX_BATCH_ROWS)
    return max(1, int(rows))


def _repeated_bytes(column: Any, handle: BinaryIO) -> int:
    """The largest value that a column can hold in many rows without holding it many times."""
    if "DELTA_BYTE_ARRAY" in column.encodings:
        return int(column.total_uncompressed_size)
    handle.seek(column.dictionary_page_offset or column.data_page_offset)
    header = handle.read(_PAGE_HEADER_BYTES)
    kind, at = _page_field(header, 0)
    size, _ = _page_field(header, at)
    return size if kind == _DICTIONARY_PAGE else 0


def _page_field(header: bytes, at: int) -> tuple[int, int]:
    """(the next field of a page header, where the one after begins): a number in Thrift's compact protocol."""
    if header[at] != _NEXT_I32:
        raise ValueError("the header of a page is damaged")
    value = shift = 0
    while True:
        at += 1
        value |= (header[at] & 0x7F) << shift
        shift += 7
        if header[at] < 0x80:
            return value >> 1 ^ -(value & 1), at + 1


def _is_read(column: Any, fields: list[str]) -> bool:
    return any(
        column.path_in_schema == name or column.path_in_schema.startswith(f"{name}.") for name in fields
    )


def _lost_rows(offset: int, count: int, detail: str) -> Record:
    return Record(offset, rule="unreadable", value=float(count), detail=f"{count} rows of {detail}")
