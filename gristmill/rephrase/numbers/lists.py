"""How many things the lists of a text name: "Hungary, Poland, Serbia and Croatia" are four."""

from __future__ import annotations

import re

_MARK = re.compile(
    r"(?P<comma>[,;])|(?P<last>,?\s(?:and|or|und|oder|et|ou|sowie|as well as|&)\s)|(?P<end>[.!?:](?=\s|\Z)|\n)"
)
_MAX_ITEM_CHARS = 60
_MIN_ITEMS = 4  # a smaller number is not looked at


def list_lengths(text: str) -> set[int]:
    """The numbers of items, 4 and more, of the lists of a text; an item is short. Linear."""
    lengths: set[int] = set()
    items, place = 1, 0
    for match in _MARK.finditer(text):
        if match.start() - place > _MAX_ITEM_CHARS:
            items = 1
        if match["end"]:
            items = 1
        else:
            items += 1
            if match["last"] and items >= _MIN_ITEMS:
                lengths.add(items)
        place = match.end()
    return lengths
