"""The text of a page: its main content by Resiliparse, behind limits that keep one page from stopping the mill.

Extraction runs in C and cannot be interrupted, and a limit in seconds would make the output depend on the machine. So
what makes it slow is measured instead; each was seen to take seconds or hundreds of MB (Resiliparse 2.0.1):
  tags        600 bytes of memory and 2 us each, whatever the page
  attributes  of one tag: quadratic, 7 s for 60,000
  formatting  `<font ...>` and the like left open are opened again in each block: 40 kB took 770 MB and 5 s
  depth       of nested blocks: quadratic, 10 s for 20,000; and times the number of tags, 5 s for 500 and 180,000
  text        of nested lists is indented: 0.5 MB of page became 50 MB
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gristmill.ingest.options import HtmlOptions

_MAX_ATTRIBUTES = 5_000
_LONG_TAG_CHARS = 32_000  # a tag shorter than this is not looked at
_MAX_REOPENED = 500_000  # tags times formatting elements open at once; 300 MB if each tag reopens all
_MAX_DEPTH_TIMES_TAGS = 15_000_000  # about a second; 512 deep is allowed up to 29,000 tags
_ANY_DEPTH = 64  # allowed whatever the number of tags
_MAX_TEXT_RATIO = 4  # characters of text for one of the page; items of nested lists are indented
_FREE_CHARS = 10_000
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
# What is never closed reaches to the end; else each of many openings would be searched to the end.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# The HTML standard's formatting elements, without `a`: a new one closes the one before.
_FORMATTING = re.compile(
    r"<(/?)(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b([^>]*)", re.IGNORECASE
)
_BOILERPLATE = ("nav", "header", "footer", "aside")
# A quick look that finds all of them, and a few others.
_MAYBE_FORMATTING = re.compile(r"<[bcefinstu](?:ig|ode|m|ont|obr|mall|trike|trong|t)?[\s/>]", re.IGNORECASE)
_SAME_OPEN = 3  # equal ones that are opened again (the standard's "Noah's Ark clause")


@dataclass(frozen=True, slots=True)
class Page:
    """What was taken from a page; `rule` (too_complex | too_deep) where it was not taken apart at all."""

    text: str
    title: str | None = None
    lang: str | None = None
    rule: str | None = None
    value: float | None = None
    bound: float | None = None
    detail: str | None = None


def extract_page(html: str, options: HtmlOptions, *, url: str | None = None) -> Page:
    """Text, title and declared language of a page. Depends on the page alone; a page beyond a limit has no text."""
    from resiliparse.parse.html import HTMLTree

    refused = _refuse(html, options.max_tags)
    if refused is not None:
        return refused
    tree: Any = HTMLTree.parse(html)
    depth = min(options.max_depth, max(_ANY_DEPTH, _MAX_DEPTH_TIMES_TAGS // max(1, html.count("<"))))
    if tree.document.query_selector(_deeper_than(depth)) is not None:
        detail = f"elements are nested more than {depth} deep"
        return Page("", rule="too_deep", bound=float(depth), detail=detail)
    text = _extract(tree, options.main_content)
    if len(text) > _MAX_TEXT_RATIO * len(html) + _FREE_CHARS:
        return _complex(len(text), _MAX_TEXT_RATIO * len(html), "characters of text, from indented lists")
    root = tree.document.query_selector("html[lang]")
    title = " ".join((tree.title or "").split())
    return Page(text, title or None, _language(root))


def _extract(tree: Any, main_content: bool) -> str:
    """The main content; where the heuristics find none (short pages, indexes), all but the boilerplate; else all."""
    from resiliparse.extract.html2text import extract_plain_text

    wider: list[dict[str, Any]] = [{"main_content": True}, {"skip_elements": list(_BOILERPLATE)}, {}]
    for options in wider if main_content else [{}]:
        text = extract_plain_text(tree, preserve_formatting=True, **options).strip()
        if text:
            return text
    return ""


def _refuse(html: str, max_tags: int) -> Page | None:
    tags = html.count("<")
    if tags > max_tags:
        return _complex(tags, max_tags, "tags")
    attributes = _count_attributes(html)
    if attributes > _MAX_ATTRIBUTES:
        return _complex(attributes, _MAX_ATTRIBUTES, "attributes in one tag")
    reopened = tags * _count_open_formatting(html, tags)
    if reopened > _MAX_REOPENED:
        return _complex(reopened, _MAX_REOPENED, "tags times formatting elements left open")
    return None


def _complex(value: int, bound: int, what: str) -> Page:
    return Page("", rule="too_complex", value=float(value), bound=float(bound), detail=what)


def _count_attributes(html: str) -> int:
    """The most attributes in one tag; 0 where every tag is short, which takes microseconds to see."""
    step = _LONG_TAG_CHARS // 2
    if all(html.find(">", start, start + step) >= 0 for start in range(0, len(html) - step, step)):
        return 0
    longest = max(html.split(">"), key=len)
    return len(_QUOTED.sub("", longest).split())


def _count_open_formatting(html: str, tags: int) -> int:
    """The most formatting elements that are open at once, as far as tags tell; 0 where it cannot matter."""
    if tags * len(_MAYBE_FORMATTING.findall(html)) <= _MAX_REOPENED:
        return 0
    counts: dict[tuple[str, str], int] = {}
    stacks: dict[str, list[str]] = {}
    most = total = 0
    for close, given, attributes in _FORMATTING.findall(_HIDDEN.sub("", html)):
        name = given.lower()
        stack = stacks.setdefault(name, [])
        if not close and counts.get((name, attributes), 0) < _SAME_OPEN:
            counts[name, attributes] = counts.get((name, attributes), 0) + 1
            stack.append(attributes)
            total += 1
            most = max(most, total)
        elif close and stack:
            counts[name, stack.pop()] -= 1
            total -= 1
    return most


def _deeper_than(depth: int) -> str:
    """A selector that matches an element with so many ancestors: the parser is asked, in C, in microseconds."""
    return "*>" * depth + "*"


def _language(root: Any) -> str | None:
    value = (root.getattr("lang") or "").strip().lower() if root is not None else ""
    return value if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{1,8}){0,3}", value) else None
