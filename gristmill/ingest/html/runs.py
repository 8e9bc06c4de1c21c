"""The running text of a page in runs: all text of one block, through the inline elements in it.

A formula in running text may be cut by elements: Markdown makes `a_1 b_2` into `a<em>1 b</em>2`, editors put in <br>,
<sub> and <span>. A run is the text as it was meant, with the nodes that it came from, so that a formula found in it
can be replaced in the tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gristmill.ingest.html.delimiters import Delimiters, Match
from gristmill.ingest.html.mathml import attribute, local_name
from gristmill.ingest.html.places import INLINE

_SKIPPED = frozenset([
    "pre", "code", "script", "style", "textarea", "noscript", "template", "select", "option", "svg", "kbd",
    "samp", "xmp", "iframe", "object", "canvas", "math", "head", "title", "annotation", "audio", "video",
    "datalist", "listing", "plaintext",
])  # fmt: skip
_CODE_CLASSES = frozenset(
    {"highlight", "CodeMirror", "syntaxhighlighter", "codehilite", "sourceCode", "prettyprint"}
)
_LOOKED_THROUGH_DEPTH = 40  # deeper, subtrees are walked without first looking whether it is worth it


@dataclass(slots=True)
class Run:
    """Text of one block; `ignored` where the page says that no formula is in it."""

    ignored: bool
    text: str = ""
    _pieces: list[tuple[Any, str]] = field(
        default_factory=list
    )  # (text node, element or None, its text in the run)

    def append(self, node: Any, text: str) -> None:
        """Add the text of a node; of None, text that stands for the border of an element."""
        self._pieces.append((node, text))

    def ends_with(self, *signs: str) -> bool:
        """Whether the last text added ends with one of the signs."""
        return bool(self._pieces) and self._pieces[-1][1].endswith(signs)

    def close(self) -> None:
        """Join what was added."""
        self.text = "".join(text for _, text in self._pieces)

    def replace(self, tree: Any, marked: list[tuple[Match, str]], remove: Callable[[Any], None]) -> None:
        """Put the marks in the places of the matches, which are in order and do not overlap."""
        offset, at = 0, 0
        for number, (node, text) in enumerate(self._pieces):
            start, end = offset, offset + len(text)
            offset = end
            while at < len(marked) and marked[at][0].end <= start:
                at += 1
            if node is None or at == len(marked) or marked[at][0].start >= end:
                continue
            if local_name(node) != "#text":
                # An inline element without a delimiter in it lies within a match as a whole.
                remove(node)
                self._pieces[number] = (None, text)
                continue
            parts: list[str] = []
            done, ahead = start, at
            while ahead < len(marked) and marked[ahead][0].start < end:
                match, mark = marked[ahead]
                if match.start >= start:
                    parts += [self.text[done : match.start], mark]
                done = min(end, match.end)
                ahead += 1
            parts.append(self.text[done:end])
            node.value = "".join(parts)

    def escape(self, dollar: re.Pattern[str]) -> None:
        """Escape the dollars that are left."""
        for node, text in self._pieces:
            if node is None or "$" not in text:
                continue
            if local_name(node) == "#text" and "$" in (value := node.value or ""):
                node.value = dollar.sub(r"\\$", value)


def text_runs(body: Any, delimiters: Delimiters, openings: frozenset[str], *, one_dollar: bool) -> list[Run]:
    """The runs that hold one of the texts `openings`, in document order; none of code.

    `one_dollar`: whether a page is walked for a dollar that nothing pairs with.
    """
    text = body.text or ""
    found = {opening: count for opening in openings if (count := text.count(opening))}
    # Most pages have them in scripts alone, which takes less time to see than to walk around the scripts.
    hidden = (
        [element.text or "" for element in body.query_selector_all("script, style").values()] if found else []
    )
    if all(
        count - sum(text.count(opening) for text in hidden) <= (opening == "$" and not one_dollar)
        for opening, count in found.items()
    ):
        return []
    return _Walk(delimiters, openings).runs(body)


class _Walk:
    """One walk over a tree, with a stack of its own: pages nest deeper than Python."""

    def __init__(self, delimiters: Delimiters, openings: frozenset[str]) -> None:
        self._delimiters = delimiters
        self._openings = sorted(openings, key=lambda opening: (len(opening), opening))
        # In an inline element a formula may also end.
        self._marks = re.compile("[" + re.escape("".join(sorted(set("".join(self._openings))))) + "]")
        self._runs: list[Run] = []
        self._run = Run(ignored=False)

    def runs(self, body: Any) -> list[Run]:
        ignored = self._ignored(body, self._delimiters.ignore_all)
        # (next node, whether ignored, text at the end of the element, whether a run ends with the element)
        stack: list[tuple[Any, bool, str, bool]] = [(body.first_child, ignored, "", True)]
        while stack:
            node, ignored, closing, border = stack.pop()
            if node is None:
                if border:
                    self._end()
                elif closing:
                    self._run.append(None, closing)
                continue
            stack.append((node.next_sibling, ignored, closing, border))
            tag = local_name(node)
            if tag == "#text":
                self._add(node, node.value or "", ignored)
            elif not tag.startswith("#"):
                entered = self._enter(node, tag, ignored, len(stack))
                if entered is not None:
                    stack.append(entered)
        return self._runs

    def _enter(self, node: Any, tag: str, ignored: bool, depth: int) -> tuple[Any, bool, str, bool] | None:
        """The frame for an element to be walked, or None where it is passed over."""
        if tag == "br":
            self._add(node, "\n", ignored)
            return None
        names = attribute(node, "class").split() if node.hasattr("class") else []
        if tag in _SKIPPED or not _CODE_CLASSES.isdisjoint(names):
            self._end()
            return None
        border = tag not in INLINE
        text = (node.text or "") if depth <= _LOOKED_THROUGH_DEPTH else None
        if border:
            self._end()
            if text is not None and not self._opens(text):
                return None
        plain = not border and text is not None and self._marks.search(text) is None
        opening, closing = _borders(node, tag, self._run)
        if plain and node.query_selector("code, pre, math, svg") is None:
            self._add(node, f"{opening}{text}{closing}", ignored)
            return None
        within = self._ignored(node, ignored) if names else ignored
        if within != ignored:
            self._end()
            border, opening, closing = True, "", ""
        if opening:
            self._run.append(None, opening)
        return node.first_child, within, closing, border

    def _add(self, node: Any, text: str, ignored: bool) -> None:
        if self._run.ignored != ignored:
            self._end()
            self._run.ignored = ignored
        self._run.append(node, text)

    def _end(self) -> None:
        self._run.close()
        if self._opens(self._run.text):
            self._runs.append(self._run)
        self._run = Run(ignored=False)

    def _opens(self, text: str) -> bool:
        return any(opening in text for opening in self._openings)

    def _ignored(self, element: Any, inherited: bool) -> bool:
        names = frozenset(attribute(element, "class").split())
        if names & self._delimiters.processed:
            return False
        return inherited or bool(names & self._delimiters.ignored)


def _borders(node: Any, tag: str, run: Run) -> tuple[str, str]:
    """What an element stood for, if it lies in a formula: Markdown's emphasis, an index, an exponent."""
    if tag == "sub":
        return "_{", "}"
    if tag == "sup":
        return "^{", "}"
    if tag == "em" and not node.hasattr("class"):
        mark = "*" if run.ends_with("^", "{") else "_"
        return mark, mark
    return "", ""
