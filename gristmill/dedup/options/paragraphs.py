"""Options of the stage `paragraphs`: which lines or paragraphs are cut."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.options import Options


class ParagraphOptions(Options):
    """Which lines or paragraphs are cut out of the documents because they occur again and again."""

    unit: Literal["line", "paragraph"] = Field(
        default="line",
        description="What is compared: lines, or paragraphs, which are lines up to a blank one. Source: CCNet "
        "(arXiv 1911.00359), facebookresearch/cc_net, which calls a line a paragraph.",
    )
    hash: Literal["xxhash", "sha1"] = Field(
        default="xxhash",
        description="Hash of the normalised unit. `sha1` takes the first eight bytes of SHA-1 as CCNet does; it runs "
        "in Python and serves to reproduce its tables.",
    )
    min_chars: int = Field(
        default=1,
        ge=0,
        description="Characters that a unit must have, after normalisation, to be counted and cut. With 0 blank lines "
        "count too, as in CCNet, and a text loses its paragraphs.",
    )
    min_count: int = Field(
        default=2,
        ge=2,
        description="Occurrences from which a unit repeats. 2: CCNet. 7: lines seen more than six times, The Llama 3 "
        "Herd of Models (arXiv 2407.21783), section 3.1.1.",
    )
    keep: Literal["first", "none"] = Field(
        default="first",
        description="What stays of a unit that repeats: its first occurrence by order of registration, or nothing, as "
        "in CCNet's two passes.",
    )
    within_document: bool = Field(
        default=True,
        description="A unit that repeats an earlier one of the same document is cut, however rare it is elsewhere. "
        "Source: cc_net/dedup.py.",
    )
    min_chars_left: int = Field(
        default=1,
        ge=0,
        description="Characters that an edited document must still have, without white space at either end. A document "
        "without a unit left is always dropped.",
    )
    snapshot_shards: int | None = Field(
        default=None,
        ge=1,
        description="Units are counted over the first so many shards by order of registration. null counts all shards, "
        "so every new shard counts anew, and makes all shards of stage `paragraphs` anew whose counts differ. With a "
        "number, later shards are compared with the counts of the snapshot and change nothing for the others.",
    )
