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

_BULLET = re.compile(r"(?:[-*•–]\s*|\d{1,2}[.)]\s+)(?=(?:question|answer)\s*\d*\s*:)", re.IGNORECASE)
_TAG = re.compile(r"(question|answer)\s*\d*\s*:\s*", re.IGNORECASE)
_BOLD_TAG = re.compile(
    r"^(\W{0,8}?)\*\*((?:question|answer)\s*\d*\s*)(?::\*\*|\*\*\s*:)", re.IGNORECASE | re.MULTILINE
)
_WORD = re.compile(r"\w+")
_NEXT_TAG = re.compile(r"(?<=\s)(?=(?:Question|Answer)\s*\d*\s*:)")


class Pairs(NamedTuple):
    """Complete pairs in order; `problem`: why there are none to take; `repairs`: what was left out."""

    pairs: list[tuple[str, str]]
    problem: str | None
    repairs: tuple[str, ...] = ()


class PairsRead(NamedTuple):
    """Complete pairs in order, `preamble` or `no_pairs` where there are none to take, and what was left out."""

    pairs: list[tuple[str, str]]
    problem: str | None
    dropped_incomplete: int
    has_preamble: bool
    last_dropped: bool  # the last question has no answer, which is how a model breaks off


def read_pairs(text: str) -> PairsRead:
    """The complete pairs of a text; those without a question or an answer are dropped and counted."""
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
        elif tag:
            content = piece
        if content:
            current.append(content)
    if len(preamble) > MAX_PREAMBLE_PIECES or sum(map(len, preamble)) > MAX_PREAMBLE_CHARS:
        return PairsRead([], "preamble", 0, True, False)
    pairs = [("\n".join(question), "\n".join(answer)) for question, answer in open_pairs]
    complete = [pair for pair in pairs if all(pair)]
    return PairsRead(
        complete,
        None if complete else "no_pairs",
        len(pairs) - len(complete),
        bool(preamble),
        bool(pairs) and not all(pairs[-1]),
    )


def parse_pairs(text: str, *, drop_incomplete: bool = False) -> Pairs:
    """The pairs of a text. A last question without an answer is dropped, which is a repair; one inside is the problem
    `unanswered`, or with `drop_incomplete` is dropped too.

    Other problems: `preamble` (too much before the first question), `no_pairs`, `repeats` (no pair is left).
    Repairs: `preface` (words before the first question), `unanswered` (a question without an answer), `repeats` (a
    question asked again, or an answer that only repeats its question).
    """
    read = read_pairs(_BOLD_TAG.sub(r"\1\2:", text))
    if read.problem is not None:
        return Pairs([], read.problem)
    if read.dropped_incomplete > read.last_dropped and not drop_incomplete:
        return Pairs([], "unanswered")
    distinct = _without_repeats(read.pairs)
    if not distinct:
        return Pairs([], "repeats")
    made = {
        "preface": read.has_preamble,
        "unanswered": read.dropped_incomplete > 0,
        "repeats": len(distinct) < len(read.pairs),
    }
    return Pairs(distinct, None, tuple(name for name, is_made in made.items() if is_made))


def format_pairs(pairs: list[tuple[str, str]]) -> str:
    """Pairs as text: tagged lines, a blank line between pairs."""
    return "\n\n".join(f"Question: {question}\nAnswer: {answer}" for question, answer in pairs)


def split_pairs(text: str) -> tuple[str, str]:
    """All questions, and all answers, of formatted pairs."""
    pairs = parse_pairs(text).pairs
    return "\n".join(question for question, _ in pairs), "\n".join(answer for _, answer in pairs)


def without_tags(text: str) -> str:
    """The text of formatted pairs without the tags, for rules that read its words."""
    return re.sub(r"^(?:Question|Answer): ", "", text, flags=re.MULTILINE)


def _without_repeats(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first pair of each question, where its answer has a word that the question lacks; letter case and marks
    count for nothing.
    """
    first: dict[tuple[str, ...], tuple[str, str]] = {}
    for question, answer in pairs:
        asked, told = (tuple(_WORD.findall(part.lower())) for part in (question, answer))
        if asked not in first and not set(told) <= set(asked):
            first[asked] = (question, answer)
    return list(first.values())


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
