"""Prompts of raters: files with a header, a system message and a user message with one place for the document.

The document is put there as it is, braces and all; it was freed of control tokens before. Around it stand marks that it
does not hold itself, except in the prompts of the released DataMan models, which know none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gristmill.errors import RecipeError, shorten
from gristmill.hashing import digest_text
from gristmill.llm.requests import Messages
from gristmill.llm.templates import read_template

PROMPT_NAMES = ("dataman-en", "dataman-zh", "dataman-instruct", "educational_value", "quality")
SLOT = "{document}"

_ROOM = "score.raters"
_MARK = "document"
_UNMARKED = ("dataman-en", "dataman-zh")
_FACTS = ("name", "version", "source", "licence")


@dataclass(frozen=True)
class Prompt:
    """A prompt; `before` and `after` are the user message around the document. facts: what else the header says."""

    name: str
    version: str
    source: str
    licence: str
    system: str
    before: str
    after: str
    marked: bool
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """Names everything of the prompt but the document."""
        return digest_text(self.name, self.system, self.before, self.after, str(self.marked))

    def messages(self, text: str) -> Messages:
        """The chat messages (role, content) for a prepared text; no system message where it is empty."""
        user = f"{self.before}{self._between_marks(text) if self.marked else text}{self.after}"
        system: Messages = (("system", self.system),) if self.system else ()
        return (*system, ("user", user))

    def fact(self, name: str) -> str:
        """What the header says of the scores."""
        return dict(self.facts)[name]

    @staticmethod
    def _between_marks(text: str) -> str:
        mark, number = _MARK, 1
        while f"<{mark}>" in text or f"</{mark}>" in text:
            number += 1
            mark = f"{_MARK}-{number}"
        return f"<{mark}>\n{text}\n</{mark}>"


@cache
def packaged_prompt(name: str) -> Prompt:
    """A prompt that comes with Gristmill."""
    facts, parts = read_template(_ROOM, name, PROMPT_NAMES, "raters")
    return _prompt(dict(facts), parts, marked=name not in _UNMARKED)


def read_prompt(path: Path, key: str) -> Prompt:
    """A prompt of the recipe's own; `key` is its option, for messages. Raises RecipeError where the file is not so."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{key}: {str(path)!r} cannot be read as UTF-8 text: {error}") from error
    header, *parts = text.replace("\r\n", "\n").removesuffix("\n").split("\n---\n")
    facts = {}
    for line in header.splitlines():
        name, colon, value = line.partition(": ")
        if not colon:
            raise RecipeError(f"{key}: the header line {shorten(line)} is no `name: value`")
        facts[name] = value
    missing = [name for name in _FACTS if name not in facts]
    if missing:
        raise RecipeError(f"{key}: the header of {path.name!r} lacks {', '.join(missing)}")
    if len(parts) != 2 or parts[1].count(SLOT) != 1 or SLOT in parts[0]:
        raise RecipeError(
            f"{key}: {path.name!r} must have three parts divided by lines of `---`: a header, a system message, and a "
            f"user message with {SLOT} once; it has {len(parts) + 1} parts and {text.count(SLOT)} places"
        )
    return _prompt(facts, parts, marked=True)


def _prompt(facts: dict[str, str], parts: list[str] | tuple[str, ...], *, marked: bool) -> Prompt:
    system, user = parts
    before, after = user.split(SLOT)
    return Prompt(
        name=facts["name"],
        version=facts["version"],
        source=facts["source"],
        licence=facts["licence"],
        system=system,
        before=before,
        after=after,
        marked=marked,
        facts=tuple((name, value) for name, value in facts.items() if name not in _FACTS),
    )
