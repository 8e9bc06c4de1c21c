"""What becomes of a document with more tokens than allowed: cut, split into windows of whole lines, or dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from gristmill.tokenizer import Tokenizer

Policy = Literal["truncate", "split", "drop"]


class Part(NamedTuple):
    """A title, a body or a comment."""

    text: str
    is_comment: bool


@dataclass(frozen=True)
class Fitted:
    """The texts that a document becomes; without any it stays as it is, or is dropped."""

    texts: list[str] = field(default_factory=list)
    tokens: int = 0  # of the whole document
    limit: int = 0
    cut: bool = False
    dropped: bool = False


def room(tokenizer: Tokenizer, max_tokens: int) -> int:
    """Tokens left for the text: those that the tokenizer puts around it, at least an end-of-text, are taken off."""
    around = len(tokenizer.encode_prompts([""], add_special_tokens=True)[0])
    return max_tokens - max(1, around)


def fit(parts: list[Part], tokens: int, policy: Policy, tokenizer: Tokenizer, limit: int) -> Fitted:
    """Make a document of more than `limit` tokens fit; `tokens` is how many it has."""
    if policy == "drop":
        return Fitted(tokens=tokens, limit=limit, dropped=True)
    if policy == "split":
        texts = list(_windows("\n".join(part.text for part in parts), tokenizer, limit))
        return Fitted(texts, tokens, limit)
    return Fitted([_truncate(parts, tokenizer, limit)], tokens, limit, cut=True)


def _truncate(parts: list[Part], tokenizer: Tokenizer, limit: int) -> str:
    """Leave out comments, from the last one on, as long as that is needed; then cut off the end."""
    sizes = tokenizer.count([part.text + "\n" for part in parts])
    kept = list(range(len(parts)))
    total = sum(sizes)
    for number in reversed(range(len(parts))):
        if total <= limit:
            break
        if parts[number].is_comment:
            kept.remove(number)
            total -= sizes[number]
    return tokenizer.cut("\n".join(parts[number].text for number in kept), limit)


def _windows(text: str, tokenizer: Tokenizer, limit: int) -> Iterator[str]:
    """Runs of whole lines of at most `limit` tokens; a longer line is cut where it must be."""
    lines = text.split("\n")
    sizes = tokenizer.count([line + "\n" for line in lines])
    held: list[str] = []
    total = 0
    for line, size in zip(lines, sizes, strict=True):
        if held and total + size > limit:
            yield from _checked(held, tokenizer, limit)
            held, total = [], 0
        held.append(line)
        total += size
    yield from _checked(held, tokenizer, limit)


def _checked(lines: list[str], tokenizer: Tokenizer, limit: int) -> Iterator[str]:
    """The lines as one window, in pieces where it is too long after all; none of white space alone."""
    text = "\n".join(lines)
    while text.strip():
        piece = tokenizer.cut(text, limit) or text[0]
        yield piece
        text = text[len(piece) :]
