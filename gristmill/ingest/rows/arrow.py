"""Arrow files as documents: one row, one record. As a stream, which `datasets` writes, or as a file with a footer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.packed.archives import FREE_BYTES
from gristmill.ingest.packed.entries import Allowance
from gristmill.ingest.records import Record
from gristmill.ingest.rows.tables import batch_records, declared_fields
from gristmill.inputs import InputFile

_FILE_MAGIC = b"ARROW1"


def read_arrow(file: InputFile, options: RowSource) -> Iterator[Record]:
    """Every row of an Arrow file; `offset` is its number, from 0, and `length` null. `meta`: the declared fields.

    Rules: missing_text, empty_text, too_large; truncated or unreadable where damage ends the file: what follows is one
    record. OSError is raised where the file cannot be read. Memory: one record batch as it was written.
    """
    size, row = file.size(), 0
    if not size:
        return
    allowance = Allowance(max_bytes=max(FREE_BYTES, size * options.max_expansion))
    with file.open() as handle:
        try:
            for batch in _batches(handle, options):
                yield from batch_records(batch, options, first_row=row, allowance=allowance)
                row += batch.num_rows
                if allowance.exceeded:
                    return
        except file_faults() as error:
            raise_real_fault(error)
            detail = f"behind row {row}: {tell_fault(error)}" if row else tell_fault(error)
            yield Record(row, rule="unreadable", detail=detail)


def _batches(handle: BinaryIO, options: RowSource) -> Iterator[Any]:
    import pyarrow as pa

    is_file = handle.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    open_batches = pa.ipc.open_file if is_file else pa.ipc.open_stream
    handle.seek(0)
    schema = open_batches(pa.PythonFile(handle, "r")).schema
    tops = {name for field in declared_fields(options) for name in (field, field.partition(".")[0])}
    wanted = [number for number, name in enumerate(schema.names) if name in tops] or [0]
    handle.seek(0)
    reader = open_batches(pa.PythonFile(handle, "r"), options=pa.ipc.IpcReadOptions(included_fields=wanted))
    for batch in (
        (reader.get_batch(number) for number in range(reader.num_record_batches)) if is_file else reader
    ):
        batch.validate(full=True)  # offsets come from the file as they are
        yield batch


def file_faults() -> tuple[type[Exception], ...]:
    """What Arrow raises for a file that is damaged."""
    import pyarrow as pa

    return (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, KeyError, IndexError)


def raise_real_fault(error: Exception) -> None:
    """Raise again what is a fault of the machine: only Arrow's own errors have no number."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def tell_fault(error: Exception) -> str:
    """The fault in a line."""
    return f"{type(error).__name__}: {error}"[:200]
