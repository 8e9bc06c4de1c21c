"""Options that all kinds of sources with rows have: which field holds what."""

from __future__ import annotations

from pydantic import Field

from gristmill.ingest.options.base import SourceBase


class RowSource(SourceBase):
    """Which field of a row holds what. Fields are named as they are, or with dots for fields inside fields."""

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
