"""How text is cut into words.

`unicode` (the default) is made for speed and needs no language. Its rules, in the order they are tried:

1. White space separates. Combining marks, joiners and variation selectors stay with the character before them.
2. Letters, digits and `_` that follow each other are one word: `4th`, `snake_case`.
3. A full stop between two letters and a full stop or comma between two digits join: `example.com`, `3.5`, `1,000`.
   A capital alone, or single letters joined so, keep the full stop after them: `J.`, `U.S.`, `e.g.`
4. An apostrophe between two letters joins (`O'Brien`, `aujourd'hui`), except before an English clitic, which is a
   word of its own: `it's` is `it`, `'s`; `don't` is `do`, `n't`; also 'm 'd 're 've 'll, upper case as well.
5. Han characters and hiragana are words one by one. Scripts without spaces that are left (Thai, Lao, Khmer, Burmese)
   give one word per run.
6. Every other character is a word by itself, runs of `.` or `-` are one: `e-mail` is `e`, `-`, `mail`; `...`.

That stays close to spaCy's English tokenizer, which the published filters used. Where they differ: spaCy keeps
addresses and a list of abbreviations (`Mr.`) whole and splits units from numbers (`10km`).

`spacy_XX` is the blank pipeline of spaCy for language XX, a Python loop per document.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.errors import RecipeError

UNICODE = "unicode"
_SPACY = "spacy_"


def split_words(texts: pl.Series, words: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Where the words of each text are, for the kernels.

    Returns offsets int64[texts + 1] and spans int32[words, 2] (start, end in code points); both empty for
    `unicode`, whose words the kernels find themselves. Raises RecipeError where spaCy or its language is missing.
    """
    if words == UNICODE:
        return np.empty(0, np.int64), np.empty((0, 2), np.int32)
    tokenizer = _spacy_tokenizer(words.removeprefix(_SPACY))
    offsets = np.zeros(len(texts) + 1, np.int64)
    spans: list[tuple[int, int]] = []
    for i, text in enumerate(texts):
        # Tokens of white space are the only ones that stripping would change.
        spans.extend((t.idx, t.idx + len(t)) for t in tokenizer(text or "") if not t.is_space)
        offsets[i + 1] = len(spans)
    return offsets, np.array(spans, np.int32).reshape(-1, 2)


@cache
def _spacy_tokenizer(language: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise RecipeError(
            f"filter.words: got '{_SPACY}{language}', but spaCy is not installed; install the extra "
            "`gristmill[spacy]` or use 'unicode'"
        ) from error
    try:
        return spacy.blank(language).tokenizer
    except ImportError as error:
        raise RecipeError(
            f"filter.words: got '{_SPACY}{language}', which spaCy cannot load ({error}); use the code of a "
            "language that spaCy knows, such as 'spacy_en', or 'unicode'"
        ) from error
