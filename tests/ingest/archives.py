"""Small archives written out by hand, so that their faults are known."""

from __future__ import annotations

import gzip
from pathlib import Path

from gristmill.ingest import JsonlSource, WarcSource
from gristmill.store.registry import Shard, describe_file

DATA = Path(__file__).parent / "data"
SAMPLE = Path(__file__).parents[2] / "recipes" / "sample"

WARC = WarcSource(kind="warc", inputs=("x",))
JSONL = JsonlSource(kind="jsonl", inputs=("x",))


def page(text: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body><p>{text}</p></body></html>".encode()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *(headers or ("Content-Type: text/html; charset=utf-8",))]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(
    name: str, block: bytes, *headers: str, kind: str = "response", length: int | str | None = None
) -> bytes:
    declared = len(block) if length is None else length
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{name}>",
        f"WARC-Target-URI: https://example.org/{name}",
        "WARC-Date: 2024-03-01T00:00:00Z",
        *(["Content-Type: application/http; msgtype=response"] if kind == "response" else []),
        *headers,
        f"Content-Length: {declared}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def pages(*names: str) -> list[bytes]:
    return [record(name, response(page(f"Text of {name}."))) for name in names]


def members(records: list[bytes]) -> bytes:
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def shard_of(*paths: Path, source: str = "web") -> Shard:
    return Shard(1, f"{source}-0001", source, tuple(describe_file(path, path.name) for path in paths))


def arc_record(url: str, block: bytes, kind: str = "text/html", version: int = 2) -> bytes:
    """A record of an ARC file; a name without a scheme is that of a page."""
    named = url if ":" in url else f"http://example.org/{url}"
    fields = [named, "192.0.2.1", "20060102030405", kind]
    fields += ["200", "-", "-", "0", "x.arc"] if version == 2 else []
    return " ".join([*fields, str(len(block))]).encode() + b"\n" + block + b"\n"
