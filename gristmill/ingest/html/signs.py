"""What a page must show somewhere to hold a formula: one pass over its characters, in a tenth of a millisecond.

Nearly no page of the web has formulas, so this decides what the marking of them costs. A compiled loop lists the few
places where a word begins that carriers are made of ("math", "tex", "equation" ...), a TeX command stands, or an alt
text opens with a delimiter. Then each place is looked at: "math" is a sign as a class, not in an address or in prose.
What is not certain is a sign, and so is what is too much to look at.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types of the compiled functions.
from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numba import njit

# Reads a string in place. Numba has no public name for it; encoding the page first would take twice as long as the
# whole search.
from numba.cpython.unicode import _get_code_point

from gristmill.ingest.html.carriers import CARRIER_ATTRIBUTES, CARRIER_WORDS
from gristmill.ingest.html.delimiters import COMMAND, COMMAND_NAMES, RENDERERS
from gristmill.ingest.html.formula_images import ADDRESS_SIGNS, IMAGE_ATTRIBUTES, IMAGE_WORDS, SOURCES

_MAX_PLACES = 256  # looked at one by one; a page with more is taken to hold formulas
_MAX_VALUE_CHARS = 2_000  # from the quote that opens the value of an attribute to a word in it
_MAX_ALT_CHARS = 40_000
_MAX_NAME_CHARS = 60  # of a word, of the name of an attribute
_NAMES = CARRIER_ATTRIBUTES | IMAGE_ATTRIBUTES
_WORDS = CARRIER_WORDS | IMAGE_WORDS
_NAMING = frozenset({"class", "type", "lang", "encoding"})  # attributes whose values name carriers
_TAG = re.compile(r"<(?:[A-Za-z][\w-]{0,30}:)?\Z")
_ALT_VALUE = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\s\"'>]*)")
_DELIMITED = re.compile(r"\s*(?:\$.+\$|\\.+(?:\\[)\]]|\}(?:\$\$)?))\s*", re.DOTALL)
_NO_IMAGE = re.compile(r"<(?:script|link|iframe|a|meta|source|video|audio)\s", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)

_WORD, _COMMAND, _ALT = 1, 2, 3  # kinds of places
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_LONGEST_COMMAND = max(map(len, COMMAND_NAMES))


class Signs(NamedTuple):
    """What a page shows: an element that may carry a formula; a renderer; a TeX command in its text."""

    carrier: bool
    renderer: bool
    command: bool
    words: str | None = None  # those that have to do with maths, between blanks; None: not all were looked at


def find_signs(html: str) -> Signs:
    """The signs of formulas in a page. False is certain; True is worth a look.

    Once a carrier is found, nothing else is looked for, and all are taken to be there.
    """
    words: list[str] = []
    places = np.empty((_MAX_PLACES, _COLUMNS), np.int64)
    count = _find_places(html, _MASKS, _COMMAND_HASHES, places)
    if count == _MAX_PLACES:
        return Signs(True, True, True)
    command = in_script = False
    seen = 0
    for kind, at, end, name_start, name_end, value in places[:count].tolist():
        if kind == _WORD:
            word, name = html[at:end], html[name_start:name_end].lower()
            if _is_carrier(html, at, end, word.lower(), name, value):
                return Signs(True, True, True)
            words.append(word)
        elif kind == _ALT:
            if _is_delimited(html, at):
                return Signs(True, True, True)
        elif not command and COMMAND.match(html, at) is not None:
            opened = html.rfind("<script", seen, at)
            in_script = (in_script or opened >= 0) and not _SCRIPT_END.search(html, max(opened, seen), at)
            seen = at
            command = not in_script
    seen_words = " ".join(words)
    return Signs(False, any(name in seen_words for name in RENDERERS), command, seen_words)


def _is_carrier(html: str, start: int, end: int, word: str, name: str, value: int) -> bool:
    """Whether a word stands where it makes a carrier: a tag, an attribute, a class, the address of a picture.

    `name` is that of the attribute that it is in the value of, which begins at `value`.
    """
    if word in _WORDS:
        if name in _NAMING:
            return True
        if html[max(0, start - 1) : start] in ("<", ":") and _TAG.search(html[max(0, start - 40) : start]):
            return True
    elif word in _NAMES and html[end : end + 10].lstrip().startswith("="):
        return True
    return (
        name in SOURCES
        and ADDRESS_SIGNS.search(html[max(value, start - 40) : end + 40]) is not None
        and _in_image(html, value)
    )


def _in_image(html: str, at: int) -> bool:
    """Whether the tag around a place may be that of a picture."""
    tag = html.rfind("<", max(0, at - _MAX_VALUE_CHARS), at)
    return tag < 0 or _NO_IMAGE.match(html, tag) is None


def _is_delimited(html: str, at: int) -> bool:
    """Whether the alt text whose value begins at a place ends like a formula: not "$5 off"."""
    found = _ALT_VALUE.match(html, at, at + _MAX_ALT_CHARS)
    return found is not None and _DELIMITED.fullmatch(found[1] or found[2] or found[3] or "") is not None


# -- the compiled loop ------------------------------------------------------------------------------------------

_compiled: Any = njit(cache=True, nogil=True, boundscheck=False)

# What the loop looks for, in lower case; a list in brackets stands for one character. Together at most 64 characters,
# since the state of the search has a bit for each. The last character but one lies in the word that is meant.
_LETTER = "abcdefghijklmnopqrstuvwxyz"
_OTHER = 128  # stands for every character that is not in ASCII, and for the end of the page
_NOT_T = "".join(chr(code) for code in range(_OTHER + 1) if chr(code) not in "tT")
_PATTERNS: tuple[tuple[str, ...], ...] = (
    tuple("math"),
    ("t", "e", "x", _NOT_T),  # not "text"
    tuple("mjx"),
    tuple("-expr"),  # data-expr
    tuple("t=tx"),  # cht=tx of Google's charts
    ("e", "q", "ui", "am"),  # equation, eqimg
    tuple("eqn"),
    tuple("rmul"),  # formula
    tuple("eeim"),
    tuple("ee_i"),
    ("fg", *".ima"),  # gif.image
    tuple("codec"),  # codecogs
    tuple("wiri"),
    tuple("berem"),  # numberempire
    ("\\", _LETTER, _LETTER),
    ("= \t\r\n\"'", "$\\"),
)


def _masks() -> tuple[Any, int, int, int, int]:
    """For each ASCII character the bits of the pattern places that it fits; the first, the last bits; two last ones."""
    masks = np.zeros(_OTHER + 1, np.uint64)
    first = last = bit = 0
    ends = []
    for pattern in _PATTERNS:
        first |= 1 << bit
        for characters in pattern:
            for character in {*characters, *characters.upper()}:
                masks[min(ord(character), _OTHER)] |= np.uint64(1 << bit)
            bit += 1
        ends.append(1 << (bit - 1))
        last |= ends[-1]
    return masks, first, last, ends[-2], ends[-1]


def _hash(name: str) -> int:
    value = int(_FNV_START)
    for letter in name:
        value = ((value ^ ord(letter)) * int(_FNV_PRIME)) & 0xFFFFFFFFFFFFFFFF
    return value


_MASKS, *_BITS = _masks()
_FIRST_BITS, _LAST_BITS, _COMMAND_BIT, _ALT_BIT = map(np.uint64, _BITS)
_COMMAND_HASHES = np.array(sorted(map(_hash, COMMAND_NAMES)), np.uint64)
# Columns of the places: the word from START to END is in the value, from VALUE on, of the attribute from NAME to
# NAME_END, all 0 where it is in none. Of other kinds only START is told.
(_KIND, _START, _END, _NAME, _NAME_END, _VALUE), _COLUMNS = range(6), 6
_1 = np.uint64(1)
_0 = np.uint64(0)
_DOT, _EQUALS, _CAPITAL_M, _SMALL_A, _SMALL_L, _SMALL_T, _SMALL_H = map(ord, ".=Malth")
_QUOTE, _APOSTROPHE, _HYPHEN, _UNDERSCORE, _LESS, _GREATER = map(ord, "\"'-_<>")
_MAX_BLANKS = 40  # looked back over, between `alt`, `=` and its value


@_compiled
def _is_command(html, at, hashes):
    """Whether the letters from a place on are the name of a command."""
    value, end = _FNV_START, at
    while end < len(html) and end - at <= _LONGEST_COMMAND:
        code = _get_code_point(html, end)
        if not (97 <= code <= 122 or 65 <= code <= 90):
            break
        value = (value ^ np.uint64(code)) * _FNV_PRIME
        end += 1
    place = np.searchsorted(hashes, value)
    return place < hashes.shape[0] and hashes[place] == value


@_compiled
def _before_blanks(html, at):
    """The last place up to `at` that holds no blank, a few characters back at most; -1 where there is none."""
    first = max(-1, at - _MAX_BLANKS)
    while at > first and _get_code_point(html, at) <= 32:
        at -= 1
    return at


@_compiled
def _alt_value(html, at):
    """Where the value begins, with its quote, of an alt text whose first character is at a place; else -1."""
    before = _before_blanks(html, at - 1)
    start = before + 1
    if before >= 0:
        code = _get_code_point(html, before)
        if code in (_QUOTE, _APOSTROPHE):
            start = before
            before = _before_blanks(html, before - 1)
    if before < 3 or _get_code_point(html, before) != _EQUALS:
        return -1
    before = _before_blanks(html, before - 1)
    if before < 2 or (_get_code_point(html, before) | 32) != _SMALL_T:
        return -1
    is_alt = (_get_code_point(html, before - 1) | 32) == _SMALL_L
    return start if is_alt and (_get_code_point(html, before - 2) | 32) == _SMALL_A else -1


@_compiled
def _is_object(html, at):
    """Whether the "math" that ends at a place is JavaScript's `Math.`"""
    if at + 1 >= len(html) or _get_code_point(html, at + 1) != _DOT:
        return False
    return (_get_code_point(html, at) | 32) == _SMALL_H and _get_code_point(html, at - 3) == _CAPITAL_M


