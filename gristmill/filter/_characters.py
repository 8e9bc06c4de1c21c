"""What each Unicode character is, as one table of bits per code point.

The table is made from Python's `unicodedata` once per process (about 0.3 s, 2 MB); Python 3.11 and 3.12 differ in
characters assigned between Unicode 14 and 15 only.
"""

from __future__ import annotations

import string
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

SPACE = 1  # str.isspace
BREAK = 2  # ends a line for str.splitlines
SYMBOL = 4  # punctuation or control character, by the list of huggingface/datatrove
ALPHA = 8  # str.isalpha
TERMINAL = 16  # ends a sentence
LETTER = 32  # part of a word: letters, letter numbers and the underscore
DIGIT = 64  # part of a number
ALONE = 128  # a word by itself: ideographs, hiragana
EXTEND = 256  # belongs to the character before it: marks, joiners, variation selectors
UPPER = 512  # upper-case letter
MARK = 1024  # punctuation by its Unicode category
ENDS_SENTENCE = 2048  # ends a sentence for spaCy's sentencizer
DECIMAL = 4096  # a digit of a decimal system
WATCHED = 8192  # a bracket, or the rarest letter of a phrase that the rules of C4 look for

_CODE_POINTS = 0x110000
_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

# Sentence_Terminal of Unicode 14, and three Khmer signs that only Terminal_Punctuation has.
_TERMINALS = (
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 "
    "17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F "
    "203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 "
    "AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 "
    "11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 "
    "1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C "
    "11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88"
)
# Of these, what spaCy 3.8 does not know: newer than its list, or no full stop in it.
_NOT_FOR_SPACY = (
    "61D-61E 837 839 83D-83E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 10F86-10F89 11944 11946 11EF7-11EF8 "
    "11F43-11F44 16E98"
)
# The digit one in full width is among the marks of the reference; nothing is gained by another opinion.
_OTHER_SYMBOLS = "«»´–—’“”„…∶━►、〈〉《》「」【】％（），：；～１"
_CONTROLS = (*range(9), 11, 12, *range(13, 32), *range(127, 160))
# Han, its extensions and compatibility forms, hiragana, in scripts that put no space between words.
_WORD_EACH = ((0x3041, 0x309F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


@cache
def character_bits() -> npt.NDArray[np.uint16]:
    """Bits of every code point; index by code point."""
    bits = np.zeros(_CODE_POINTS, np.uint16)
    for code in range(_CODE_POINTS):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Cn" or category == "Co":
            continue
        value = _CATEGORY_BITS.get(category, 0)
        if category[0] == "L":
            value |= LETTER | ALPHA
        if category[0] == "P":
            value |= MARK
        if character.isspace():
            value = SPACE
        bits[code] = value
    for first, last in _WORD_EACH:
        block = bits[first : last + 1]
        letters = (block & LETTER) > 0
        block[letters] = (block[letters] & ~np.uint16(LETTER)) | ALONE
    bits[ord("_")] |= LETTER
    bits[[ord(c) for c in _LINE_BREAKS]] |= BREAK
    terminals = _ranges(_TERMINALS)
    bits[[ord(c) for c in "[{vVmMkK\u212a"]] |= (
        WATCHED  # the last is the sign of the kelvin, in lower case a `k`
    )
    bits[terminals] |= TERMINAL | ENDS_SENTENCE
    bits[_ranges(_NOT_FOR_SPACY)] &= ~np.uint16(ENDS_SENTENCE)
    bits[[*terminals, *_CONTROLS, *map(ord, string.punctuation + _OTHER_SYMBOLS)]] |= SYMBOL
    bits.setflags(write=False)
    return bits


@cache
def lower_case() -> npt.NDArray[np.int32]:
    """Lower case of every code point; itself where that is no single character."""
    lower = np.arange(_CODE_POINTS, dtype=np.int32)
    for code in range(0x20000):  # no cased letters above
        folded = chr(code).lower()
        if len(folded) == 1:
            lower[code] = ord(folded)
    lower.setflags(write=False)
    return lower


_CATEGORY_BITS = {
    "Lu": UPPER,
    "Nl": LETTER,
    "Nd": DIGIT | DECIMAL,
    "No": DIGIT,
    "Mn": EXTEND,
    "Mc": EXTEND,
    "Me": EXTEND,
    "Cf": EXTEND,
}


def _ranges(text: str) -> list[int]:
    codes: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        codes += range(int(first, 16), int(last or first, 16) + 1)
    return codes
