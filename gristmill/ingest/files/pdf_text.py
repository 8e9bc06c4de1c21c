"""The text of a PDF's pages as one text: running heads left out, words joined that the end of a line parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_HYPHEN = "\x02"  # PDFium writes it for a hyphen at the end of a line, and leaves the end of the line out
_PARTED = re.compile(r"([^\W\d_]+)(?:\x02|[-\u00ad\u2010]\n)([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+|[^\W\d_]+")
_NUMBER = re.compile(r"\d+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\u00a0": " "}
)
_EDGE_LINES = 3  # at the head and at the foot of a page
_MIN_PAGES = 3  # that a running head must be on
_MIN_SHARE = 0.25  # of the pages; left and right pages, and chapters, have heads of their own
_MAX_HEAD_CHARS = 120
_ENDS = re.compile(r"[.!?:;\"'”’)\]]$")


def join_pages(pages: Sequence[str], *, drop_running_heads: bool = True, join_hyphens: bool = True) -> str:
    """The text of all pages. Lines stay as they are; a blank line parts pages, but not inside a sentence."""
    lines = [
        page.replace("\r\n", "\n").replace("\r", "\n").translate(_LIGATURES).split("\n") for page in pages
    ]
    trimmed = [[line.rstrip() for line in page] for page in lines]
    if drop_running_heads:
        trimmed = _without_running_heads(trimmed)
    text = _joined(["\n".join(page).strip("\n") for page in trimmed])
    if join_hyphens:
        text = _join_hyphens(text)
    text = text.replace(_HYPHEN, "-\n" if not join_hyphens else "-")
    return _CONTROLS.sub("", text).strip()


def _without_running_heads(pages: list[list[str]]) -> list[list[str]]:
    """Pages without first and last lines that are, but for numbers, on at least 3 pages and on every fourth."""
    filled = [[line for line in page if line.strip()] for page in pages]
    heads = Counter(mark for page in filled for mark in set(_marks(page[:_EDGE_LINES])))
    feet = Counter(mark for page in filled for mark in set(_marks(page[-_EDGE_LINES:])))
    least = max(_MIN_PAGES, _MIN_SHARE * len(pages))
    kept = []
    for page in pages:
        start = _running(page, heads, least)
        end = len(page) - _running(page[::-1], feet, least)
        kept.append(page[start : max(start, end)])
    return kept


def _marks(lines: Sequence[str]) -> list[str]:
    return [_NUMBER.sub("#", line.strip().lower()) for line in lines if len(line) <= _MAX_HEAD_CHARS]


def _running(lines: Sequence[str], counts: Counter[str], least: float) -> int:
    """How many of the first lines are running heads, blank lines between them included."""
    running = seen = 0
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        marks = _marks([line])
        seen += 1
        if seen > _EDGE_LINES or not marks or counts[marks[0]] < least:
            break
        running = number + 1
    return running


def _joined(pages: Sequence[str]) -> str:
    text = ""
    for page in pages:
        if not page.strip():
            continue
        if not text:
            text = page
        elif text.endswith((_HYPHEN, "-")) and page[:1].islower():
            text += page if text.endswith(_HYPHEN) else f"\n{page}"
        else:
            text += ("\n\n" if _ENDS.search(text) or not page[:1].islower() else "\n") + page
    return text


def _join_hyphens(text: str) -> str:
    """Words that the end of a line parts, joined; with a hyphen where the text has the word so elsewhere."""
    words = {word.lower() for word in _WORD.findall(_PARTED.sub(" ", text))}

    def join(found: re.Match[str]) -> str:
        first, second = found[1], found[2]
        if not second[0].islower():
            return f"{first}-{second}"
        hyphened, joined = f"{first}-{second}".lower(), f"{first}{second}".lower()
        return f"{first}-{second}" if hyphened in words and joined not in words else first + second

    return _PARTED.sub(join, text)
