"""The words of a text, for rules that count or compare them."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case; an East Asian character is a word."""
    return _WORD.findall(text.lower())
