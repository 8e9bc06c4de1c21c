"""Options of stage `filtered`: one module per group of rules."""

from gristmill.filter.options.c4 import C4Options, C4ParagraphOptions
from gristmill.filter.options.classifiers import ClassifierFilterOptions, ClassifierOptions
from gristmill.filter.options.code import (
    CodeOptions,
    OpenCoderOptions,
    StackV2Options,
    StarCoderOptions,
)
from gristmill.filter.options.filter import FilterOptions
from gristmill.filter.options.fineweb import FineWebOptions
from gristmill.filter.options.gopher import (
    GOPHER_STOP_WORDS,
    GopherQualityOptions,
    GopherRepetitionOptions,
)
from gristmill.filter.options.language import LanguageOptions
from gristmill.filter.options.pii import PiiOptions
from gristmill.filter.options.rules import UserRuleOptions
from gristmill.filter.options.unicode import UnicodeOptions
from gristmill.filter.options.urls import EntryListOptions, UrlOptions

__all__ = [
    "GOPHER_STOP_WORDS",
    "C4Options",
    "C4ParagraphOptions",
    "ClassifierFilterOptions",
    "ClassifierOptions",
    "CodeOptions",
    "EntryListOptions",
    "FilterOptions",
    "FineWebOptions",
    "GopherQualityOptions",
    "GopherRepetitionOptions",
    "LanguageOptions",
    "OpenCoderOptions",
    "PiiOptions",
    "StackV2Options",
    "StarCoderOptions",
    "UnicodeOptions",
    "UrlOptions",
    "UserRuleOptions",
]
