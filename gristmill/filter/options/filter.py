"""All options of stage `filtered`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.filter.options.c4 import C4Options, C4ParagraphOptions
from gristmill.filter.options.classifiers import ClassifierFilterOptions
from gristmill.filter.options.code import CodeOptions
from gristmill.filter.options.fineweb import FineWebOptions
from gristmill.filter.options.gopher import GopherQualityOptions, GopherRepetitionOptions
from gristmill.filter.options.language import LanguageOptions
from gristmill.filter.options.pii import PiiOptions
from gristmill.filter.options.rules import UserRuleOptions
from gristmill.filter.options.unicode import UnicodeOptions
from gristmill.filter.options.urls import UrlOptions
from gristmill.options import Options


class FilterOptions(Options):
    """What decides whether a document stays, in the order in which it is asked."""

    urls: UrlOptions | None = Field(
        default=None, description="Rules on URLs, by lists that you hand in; null switches all off."
    )
    unicode: UnicodeOptions | None = Field(
        default=None,
        description="Repair of wrongly decoded text, control characters, line ends; `{}` switches it on.",
    )
    language: LanguageOptions = Field(default_factory=LanguageOptions, description="Language by lid.176.")
    gopher_repetition: GopherRepetitionOptions | None = Field(
        default_factory=GopherRepetitionOptions,
        description="Repetition rules of Gopher; null switches all off.",
    )
    gopher_quality: GopherQualityOptions | None = Field(
        default_factory=GopherQualityOptions, description="Quality rules of Gopher; null switches all off."
    )
    c4: C4Options | None = Field(
        default=None, description="Rules of C4, which also remove lines; `{}` switches them on."
    )
    c4_paragraph: C4ParagraphOptions | None = Field(
        default=None, description="The paragraph rule of mC4; `{}` switches it on."
    )
    fineweb: FineWebOptions | None = Field(
        default=None, description="FineWeb's own rules; `{}` switches them on."
    )
    code: CodeOptions | None = Field(
        default=None,
        description="Rules for files of code, by the facts that a source of kind `code` gives; `{}` switches them on.",
    )
    classifiers: tuple[ClassifierFilterOptions, ...] = Field(
        default=(),
        strict=False,
        description="Bounds on what classifiers say, tried in this order; each scores only what is left.",
    )
    rules: tuple[UserRuleOptions, ...] = Field(
        default=(), strict=False, description="Rules of your own, tried in this order after all others."
    )
    pii: PiiOptions | None = Field(
        default=None, description="Masking of personal data in what stays; `{}` masks as FineWeb does."
    )
    words: str = Field(
        default="unicode",
        pattern=r"^(unicode|spacy_[a-z]{2,3})$",
        description="How text is cut into words: `unicode`, fast and for all languages with spaces, or "
        "`spacy_en`, `spacy_fr`, ...: the rules of spaCy for that language, as FineWeb used, slower; needs the "
        "extra `spacy`.",
    )
    mode: Literal["strict", "compat"] = Field(
        default="strict",
        description="`compat` repeats huggingface/datatrove 0.10 to the last digit; `strict` mends what is wrong "
        "there (gristmill/filter/measures.py lists the differences).",
    )

    @property
    def edits(self) -> bool:
        """Whether texts of documents that stay may change."""
        return any(group is not None for group in (self.unicode, self.c4, self.pii))

    @model_validator(mode="after")
    def _classifiers_have_names(self) -> Self:
        names = [entry.name for entry in self.classifiers]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"classifiers: names {repeated} stand twice; each entry needs its own")
        return self

    @model_validator(mode="after")
    def _rules_can_be_read(self) -> Self:
        from gristmill.filter.filter import check_user_rules  # it needs the measures of all groups

        check_user_rules(self)
        return self
