"""What every reader yields: one record of an input file, with its text or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a reader found it.

    `text` is None for a record that is dropped; then `rule` says why. A kept record may have a rule too: damage that
    was counted. `offset` and `length` are bytes of the file as stored, or of the unpacked stream where the record has
    no place of its own in a compressed file; then `meta` holds `unpacked: true`.
    """

    offset: int
    length: int | None = None
    key: str | None = None  # what the source calls the record; None: it is named by its content
    digest: str | None = None  # of the payload as stored; None where there is no payload
    text: str | None = None
    rule: str | None = None
    value: float | None = None
    bound: float | None = None
    detail: str | None = None
    url: str | None = None
    date: str | None = None
    lang: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    other: str | None = None  # key of the record whose document this one went into, or would have
