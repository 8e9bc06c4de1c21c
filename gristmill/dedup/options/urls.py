"""Options of the stage `unique_urls`: which documents of the same URL are dropped."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gristmill.options import Options

# Click and session identifiers that say who asked, not for what. The first are the campaign parameters of web
# analytics, then the click ids of Google Ads and Facebook, then the names under which PHP, Java servlets and forums
# keep sessions.
TRACKING_PARAMETERS = ("utm_*", "gclid", "fbclid", "PHPSESSID", "jsessionid", "sid")


class UrlOptions(Options):
    """Which documents are dropped because another one has the same URL, written the same way or another."""

    keep: Literal["newest", "longest", "first"] = Field(
        default="newest",
        description="Which document of a URL stays. `newest`: that of the latest date, of equal dates the one "
        "registered last. `longest`: that with the most characters, of equal ones the one registered first. `first`: "
        "the one registered first. Source: The Llama 3 Herd of Models (arXiv 2407.21783), section 3.1.1.",
    )
    within: Literal["year", "ever"] = Field(
        default="year",
        description="`year`: only documents of the same calendar year (UTC) are compared, so a page is kept once a "
        "year; those without a date are compared with each other. `ever`: all are compared, and any date is newer than "
        "none.",
    )
    drop_parameters: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=TRACKING_PARAMETERS,
        strict=False,
        description="Parameters of the query, or of the path after a semicolon, that do not count, in any case of "
        "letters; a `*` at the end stands for any ending. Some old sites number their articles by `sid`: leave it out "
        "where such pages matter.",
    )
    snapshot_shards: int | None = Field(
        default=None,
        ge=1,
        description="URLs are collected over the first so many shards by order of registration. null: over all, so "
        "every new shard collects anew, and may replace pages of earlier ones. With a number, later shards are "
        "compared with the snapshot, whose documents stay, and within themselves, and change nothing for the others.",
    )
