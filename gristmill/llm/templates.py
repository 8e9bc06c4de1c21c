"""Prompt templates: text files in a room's `templates/` folder, with a header and parts divided by `---` lines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from gristmill.errors import RecipeError, suggest


@cache
def read_template(
    room: str, name: str, known: tuple[str, ...], key: str
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """(facts, parts) of `gristmill/ROOM/templates/NAME.txt`.

    facts: the header's lines `name: value`: name, version, source, licence and what the room adds. parts: what stands
    between the following `---` lines. Raises RecipeError, which names the recipe's key, for a name that is not known.
    """
    if name not in known:
        raise RecipeError(
            f"{key}: no template is named {name!r}; known: {', '.join(sorted(known))}.{suggest(name, known)}"
        )
    file = resources.files(f"gristmill.{room}").joinpath("templates", f"{name}.txt")
    header, *parts = file.read_text(encoding="utf-8").removesuffix("\n").split("\n---\n")
    return dict(line.split(": ", 1) for line in header.splitlines()), tuple(parts)
