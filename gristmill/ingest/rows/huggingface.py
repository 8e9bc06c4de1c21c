"""Files of Hugging Face datasets as documents: each read by the kind that its name says, with the same fields.

Parquet and JSON Lines are read as the kinds `parquet` and `jsonl` do it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import clean_text
from gristmill.ingest.files.whole import ANYTHING
from gristmill.ingest.options.huggingface import HuggingfaceSource
from gristmill.ingest.packed.unpack import read_members
from gristmill.ingest.records import Record
from gristmill.ingest.rows.arrow import read_arrow
from gristmill.ingest.rows.datasets import FORMATS, data_format
from gristmill.ingest.rows.delimited import read_delimited
from gristmill.ingest.rows.json_array import begins_array, read_json_array
from gristmill.ingest.rows.jsonl import read_jsonl
from gristmill.ingest.rows.lines import read_lines
from gristmill.ingest.rows.parquet import read_parquet
from gristmill.inputs import InputFile


def read_huggingface(file: InputFile, options: HuggingfaceSource) -> Iterator[Record]:
    """Every row of a file of a dataset. Rules: those of `parquet` and `jsonl`, bad_row (CSV), extension.

    `offset` is a row's number in Parquet, Arrow and CSV, with `length` null; else bytes of the unpacked file.
    """
    kind = data_format(file.name)
    if kind is None:
        known = ", ".join(sorted(FORMATS))
        yield Record(0, file.size(), file.name, rule="extension", detail=f"known are {known}")
    elif kind == "parquet":
        yield from read_parquet(file, options)
    elif kind == "arrow":
        yield from read_arrow(file, options)
    elif kind in ("csv", "tsv"):
        yield from read_delimited(file, options, delimiter="," if kind == "csv" else "\t")
    elif kind == "text":
        yield from _read_text(file, options)
    elif begins_array(file, options):
        yield from read_json_array(file, options)
    else:
        yield from read_jsonl(file, options)


def _read_text(file: InputFile, options: HuggingfaceSource) -> Iterator[Record]:
    """Every line is a row, as the library `datasets` has it."""
    members = read_members(file, starts=ANYTHING, max_expansion=options.max_expansion)
    for line in read_lines(members, options.max_record_bytes):
        if line.data is None:
            yield line.lost()
            continue
        text = clean_text(line.data.decode(errors="replace")).removeprefix("\ufeff").rstrip("\r")
        meta = {"unpacked": True} if line.packed else {}
        yield Record(line.offset, line.length, None, digest_bytes(line.data), text, meta=meta)