@_compiled
def _is_of_word(code):
    lower = code | 32
    return 97 <= lower <= 122 or 48 <= code <= 57 or code in (_HYPHEN, _UNDERSCORE)


@_compiled
def _write_name(html, equals, value, place):
    """Write which attribute ends before an equals sign."""
    end = _before_blanks(html, equals - 1) + 1
    start, first = end, max(0, end - _MAX_NAME_CHARS)
    while start > first and _is_of_word(_get_code_point(html, start - 1)):
        start -= 1
    place[_NAME], place[_NAME_END], place[_VALUE] = start, end, value


@_compiled
def _write_place(html, at, place):
    """Write the word around a place and the attribute that it is in."""
    start, end = at, at + 1
    first, last = max(0, at - _MAX_NAME_CHARS), min(len(html), at + _MAX_NAME_CHARS)
    while start > first and _is_of_word(_get_code_point(html, start - 1)):
        start -= 1
    while end < last and _is_of_word(_get_code_point(html, end)):
        end += 1
    place[_KIND], place[_START], place[_END] = _WORD, start, end
    place[_NAME] = place[_NAME_END] = place[_VALUE] = 0
    first = max(0, start - _MAX_VALUE_CHARS)
    before, equals, unquoted = start - 1, -1, True
    while before >= first:
        code = _get_code_point(html, before)
        if code in (_QUOTE, _APOSTROPHE):
            sign = _before_blanks(html, before - 1)
            if sign >= 0 and _get_code_point(html, sign) == _EQUALS:
                _write_name(html, sign, before + 1, place)
            return
        if code <= 32 or code in (_LESS, _GREATER):
            if unquoted and equals >= 0:
                _write_name(html, equals, equals + 1, place)
                return
            unquoted = False
        elif code == _EQUALS:
            equals = before
        before -= 1


