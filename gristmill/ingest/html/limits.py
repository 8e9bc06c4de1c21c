"""What keeps one page from stopping the mill: limits on what makes parsing and extraction slow.

Parsing runs in C and cannot be interrupted, and a limit in seconds would make the output depend on the machine. So
what makes it slow is measured instead; each was seen to take seconds or hundreds of MB (Resiliparse 2.0.1):
  tags        600 bytes of memory and 2 us each, whatever the page
  attributes  of one tag: quadratic, 7 s for 60,000
  formatting  `<font ...>` and the like left open are opened again in each block: 40 kB took 770 MB and 5 s
  depth       of nested blocks: quadratic, 10 s for 20,000; and times the number of tags, 5 s for 500 and 180,000
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_MAX_ATTRIBUTES = 5_000
_LONG_TAG_CHARS = 32_000  # a tag shorter than this is not looked at
_MAX_REOPENED = 500_000  # tags times formatting elements open at once; 300 MB if each tag reopens all
_MAX_DEPTH_TIMES_TAGS = 15_000_000  # about a second; 512 deep is allowed up to 29,000 tags
_ANY_DEPTH = 64  # allowed whatever the number of tags
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_QUOTE = re.compile(r"[\"']")
# What is never closed reaches to the end; else each of many openings would be searched to the end.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# The HTML standard's formatting elements, without `a`: a new one closes the one before.
_FORMATTING = re.compile(
    r"<(/?)(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b([^>]*)", re.IGNORECASE
)
# A quick look that finds all of them, and a few others.
_MAYBE_FORMATTING = re.compile(r"<[bcefinstu](?:ig|ode|m|ont|obr|mall|trike|trong|t)?[\s/>]", re.IGNORECASE)
_SAME_OPEN = 3  # equal ones that are opened again (the standard's "Noah's Ark clause")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page is not taken apart."""

    rule: str  # too_complex | too_deep
    value: float | None
    bound: float
    detail: str


def refuse_page(html: str, max_tags: int) -> Refusal | None:
    """A limit that the text of the page breaks before it is parsed."""
    tags = html.count("<")
    if tags > max_tags:
        return refuse_complex(tags, max_tags, "tags")
    attributes = _count_attributes(html)
    if attributes > _MAX_ATTRIBUTES:
        return refuse_complex(attributes, _MAX_ATTRIBUTES, "attributes in one tag")
    reopened = tags * _count_open_formatting(html, tags)
    if reopened > _MAX_REOPENED:
        return refuse_complex(reopened, _MAX_REOPENED, "tags times formatting elements left open")
    return None


def refuse_tree(tree: Any, html: str, max_depth: int) -> Refusal | None:
    """A limit that the parsed page breaks."""
    depth = min(max_depth, max(_ANY_DEPTH, _MAX_DEPTH_TIMES_TAGS // max(1, html.count("<"))))
    if tree.document.query_selector(_deeper_than(depth)) is None:
        return None
    return Refusal("too_deep", None, float(depth), f"elements are nested more than {depth} deep")


def refuse_complex(value: int, bound: int, what: str) -> Refusal:
    """A number that is beyond its bound."""
    return Refusal("too_complex", float(value), float(bound), what)


def _count_attributes(html: str) -> int:
    """The most attributes in one tag; 0 where every tag is short, which takes microseconds to see."""
    step = _LONG_TAG_CHARS // 2
    if all(html.find(">", start, start + step) >= 0 for start in range(0, len(html) - step, step)):
        return 0
    most, quote = 0, ""
    for piece in html.split(">"):
        at = piece.rfind("<")
        # Text before a tag does not count, unless the `>` before it was inside a quoted value.
        tag = quote + piece if quote else piece[at:] if at >= 0 else ""
        bare = _QUOTED.sub("", tag)
        opened = _QUOTE.search(bare)
        quote = opened[0] if opened else ""
        if len(tag) > _LONG_TAG_CHARS // 4:
            most = max(most, len(bare.split()))
    return most


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
