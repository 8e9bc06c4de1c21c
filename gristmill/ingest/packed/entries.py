"""What the readers of zip and tar have in common: an entry as it is found, and what an archive may still unpack to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.ingest.charset import clean_text

NOTHING: Iterator[bytes] = iter(())
_DRIVE = re.compile(r"[A-Za-z]:")


class BrokenEntryError(Exception):
    """The content of an entry ends before it should; `rule` and `detail` say why. Never leaves this room."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail


class Allowance:
    """What a file, with all that is inside it, may still unpack to."""

    def __init__(self, *, max_bytes: int, max_entries: int = 0) -> None:
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self._bytes = max_bytes
        self._entries = max_entries

    def spend(self, count: int) -> bool:
        """Take off so many bytes; False where there were not so many left."""
        self._bytes -= count
        return self._bytes >= 0

    def count(self) -> bool:
        """Take off one entry; False where there was none left."""
        self._entries -= 1
        return self._entries >= 0

    @property
    def exceeded(self) -> bool:
        """Whether more bytes were asked for than were left: then the rest of the file is not read."""
        return self._bytes < 0


@dataclass(slots=True)
class Found:
    """An entry as it stands in an archive. `pieces` is its content, to be read before the next entry is taken."""

    name: str
    offset: int
    length: int | None
    packed: bool = False  # offset and length are those of the unpacked stream
    rule: str | None = None  # why there is no content
    detail: str | None = None
    pieces: Iterator[bytes] = NOTHING


def read_name(stored: bytes, fallback: str) -> str:
    """An entry's name as text: UTF-8 where it is that, whatever the archive says."""
    try:
        return clean_text(stored.decode())
    except UnicodeDecodeError:
        return clean_text(stored.decode(fallback, "replace"))


def fault_of_name(name: str) -> str | None:
    """What makes a name one that leads out of the archive, or None. Nothing is ever written under such names."""
    parts = name.replace("\\", "/").split("/")
    if not name.strip("/. "):
        return "the entry has no name"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "the name is absolute"
    return "the name leads out of the archive" if ".." in parts else None
