"""Options of the rules of Gopher (arXiv 2112.11446): quality and repetition."""

from __future__ import annotations

from pydantic import Field

from gristmill.filter.options.fields import ratio
from gristmill.options import Options

# Gopher: "at least two of the following English words" (A.1.1).
GOPHER_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

_QUALITY = (
    "Source: Gopher (arXiv 2112.11446), A.1.1, as read by huggingface/datatrove. null switches the rule off."
)
_REPETITION = "Source: Gopher (arXiv 2112.11446), Table A1. null switches the rule off."


class GopherQualityOptions(Options):
    """Bounds of the ten quality rules of Gopher; a value equal to its bound passes."""

    min_words: int | None = Field(
        default=50, ge=0, description=f"Fewest words, punctuation not counted. {_QUALITY}"
    )
    max_words: int | None = Field(
        default=100_000, ge=0, description=f"Most words, punctuation not counted. {_QUALITY}"
    )
    min_mean_word_chars: float | None = Field(
        default=3.0, ge=0, description=f"Smallest mean length of a word in characters. {_QUALITY}"
    )
    max_mean_word_chars: float | None = Field(
        default=10.0, ge=0, description=f"Largest mean length of a word in characters. {_QUALITY}"
    )
    max_hash_ratio: float | None = Field(default=0.1, ge=0, description=f"Most `#` per word. {_QUALITY}")
    max_ellipsis_ratio: float | None = Field(
        default=0.1, ge=0, description=f"Most ellipses (`...` or `…`) per word. {_QUALITY}"
    )
    max_bullet_line_ratio: float | None = ratio(
        0.9, "Largest share of lines that begin with a bullet mark.", _QUALITY
    )
    max_ellipsis_line_ratio: float | None = ratio(
        0.3, "Largest share of lines that end with an ellipsis.", _QUALITY
    )
    min_alpha_word_ratio: float | None = ratio(
        0.8, "Smallest share of words, punctuation counted, with a letter in them.", _QUALITY
    )
    min_stop_words: int | None = Field(
        default=2, ge=0, description=f"Fewest different stop words that must occur. {_QUALITY}"
    )
    stop_words: tuple[str, ...] = Field(
        default=GOPHER_STOP_WORDS,
        strict=False,
        min_length=1,
        max_length=64,
        description="The stop words, in lower case; set them with the language. Source: Gopher, A.1.1 (English).",
    )


class GopherRepetitionOptions(Options):
    """Bounds of the thirteen repetition rules of Gopher; a value equal to its bound passes."""

    max_dup_para_ratio: float | None = ratio(0.30, "Largest share of paragraphs seen before.", _REPETITION)
    max_dup_para_char_ratio: float | None = ratio(
        0.20, "Largest share of characters in paragraphs seen before.", _REPETITION
    )
    max_dup_line_ratio: float | None = ratio(0.30, "Largest share of lines seen before.", _REPETITION)
    max_dup_line_char_ratio: float | None = ratio(
        0.20, "Largest share of characters in lines seen before.", _REPETITION
    )
    max_top_2_gram_ratio: float | None = ratio(
        0.20, "Largest share of characters in the most frequent 2-gram of words.", _REPETITION
    )
    max_top_3_gram_ratio: float | None = ratio(0.18, "The same for 3-grams.", _REPETITION)
    max_top_4_gram_ratio: float | None = ratio(0.16, "The same for 4-grams.", _REPETITION)
    max_dup_5_gram_ratio: float | None = ratio(
        0.15, "Largest share of characters in 5-grams of words seen before.", _REPETITION
    )
    max_dup_6_gram_ratio: float | None = ratio(0.14, "The same for 6-grams.", _REPETITION)
    max_dup_7_gram_ratio: float | None = ratio(0.13, "The same for 7-grams.", _REPETITION)
    max_dup_8_gram_ratio: float | None = ratio(0.12, "The same for 8-grams.", _REPETITION)
    max_dup_9_gram_ratio: float | None = ratio(0.11, "The same for 9-grams.", _REPETITION)
    max_dup_10_gram_ratio: float | None = ratio(0.10, "The same for 10-grams.", _REPETITION)
