"""HTTP messages: status, headers, chunks and compression."""

from __future__ import annotations

import gzip
import zlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.web.http import Body, Message, decode_body, parse_message
from tests.ingest.archives import response

TEXT = b"<p>The mill stands at the bend of the river.</p>" * 10


def decoded(body: bytes, max_bytes: int = 1_000_000, **headers: str) -> Body:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return decode_body(Message(200, named, body), max_bytes=max_bytes)


def chunked(data: bytes, size: int = 37) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_message_is_status_headers_and_body() -> None:
    message = parse_message(response(b"body", "Content-Type: text/html", "X-A: 1"))
    assert message == Message(200, {"content-type": "text/html", "x-a": "1"}, b"body")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/2 200", 200),
        (b"HTTP/1.1  404 Not Found", 404),
        (b"HTTP/1.1 OK", None),
        (b"HTTP/1.1 20x", None),
        (b"HTTP/1.1 2000", None),
    ],
)
def test_status_lines(line: bytes, status: int | None) -> None:
    message = parse_message(line + b"\nA: b\n\nbody")
    assert message == Message(status, {"a": "b"}, b"body")


def test_what_does_not_begin_as_http_is_no_message() -> None:
    assert parse_message(b"<html>") is None
    assert parse_message(b"") is None


def test_headers_without_an_end_leave_no_body() -> None:
    assert parse_message(b"HTTP/1.1 200 OK\r\nA: b") == Message(200, {"a": "b"}, b"")


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0)),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("br", pa.compress(TEXT, codec="brotli", asbytes=True)),
        ("zstd", pa.compress(TEXT, codec="zstd", asbytes=True)),
        ("identity", TEXT),
        ("utf-8", TEXT),
        ("gzip", TEXT),
        ("zstd", TEXT),
    ],
)
def test_content_codings_are_undone_and_lies_passed_over(coding: str, data: bytes) -> None:
    assert decoded(data, content_encoding=coding) == Body(TEXT)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_stops_at_the_limit(coding: str) -> None:
    zeros = bytes(3_000_000)
    packed = {
        "gzip": gzip.compress(zeros, mtime=0),
        "deflate": zlib.compress(zeros),
        "br": pa.compress(zeros, codec="brotli", asbytes=True),
        "zstd": pa.compress(zeros, codec="zstd", asbytes=True),
    }[coding]
    assert decoded(packed, content_encoding=coding).rule == "too_large"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_cut_stream_is_kept_up_to_the_cut(coding: str) -> None:
    packed = {"gzip": gzip.compress(TEXT, mtime=0), "deflate": zlib.compress(TEXT)}[coding]
    body = decoded(packed[:-9], content_encoding=coding)
    assert body.rule == "partial_body"
    assert TEXT.startswith(body.data)
    assert body.data


def test_a_damaged_stream_is_of_no_use() -> None:
    packed = bytearray(gzip.compress(TEXT, mtime=0))
    packed[12] ^= 0xFF
    assert decoded(bytes(packed), content_encoding="gzip").rule == "body_decode"


def test_chunks_are_joined() -> None:
    assert decoded(chunked(TEXT), transfer_encoding="chunked") == Body(TEXT)
    both = decoded(
        chunked(gzip.compress(TEXT, mtime=0)), transfer_encoding="chunked", content_encoding="gzip"
    )
    assert both == Body(TEXT)


def test_chunk_extensions_and_trailers_are_passed_over() -> None:
    body = b"5;name=value\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"
    assert decoded(body, transfer_encoding="chunked") == Body(b"hello")


def test_a_body_that_is_not_chunked_is_taken_as_it_is() -> None:
    assert decoded(TEXT, transfer_encoding="chunked") == Body(TEXT)


def test_cut_chunks_are_kept_up_to_the_cut() -> None:
    body = decoded(b"5\r\nhello\r\n5\r\nwor", transfer_encoding="chunked")
    assert (body.data, body.rule) == (b"hellowor", "partial_body")


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\nzz\r\n",
        b"ffffffffffff\r\nx\r\n",
        b"5\r\nhello\r\n" + b"f" * 9_000 + b"\r\n",
    ],
)
def test_senseless_chunk_sizes_are_of_no_use(body: bytes) -> None:
    assert decoded(body, transfer_encoding="chunked").rule == "body_decode"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "zstd", "chunked", "gzip,br"]))
def test_no_bytes_raise(data: bytes, coding: str) -> None:
    for start in (b"", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"5\r\n"):
        body = decoded(start + data, max_bytes=10_000, content_encoding=coding, transfer_encoding=coding)
        assert body.rule in (None, "partial_body", "body_decode", "too_large")
        assert len(body.data) <= 10_000
