"""What a page says of itself: title, dates, author, canonical URL, declared types, and text that is only in its data.

Read from <meta>, <link>, <title>, <time> and JSON-LD (schema.org), whose places `_scan` found. Nothing here is
trusted: sizes, depth and numbers of nodes are bounded, and what does not parse is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from gristmill.ingest.html._scan import (
    FACT_END,
    FACT_KIND,
    FACT_START,
    FACT_TAG_END,
    JSON_LD,
    LINKED,
    META,
    TABLE_FACT,
    TIME,
    TITLE,
)

_MAX_JSON_BYTES = 1_000_000  # of all JSON-LD of a page; 10 ms
_MAX_NODES = 3_000
_MAX_NODE_DEPTH = 12
_MAX_TEXT_CHARS = 200_000
_MAX_FIELD_CHARS = 500
_ATTRIBUTE = re.compile(r"([\w:.-]+)=\"([^\"]*)\"")
_TAG = re.compile(r"<[^<>]*>")
_BLOCK_TAG = re.compile(r"<\s*/?\s*(?:p|br|div|li|ul|ol|h[1-6]|tr)\b[^<>]*>", re.IGNORECASE)
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?")
_TITLE_NAMES = ("og:title", "twitter:title", "dc.title", "citation_title", "headline")
_DATE_NAMES = (
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dcterms.created",
    "pubdate",
    "publish-date",
    "publishdate",
    "citation_publication_date",
    "parsely-pub-date",
    "og:published_time",
    "article:modified_time",
)
_AUTHOR_NAMES = (
    "author",
    "article:author",
    "dc.creator",
    "citation_author",
    "parsely-author",
    "twitter:creator",
)
_DESCRIPTION_NAMES = ("og:description", "description", "twitter:description")

# Of the first of its attributes that may be its name; where another follows, the tag is read.
_META_NAME = re.compile(
    rb"(?:property|name|itemprop)=\"([^\"]*)\"(?!.*(?:property|name|itemprop)=)", re.DOTALL
)
_WANTED = frozenset(
    name.encode() for name in ("og:type", *_TITLE_NAMES, *_DATE_NAMES, *_AUTHOR_NAMES, *_DESCRIPTION_NAMES)
)

# schema.org types by what they say of the page.
_TYPE_KINDS = {
    "article": "article newsarticle blogposting reportagenewsarticle analysisnewsarticle opinionnewsarticle recipe "
    "scholarlyarticle medicalwebpage review report liveblogposting",
    "documentation": "techarticle apireference howto learningresource softwaresourcecode",
    "forum": "discussionforumposting qapage question socialmediaposting",
    "product": "product productgroup book movie videogame softwareapplication mobileapplication vehicle",
    "collection": "collectionpage itemlist offercatalog productcollection searchresultspage",
    "service": "service localbusiness organization professionalservice faqpage financialproduct event course",
}
PRODUCT_TYPES = frozenset(_TYPE_KINDS["product"].split())
_KINDS = tuple(_TYPE_KINDS)
_KIND_OF_TYPE = {name: kind for kind, names in _TYPE_KINDS.items() for name in names.split()}
_URL_WORDS = {
    "article": "news article articles story blog blogs post posts opinion politics sport sports magazine",
    "documentation": "docs doc documentation api reference guide guides manual wiki help learn tutorial tutorials "
    "support kb howto latest stable library handbook",
    "forum": "forum forums thread threads topic topics viewtopic showthread community discussion discussions t "
    "questions question comments board boards discourse talk answers",
    "product": "product products p item items dp shop store itm pd sku buy pip",
    "collection": "collection collections category categories c cat shop catalog browse department sale",
    "service": "services service solutions solution platform features consulting about pricing industries",
}
_KINDS_OF_WORD: dict[str, set[str]] = {}
for _kind, _words in _URL_WORDS.items():
    for _word in _words.split():
        _KINDS_OF_WORD.setdefault(_word, set()).add(_kind)
_URL_YEAR = re.compile(r"/(?:19|20)\d\d[/-]")
_URL_SPLIT = re.compile(r"[/.?&=]+")

DECLARED: tuple[str, ...] = (
    *(f"type.{kind}" for kind in _KINDS),
    *(f"url.{kind}" for kind in _KINDS),
    "og.article",
    "og.product",
    "og.website",
    "url.root",
    "url.depth",
    "url.year",
    "url.query",
    "url.last_words",
)


@dataclass(slots=True)
class Facts:
    """What a page says of itself; None where it says nothing."""

    title: str | None = None
    date: str | None = None
    author: str | None = None
    description: str | None = None
    canonical_url: str | None = None
    tables: int = 0
    types: set[str] = field(default_factory=set)
    og_type: str | None = None
    texts: list[str] = field(default_factory=list)  # bodies and descriptions in JSON-LD, longest kind first


def read_facts(data: bytes, facts: Any, url: str | None) -> Facts:
    """The facts of a page whose places are in `facts` (see `_scan.scan_page`)."""
    metas: dict[str, str] = {}
    found = Facts()
    scripts: list[bytes] = []
    page_title: str | None = None
    for row in facts.tolist():
        kind = row[FACT_KIND]
        if kind in (META, LINKED, TIME):
            if kind == LINKED and data.find(b"canonical", row[FACT_START], row[FACT_TAG_END]) < 0:
                continue
            if kind == TIME and "<time>" in metas:
                continue
            if kind == META and not _is_wanted(data, row[FACT_START], row[FACT_TAG_END]):
                continue
            tag = data[row[FACT_START] : min(row[FACT_TAG_END], row[FACT_START] + 4096)].decode(
                "utf-8", "replace"
            )
            values = dict(_ATTRIBUTE.findall(tag))
            if kind == META:
                name = values.get("property") or values.get("name") or values.get("itemprop")
                content = values.get("content")
                if name and content:
                    metas.setdefault(name.lower(), content)
            elif kind == TIME:
                if "datetime" in values:
                    metas.setdefault("<time>", values["datetime"])
            elif found.canonical_url is None and "canonical" in values.get("rel", "").lower().split():
                found.canonical_url = _absolute(unescape(values.get("href", "")), url)
        elif kind == TITLE:
            text = _clean(data[row[FACT_TAG_END] + 1 : row[FACT_END]].decode("utf-8", "replace"))
            page_title = page_title or text
        elif kind == JSON_LD:
            scripts.append(data[row[FACT_TAG_END] + 1 : row[FACT_END]])
        elif kind == TABLE_FACT:
            found.tables += 1
    linked = _Linked()
    if sum(map(len, scripts)) <= _MAX_JSON_BYTES:
        for script in scripts:
            linked.read(script)
    found.types = linked.types
    found.texts = linked.texts
    found.og_type = (metas.get("og:type") or "").strip().lower() or None
    found.title = page_title or _first(metas, _TITLE_NAMES) or linked.title
    found.date = _date(linked.date) or next(
        (date for name in (*_DATE_NAMES, "<time>") if (date := _date(metas.get(name)))), None
    )
    found.author = linked.author or _first(metas, _AUTHOR_NAMES)
    if found.author and found.author.startswith(("http:", "https:", "@")):
        found.author = None
    found.description = _first(metas, _DESCRIPTION_NAMES, limit=5_000)
    return found


def _is_wanted(data: bytes, start: int, end: int) -> bool:
    """Whether a <meta> is one of those that are read: most are not, and reading all their attributes takes longer."""
    name = _META_NAME.search(data, start, end)
    return name is None or name[1].lower() in _WANTED


def declare_kind(facts: Facts, url: str | None) -> list[float]:
    """Features of the whole page, in the order of DECLARED, from its declared types and its URL."""
    typed = {_KIND_OF_TYPE[name] for name in facts.types if name in _KIND_OF_TYPE}
    path, query, hinted, words, depth = "", "", set[str](), 0, 0
    try:
        parts = urlsplit(facts.canonical_url or url or "")
        path, query, host = parts.path, parts.query, parts.netloc
    except ValueError:
        host = ""
    for word in _URL_SPLIT.split(f"{host}/{path}?{query}"[:500].lower()):
        hinted |= _KINDS_OF_WORD.get(word, set())
    pieces = [piece for piece in path.split("/") if piece]
    depth = len(pieces)
    words = len(re.findall(r"[^\W\d_]{2,}", pieces[-1][:300])) if pieces else 0
    og = facts.og_type or ""
    return [
        *(float(kind in typed) for kind in _KINDS),
        *(float(kind in hinted) for kind in _KINDS),
        float("article" in og),
        float("product" in og),
        float("website" in og),
        float(depth == 0),
        float(min(depth, 6)),
        float(_URL_YEAR.search(path) is not None),
        float(bool(query)),
        float(min(words, 10)),
    ]


class _Linked:
    """What JSON-LD says: types, title, date, author, texts."""

    def __init__(self) -> None:
        self.types: set[str] = set()
        self.texts: list[str] = []
        self.title: str | None = None
        self.date: str | None = None
        self.author: str | None = None
        self._left = _MAX_NODES
        self._chars = _MAX_TEXT_CHARS

    def read(self, script: bytes) -> None:
        try:
            root = json.loads(script.decode("utf-8", "replace").strip().rstrip(";"), strict=False)
        except (ValueError, RecursionError):
            return
        for node in self._nodes(root, 0):
            self._node(node)

    def _nodes(self, value: Any, depth: int) -> Iterator[dict[str, Any]]:
        self._left -= 1
        if depth > _MAX_NODE_DEPTH or self._left < 0:
            return
        if isinstance(value, dict):
            yield value
        for child in value.values() if isinstance(value, dict) else value:
            if isinstance(child, dict | list):
                yield from self._nodes(child, depth + 1)

    def _node(self, node: dict[str, Any]) -> None:
        given = node.get("@type")
        types = {
            str(name).rpartition("/")[2].lower() for name in (given if isinstance(given, list) else [given])
        }
        self.types |= types
        kinds = {_KIND_OF_TYPE[name] for name in types if name in _KIND_OF_TYPE}
        if kinds & {"article", "documentation", "forum", "product"}:
            self.title = self.title or _text(node.get("headline") or node.get("name"))
            self.date = self.date or _text(node.get("datePublished") or node.get("dateCreated"))
            self.author = self.author or _author(node.get("author"))
            for name in ("articleBody", "text", "description"):
                if isinstance(node.get(name), str) and node[name].strip():
                    self._add(node[name])
                    break
        elif types & {"answer", "comment"} and isinstance(node.get("text"), str):
            self._add(node["text"])

    def _add(self, text: str) -> None:
        text = _plain(text)
        if text and len(text) <= self._chars and text not in self.texts:
            self._chars -= len(text)
            self.texts.append(text)


def _plain(text: str) -> str:
    """The lines of a text that may be HTML, escaped or not."""
    if "&" in text:
        text = unescape(text)
    text = _TAG.sub("", _BLOCK_TAG.sub("\n", text)) if "<" in text else text
    if "&" in text:
        text = unescape(text)
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def _clean(value: str | None) -> str | None:
    return " ".join(unescape(value).split())[:_MAX_FIELD_CHARS] or None if value else None


def _text(value: Any) -> str | None:
    return _clean(value) if isinstance(value, str) else None


def _author(value: Any) -> str | None:
    given = value if isinstance(value, list) else [value]
    names = [_text(a.get("name") if isinstance(a, dict) else a) for a in given[:10]]
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def _first(metas: dict[str, str], names: tuple[str, ...], limit: int = _MAX_FIELD_CHARS) -> str | None:
    for name in names:
        text = " ".join(unescape(metas.get(name, "")).split())
        if text:
            return text[:limit]
    return None


def _date(value: str | None) -> str | None:
    found = _DATE.match(value.strip().replace("/", "-")) if value else None
    return found[0] if found else None


def _absolute(href: str, url: str | None) -> str | None:
    try:
        joined = urljoin(url or "", href.strip())
        return joined if urlsplit(joined).scheme in ("http", "https") else None
    except ValueError:
        return None
