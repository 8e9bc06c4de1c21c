"""Golden cases of the text filters: what is measured, and what Gopher's rules make of it, in compat mode.

The reference cut words by spaCy and, for some languages, by other libraries. Without spaCy only those cases run
whose words are certain; lines and paragraphs of all cases are compared in tests/filter/test_reference.py.
"""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import polars as pl

from gristmill.filter import MEASURED, FilterOptions, decide, measure_texts
from gristmill.filter.options import GOPHER_STOP_WORDS, LanguageOptions
from tests.golden.harness import Case, Golden

# The reference's language codes that spaCy's own rules cut; jieba, Sudachi, PyThaiNLP, Kiwi, ... are not rebuilt here.
_SPACY = {
    "eng": "spacy_en",
    "fra": "spacy_fr",
    "deu": "spacy_de",
    "spa": "spacy_es",
    "rus": "spacy_ru",
    "tur": "spacy_tr",
    "ell": "spacy_el",
    "pol": "spacy_pl",
    "arb_Arab": "spacy_ar",
}
_HAS_SPACY = importlib.util.find_spec("spacy") is not None
# What lies between blanks in a text that every splitter of English cuts alike: a word, initials or a number with
# simple punctuation around it, a hyphen inside, or one mark alone.
_LETTER = "[A-Za-zÀ-ÖØ-öø-ɏͰ-Ͽ]"
_CERTAIN = re.compile(
    rf"""[#"(\[„“]*(?:{_LETTER}+(?:-{_LETTER}{{2,}})*(?:'s|n't)?|{_LETTER}+\d+|£?\d+(?:\.\d+)?|\d-\d|(?:[A-Z]\.){{2,}})"""
    r"""\)?(?:(?<=[a-zα-ώ)][a-zα-ώ)])\.|(?<=[\d)])\.|(?<=[a-zα-ώ])\.\.\.)?[,;:!?"\])”“…]*"""
    r"""|\.\.\.|[-#•*"|–‣…{}]"""
)
_UNCERTAIN = re.compile(  # contractions without an apostrophe, and abbreviations that keep their full stop
    r"(?!(?:is|were|its)$)(?:(?:do|does|did|is|are|was|were|has|have|had|wo|would|could|should|ca|must|need|ai|might)nt"
    r"|cannot|lets|gonna|gotta|cos|em|id|im|ive|nuff|ol|ma|(?:i|you|he|she|we|they|that|there|what|who)(?:m|s|d|ll|ve|re)"
    r"|(?:adm|bros|co|corp|dr|esq|etc|feb|gen|gov|inc|jan|jr|kan|ltd|mr|mrs|ms|messrs|mt|ph|prof|rep|rev|sen|st|vs"
    r"|apr|aug|dec|jul|jun|mar|nov|oct|sep|sept|ala|ariz|ark|calif|colo|conn|del|fla|ga|ia|ind|ky|la|mass|mich"
    r"|minn|miss|mo|mont|neb|nev|okla|ore|pa|tenn|va|wash|wis)\.|[ap]m|.*[ap]\.m\.)",
    re.IGNORECASE,
)

_REASONS = {
    "empty": "empty",
    "min_words": "gopher_short_doc",
    "max_words": "gopher_long_doc",
    "min_mean_word_chars": "gopher_below_avg_threshold",
    "max_mean_word_chars": "gopher_above_avg_threshold",
    "max_hash_ratio": "gopher_too_many_hashes",
    "max_ellipsis_ratio": "gopher_too_many_ellipsis",
    "max_bullet_line_ratio": "gopher_too_many_bullets",
    "max_ellipsis_line_ratio": "gopher_too_many_end_ellipsis",
    "min_alpha_word_ratio": "gopher_below_alpha_threshold",
    "min_stop_words": "gopher_enough_stop_words",
    "max_dup_para_ratio": "dup_para_frac",
    "max_dup_para_char_ratio": "dup_para_char_frac",
    "max_dup_line_ratio": "dup_line_frac",
    "max_dup_line_char_ratio": "dup_line_char_frac",
    **{f"max_top_{n}_gram_ratio": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"max_dup_{n}_gram_ratio": f"duplicated_{n}_n_grams" for n in range(5, 11)},
}


def measure(case: Case) -> dict[str, Any]:
    """All measures of a case, by the splitter of the reference where it is there."""
    words = _SPACY.get(case["input"]["language"]) if _HAS_SPACY else None
    row = measure_texts(
        pl.Series([case["input"]["text"]]),
        words=words or "unicode",
        mode="compat",
        stop_words=GOPHER_STOP_WORDS,
    )
    return row.row(0, named=True)


def splits_alike(case: Case) -> bool:
    """Whether the words are certain to be the reference's."""
    language, text = case["input"]["language"], case["input"]["text"]
    if _HAS_SPACY and language in _SPACY:
        return True
    return language == "eng" and all(
        _CERTAIN.fullmatch(piece) and not _UNCERTAIN.fullmatch(piece.strip('"([,;:!?])'))
        for piece in text.split()
    )


def _documents(case: Case) -> dict[str, Any]:
    measures = measure(case)
    return {
        "expected": {
            # The cases hold no ratio per word for a text without words.
            "measures": {name: measures[name] for name in case["expected"]["measures"]},
            "gopher_repetition": _decide(measures, "gopher_repetition"),
            "gopher_quality": _decide(measures, "gopher_quality"),
        }
    }


def _decide(measures: dict[str, Any], group: str) -> dict[str, Any]:
    off = {name: None for name in ("gopher_repetition", "gopher_quality") if name != group}
    options = FilterOptions(language=LanguageOptions(min_score=None), mode="compat", **off)
    table = pl.DataFrame(
        [{"id": "d", "lang": None, "lang_score": None, **measures}],
        schema={"id": pl.String, "lang": pl.String, "lang_score": pl.Float64, **MEASURED},
    )
    rule = decide(table, options)["rule"].item()
    if rule is None:
        return {"keep": True, "reason": None}
    if rule == "empty" and group == "gopher_quality":  # no characters are too few words there
        rule = "min_words"
    return {"keep": False, "reason": _REASONS[rule.rpartition(".")[2]]}


_DOCUMENTS = Golden(
    compute=_documents,
    fields=frozenset({"expected.measures", "expected.gopher_repetition", "expected.gopher_quality"}),
    tolerance=1e-9,
    applies=splits_alike,
)

FILES = {"documents": _DOCUMENTS, "documents_more": _DOCUMENTS}
