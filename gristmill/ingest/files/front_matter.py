"""The YAML between `---` lines at the head of a text: of Markdown pages, and of the cards of datasets."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BLOCK = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a few bytes of them can stand for any number of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def read_front_matter(text: str, *, max_chars: int) -> tuple[dict[str, Any], str]:
    """(values, rest of the text); no values, and the whole text, where its head is no YAML of names and values."""
    found = _BLOCK.match(text, 0, max_chars)
    if found is None:
        return {}, text
    try:
        values = yaml.load(found[1], _Loader)  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return {}, text
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        return {}, text
    return values, text[found.end() :]
