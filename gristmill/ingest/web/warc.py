"""Web archives as documents: records whose response is a page become its text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import decode_text, is_binary
from gristmill.ingest.html import extract_page
from gristmill.ingest.options import WarcSource
from gristmill.ingest.records import Record
from gristmill.ingest.web.framing import WarcRecord, read_warc_records
from gristmill.ingest.web.http import Body, decode_body, parse_message
from gristmill.ingest.web.webpage import looks_html
from gristmill.inputs import InputFile

_OTHER_TYPES = frozenset(
    {"warcinfo", "request", "metadata", "revisit", "resource", "continuation", "conversion", "response"}
)  # of ISO 28500; types that are none of these are not_a_response
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]{1,40})", re.IGNORECASE)
_DIGEST = re.compile(r"(sha1|sha-1|sha256|sha-256|md5):([A-Za-z0-9+/=_-]{16,128})", re.IGNORECASE)


def read_warc(file: InputFile, options: WarcSource) -> Iterator[Record]:
    """Every record of a WARC or ARC file, pages with their text.

    `meta`: title, html_lang, charset, content_type, unpacked. Rules besides those of `framing`: the type of a record
    that holds no document (warcinfo, request, metadata, revisit, resource, continuation, ...), not_a_response,
    no_http_headers, http_status, content_type, empty_body, body_decode, too_large, not_text, too_complex, too_deep,
    no_maths, empty_text, short_text; of kept records: digest_mismatch, partial_body, and what `framing` says of damage.
    """
    for record in read_warc_records(
        file, max_bytes=options.max_record_bytes, max_expansion=options.max_expansion
    ):
        yield _Reading(record, options).result()


class _Reading:
    """One record on its way to a document; every way out is a Record."""

    def __init__(self, record: WarcRecord, options: WarcSource) -> None:
        self._record = record
        self._options = options
        self._digest: str | None = None
        self._url = _bare(record.headers.get("warc-target-uri"))
        self._meta: dict[str, Any] = {"unpacked": True} if record.unpacked else {}

    def result(self) -> Record:
        record, headers = self._record, self._record.headers
        kind = headers.get("warc-type", "").lower()
        if record.block is None:
            return self._drop(record.rule or "unreadable", record.detail)
        if kind not in self._options.record_types:
            # By type, so that the funnel shows how many pages a crawl saw again (revisit) and how many it holds.
            rule = kind if kind in _OTHER_TYPES else "not_a_response"
            return self._drop(rule, f"WARC-Type: {kind[:40] or 'missing'}")
        if not record.block.strip():
            return self._drop(
                "no_http_headers" if kind == "response" else "empty_body", "the record is empty"
            )
        block_type = _media_type(headers.get("content-type"))
        if kind == "response" and block_type not in ("", "application/http"):
            return self._drop("not_a_response", f"Content-Type of the record: {block_type}")
        if kind != "response":
            return self._payload(record.block, Body(record.block), block_type, headers.get("content-type"))
        message = parse_message(record.block)
        if message is None:
            return self._drop("no_http_headers", f"the record begins with {record.block[:16]!r}")
        self._digest = digest_bytes(message.body)
        if message.status not in self._options.statuses:
            detail = None if message.status else "the status line has no status"
            return self._drop("http_status", detail, value=message.status)
        given = message.headers.get("content-type")
        body = decode_body(message, max_bytes=self._options.max_record_bytes)
        return self._payload(message.body, body, _media_type(given), given)

    def _payload(self, stored: bytes, body: Body, media_type: str, label: str | None) -> Record:
        """From the decoded payload on; `label` is the header that may name a character set."""
        options = self._options
        self._digest = self._digest or digest_bytes(stored)
        identified = _media_type(self._record.headers.get("warc-identified-payload-type"))
        media_type = identified or media_type or _sniff(body.data)
        converted = self._record.headers.get("warc-type", "").lower() == "conversion"
        if media_type not in options.content_types and not (converted and media_type == "text/plain"):
            return self._drop("content_type", media_type or "unknown")
        if body.rule in ("body_decode", "too_large"):
            return self._drop(body.rule, body.detail)
        if body.rule == "partial_body" and not options.keep_partial:
            return self._drop("body_decode", body.detail)
        if not body.data.strip():
            return self._drop("empty_body", None)
        if is_binary(body.data):
            return self._drop("not_text", f"labelled {media_type}, but the bytes are binary")
        named = _CHARSET.search(label or "")
        html = media_type in _HTML_TYPES
        text, charset = decode_text(body.data, named[1] if named else None, html=html)
        self._meta |= {"charset": charset, "content_type": media_type}
        if html:
            page = extract_page(text, options.html, url=self._url)
            if page.rule:
                return self._drop(page.rule, page.detail, value=page.value, bound=page.bound)
            self._meta |= page.meta()
            text = page.text
        return self._keep(text.strip(), self._remark(stored, body))

    def _remark(self, stored: bytes, body: Body) -> tuple[str, str | None] | None:
        """What was wrong with a record that is kept; the first of these."""
        if self._record.rule:
            return self._record.rule, self._record.detail
        if body.rule:
            return body.rule, body.detail
        truncated = self._record.headers.get("warc-truncated")
        if truncated:
            return "partial_body", f"WARC-Truncated: {truncated[:40]}"
        declared = self._record.headers.get("warc-payload-digest")
        if self._options.verify_digests and declared and not _digest_fits(declared, stored, body.data):
            return "digest_mismatch", declared[:80]
        return None

    def _keep(self, text: str, remark: tuple[str, str | None] | None) -> Record:
        chars, least = len(text), self._options.min_chars
        if chars < least:
            return self._drop(
                "short_text" if chars else "empty_text", None, value=float(chars), bound=float(least)
            )
        rule, detail = remark or (None, None)
        return self._record_as(text=text, rule=rule, detail=detail)

    def _drop(
        self, rule: str, detail: str | None, *, value: float | None = None, bound: float | None = None
    ) -> Record:
        return self._record_as(rule=rule, detail=detail, value=value, bound=bound)

    def _record_as(self, **values: Any) -> Record:
        headers = self._record.headers
        return Record(
            offset=self._record.offset,
            length=self._record.length,
            key=_bare(headers.get("warc-record-id")),
            digest=self._digest,
            url=self._url,
            date=headers.get("warc-date") or None,
            meta=self._meta,
            **values,
        )


def _bare(value: str | None) -> str | None:
    """An identifier without the angle brackets that WARC puts around it."""
    return (value or "").strip().removeprefix("<").removesuffix(">") or None


def _media_type(value: str | None) -> str:
    return (value or "").partition(";")[0].strip().lower()


def _sniff(data: bytes) -> str:
    return "text/html" if looks_html(data) else ""


def _digest_fits(declared: str, *payloads: bytes) -> bool:
    """Whether one of the payloads has this digest: some writers take it before undoing codings, some after."""
    found = _DIGEST.fullmatch(declared.strip())
    if found is None:
        return True  # an algorithm that is not known says nothing
    name, written = found[1].lower().replace("-", ""), found[2]
    size = hashlib.new(name, usedforsecurity=False).digest_size
    try:
        if len(written) == 2 * size:
            expected = bytes.fromhex(written)
        elif len(written.rstrip("=")) == -(-size * 8 // 5):
            padding = "=" * (-len(written.rstrip("=")) % 8)
            expected = base64.b32decode(written.rstrip("=").upper() + padding)
        else:
            expected = base64.b64decode(written, altchars=b"-_" if set(written) & set("-_") else None)
    except ValueError:
        return False
    return any(hashlib.new(name, payload, usedforsecurity=False).digest() == expected for payload in payloads)
