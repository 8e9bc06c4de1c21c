"""Options of JSON Lines."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.ingest.options.base import SourceBase


class JsonlSource(SourceBase):
    """JSON Lines, plain, gzip or zstd. Fields are named as they are, or with dots for fields inside fields."""

    kind: Literal["jsonl"]
    text: str = Field("text", min_length=1, description="Field that holds the text.")
    id: str | None = Field(
        "id",
        description="Field that names the record: text or a whole number, unique in the source. null, or a row "
        "without it: the record is named by its content.",
    )
    url: str | None = Field("url", description="Field with the address; a row need not have it.")
    date: str | None = Field("date", description="Field with the date; a row need not have it.")
    lang: str | None = Field(
        None, description="Field with the language's code, where the source has one and it can be trusted."
    )
    meta: tuple[str, ...] = Field(
        (), strict=False, description="Further fields that are kept in the column `meta`."
    )
