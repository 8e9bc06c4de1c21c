"""Options of the language rules."""

from __future__ import annotations

from pydantic import Field

from gristmill.file_options import input_file
from gristmill.options import Options

# Languages that the model, and readers, take for one another; codes of ISO 639-1 and 639-3.
CLOSE = (
    ("bs", "hr", "sr", "sh", "bos", "hrv", "srp", "hbs"),
    ("no", "nb", "nn", "da", "nor", "nob", "nno", "dan"),
    ("id", "ms", "min", "ind", "msa", "zsm"),
    ("zh", "yue", "wuu", "zho", "cmn"),
)


class LanguageOptions(Options):
    """Which languages stay, by the fastText model lid.176 or another one."""

    languages: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="Languages that stay, as the model names them (`en`, `de`, `zh`, ...). null keeps every "
        "language, and fills `lang` all the same. FineWeb (arXiv 2406.17557) keeps `en`.",
    )
    min_score: float | None = Field(
        default=0.65,
        ge=0,
        le=1,
        description="A document stays if the score of its language is above this, whichever it is. null "
        "switches the rule off; do so for code. Source: FineWeb (arXiv 2406.17557), huggingface/datatrove "
        "examples/fineweb.py.",
    )
    model: str | None = input_file(
        "Another fastText model of languages, such as GlotLID, whose labels are `eng_Latn`; null is lid.176."
    )
    max_chars: int = Field(
        default=2000,
        ge=1,
        description="Characters from the start of a document that the model sees. More costs time and seldom "
        "changes the answer.",
    )
    balance: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="How much of the model's preference for the languages that it saw most is taken out, 0 for "
        "none: a label's rank is p / n^balance, with n the examples that it had in training. Long texts do not "
        "change; short ones in rare languages are named more often, short ones in English less often. Strict mode "
        "only. docs/stages/language.md has the figures.",
    )
    groups: tuple[tuple[str, ...], ...] = Field(
        default=CLOSE,
        strict=False,
        description="Close languages, by code: a document's score is the probability of the whole group of its "
        "language, and `lang` the best of them. Strict mode only.",
    )
