"""Normalisation of texts before they are compared, as FineWeb does it.

Source: FineWeb (arXiv 2406.17557); huggingface/datatrove utils/text.py (simplify_text). The steps and their
order are those of `normalise_text`, which is the definition; `normalise_texts` gives the same for a column
with a compiled kernel over tables by code point, about twenty times faster.

Side effects of the published rule that are kept: removing the marks of category Mn takes vowel signs from
Indic scripts; the full-width digit one is in the list of punctuation; a number keeps one decimal part, so
`1.2.3` is two numbers; characters that are marks only leave their blank behind (`a \\u0301 b` has two
blanks).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import regex

from gristmill.dedup import _kernels
from gristmill.dedup.options import NormaliseOptions
from gristmill.text_buffers import array_buffers

_SEPARATORS = ".,،٫⎖⎗⎘"
_NUMBER = regex.compile(rf"\p{{Nd}}+([{_SEPARATORS}]\p{{Nd}}+)?")
_WEEKDAY = re.compile("monday|tuesday|wednesday|thursday|friday|saturday|sunday")
_MONTH = re.compile("january|february|march|april|may|june|july|august|september|october|november|december")
_MARKS = (
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    "—”：％１〈、━【」，】；“《„「»«∶´．（–？！～〉》）。…►’"
    + "".join(map(chr, (*range(9), 11, 12, *range(13, 32), *range(127, 160))))
)
_BLANKS = str.maketrans(dict.fromkeys(_MARKS, " "))
_WHITESPACE = re.compile(r"\s+")
_LETTERS = regex.compile(r"\p{L}")
# Scripts that put no blank between words; Hangul does.
_UNSPACED = regex.compile(
    r"[\p{L}&&[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]", regex.V1
)
_WORD_CHARACTER = re.compile(r"\w")
_CAPITAL_SIGMA, _SIGMA, _LAST_SIGMA = "Σ", "σ", "ς"
_SURROGATES = range(0xD800, 0xE000)
_PAGE = 256  # code points that are looked at together while the tables are made


@dataclass(frozen=True)
class Normalised:
    """Normalised texts of a column."""

    texts: pa.LargeStringArray
    unspaced: npt.NDArray[
        np.bool_
    ]  # more than half of the letters are of a script without blanks between words


def normalise_text(text: str, options: NormaliseOptions) -> str:
    """The normalised form of one text; the definition of the rule, step by step."""
    if options.lowercase:
        text = text.lower()
    if options.numbers:
        text = _NUMBER.sub("0", text)
    if options.weekdays:
        text = _WEEKDAY.sub("WEEKDAY", text)
    if options.months:
        text = _MONTH.sub("MONTH", text)
    if options.punctuation:
        text = text.translate(_BLANKS)
    if options.whitespace:
        text = _WHITESPACE.sub(" ", text.strip())
    if options.diacritics:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return text.strip()


def normalise_texts(texts: pl.Series, options: NormaliseOptions) -> Normalised:
    """The normalised form of every text of a String column, in order; null counts as empty.

    Memory: about five times the bytes of the column, of which one lasts. Texts with a capital sigma, with one
    of 25 rare combining marks, or all of them where names of days or months are replaced, go through
    `normalise_text`.
    """
    tables = character_tables(options)
    array = texts.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    data, offsets = array_buffers(array)
    out = np.empty(len(data) * tables.growth, np.uint8)
    out_offsets = np.zeros(len(offsets), np.int64)
    hard = np.empty(len(array), np.bool_)
    unspaced = np.empty(len(array), np.bool_)
    _kernels.normalise(
        data, offsets, tables.flags, tables.mapped, tables.expanded, tables.expansion_offsets,
        options.whitespace, out, out_offsets, hard, unspaced,
    )  # fmt: skip
    used = pa.py_buffer(out[: out_offsets[-1]].copy())
    normalised = pa.LargeStringArray.from_buffers(len(array), pa.py_buffer(out_offsets), used)
    if options.weekdays or options.months:
        hard[:] = True
    if hard.any():
        again = array.filter(pa.array(hard)).to_pylist()
        redone = pa.array([normalise_text(text, options) for text in again], pa.large_string())
        normalised = pc.replace_with_mask(normalised, pa.array(hard), redone)
    return Normalised(normalised, unspaced)


@dataclass(frozen=True)
class CharacterTables:
    """What the kernel knows of every code point under given options."""

    flags: npt.NDArray[np.uint8]  # bits of _kernels
    mapped: npt.NDArray[np.int32]  # what becomes of it, see _kernels.DROPPED
    expanded: npt.NDArray[np.int32]  # code points of the characters that become several
    expansion_offsets: npt.NDArray[np.int64]
    growth: int  # bytes out for a byte in, at most


@lru_cache(maxsize=4)
def character_tables(options: NormaliseOptions) -> CharacterTables:
    """The tables of these options: 6 MB, made in about half a second, once per process."""
    size = sys.maxunicode + 1
    mapped = np.arange(size, dtype=np.int32)
    expansions: list[str] = []
    growth = 1
    for first in range(0, size, _PAGE):
        if first in _SURROGATES:
            continue
        page = "".join(map(chr, range(first, first + _PAGE)))
        if _final_form(page, options) == page:
            continue
        for code, character in enumerate(page, first):
            final = _final_form(character, options)
            if final == character:
                continue
            growth = max(growth, -(-len(final.encode()) // len(character.encode())))
            if len(final) == 1:
                mapped[code] = ord(final)
            elif not final:
                mapped[code] = _kernels.DROPPED
            else:
                mapped[code] = -2 - len(expansions)
                expansions.append(final)
    offsets = np.cumsum([0, *map(len, expansions)], dtype=np.int64)
    expanded = np.array([ord(c) for text in expansions for c in text], np.int32)
    return CharacterTables(_character_flags(options), mapped, expanded, offsets, growth)


@dataclass(frozen=True)
class OnePassTables:
    """What the kernel that reads a text once knows of every code point."""

    plain: npt.NDArray[
        np.uint16
    ]  # per byte: what becomes of an ASCII letter or digit, + 256 for letters; else 0
    flags: npt.NDArray[np.uint8]  # HARD: the text must be composed (NFC) before
    mapped: npt.NDArray[np.int32]
    expanded: npt.NDArray[np.int32]  # a blank in it ends a word
    expansion_offsets: npt.NDArray[np.int64]


@lru_cache(maxsize=4)
def one_pass_tables(options: NormaliseOptions, *, alphanumeric: bool) -> OnePassTables:
    """The tables of these options; alphanumeric: what is not \\w parts words, instead of `punctuation`.

    A text is composed first unless its characters are taken apart, and the two small sigmas are one letter, since which
    of them a capital becomes hangs on its neighbours.
    """
    if alphanumeric:
        options = options.model_copy(update={"punctuation": False})
    tables = character_tables(options)
    flags, mapped, expanded = tables.flags & ~np.uint8(_kernels.HARD), tables.mapped.copy(), tables.expanded
    if options.lowercase:
        mapped[ord(_LAST_SIGMA)] = ord(_SIGMA)
    if alphanumeric:
        is_word = np.zeros(len(flags), np.bool_)
        is_word[[ord(c) for c in _WORD_CHARACTER.findall(_every_character())]] = True
        flags[(mapped >= 0) & ~is_word[np.maximum(mapped, 0)]] |= _kernels.SPACE
        expanded = np.where(is_word[expanded], expanded, ord(" ")).astype(np.int32)
    if not options.diacritics:
        flags[_composed_away()] |= _kernels.HARD
    plain = np.zeros(256, np.uint16)
    easy = (flags[:128] & ~np.uint8(_kernels.LETTER)) == 0
    plain[:128] = np.where(easy, mapped[:128] + 256 * (flags[:128] & _kernels.LETTER > 0), 0)
    return OnePassTables(plain, flags, mapped, expanded, tables.expansion_offsets)


@lru_cache(maxsize=1)
def _composed_away() -> list[int]:
    """Code points without which a text is composed (NFC) already: those that change, combine, or are sorted."""
    found = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # vowels and tails of Hangul
    for character in _every_character():
        if unicodedata.combining(character) or not unicodedata.is_normalized("NFC", character):
            found.add(ord(character))
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(int(parts[1], 16))
    return sorted(found)


@lru_cache(maxsize=1)
def _every_character() -> str:
    """4 MB."""
    return "".join(chr(code) for code in range(sys.maxunicode + 1) if code not in _SURROGATES)


def _character_flags(options: NormaliseOptions) -> npt.NDArray[np.uint8]:
    """The bits of every code point."""
    flags = np.zeros(sys.maxunicode + 1, np.uint8)
    everything = _every_character()

    def mark(characters: list[str] | str, bit: int) -> None:
        flags[[ord(c) for c in characters]] |= bit

    mark(_LETTERS.findall(everything), _kernels.LETTER)
    mark(_UNSPACED.findall(everything), _kernels.UNSPACED)
    mark(re.findall(r"\s", everything), _kernels.SPACE)
    if options.numbers:
        mark(regex.findall(r"\p{Nd}", everything), _kernels.DIGIT)
        mark(_SEPARATORS, _kernels.SEPARATOR)
    if options.punctuation:
        mark(_MARKS, _kernels.MARK)
    if options.lowercase:
        # The only character whose lower case depends on its neighbours: at the end of a word it is another.
        mark(_CAPITAL_SIGMA, _kernels.HARD)
    if options.diacritics:
        # NFD sorts these among each other; all others with a combining class are of category Mn and vanish.
        sorted_ones = [c for c in everything if unicodedata.combining(c) and unicodedata.category(c) != "Mn"]
        mark(sorted_ones, _kernels.HARD)
    return flags


def _final_form(text: str, options: NormaliseOptions) -> str:
    """What the steps that work on single characters leave of a text without numbers, marks and white space."""
    if options.lowercase:
        text = text.lower()
    if options.diacritics:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return text
