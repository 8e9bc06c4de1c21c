"""What all sources of web pages share: is it a page, what is its text, what does it say of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from gristmill.ingest.charset import decode_text, is_binary
from gristmill.ingest.html import extract_page
from gristmill.ingest.options.html import HtmlOptions

_LOOKS_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:(?><!--.*?-->)\s*)*<(?:!doctype\s+html|html|head|body|title|meta|div|p|h1|table)\b",
    re.IGNORECASE | re.DOTALL,
)
_SNIFFED_BYTES = 1024
_HEAD_CHARS = 64 << 10  # the address that a page gives itself stands in its head
_TAG = re.compile(r"<(?:link|meta|base|body)\b[^<>]{0,4096}", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-z:-]{1,20})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_MAX_URL_CHARS = 2_048


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as it was read; `rule` says why it has no text."""

    text: str | None = None
    rule: str | None = None
    value: float | None = None
    bound: float | None = None
    detail: str | None = None
    url: str | None = None
    date: str | None = None  # on which it was published
    meta: dict[str, Any] = field(default_factory=dict)


def looks_html(data: bytes) -> bool:
    """Whether the first bytes are those of an HTML page."""
    return _LOOKS_HTML.match(data[:_SNIFFED_BYTES]) is not None


def read_page(
    data: bytes,
    options: HtmlOptions,
    *,
    url: str | None = None,
    label: str | None = None,
    url_from_page: bool = False,
    min_chars: int = 1,
) -> ReadPage:
    """The text of an HTML page from its bytes. `label`: what was said of its character set from outside.

    `meta`: charset, and what the page says of itself (`Page.meta`). Rules: empty_body, not_text, short_text,
    empty_text, and those of extraction.
    """
    if not data.strip():
        return ReadPage(rule="empty_body", url=url)
    if is_binary(data):
        return ReadPage(rule="not_text", detail="the bytes are binary", url=url)
    html, charset = decode_text(data, label, html=True)
    meta: dict[str, Any] = {"charset": charset}
    if url_from_page:
        url = own_url(html, url) or url
    page = extract_page(html, options, url=url)
    if page.rule:
        return ReadPage(None, page.rule, page.value, page.bound, page.detail, url, meta=meta)
    meta |= page.meta()
    text = page.text.strip()
    if len(text) < min_chars:
        rule = "short_text" if text else "empty_text"
        return ReadPage(None, rule, float(len(text)), float(min_chars), None, url, meta=meta)
    return ReadPage(text, url=url, date=page.date, meta=meta)


def own_url(html: str, url: str | None = None) -> str | None:
    """The address that a page gives itself: `<link rel=canonical>`, else og:url; None where it gives none."""
    shared = None
    for tag in _TAG.findall(html[:_HEAD_CHARS]):
        name = tag[1:5].lower()
        if name == "body":
            break
        values = {key.lower(): a or b or c for key, a, b, c in _ATTRIBUTE.findall(tag)}
        if name == "link" and "canonical" in values.get("rel", "").lower().split():
            return _web_address(values.get("href"), url) or shared
        if name == "meta" and "og:url" in (values.get("property"), values.get("name")):
            shared = shared or _web_address(values.get("content"), url)
    return shared


def _web_address(value: str | None, base: str | None) -> str | None:
    given = unescape(value or "").strip()
    if not given or len(given) > _MAX_URL_CHARS:
        return None
    try:
        address = urljoin(base, given) if base else given
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.hostname else None
