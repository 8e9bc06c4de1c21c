"""Options of the URL rules."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gristmill.file_options import input_files
from gristmill.options import Options

_REFINEDWEB = "Source: RefinedWeb (arXiv 2306.01116), G.1, as read by huggingface/datatrove."


class EntryListOptions(Options):
    """A list, written out in the recipe, in files, or both."""

    entries: tuple[str, ...] = Field(default=(), strict=False, description="Entries of the list.")
    files: tuple[str, ...] = input_files(
        "Files with more entries: UTF-8 text, plain or .gz, one entry per line; lines that begin with `#` are comments."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.entries and not self.files:
            raise ValueError("needs `entries:` or `files:`; leave the list out to switch its rule off")
        return self


def _entry_list(what: str) -> EntryListOptions | None:
    field: EntryListOptions | None = Field(
        default=None, description=f"{what} null switches the rule off. No list is shipped."
    )
    return field


class UrlOptions(Options):
    """Which URLs a document may come from. Lists are yours to hand in; UT1 Toulouse has well-kept ones."""

    block_hosts: EntryListOptions | None = _entry_list(
        "Hosts whose documents go, with all hosts below them. `host/path` means only what begins with that path. "
        f"{_REFINEDWEB} It takes the lists of UT1 Toulouse."
    )
    block_urls: EntryListOptions | None = _entry_list(
        f"URLs whose documents go, letter by letter. {_REFINEDWEB}"
    )
    allow_hosts: EntryListOptions | None = _entry_list(
        "Hosts (or `host/path`) on which no other URL rule is tried: mends a blocklist that takes too much. Strict "
        "mode only."
    )
    allow_only: bool = Field(
        default=False, description="Only documents of `allow_hosts` stay. Strict mode only."
    )
    hard_words: EntryListOptions | None = _entry_list(
        f"A URL with one of these words goes; words are runs of letters and digits. {_REFINEDWEB}"
    )
    soft_words: EntryListOptions | None = _entry_list(
        f"A URL with at least `soft_threshold` different words of these goes. {_REFINEDWEB}"
    )
    soft_threshold: int = Field(default=2, ge=1, description=f"See `soft_words`. {_REFINEDWEB} (2).")
    subwords: EntryListOptions | None = _entry_list(
        f"A URL goes that holds one of these anywhere once all but letters and digits is taken out. {_REFINEDWEB}"
    )
    drop_ip_hosts: bool = Field(
        default=False, description="Whether URLs whose host is an IP address go. Strict mode only."
    )
    drop_shorteners: bool = Field(
        default=False,
        description="Whether URLs of link shorteners go: their pages are redirects. Strict mode only.",
    )
    shorteners: EntryListOptions | None = Field(
        default=None, description="Hosts of link shorteners; null takes gristmill.filter.urls.SHORTENERS."
    )
    drop_missing: bool = Field(
        default=False, description="Whether documents without a URL go; other URL rules pass them."
    )

    @model_validator(mode="after")
    def _allowlist_is_there(self) -> Self:
        if self.allow_only and self.allow_hosts is None:
            raise ValueError("`allow_only` needs `allow_hosts:`, the hosts that stay")
        return self
