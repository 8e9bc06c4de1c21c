"""Golden cases of the text filters: what is measured, and what the rules make of it, in compat mode.

The reference cut words by spaCy and, for some languages, by other libraries. Without spaCy only those cases run
whose words are certain; lines and paragraphs of all cases are compared in tests/filter/test_reference.py.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.documents import DOCUMENTS, frame
from gristmill.filter import FilterOptions, measure_texts
from gristmill.filter.batch import Batch
from gristmill.filter.options import (
    GOPHER_STOP_WORDS,
    C4Options,
    C4ParagraphOptions,
    FineWebOptions,
    GopherQualityOptions,
    GopherRepetitionOptions,
    LanguageOptions,
)
from gristmill.filter.texts import judge_texts
from tests.golden.harness import Case, Golden
from tests.golden.topics import filters_privacy

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
    "gopher_quality.min_words": "gopher_short_doc",
    "gopher_quality.max_words": "gopher_long_doc",
    "gopher_quality.min_mean_word_chars": "gopher_below_avg_threshold",
    "gopher_quality.max_mean_word_chars": "gopher_above_avg_threshold",
    "gopher_quality.max_hash_ratio": "gopher_too_many_hashes",
    "gopher_quality.max_ellipsis_ratio": "gopher_too_many_ellipsis",
    "gopher_quality.max_bullet_line_ratio": "gopher_too_many_bullets",
    "gopher_quality.max_ellipsis_line_ratio": "gopher_too_many_end_ellipsis",
    "gopher_quality.min_alpha_word_ratio": "gopher_below_alpha_threshold",
    "gopher_quality.min_stop_words": "gopher_enough_stop_words",
    "gopher_repetition.max_dup_para_ratio": "dup_para_frac",
    "gopher_repetition.max_dup_para_char_ratio": "dup_para_char_frac",
    "gopher_repetition.max_dup_line_ratio": "dup_line_frac",
    "gopher_repetition.max_dup_line_char_ratio": "dup_line_char_frac",
    **{f"gopher_repetition.max_top_{n}_gram_ratio": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"gopher_repetition.max_dup_{n}_gram_ratio": f"duplicated_{n}_n_grams" for n in range(5, 11)},
    "c4.filter_lorem_ipsum": "lorem_ipsum",
    "c4.filter_curly_bracket": "curly_bracket",
    "c4.min_sentences": "too_few_sentences",
    "c4_paragraph.min_paragraphs": "< 3 paragraphs",
    "fineweb.empty": "empty",
    "fineweb.min_line_punct_ratio": "line_punct_ratio",
    "fineweb.max_short_line_ratio": "short_line_ratio",
    "fineweb.max_char_dup_ratio": "char_dup_ratio",
    "fineweb.max_newline_word_ratio": "list_ratio",
}
_C4_OF_FINEWEB = C4Options(filter_no_terminal_punct=False)


def options(case: Case, **groups: Any) -> FilterOptions:
    """These groups alone, in compat mode, by the splitter of the reference where it is there."""
    words = _SPACY.get(case["input"]["language"], "unicode") if _HAS_SPACY else "unicode"
    off: dict[str, Any] = {"gopher_repetition": None, "gopher_quality": None}
    return FilterOptions(
        language=LanguageOptions(min_score=None), mode="compat", words=words, **{**off, **groups}
    )


def judged(case: Case, **groups: Any) -> tuple[str | None, str | None]:
    """(rule that drops the text or None, text afterwards where it changed)."""
    batch = Batch(frame([{"id": "d", "text": case["input"]["text"]}], DOCUMENTS))
    batch.measure(
        pl.DataFrame({"lang": [None], "lang_score": [None]}, {"lang": pl.String, "lang_score": pl.Float64})
    )
    judge_texts(batch, options(case, **groups), folder=Path(), threads=1)
    decision = batch.decide().row(0, named=True)
    if decision["action"] == "drop":
        return decision["rule"], None
    return None, batch.texts.item() if decision["action"] == "edit" else None


def measure(case: Case) -> dict[str, Any]:
    """All measures of a case, by the splitter of the reference where it is there."""
    row = measure_texts(
        pl.Series([case["input"]["text"]]),
        words=options(case).words,
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
            "gopher_repetition": _outcome(case, gopher_repetition=GopherRepetitionOptions()),
            "gopher_quality": _outcome(case, gopher_quality=GopherQualityOptions()),
            "c4": _outcome(case, c4=C4Options()),
            "c4_fineweb": _outcome(case, c4=_C4_OF_FINEWEB),
            "c4_paragraph": _outcome(case, c4_paragraph=C4ParagraphOptions()),
            "fineweb": _outcome(case, fineweb=FineWebOptions()),
            "fineweb_chain": _chain(case),
        }
    }


def _outcome(case: Case, **groups: Any) -> dict[str, Any]:
    """What the reference's filter of this group alone says."""
    (group,) = groups
    rule, text = judged(case, **groups)
    if rule == "empty" and group != "gopher_repetition":  # the only filter that knows this reason
        rule = _EMPTY_ELSEWHERE[group]
    if rule is not None:
        return {"keep": False, "reason": _REASONS[rule]}
    return {"keep": True, "reason": None, **({} if text is None else {"text_after": text})}


# What a text without characters breaks first in the other filters.
_EMPTY_ELSEWHERE = {
    "gopher_quality": "gopher_quality.min_words",
    "c4": "c4.min_sentences",
    "c4_paragraph": "c4_paragraph.min_paragraphs",
    "fineweb": "fineweb.empty",
}


def _chain(case: Case) -> dict[str, Any]:
    rule, _ = judged(
        case,
        gopher_repetition=GopherRepetitionOptions(),
        gopher_quality=GopherQualityOptions(),
        c4=_C4_OF_FINEWEB,
        fineweb=FineWebOptions(),
    )
    if rule is None:
        return {"keep": True, "stage": None, "reason": None}
    group = "gopher_repetition" if rule == "empty" else rule.partition(".")[0]
    return {"keep": False, "stage": "c4_fineweb" if group == "c4" else group, "reason": _REASONS[rule]}


_DOCUMENTS = Golden(
    compute=_documents,
    fields=frozenset(
        f"expected.{name}"
        for name in (
            "measures",
            "gopher_repetition",
            "gopher_quality",
            "c4",
            "c4_fineweb",
            "c4_paragraph",
            "fineweb",
            "fineweb_chain",
        )
    ),
    tolerance=1e-9,
    applies=splits_alike,
)

FILES = {"documents": _DOCUMENTS, "documents_more": _DOCUMENTS, **filters_privacy.FILES}
