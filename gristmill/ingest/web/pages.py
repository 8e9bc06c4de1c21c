"""Folders and archives of HTML files as documents: one file, one page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

from gristmill.hashing import digest_bytes
from gristmill.ingest.files.whole import read_whole
from gristmill.ingest.options.pages import HtmlSource
from gristmill.ingest.packed.archives import path_inside
from gristmill.ingest.records import Record
from gristmill.ingest.web.webpage import looks_html, read_page
from gristmill.inputs import InputFile

_EXTENSIONS = frozenset({".htm", ".html", ".shtml", ".xhtml", ".xht"})
_PACKED = frozenset({".gz", ".zst", ".bz2", ".xz"})


def read_html(file: InputFile, options: HtmlSource) -> Iterator[Record]:
    """The one record of an HTML file; its key is its name, the path inside the shard or archive.

    A file is taken as a page if its name says so or it begins like one. `meta`: charset, unpacked, and what the page
    says of itself (title, html_lang, author, ...). Rules: content_type, too_large, empty_body, not_text, empty_text,
    short_text, those of extraction (too_complex, too_deep, no_maths), and what damage to the compression took
    (truncated, corrupt_member, bad_checksum, unreadable).
    """
    whole = read_whole(file, options)
    if isinstance(whole, Record):
        yield whole
        return
    url = _url(path_inside(file), options.url_prefix)
    digest = digest_bytes(whole.data)
    if _extension(file.name) not in _EXTENSIONS and not looks_html(whole.data):
        detail = "neither its name nor its first bytes are those of an HTML page"
        yield Record(0, whole.size, file.name, digest, rule="content_type", detail=detail, url=url)
        return
    page = read_page(
        whole.data,
        options.html,
        url=url,
        url_from_page=options.url_from_page,
        min_chars=options.min_chars,
    )
    yield Record(
        0,
        whole.size,
        file.name,
        digest,
        page.text,
        rule=page.rule,
        value=page.value,
        bound=page.bound,
        detail=page.detail,
        url=page.url,
        date=page.date,
        meta={**page.meta, **({"unpacked": True} if whole.packed else {})},
    )


def _extension(name: str) -> str:
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    return PurePosixPath(path.stem).suffix.lower() if suffix in _PACKED else suffix


def _url(name: str, prefix: str | None) -> str | None:
    """The address of a file: what stands before, and its path; what is escaped already stays so."""
    return None if prefix is None else prefix + quote(name, safe="/%:@!$&'()*+,;=~?")
