"""Cuts in documents: their record, how they are made, and how they are undone.

Shared by the stages that take repeated text out, `paragraphs` and `substrings`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup import _unit_kernels
from gristmill.documents import Schema
from gristmill.text_buffers import text_series

EDITS: Schema = {
    "id": pl.String,
    "unit": pl.UInt32,  # position of the line or paragraph in its document, from 0; null for substrings
    "start": pl.Int64,  # character of the text before the cut; separators and white space that go too are inside
    "end": pl.Int64,
    "text": pl.String,  # what was cut
    "hash": pl.UInt64,  # of the normalised unit; of substrings XXH64 of `text`
    "count": pl.UInt64,  # occurrences in the snapshot; null where they were too few to be kept in the table
    "rule": pl.String,  # across_documents | within_document | repeated_substrings
}

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]


def cut_spans(
    data: _Bytes, offsets: _Places, starts: _Places, ends: _Places, span_offsets: _Places
) -> pl.Series:
    """The texts without their spans.

    data, offsets: the texts, as `text_buffers` gives them. starts, ends: bytes in `data`, ascending and disjoint;
    span_offsets (one more than texts): which spans are of which text.
    """
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    out_offsets = np.zeros(len(offsets), np.int64)
    _unit_kernels.cut_spans(data, offsets, starts, ends, span_offsets, out, out_offsets)
    return text_series(out[: out_offsets[-1]].copy(), out_offsets)


def copy_spans(data: _Bytes, starts: _Places, ends: _Places) -> pl.Series:
    """The text of every span."""
    out, out_offsets = np.empty(int((ends - starts).sum()), np.uint8), np.zeros(len(starts) + 1, np.int64)
    _unit_kernels.copy_spans(data, starts, ends, out, out_offsets)
    return text_series(out, out_offsets)


def undo(documents: pl.DataFrame, edits: pl.DataFrame) -> pl.DataFrame:
    """The documents as they were before the cuts; those without edits stay as they are.

    documents: id, text and any others. edits: EDITS, in any order; those of other documents do not matter.
    """
    wanted = edits.filter(pl.col("id").is_in(documents["id"].implode())).sort("id", "start")
    cuts = {
        str(key): list(zip(rows["start"], rows["end"], rows["text"], strict=True))
        for (key,), rows in wanted.group_by("id", maintain_order=True)
    }
    texts = [_restore(text, cuts.get(key, [])) for key, text in documents.select("id", "text").iter_rows()]
    return documents.with_columns(text=pl.Series(texts, dtype=pl.String))


def _restore(text: str, cuts: list[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    taken = before = 0  # characters of the text after and before the cuts
    for start, end, cut in cuts:
        parts += [text[taken : taken + start - before], cut]
        taken, before = taken + start - before, end
    return "".join([*parts, text[taken:]])
