"""Whether two spellings are forms of one name, or names that differ in a few letters."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

MIN_NAME_CHARS = 5  # of a name that can be told from a misspelling of it

# What forms of one name end in; other differences at the end make another name (Petersen, Peterson).
_ENDINGS_LIST = (
    "a e s n r y es en er ers ern em ns an ans ean ian ians um ia ien ens ese ic ics ish isch ische ischen ischer al "
    "ly ry ies ing ed ist ists ism in innen ois oise ais aise ienne ine ite"
)
_ENDINGS = frozenset(["", *_ENDINGS_LIST.split()])
_MAX_ENDING_CHARS = 3
_MIN_ALIKE = 0.6  # similarity of a misspelling, 0..1
_MIN_SAME_START = 3
_MAX_LONGER = 2
_POSSESSIVE = re.compile(r"['’]s?\Z")


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """Lower case without accents and without a possessive ending."""
    folded = word.lower()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    return _POSSESSIVE.sub("", folded) if "'" in folded or "’" in folded else folded


def are_forms(first: str, second: str) -> bool:
    """Whether two words that begin alike can be forms of one, and not two names that differ in their last letters."""
    alike = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if alike is None or max(len(first), len(second)) - alike > _MAX_ENDING_CHARS:
        return True
    return first[alike:] in _ENDINGS and second[alike:] in _ENDINGS


def is_misspelling(word: str, name: str) -> bool:
    """Whether a word is spelt much like a name, with the same beginning."""
    return (
        word[:_MIN_SAME_START] == name[:_MIN_SAME_START]
        and abs(len(word) - len(name)) <= _MAX_LONGER
        and SequenceMatcher(None, word, name, autojunk=False).ratio() >= _MIN_ALIKE
    )
