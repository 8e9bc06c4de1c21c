"""Words of a text as hashes, made so that how a text is dressed changes nothing.

Letters and digits of all scripts are compatibility-decomposed, case-folded and freed of marks (`ﬁ`, `Ｗ`, `é` are
`fi`, `w`, `e`); soft hyphens and other characters without width vanish; everything else separates words. Han
characters and kana are words one by one. So case, punctuation, white space, quote marks, Markdown and Unicode form do
not count. Further:
  <tags> and &entities;      separate words, nothing of them stays
  exam-⏎ple                  is one word again, also with `>` at the start of the next line
  \\left \\text{} \\displaystyle  and other commands of LaTeX that only dress are passed over; `\\dfrac` is `\\frac`
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.contamination import _kernels
from gristmill.text_buffers import text_buffers

_TABLE_SIZE = 0x20000  # code points beyond are Han (words one by one), or separate
_UNSPACED = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))  # kana, Han
# Commands of LaTeX that change how something looks, not what it says.
_DRESS = (
    *("left", "right", "big", "bigg", "displaystyle", "textstyle", "limits", "nolimits", "mbox", "hbox"),
    *(
        "text",
        "textbf",
        "textit",
        "textrm",
        "mathrm",
        "mathbf",
        "mathit",
        "mathsf",
        "operatorname",
        "ensuremath",
    ),
    *("quad", "qquad", "hspace", "vspace", "begin", "end", "align", "equation", "rm", "bf", "it"),
)
_ALIASES = {
    "dfrac": "frac",
    "tfrac": "frac",
    "ge": "geq",
    "le": "leq",
    "ne": "neq",
    "ldots": "dots",
    "cdots": "dots",
}


@dataclass(frozen=True)
class Words:
    """Words of many texts, one text after the other."""

    hashes: npt.NDArray[np.uint64]
    spans: npt.NDArray[np.int32]  # [words, 2]: first and last + 1 character in its text
    offsets: npt.NDArray[np.int64]  # where each text's words begin; one more than texts


def hash_words(texts: pl.Series) -> Words:
    """Words of each text; a null text has none. Linear in bytes; memory: 16 bytes per word."""
    data, offsets = text_buffers(texts)
    # A word has a byte and one that separates it; a Han character has three.
    most = int(offsets[-1] - offsets[0]) // 2 + len(texts) + 1
    hashes, spans = np.empty(most, np.uint64), np.empty((most, 2), np.int32)
    word_offsets = np.zeros(len(texts) + 1, np.int64)
    _kernels.hash_words(data, offsets, *_tables(), hashes, spans, word_offsets)
    count = int(word_offsets[-1])
    return Words(hashes[:count].copy(), spans[:count].copy(), word_offsets)


@lru_cache(maxsize=1)
def _tables() -> tuple[npt.NDArray[Any], ...]:
    """(kind, where its folded form begins, folded forms, dress, aliases) of code points; 0.2 s, once."""
    kinds = np.zeros(_TABLE_SIZE, np.uint8)
    starts = np.zeros(_TABLE_SIZE + 1, np.int32)
    folded: list[int] = []
    for code in range(_TABLE_SIZE):
        starts[code] = len(folded)
        character = chr(code)
        category = unicodedata.category(character)
        if category in ("Cf", "Mn", "Me"):
            kinds[code] = _kernels.NOTHING
        elif any(first <= code <= last for first, last in _UNSPACED):
            kinds[code] = _kernels.SINGLE
            folded.append(code)
        elif category[0] in "LN":
            kinds[code] = _kernels.LETTER
            whole = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
            folded += [ord(c) for c in whole if c.isalnum()]
    starts[_TABLE_SIZE] = len(folded)
    dress = np.array([word_hash(name) for name in _DRESS], np.uint64)
    aliases = np.array([[word_hash(a), word_hash(b)] for a, b in sorted(_ALIASES.items())], np.uint64)
    return kinds, starts, np.array(folded, np.int32), dress, aliases


def word_hash(word: str) -> int:
    """Hash of an ASCII word in lower case; the definition of what the kernel computes."""
    state = _kernels.SEED
    for character in word.lower():
        state = ((state ^ ord(character)) * _kernels.FACTOR) & 0xFFFFFFFFFFFFFFFF
    return state
