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

`spacy_XX` is the blank pipeline of spaCy for language XX. Its rules look at what lies between white space alone, so
each such chunk is split once and remembered, which is about 20 times as fast as spaCy on whole texts. There is one
exception: spaCy finds its special cases, such as `:)`, also where a blank stands inside. A text with such a place is
left to spaCy as a whole.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.errors import RecipeError
from gristmill.text_buffers import text_buffers

# offsets int64[texts + 1] and spans int32[words, 2]: (start, end) in code points, text by text.
Spans = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]

UNICODE = "unicode"
_SPACY = "spacy_"
_MAX_CHUNKS = 500_000  # about 150 MB with their words
_MAX_CHUNK_CHARS = 100  # longer ones seldom come again


def split_words(texts: pl.Series, words: str) -> Spans:
    """Where the words of each text are, for the kernels.

    Returns offsets int64[texts + 1] and spans int32[words, 2] (start, end in code points); both empty for
    `unicode`, whose words the kernels find themselves. Raises RecipeError where spaCy or its language is missing.
    """
    if words == UNICODE:
        return np.empty(0, np.int64), np.empty((0, 2), np.int32)
    splitter = _chunk_splitter(words.removeprefix(_SPACY))
    whole = texts.str.contains_any(splitter.torn_cases).fill_null(False)
    spans = _split_by_chunks(texts.set(whole, None), splitter)
    return _put_in(spans, {i: splitter.split_whole(texts[i]) for i in whole.arg_true()})


def _split_by_chunks(texts: pl.Series, splitter: _ChunkSplitter) -> Spans:
    from gristmill.filter import _kernels
    from gristmill.filter._characters import character_bits

    data, offsets = text_buffers(texts)
    size = int(offsets[-1] - offsets[0])
    chunks = np.empty((size // 2 + len(texts) + 1, 4), np.int64)
    firsts = np.empty(len(offsets), np.int64)
    table = np.full(1 << (size + 1).bit_length(), -1, np.int64)
    k = _kernels.find_chunks(data, offsets, character_bits(), table, chunks, firsts)
    chunks = chunks[:k]
    unique, numbers = np.unique(chunks[:, 2], return_inverse=True)
    raw = data.tobytes()
    words = [splitter.split(raw[chunks[i, 0] : chunks[i, 3]].decode()) for i in unique.tolist()]
    sizes_from = np.cumsum([0, *map(len, words)], dtype=np.int64)
    sizes = np.array([span for spans in words for span in spans], np.int32).reshape(-1, 2)
    tokens = np.empty((int(np.diff(sizes_from)[numbers].sum()), 2), np.int32)
    token_offsets = np.empty(len(offsets), np.int64)
    _kernels.place_words(chunks, firsts, numbers, sizes_from, sizes, token_offsets, tokens)
    return token_offsets, tokens


def _put_in(spans: Spans, others: dict[int, list[tuple[int, int]]]) -> Spans:
    """Spans with those of some texts, which have none so far, put in."""
    if not others:
        return spans
    offsets, tokens = spans
    more = np.zeros(len(offsets), np.int64)
    pieces, done = [], 0
    for i, found in others.items():
        pieces += [tokens[done : offsets[i]], np.array(found, np.int32).reshape(-1, 2)]
        done = offsets[i]
        more[i + 1] = len(found)
    return offsets + np.cumsum(more), np.concatenate([*pieces, tokens[done:]])


class _ChunkSplitter:
    """Splits what lies between white space by spaCy, and remembers answers."""

    def __init__(self, language: str) -> None:
        self._tokenizer = _spacy_tokenizer(language)
        self._known: dict[str, tuple[tuple[int, int], ...]] = {}
        self.torn_cases = _torn_cases(self._tokenizer)

    def split_whole(self, text: str) -> list[tuple[int, int]]:
        """(start, end) of the words of a text."""
        # Tokens of white space are the only ones that stripping would change.
        return [(t.idx, t.idx + len(t)) for t in self._tokenizer(text) if not t.is_space]

    def split(self, chunk: str) -> tuple[tuple[int, int], ...]:
        """(start, end) of the words of a chunk."""
        known = self._known.get(chunk)
        if known is None:
            if len(self._known) >= _MAX_CHUNKS:
                self._known.clear()
            known = tuple((t.idx, t.idx + len(t)) for t in self._tokenizer(chunk))
            if len(chunk) <= _MAX_CHUNK_CHARS:
                self._known[chunk] = known
        return known


@cache
def _chunk_splitter(language: str) -> _ChunkSplitter:
    return _ChunkSplitter(language)


def _torn_cases(tokenizer: Any) -> list[str]:
    """Texts in which a special case with a blank inside takes a part of another special case beside it.

    spaCy finds the first by its words alone, drops the second, and then does nothing since the blank is there.
    """
    from spacy.tokenizer import Tokenizer

    plain = Tokenizer(
        tokenizer.vocab,
        rules={},
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )
    cases = [parts for case in tokenizer.rules if len(parts := [t.text for t in plain(case)]) > 1]
    ends: dict[tuple[str, ...], set[str]] = {}  # by their last words, what comes before these in a case
    begins: dict[tuple[str, ...], set[str]] = {}  # by their first words, what comes after
    for parts in cases:
        for j in range(1, len(parts) + 1):
            ends.setdefault(tuple(parts[-j:]), set()).add("".join(parts[:-j]))
            begins.setdefault(tuple(parts[:j]), set()).add("".join(parts[j:]))
    torn = set()
    for parts in cases:
        for blanks in itertools.product(("", " "), repeat=len(parts) - 1):
            if " " not in blanks:
                continue
            text = "".join(part + blank for part, blank in zip(parts, (*blanks, ""), strict=True))
            first, last = blanks.index(" ") + 1, len(blanks) - blanks[::-1].index(" ")
            torn |= {b + text for j in range(1, first + 1) for b in ends.get(tuple(parts[:j]), ())}
            torn |= {text + a for j in range(last, len(parts)) for a in begins.get(tuple(parts[j:]), ())}
    return sorted(torn)


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
