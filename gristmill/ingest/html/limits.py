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
from typing import Any, NamedTuple

_MAX_ATTRIBUTES = 5_000
_MAX_REOPENED = 500_000  # tags times formatting elements open at once; 300 MB if each tag reopens all
_MAX_DEPTH_TIMES_TAGS = 15_000_000  # about a second; 512 deep is allowed up to 29,000 tags
_ANY_DEPTH = 64  # allowed whatever the number of tags
# What is never closed reaches to the end; else each of many openings would be searched to the end.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# The HTML standard's formatting elements, without `a`: a new one closes the one before.
_FORMATTING = re.compile(
    r"<(/?)(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b([^>]*)", re.IGNORECASE
)
_SAME_OPEN = 3  # equal ones that are opened again (the standard's "Noah's Ark clause")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page is not taken apart."""

    rule: str  # too_complex | too_deep
    value: float | None
    bound: float
    detail: str


class Survey(NamedTuple):
    """What a page has at the most, whatever the parser makes of it."""

    tags: int
    attributes: int  # in one tag
    formatting: int  # start tags of formatting elements


def survey_page(data: bytes) -> Survey:
    """The numbers that the limits speak of, of a page in UTF-8."""
    import numpy as np

    from gristmill.ingest.html._tags import survey_tags

    return Survey(*survey_tags(np.frombuffer(data, np.uint8), _MAX_ATTRIBUTES))


def refuse_page(html: str, survey: Survey, max_tags: int) -> Refusal | None:
    """A limit that the text of the page breaks before it is parsed."""
    tags, attributes, formatting = survey
    if tags > max_tags:
        return refuse_complex(tags, max_tags, "tags")
    if attributes > _MAX_ATTRIBUTES:
        return refuse_complex(attributes, _MAX_ATTRIBUTES, "attributes in one tag")
    if tags * formatting > _MAX_REOPENED:
        reopened = tags * _count_open_formatting(html)
        if reopened > _MAX_REOPENED:
            return refuse_complex(reopened, _MAX_REOPENED, "tags times formatting elements left open")
    return None


def limit_depth(tags: int, max_depth: int) -> int:
    """How deep the elements of a page may be nested: less where it has many tags."""
    return min(max_depth, max(_ANY_DEPTH, _MAX_DEPTH_TIMES_TAGS // max(1, tags)))


def is_deeper(tree: Any, depth: int) -> bool:
    """Whether an element has `depth` others around it: the parser is asked, in C, half a millisecond."""
    return tree.document.query_selector("*>" * depth + "*") is not None


def refuse_deep(depth: int) -> Refusal:
    """A page that is nested deeper than it may."""
    return Refusal("too_deep", None, float(depth), f"elements are nested more than {depth} deep")


def refuse_complex(value: int, bound: int, what: str) -> Refusal:
    """A number that is beyond its bound."""
    return Refusal("too_complex", float(value), float(bound), what)


def _count_open_formatting(html: str) -> int:
    """The most formatting elements that are open at once, as far as tags tell."""
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
