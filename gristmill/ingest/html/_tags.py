"""Numba kernel that looks at the tags of a page before it is parsed, for `limits`: one pass, no tree.

What is a tag depends on scripts, comments and quotes before it, which only a parser knows. So each `<` with a letter
is taken for one: what is found is never less than what the parser will find.
"""

# mypy: disallow-untyped-defs=False
# ruff: noqa: SIM110 (Numba compiles plain loops best)
# Numba's arguments have no type hints; what they are is said in the docstrings.
from __future__ import annotations

from typing import Any

from numba import njit

_WORK_RATIO, _FREE_WORK = (
    8,
    1_000_000,
)  # bytes of tags, again and again within each other, for one of the page
_LT, _GT, _EQUALS, _SLASH, _QUOTE, _APOSTROPHE, _SPACE = 60, 62, 61, 47, 34, 39, 32

# The HTML standard's formatting elements, without `a` (a new one closes the one before), as numbers.
_FORMATTING = tuple(
    int.from_bytes(name)
    for name in (
        b"b",
        b"i",
        b"s",
        b"u",
        b"em",
        b"tt",
        b"big",
        b"code",
        b"font",
        b"nobr",
        b"small",
        b"strike",
        b"strong",
    )
)

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True, boundscheck=False)


@_compiled
def survey_tags(data, max_attributes):
    """(signs `<`, most attributes in one tag, start tags of formatting elements) of a page in UTF-8 (uint8).

    Stops at the first tag with more than `max_attributes`, and says one more than that where tags lie within tags so
    often that counting would take long.
    """
    n = data.shape[0]
    tags, most, formatting, work = 0, 0, 0, 0
    for start in range(n):
        if data[start] != _LT:
            continue
        tags += 1
        if start + 1 == n or not 97 <= data[start + 1] | 32 <= 122:
            continue
        at = start + 1
        length = 0
        while at < n and data[at] > _SPACE and data[at] != _GT and data[at] != _SLASH:
            length += 1
            at += 1
        formatting += length <= 6 and _is_formatting(data, start + 1, length)
        attributes = 0
        while at < n and data[at] != _GT:
            if data[at] <= _SPACE or data[at] == _SLASH:
                at += 1
                continue
            attributes += 1
            if attributes > max_attributes:
                return tags, attributes, formatting
            at += 1  # a name may begin with `=`
            while (
                at < n
                and data[at] > _SPACE
                and data[at] != _GT
                and data[at] != _SLASH
                and data[at] != _EQUALS
            ):
                at += 1
            after = at
            while after < n and data[after] <= _SPACE:
                after += 1
            if after >= n or data[after] != _EQUALS:
                continue
            at = after + 1
            while at < n and data[at] <= _SPACE:
                at += 1
            if at < n and (data[at] == _QUOTE or data[at] == _APOSTROPHE):
                quote = data[at]
                at += 1
                while at < n and data[at] != quote:
                    at += 1
                at += 1
            else:
                while at < n and data[at] > _SPACE and data[at] != _GT:
                    at += 1
        most = max(most, attributes)
        work += at - start
        if work > _WORK_RATIO * n + _FREE_WORK:
            return tags, max_attributes + 1, formatting
    return tags, most, formatting


@_compiled
def _is_formatting(data, start, length):
    """Whether a name of up to six letters is in _FORMATTING, in any case."""
    key = 0
    for k in range(length):
        key = key << 8 | (data[start + k] | 32)
    for name in _FORMATTING:
        if key == name:
            return True
    return False
