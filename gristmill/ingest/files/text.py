"""Plain text and Markdown as documents: a file each, or its lines, its paragraphs, or what a separator parts."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import clean_text, decode_text, is_binary
from gristmill.ingest.files.front_matter import read_front_matter
from gristmill.ingest.files.whole import ANYTHING, read_whole
from gristmill.ingest.options.text import TextSource
from gristmill.ingest.packed.archives import read_inside
from gristmill.ingest.packed.unpack import Member, read_members
from gristmill.ingest.records import Record
from gristmill.ingest.rows.lines import Line, read_lines
from gristmill.inputs import InputFile

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD_BYTES = 64 << 10  # by which the character set of a file is told that is read in parts
_FRONT_MATTER_CHARS = 64_000
_HEADING = re.compile(r"(?:^|\n)#[ \t]+([^\n]{1,300}?)[ \t#]*(?:\n|\Z)|\A\s*([^\n]{1,300})\n=+[ \t]*\n")
_MARKDOWN = frozenset({".md", ".markdown", ".mdx", ".qmd", ".rmd"})
_PACKED = frozenset({".gz", ".zst", ".bz2", ".xz"})
_LANG = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}")


def read_texts(file: InputFile, options: TextSource) -> Iterator[Record]:
    """As `read_text`, also from archives."""
    yield from read_inside(read_text, whole=options.split == "file")(file, options)


def read_text(file: InputFile, options: TextSource) -> Iterator[Record]:
    """The records of a text file: one with the file's name as key, or its parts, named by their content.

    `meta`: charset, title (of Markdown), what its front matter says, unpacked. Rules: too_large, not_text, empty_text,
    and what damage to the compression took: truncated, corrupt_member, bad_checksum, unreadable.
    """
    if options.split == "file":
        yield _read_whole(file, options)
    else:
        yield from _read_parts(file, options)


def _read_whole(file: InputFile, options: TextSource) -> Record:
    whole = read_whole(file, options)
    if isinstance(whole, Record):
        return whole
    digest = digest_bytes(whole.data)
    if is_binary(whole.data):
        return Record(0, whole.size, file.name, digest, rule="not_text", detail="the bytes are binary")
    text, charset = decode_text(whole.data, options.encoding)
    meta: dict[str, Any] = {"charset": charset, **({"unpacked": True} if whole.packed else {})}
    given: dict[str, Any] = {}
    if options.front_matter:
        given, text = read_front_matter(text, max_chars=_FRONT_MATTER_CHARS)
    text = text.strip()
    if not text:
        return Record(0, whole.size, file.name, digest, rule="empty_text")
    if _is_markdown(file.name):
        found = _HEADING.search(text)
        meta["title"] = (found[1] or found[2]).strip() if found else None
    meta |= {key: _plain(value) for key, value in given.items() if key not in ("date", "lang", "language")}
    day, lang = given.get("date"), given.get("lang", given.get("language"))
    return Record(
        0,
        whole.size,
        file.name,
        digest,
        text,
        date=_plain(day) if isinstance(day, str | date) else None,
        lang=lang if isinstance(lang, str) and _LANG.fullmatch(lang) else None,
        meta=meta,
    )


def _read_parts(file: InputFile, options: TextSource) -> Iterator[Record]:
    head = _head(file, options)
    if head.startswith(_UTF16):
        detail = "UTF-16 is read with `split: file`"
        yield Record(0, file.size(), file.name, rule="not_text", detail=detail)
        return
    if is_binary(head):
        yield Record(0, file.size(), file.name, rule="not_text", detail="the bytes are binary")
        return
    _, charset = decode_text(head, options.encoding)
    members = read_members(file, starts=ANYTHING, max_expansion=options.max_expansion)
    lines = read_lines(members, options.max_record_bytes, blank=True)
    yield from _records(lines, options, charset)


def _head(file: InputFile, options: TextSource) -> bytes:
    """The first bytes of the unpacked file, to the end of a line where there is one."""
    head = b""
    for member in read_members(file, starts=ANYTHING, max_expansion=options.max_expansion):
        while isinstance(member, Member) and len(head) < _HEAD_BYTES and (piece := member.read()):
            head += piece
        break
    head = head[:_HEAD_BYTES]
    return head[: head.rfind(b"\n") + 1] or head


def _records(lines: Iterator[Line], options: TextSource, charset: str) -> Iterator[Record]:
    """Lines put together to parts; a line that is lost ends a part and is a record of its own."""
    part = _Part()
    separator = (options.separator or "").strip().encode(charset, "replace")  # none: a blank line
    for line in lines:
        if line.data is None:
            yield from part.records(options, charset)
            part = _Part()
            yield line.lost()
            continue
        parts = line.data.strip() == separator
        if not parts:
            part.add(line, line.data, options.max_record_bytes)
        if parts or options.split == "line":
            yield from part.records(options, charset)
            part = _Part()
    yield from part.records(options, charset)


@dataclass(slots=True)
class _Part:
    """Lines that make one document."""

    offset: int | None = None
    end: int = 0
    packed: bool = False
    data: bytearray = field(default_factory=bytearray)
    too_large: bool = False

    def add(self, line: Line, data: bytes, max_bytes: int) -> None:
        """Take a line; beyond `max_bytes` nothing is held any more."""
        if self.offset is None:
            if not data.strip():
                return
            self.offset, self.packed = line.offset, line.packed
        self.end = line.offset + len(data)
        self.too_large = self.too_large or len(self.data) + len(data) > max_bytes
        if self.too_large:
            self.data.clear()
        else:
            self.data += data + b"\n"

    def records(self, options: TextSource, charset: str) -> Iterator[Record]:
        """The record of the part, if it holds any."""
        if self.offset is None:
            return
        length, bound = self.end - self.offset, float(options.max_record_bytes)
        if self.too_large:
            yield Record(self.offset, length, rule="too_large", value=float(length), bound=bound)
            return
        stored = bytes(self.data).rstrip()
        text, named = decode_text(stored, charset)
        meta: dict[str, Any] = {"charset": named, **({"unpacked": True} if self.packed else {})}
        text, digest = text.strip(), digest_bytes(stored)
        if text:
            yield Record(self.offset, length, None, digest, text, meta=meta)
        else:
            yield Record(self.offset, length, None, digest, rule="empty_text")


def _is_markdown(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix if path.suffix.lower() not in _PACKED else PurePosixPath(path.stem).suffix
    ).lower() in _MARKDOWN


def _plain(value: Any) -> Any:
    """A value of YAML as JSON holds it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | set | tuple):
        return [_plain(one) for one in value]
    return str(value)
