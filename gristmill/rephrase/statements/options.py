"""Options of the rules that compare the statements of a rephrasing with its passage's."""

from __future__ import annotations

from pydantic import Field

from gristmill.options import Options


class StatementsOptions(Options):
    """Rules on what a rephrasing states, told by the words around it. `null` and false switch a rule off."""

    min_shared_words: float | None = Field(
        default=0.15,
        description="Least share of the rephrasing's content words that the passage has too, by their beginnings; in "
        "prose that does not condense also the reverse. Less is about something else, such as a refusal. Source: "
        "Gristmill; sound rephrasings of a test set have 0.28 and more, its refusals 0.15 and less in one of the two.",
        ge=0,
        le=1,
    )
    max_repeated: int | None = Field(
        default=1,
        description="Statements that are made again in other words, beyond those of the passage; a long one counts as "
        "two. Finds loops that do not repeat themselves exactly. Source: Gristmill; sound rephrasings of a test set "
        "have 1 at most.",
        ge=0,
    )
    min_exchange_cosine: float | None = Field(
        default=0.55,
        description="How clearly (0..1) the words around two names or two numbers must say that these have changed "
        "places. Source: Gristmill; no sound rephrasing of a test set is rejected at 0.55, the next one at 0.45.",
        ge=0,
        le=1,
    )
    negations: bool = Field(
        default=True,
        description="Reject where a negation of the passage is lost or one is added, in English, German and French. "
        "Source: Gristmill.",
    )
    min_dropped_words: int | None = Field(
        default=6,
        description="Content words of a stretch of the passage that is left out with nothing in its place; two less "
        "for a warning or a condition. Only for prose that does not condense. Source: Gristmill.",
        ge=4,
    )
