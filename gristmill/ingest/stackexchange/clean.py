"""The HTML of posts as plain text, a column at a time.

Blocks (p, div, ul, ol, li, blockquote, h1 to h6, hr, table, tr, pre) and br end the line; every other tag vanishes
without a trace, so `<em>d</em>e` is `de`. Outside pre, runs of white space become one space, lines are stripped of
spaces and empty ones left out; U+00A0 is no white space. Inside pre the text stays as it is, without newlines at its
two ends. Entities are resolved once. Of images nothing is left, of links their text; script and style have no text.

Some things are kept on request: `markdown` puts back ticks around code, fences (with the language, where the post names
one) around pre, and bars between the cells of a table, which else run together; `keep_links` puts the address in
brackets behind the text of a link.

A tag that is never closed and a comment without end are text: nothing that somebody wrote is lost.
Source of the rules for tags and entities: the HTML standard, sections 13.2.5 (tokenization) and 13.5 (names).
"""

from __future__ import annotations

from functools import cache
from html.entities import html5
from typing import Any

import numpy as np
import polars as pl

from gristmill.text_buffers import text_buffers, text_series

_BLOCKS = (
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "table",
    "tr",
)
_GROWTH, _ROOM = (
    3,
    64,
)  # bytes of text for one of HTML, and for each body: back ticks in code need longer fences


def clean_html(bodies: pl.Series, *, markdown: bool = False, keep_links: bool = False) -> pl.Series:
    """Texts of HTML bodies; a null is an empty text. Linear in bytes, whatever the nesting.

    clean_html(pl.Series(["<p>a <b>b</b>c</p><hr><p>d"]))  # "a bc\\nd"
    """
    from gristmill.ingest.stackexchange import _kernels

    if bodies.is_empty():
        return pl.Series(bodies.name, [], dtype=pl.String)
    data, offsets = text_buffers(bodies)
    out = np.empty(_GROWTH * int(offsets[-1] - offsets[0]) + _ROOM * len(bodies), dtype=np.uint8)
    out_offsets = np.empty(len(bodies) + 1, dtype=np.int64)
    _kernels.clean_bodies(data, offsets, out, out_offsets, *_tags(), *_entities(), markdown, keep_links)
    return text_series(out[: out_offsets[-1]], out_offsets, bodies.name)


@cache
def _tags() -> tuple[Any, Any]:
    from gristmill.ingest.stackexchange._kernels import ANCHOR, BLOCK, BREAK, CELL, CODE, HIDDEN, PRE

    kinds = dict.fromkeys(_BLOCKS, BLOCK)
    kinds |= {"br": BREAK, "pre": PRE, "code": CODE, "a": ANCHOR, "script": HIDDEN, "style": HIDDEN}
    kinds |= {"td": CELL, "th": CELL}
    hashed = sorted((_fnv(name.encode()), kind) for name, kind in kinds.items())
    return np.array([h for h, _ in hashed], dtype=np.uint64), np.array([k for _, k in hashed], dtype=np.int64)


def _fnv(name: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in name:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


@cache
def _entities() -> tuple[Any, ...]:
    pairs = sorted((name.encode(), value.encode()) for name, value in html5.items())
    tables: list[Any] = []
    for column in zip(*pairs, strict=True):
        tables.append(np.frombuffer(b"".join(column), dtype=np.uint8))
        tables.append(np.cumsum([0, *map(len, column)], dtype=np.int64))
    return tuple(tables)
