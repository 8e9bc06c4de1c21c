"""JSON Lines as documents: one line, one record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gristmill.errors import shorten
from gristmill.hashing import digest_bytes
from gristmill.ingest.options.rows import RowSource
from gristmill.ingest.packed.unpack import read_members
from gristmill.ingest.records import Record
from gristmill.ingest.rows.lines import Line, read_lines
from gristmill.ingest.rows.rows import row_record
from gristmill.inputs import InputFile

_STARTS = re.compile(rb"\s*\{")
_BOM = b"\xef\xbb\xbf"


def read_jsonl(file: InputFile, options: RowSource) -> Iterator[Record]:
    """Every line of a JSON Lines file that is not blank.

    Rules: bad_json, missing_text, empty_text, too_large; truncated, corrupt_member, bad_checksum, unreadable for what
    damage to the compression took. `meta`: the declared fields, and unpacked.
    """
    members = read_members(file, starts=_STARTS, max_expansion=options.max_expansion)
    for line in read_lines(members, options.max_record_bytes):
        if line.data is None:
            yield line.lost()
        else:
            yield _read_line(line, line.data, options)


def _read_line(line: Line, data: bytes, options: RowSource) -> Record:
    digest = digest_bytes(data)

    def dropped(detail: str) -> Record:
        return Record(line.offset, line.length, None, digest, rule="bad_json", detail=detail)

    try:
        row = json.loads(data.removeprefix(_BOM))
    except (ValueError, RecursionError) as error:
        return dropped(f"{type(error).__name__}: {error}"[:200])
    if not isinstance(row, dict):
        return dropped(f"got {shorten(row)}, must be an object")
    meta = {"unpacked": True} if line.packed else {}
    return row_record(row, options, offset=line.offset, length=line.length, digest=digest, meta=meta)
