"""Where an element stands: alone on its line, set apart as a displayed formula, or within running text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gristmill.ingest.html.mathml import attribute, local_name

INLINE = frozenset([
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "del", "dfn", "em", "font", "i", "ins",
    "label", "mark", "nobr", "nolink", "q", "s", "small", "span", "strike", "strong", "sub", "sup", "time",
    "tt", "u", "var", "wbr", "br", "center-inline",
])  # fmt: skip
_IN_LINE_THOUGH_ALONE = frozenset([
    "td", "th", "li", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "figcaption", "caption", "a", "button",
    "label", "summary",
])  # fmt: skip
_UNSEEN = frozenset({"script", "noscript", "style", "template", "meta", "link", "source"})
_MAX_STEPS = 24  # siblings and ancestors looked at
_ALONE_BESIDE = re.compile(
    r"[\s.,;:]*(?:\(\s*\w{1,6}(?:\.\w{1,4}){0,3}\s*\))?[\s.,;:]*"
)  # punctuation, "(1.2)"
_APART = re.compile(
    r"(?:^|[\s_-])(?:block|display|katex-display|displaymath|disp-formula|equation-block|center)(?:$|[\s_-])|"
    r"blockMath"
)
_WITHIN = re.compile(r"(?:^|[\s_-])inline(?:$|[\s_-])")
_AROUND = re.compile(
    r"(?:^|\s)(?:disp-formula(?:-group)?|equation|ltx_equation|display(?:ed)?-(?:formula|equation)|"
    r"c-article-equation|"
    r"katex-display|math-display|formula-block)(?:$|\s)"
)
_MAX_ANCESTORS = 5
_CLOSE_STYLE = re.compile(r"display\s*:\s*block|text-align\s*:\s*center")


def display_of(element: Any) -> bool:
    """Whether a formula is displayed: as the element says, what is around it, or if it stands alone."""
    tag = local_name(element)
    mode = (
        attribute(element, "display") or attribute(element, "mode") or attribute(element, "data-display")
    ).lower()
    mode = mode or attribute(element, "data-math-style").lower() or attribute(element, "data-type").lower()
    if mode in ("block", "display", "true"):
        return True
    if mode in ("inline", "false"):
        return False
    if element.hasattr("block") or attribute(element, "data-eeimg") == "2":
        return True
    names = attribute(element, "class")
    if _WITHIN.search(names) or tag.endswith("-inline") or tag.startswith("inline-"):
        return False
    if _APART.search(names) or tag in ("div", "pre", "figure") or tag.endswith(("-block", "-display")):
        return True
    if _CLOSE_STYLE.search(attribute(element, "style")):
        return True
    around = nearest(element, _says_mode)
    if around is not None:
        return not _WITHIN.search(f"{local_name(around)} {attribute(around, 'class')}")
    return is_alone(element)


def _says_mode(tag: str, names: str) -> bool:
    return (
        tag in ("disp-formula", "inline-formula")
        or "inline-formula" in names
        or _AROUND.search(names) is not None
    )


def nearest(element: Any, fits: Callable[[str, str], bool]) -> Any | None:
    """The nearest of the few elements around one whose (tag, classes) fit; what is farther says nothing about it."""
    current = element.parent_element
    for _ in range(_MAX_ANCESTORS):
        if current is None:
            return None
        if fits(local_name(current), attribute(current, "class")):
            return current
        current = current.parent_element
    return None


def is_alone(element: Any) -> bool:
    """Whether nothing else stands on the line of an element: its block holds only it, an equation's number apart."""
    steps = 0
    current = element
    while True:
        for name in ("previous_sibling", "next_sibling"):
            sibling = getattr(current, name)
            while sibling is not None:
                steps += 1
                if steps > _MAX_STEPS:
                    return False
                edge = _edge(sibling)
                if edge is None:
                    return False
                if edge:
                    break
                sibling = getattr(sibling, name)
        parent = current.parent_element
        if parent is None:
            return True
        tag = local_name(parent)
        if tag not in INLINE or tag == "a":
            return tag not in _IN_LINE_THOUGH_ALONE
        current = parent


def _edge(node: Any) -> bool | None:
    """True: a line ends here; False: nothing is seen here; None: something is on the line."""
    tag = local_name(node)
    if tag.startswith("#") or node.first_child is None:
        if tag == "#text":
            value = node.value or ""
            return False if len(value) < 200 and _ALONE_BESIDE.fullmatch(value) else None
        if tag in ("br", "hr"):
            return True
        return None if tag in ("img", "input") else tag not in INLINE and not tag.startswith("#")
    if tag in _UNSEEN:
        return False
    if tag not in INLINE:
        return True
    return False if not (node.text or "").strip() and node.query_selector("img") is None else None
