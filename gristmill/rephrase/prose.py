"""How much of a passage stands in sentences.

`blocks` finds code, tables and lists by their lines. What is left still holds headings, key words one a line,
sums of files and console output; a rephraser has nothing to rephrase there, and small models answer with loops
and inventions. Sentences tell them apart: a run of words that ends with an end mark and consists of letters.
"""

from __future__ import annotations

import re
import unicodedata

from gristmill.rephrase.sentences import sentence_spans
from gristmill.rephrase.words import words

MIN_WORDS = 5  # "See also section 4." is a sentence, "Version 2.1." is none
# Digits, punctuation and symbols / visible characters: 0.06 in pages of prose, 0.25 in a short sentence with a date.
MAX_SIGNS = 0.3
_END_MARK = re.compile(r"[.!?…。！？｡।؟۔][\"'”’»›)\]*`」』]*\Z")


def sentence_share(text: str) -> float:
    """Characters that stand in sentences / characters, white space aside; 0 for a text without any.

    A sentence has an end mark, at least five words, and at most 30 % of its characters are signs. Languages
    that write no end marks, such as Thai, have a share of 0. Linear.
    """
    total = inside = 0
    for start, end in sentence_spans(text):
        size = _visible(text[start:end])
        total += size
        inside += size if _is_sentence(text[start:end], size) else 0
    return inside / total if total else 0.0


def _is_sentence(text: str, size: int) -> bool:
    signs = sum(unicodedata.category(character)[0] in "NPS" for character in text)
    return _END_MARK.search(text) is not None and signs <= MAX_SIGNS * size and len(words(text)) >= MIN_WORDS


def _visible(text: str) -> int:
    return sum(map(len, text.split()))
