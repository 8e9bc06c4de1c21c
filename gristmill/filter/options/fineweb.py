"""Options of FineWeb's own rules (arXiv 2406.17557, section 3.6)."""

from __future__ import annotations

from pydantic import Field

from gristmill.filter.options.fields import ratio
from gristmill.options import Options

_FINEWEB = (
    "Source: FineWeb (arXiv 2406.17557), section 3.6; huggingface/datatrove. null switches the rule off."
)


class FineWebOptions(Options):
    """Bounds of the four rules of FineWeb; a value equal to its bound passes."""

    min_line_punct_ratio: float | None = ratio(
        0.12, "Smallest share of lines that end with a mark that ends sentences.", _FINEWEB
    )
    line_punct_exclude_zero: bool = Field(
        default=False, description="Let a document pass in which no line at all ends so. " + _FINEWEB
    )
    max_short_line_ratio: float | None = ratio(0.67, "Largest share of short lines.", _FINEWEB)
    short_line_chars: int = Field(default=30, ge=1, description="A line is short up to here. " + _FINEWEB)
    max_char_dup_ratio: float | None = ratio(
        0.01, "Largest share of characters in lines seen before.", _FINEWEB
    )
    max_newline_word_ratio: float | None = Field(
        default=0.3, ge=0, description=f"Most newlines per word. {_FINEWEB}"
    )
