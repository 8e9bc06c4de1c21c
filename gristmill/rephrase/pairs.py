"""Questions and answers read from what a model wrote.

Tags are `Question` and `Answer` in any letter case, with an optional number, before a colon; bullets before a
tag and short words before the first question are dropped. Source: our strict reading of the pairs of
Nemotron-CC (arXiv 2412.02595), and WRAP (arXiv 2401.16380) for the tags.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_PREAMBLE_PIECES = 2
MAX_PREAMBLE_CHARS = 200

_BULLET = re.compile(r"(?:[-*•–]\s*|\d{1,2}[.)]\s+)(?=\**(?:question|answer)\b)", re.IGNORECASE)
_TAG = re.compile(r"\**(question|answer)\s*\d*\s*:\**\s*", re.IGNORECASE)
_NEXT_TAG = re.compile(r"(?<=\s)(?=(?:Question|Answer)\s*\d*\s*:)")


class Pairs(NamedTuple):
    """Complete pairs in order; `problem`: why there are none to take; `preamble`: what stood before them."""

    pairs: list[tuple[str, str]]
    problem: str | None
    preamble: str = ""


def parse_pairs(text: str) -> Pairs:
    """The pairs of a text. A last question without an answer is dropped; one inside is the problem
    `unanswered`.

    Other problems: `preamble` (too much before the first question), `no_pairs`.
    """
    open_pairs: list[tuple[list[str], list[str]]] = []
    preamble: list[str] = []
    current: list[str] = preamble
    for piece in _pieces(text):
        tag = _TAG.match(piece)
        content = piece[tag.end() :].strip() if tag else piece
        if tag and tag.group(1).lower() == "question":
            open_pairs.append(([], []))
            current = open_pairs[-1][0]
        elif tag and open_pairs:
            current = open_pairs[-1][1]
        if content:
            current.append(content)
    if len(preamble) > MAX_PREAMBLE_PIECES or sum(map(len, preamble)) > MAX_PREAMBLE_CHARS:
        return Pairs([], "preamble")
    pairs = [("\n".join(question), "\n".join(answer)) for question, answer in open_pairs]
    if pairs and not all(pairs[-1]):
        pairs.pop()
    if not pairs:
        return Pairs([], "no_pairs")
    if not all(question and answer for question, answer in pairs):
        return Pairs([], "unanswered")
    return Pairs(pairs, None, "\n".join(preamble))


def format_pairs(pairs: list[tuple[str, str]]) -> str:
    """Pairs as text: tagged lines, a blank line between pairs."""
    return "\n\n".join(f"Question: {question}\nAnswer: {answer}" for question, answer in pairs)


def without_tags(text: str) -> str:
    """The text of formatted pairs without the tags, for rules that read its words."""
    return re.sub(r"^(?:Question|Answer): ", "", text, flags=re.MULTILINE)


def _pieces(text: str) -> list[str]:
    """Lines without bullets and fences; a tagged line is cut before each further tag."""
    pieces = []
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped.startswith("```"):
            continue
        bullet = _BULLET.match(stripped)
        stripped = stripped[bullet.end() :] if bullet else stripped
        cut = _NEXT_TAG.split(stripped) if _TAG.match(stripped) else [stripped]
        pieces += [piece.strip() for piece in cut]
    return pieces
