"""Options of the rules of C4 and of the paragraph rule of mC4."""

from __future__ import annotations

from pydantic import Field

from gristmill.file_options import input_file
from gristmill.options import Options

_C4 = "Source: C4 (arXiv 1910.10683), section 2.2, as read by huggingface/datatrove."
_C4_CODE = "Source: tensorflow_datasets, text/c4_utils.py, as read by huggingface/datatrove."


class C4Options(Options):
    """Lines that go, and documents that go, by the rules of C4; the text that is left is what later rules see."""

    filter_no_terminal_punct: bool = Field(
        default=True,
        description="Remove lines that do not end with one of `. ? ! \" '`, and those that end with `...`. "
        f"FineWeb (arXiv 2406.17557) leaves this off. {_C4}",
    )
    filter_javascript: bool = Field(default=True, description=f"Remove lines with `javascript`. {_C4}")
    filter_policy: bool = Field(
        default=True,
        description="Remove lines that speak of terms of use, a privacy or cookie policy or the use of cookies. "
        + _C4_CODE,
    )
    filter_lorem_ipsum: bool = Field(
        default=True, description=f"Drop a document with `lorem ipsum` in a line that no rule removed. {_C4}"
    )
    filter_curly_bracket: bool = Field(
        default=True, description=f"Drop a document with `{{` in a line that no rule removed. {_C4}"
    )
    remove_citations: bool = Field(
        default=True, description=f"Remove `[1]`, `[]`, `[edit]` and `[citation needed]`. {_C4_CODE}"
    )
    min_line_words: int | None = Field(
        default=3,
        ge=0,
        description=f"Fewest words of a line, cut at blanks. null keeps lines of any length. {_C4}",
    )
    max_word_chars: int | None = Field(
        default=1000,
        ge=1,
        description=f"A line with a longer word is removed. null keeps them. {_C4_CODE}",
    )
    min_sentences: int | None = Field(
        default=5,
        ge=0,
        description=f"Fewest sentences in the lines that are left. null switches the rule off. {_C4}",
    )
    bad_words: str | None = input_file(
        "File of words, one a line, with which a document is dropped wherever one of them stands between "
        "characters that are no letters, in any case. None is shipped; the list of C4 is "
        f"LDNOOBW/List-of-Dirty-Naughty-Obscene-and-Otherwise-Bad-Words. {_C4}"
    )
    bad_words_inside: bool = Field(
        default=False,
        description="Find the words inside of longer ones too, for languages without blanks (ja, th, zh). "
        + _C4_CODE,
    )
    keep_bad_words_ratio: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the documents with bad words that stays, chosen by id. Source: mC4 "
        "(arXiv 2010.11934), huggingface/datatrove `keep_fraction`.",
    )


class C4ParagraphOptions(Options):
    """The rule of mC4: enough long lines."""

    min_paragraphs: int = Field(
        default=3,
        ge=1,
        description="So many lines must be long. Source: mC4 (arXiv 2010.11934), section 3.1.",
    )
    min_paragraph_chars: int = Field(
        default=200,
        ge=1,
        description="Characters of a long line. Source: mC4 (arXiv 2010.11934), section 3.1.",
    )
