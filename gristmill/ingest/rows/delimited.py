"""CSV and TSV files as documents: one row, one record, with the names of fields in the first row."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from itertools import chain
from typing import Any

from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import decode_text
from gristmill.ingest.files.whole import ANYTHING
from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.packed.archives import FREE_BYTES
from gristmill.ingest.packed.entries import Allowance
from gristmill.ingest.packed.members import Member
from gristmill.ingest.packed.unpack import read_members
from gristmill.ingest.records import Record
from gristmill.ingest.rows.arrow import file_faults, raise_real_fault, tell_fault
from gristmill.ingest.rows.lines import DAMAGE_RULES
from gristmill.ingest.rows.tables import batch_records, declared_fields
from gristmill.inputs import InputFile

_MIN_BLOCK_BYTES = 1 << 20  # read at once; no row may be larger


def read_delimited(file: InputFile, options: RowSource, *, delimiter: str) -> Iterator[Record]:
    """Every row; `offset` is its number among the good ones, from 0, and `length` null. All values are text.

    Rules: missing_text, empty_text, too_large, bad_row (another number of fields than the first row has); unreadable,
    truncated, corrupt_member, bad_checksum where damage ends the file: what follows is one record.
    """
    size, row = file.size(), 0
    if not size:
        return
    allowance = Allowance(max_bytes=max(FREE_BYTES, size * options.max_expansion))
    unpacked = _Unpacked(file, options.max_expansion)
    bad: list[str] = []
    try:
        for batch in _batches(file, unpacked, options, delimiter, bad):
            yield from batch_records(batch, options, first_row=row, allowance=allowance)
            row += batch.num_rows
            for text in bad:
                yield Record(row, digest=digest_bytes(text.encode()), rule="bad_row", detail=text[:200])
            bad.clear()
            if allowance.exceeded:
                return
    except file_faults() as error:
        raise_real_fault(error)
        if unpacked.damage is None:
            yield Record(row, rule="unreadable", detail=f"behind row {row}: {tell_fault(error)}")
    if unpacked.damage is not None:
        rule, detail = unpacked.damage
        yield Record(row, rule=rule, detail=detail)


def _batches(
    file: InputFile, unpacked: io.RawIOBase, options: RowSource, delimiter: str, bad: list[str]
) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    def skip(row: Any) -> str:
        bad.append(row.text or "")
        return "skip"

    block_bytes = max(_MIN_BLOCK_BYTES, options.max_record_bytes)
    reading = csv.ReadOptions(use_threads=False, block_size=block_bytes)
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip)
    names = csv.open_csv(_Unpacked(file, options.max_expansion), reading, parsing).schema.names
    bad.clear()
    wanted = [name for name in declared_fields(options) if name in names] or names[:1]
    converting = csv.ConvertOptions(
        include_columns=wanted,
        column_types=dict.fromkeys(wanted, pa.string()),
        strings_can_be_null=False,
    )
    yield from csv.open_csv(unpacked, reading, parsing, converting)


class _Unpacked(io.RawIOBase):
    """The unpacked file as a stream of UTF-8; `damage` is what ended it too early."""

    def __init__(self, file: InputFile, max_expansion: int) -> None:
        self._pieces = self._recoded(self._read_pieces(file, max_expansion))
        self._rest = b""
        self.damage: tuple[str, str] | None = None

    def _read_pieces(self, file: InputFile, max_expansion: int) -> Iterator[bytes]:
        for member in read_members(file, starts=ANYTHING, max_expansion=max_expansion):
            if not isinstance(member, Member):
                self.damage = (
                    "unreadable",
                    f"{member.length} bytes at {member.offset} are of no compression",
                )
                return
            while piece := member.read():
                yield piece
            if member.damage is not None:
                self.damage = (DAMAGE_RULES[member.damage], member.detail)
                return

    def _recoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The character set is that of the first piece, by its whole lines."""
        first = next(pieces, b"")
        _, charset = decode_text(first[: first.rfind(b"\n") + 1] or first)
        decoder = codecs.getincrementaldecoder(charset)("replace")
        for piece in chain((first,), pieces):
            yield decoder.decode(piece).encode(errors="replace")
        yield decoder.decode(b"", final=True).encode(errors="replace")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