@_compiled
def _find_places(html, masks, hashes, places):
    """Write the places of signs, a row each; their number, at most the room that there is.

    Shift-And: bit k of the state says that the pattern of bit k is matched up to there, and each character is one step.
    The last bits are cleared, so that none moves into the next pattern and an addition, one instruction, does the step.
    """
    count, room, at, length = 0, places.shape[0], -1, len(html)
    state = _0
    while count < room:
        at += 1
        while at < length:
            code = _get_code_point(html, at)
            state = (state + state + _FIRST_BITS) & masks[min(code, _OTHER)]
            if state & _LAST_BITS != _0:
                break
            at += 1
        if at > length:
            break
        if at == length:  # "tex" may be the end of the page
            state = (state + state + _FIRST_BITS) & masks[_OTHER]
        ended = state & _LAST_BITS
        state ^= ended
        if ended == _0:
            break
        if ended & _COMMAND_BIT != _0:
            if not _is_command(html, at - 1, hashes):
                continue
            places[count, _KIND], places[count, _START] = _COMMAND, at - 2
        elif ended & _ALT_BIT != _0:
            value = _alt_value(html, at)
            if value < 0:
                continue
            places[count, _KIND], places[count, _START] = _ALT, value
        elif _is_object(html, at):
            continue
        else:
            _write_place(html, at - 1, places[count])
        count += 1
    return count
