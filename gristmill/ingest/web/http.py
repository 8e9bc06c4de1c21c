"""HTTP messages as archives hold them: status, headers, and the body with chunks and compression undone.

Servers lie about both codings, so a body that does not begin as its coding does is taken as it is. Each decoding is
bounded; brotli and zstd come with Arrow. Source: RFC 9112 (chunks), RFC 9110 8.4 (codings).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from gristmill.ingest.web.framing import parse_headers

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
_CHUNK_LINE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_LIKE_CHUNK_LINE = re.compile(rb"[^\r\n<]{1,16}\r\n")
_ARROW_CODECS = {"br": "brotli", "zstd": "zstd"}
_STARTS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}  # the others have no magic
_PIECE_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Message:
    """An HTTP response; `status` is None where the status line has no three digits."""

    status: int | None
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body. `rule` is None | partial_body (data up to a break) | body_decode | too_large (no use)."""

    data: bytes
    rule: str | None = None
    detail: str | None = None


class _Broken(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, rule: str, detail: str, data: bytes = b"") -> None:
        super().__init__(detail)
        self.rule, self.detail, self.data = rule, detail, data


def parse_message(block: bytes) -> Message | None:
    """The message in a record's block, or None where it does not begin as HTTP does."""
    if not block.startswith(b"HTTP/"):
        return None
    found = _HEAD_END.search(block)
    head, body = (block[: found.start()], block[found.end() :]) if found else (block, b"")
    status = _STATUS_LINE.match(head)
    return Message(int(status[1]) if status else None, parse_headers(head), body)


def decode_body(message: Message, *, max_bytes: int) -> Body:
    """The body with transfer and content codings undone, in reverse order of how they were applied."""
    data = message.body
    rule = detail = None
    codings = _listed(message.headers.get("content-encoding")) + _listed(
        message.headers.get("transfer-encoding")
    )
    for coding in reversed(codings):
        try:
            data = _decode(data, coding, max_bytes)
        except _Broken as broken:
            if broken.rule != "partial_body":
                return Body(b"", broken.rule, broken.detail)
            rule, detail, data = broken.rule, broken.detail, broken.data
    return Body(data, rule, detail)


def _listed(value: str | None) -> list[str]:
    names = [name.strip().lower().removeprefix("x-") for name in (value or "").split(",")]
    return names[-8:]  # nobody codes nine times; a longer list is an attack


def _decode(data: bytes, coding: str, max_bytes: int) -> bytes:
    if not data or not data.startswith(_STARTS.get(coding, b"")):
        return data
    if coding == "chunked":
        return _unchunk(data)
    if coding == "gzip":
        return _inflate(data, zlib.MAX_WBITS | 16, max_bytes)
    if coding == "deflate":
        # The standard means zlib, some servers send bare deflate; zlib's first two bytes are a multiple of 31.
        zlib_made = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return _inflate(data, zlib.MAX_WBITS if zlib_made else -zlib.MAX_WBITS, max_bytes)
    if coding in _ARROW_CODECS:
        return _decompress(data, _ARROW_CODECS[coding], max_bytes)
    return data  # identity, and what is no coding at all ("none", "utf-8")


def _unchunk(data: bytes) -> bytes:
    line = _CHUNK_LINE.match(data)
    if line is None and not _LIKE_CHUNK_LINE.match(data):
        return data  # not chunked, whatever the header says
    end = 0
    chunks: list[bytes] = []
    while line is not None:
        size = int(line[1], 16)
        if size == 0:
            return b"".join(chunks)
        start = line.end()
        chunks.append(data[start : start + size])
        if start + size > len(data):
            if size > 1 << 31:
                raise _Broken("body_decode", f"a chunk says it has {size} bytes")
            raise _Broken("partial_body", "the last chunk is cut", b"".join(chunks))
        end = start + size
        end += 2 if data.startswith(b"\r\n", end) else 1 if data.startswith(b"\n", end) else 0
        if end >= len(data):
            raise _Broken("partial_body", "the closing chunk is missing", b"".join(chunks))
        line = _CHUNK_LINE.match(data, end)
    raise _Broken("body_decode", f"bytes {data[end : end + 16]!r} are no chunk size")


def _inflate(data: bytes, wbits: int, max_bytes: int) -> bytes:
    """Decompress all gzip members, or one zlib or bare deflate stream."""
    pieces: list[bytes] = []
    left = max_bytes
    while data:
        inflate = zlib.decompressobj(wbits)
        while not inflate.eof:
            try:
                piece = inflate.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise _Broken("body_decode", str(error)) from error
            data = inflate.unconsumed_tail
            left -= len(piece)
            if left < 0:
                raise _Broken("too_large", f"unpacks to more than {max_bytes} bytes")
            pieces.append(piece)
            if not piece and not data and not inflate.eof:
                raise _Broken("partial_body", "the compressed stream is cut", b"".join(pieces))
        data = inflate.unused_data
        if not (wbits > zlib.MAX_WBITS and data.startswith(_STARTS["gzip"])):
            break
    return b"".join(pieces)


def _decompress(data: bytes, codec: str, max_bytes: int) -> bytes:
    import pyarrow as pa

    stream = pa.CompressedInputStream(pa.BufferReader(data), codec)
    pieces: list[bytes] = []
    left = max_bytes
    while True:
        try:
            piece = stream.read(_PIECE_BYTES)
        except OSError as error:
            if "Truncated" in str(error):
                raise _Broken("partial_body", "the compressed stream is cut", b"".join(pieces)) from error
            raise _Broken("body_decode", str(error)) from error
        if not piece:
            return b"".join(pieces)
        left -= len(piece)
        if left < 0:
            raise _Broken("too_large", f"unpacks to more than {max_bytes} bytes")
        pieces.append(piece)
