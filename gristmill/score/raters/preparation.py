"""The text of a document as a rater gets it: cleaned, cut to some number of the rater's tokens, no control tokens.

Source of cleaning and cutting: "DataMan" (arXiv 2502.19363), pengr/DataMan@db3bc94, data_tools/dataman_annotate_hf.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import polars as pl

_MARK = "..."  # stands where the middle of a long text was; counts as one token
_QUOTED_DOTS = '^["\u201c\u201d](?:\u2026+|\\.{3,})["\u201c\u201d]'
_IMAGE_LINK = r"!\[\]\(/?[^)]+\)\n"

Halved = TypeVar("Halved", str, list[int])


class TextTokenizer(Protocol):
    """What is needed of a model's tokenizer (gristmill.tokenizer.Tokenizer)."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, in which the spelling of a control token is text."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids."""

    @property
    def control_tokens(self) -> Sequence[str]:
        """Spellings that are control tokens inside a prompt."""


@dataclass(frozen=True)
class Prepared:
    """A text that was cut; `tokens` counts before white space at the ends was taken away.

    `ends` are the characters at both ends that were kept, by which `join_ends` cuts it again without a tokenizer; None
    where it was not cut, or within a character.
    """

    text: str
    tokens: int
    truncated: bool
    ends: tuple[int, int] | None = None


def clean_texts(texts: pl.Series) -> pl.Series:
    """The texts without dots in quotes at the very start, and without image links that have no words and end a line."""
    return texts.str.replace(_QUOTED_DOTS, "", n=1).str.replace_all(_IMAGE_LINK, "")


def truncate_texts(
    texts: Sequence[str], tokenizer: TextTokenizer, *, max_tokens: int, max_chars: int
) -> list[Prepared]:
    """Texts with at most `max_tokens` tokens and a mark: the first half and the last half, then stripped.

    Of a text beyond `max_chars` characters only the first and the last half of so many are tokenised, joined without a
    mark. Of an odd number the last half is the longer one. Both limits must be at least 2.
    """
    pieces: list[str] = []
    counts: list[int] = []
    for text in texts:
        parts = [text] if len(text) <= max_chars else list(_halves(text, max_chars))
        pieces += parts
        counts.append(len(parts))
    encoded = iter(tokenizer.encode(pieces))
    prepared = []
    for text, count in zip(texts, counts, strict=True):
        ids = [token for _ in range(count) for token in next(encoded)]
        if len(ids) > max_tokens:
            head, tail = map(tokenizer.decode, _halves(ids, max_tokens))
            is_as_it_was = text.startswith(head) and text.endswith(tail)
            ends = (len(head), len(tail)) if is_as_it_was else None
            cut = (head + _MARK + tail).strip()
            prepared.append(Prepared(cut, max_tokens + 1, truncated=True, ends=ends))
        else:
            whole = text if count == 1 else tokenizer.decode(ids)
            prepared.append(Prepared(whole.strip(), len(ids), truncated=count > 1))
    return prepared


def join_ends(text: str, head_chars: int, tail_chars: int) -> str:
    """The text with a mark for what is between its ends, as `truncate_texts` gives it."""
    return (text[:head_chars] + _MARK + text[len(text) - tail_chars :]).strip()


def _halves(whole: Halved, limit: int) -> tuple[Halved, Halved]:
    return whole[: limit // 2], whole[-(limit - limit // 2) :]
