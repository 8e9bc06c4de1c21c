"""What is known of a file of code that a model wrote, as sources of code note it in `meta`."""

from __future__ import annotations

import json
from typing import Any

# Of the seed: the language is kept, the path says by its extension how a file is to be read, and the licence may bind
# what is made after the seed. The repository is not: the new file stands in none.
_INHERITED = ("language", "path", "licence", "licence_class")


def file_facts(seed_meta: str | None, text: str) -> dict[str, Any]:
    """Facts for the `meta` of a new file: language, path, licence and licence_class of its seed, and n_lines."""
    known = json.loads(seed_meta or "{}")
    return {name: known.get(name) for name in _INHERITED} | {
        "n_lines": text.count("\n") + (not text.endswith("\n"))
    }
