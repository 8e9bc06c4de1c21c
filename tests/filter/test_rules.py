from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from gristmill.documents import DECISIONS, check_schema
from gristmill.filter import MEASURES, FilterOptions, decide, list_rules
from gristmill.filter.options import GopherQualityOptions, GopherRepetitionOptions, LanguageOptions

PASSING: dict[str, Any] = {
    "id": "d",
    "lang": "en",
    "lang_score": 0.9,
    "n_chars": 500,
    "n_words": 100,
    "n_non_symbol_words": 90,
    "mean_word_len": 4.5,
    "hash_ratio": 0.0,
    "ellipsis_ratio": 0.0,
    "alpha_word_ratio": 0.9,
    "bullet_line_ratio": 0.0,
    "end_ellipsis_ratio": 0.0,
    "stop_word_types": 4,
    "dup_para_frac": 0.0,
    "dup_para_char_frac": 0.0,
    "dup_line_frac": 0.0,
    "dup_line_char_frac": 0.0,
    **{f"top_{n}_gram_char_frac": 0.05 for n in (2, 3, 4)},
    **{f"dup_{n}_gram_char_frac": 0.05 for n in range(5, 11)},
}


def decide_one(options: FilterOptions | None = None, **measures: Any) -> tuple[Any, ...]:
    row = pl.DataFrame([{name: (PASSING | measures).get(name) for name in MEASURES}], schema=MEASURES)
    decisions = decide(row, options or FilterOptions())
    check_schema(decisions, DECISIONS, "decisions")
    return decisions.select("action", "rule", "value", "bound").row(0)


def test_a_document_that_breaks_no_rule_is_kept() -> None:
    assert decide_one() == ("keep", None, None, None)


@pytest.mark.parametrize(
    ("measure", "value", "rule", "bound"),
    [
        ("n_words", 0, "empty", 1),
        ("lang_score", 0.65, "language.min_score", 0.65),
        ("dup_para_frac", 0.31, "gopher_repetition.max_dup_para_ratio", 0.30),
        ("dup_para_char_frac", 0.21, "gopher_repetition.max_dup_para_char_ratio", 0.20),
        ("dup_line_frac", 0.31, "gopher_repetition.max_dup_line_ratio", 0.30),
        ("dup_line_char_frac", 0.21, "gopher_repetition.max_dup_line_char_ratio", 0.20),
        ("top_2_gram_char_frac", 0.21, "gopher_repetition.max_top_2_gram_ratio", 0.20),
        ("top_3_gram_char_frac", 0.19, "gopher_repetition.max_top_3_gram_ratio", 0.18),
        ("top_4_gram_char_frac", 0.17, "gopher_repetition.max_top_4_gram_ratio", 0.16),
        ("dup_5_gram_char_frac", 0.16, "gopher_repetition.max_dup_5_gram_ratio", 0.15),
        ("dup_10_gram_char_frac", 0.11, "gopher_repetition.max_dup_10_gram_ratio", 0.10),
        ("n_non_symbol_words", 49, "gopher_quality.min_words", 50),
        ("n_non_symbol_words", 100_001, "gopher_quality.max_words", 100_000),
        ("mean_word_len", 2.9, "gopher_quality.min_mean_word_chars", 3),
        ("mean_word_len", 10.1, "gopher_quality.max_mean_word_chars", 10),
        ("hash_ratio", 0.11, "gopher_quality.max_hash_ratio", 0.1),
        ("ellipsis_ratio", 0.11, "gopher_quality.max_ellipsis_ratio", 0.1),
        ("bullet_line_ratio", 0.91, "gopher_quality.max_bullet_line_ratio", 0.9),
        ("end_ellipsis_ratio", 0.31, "gopher_quality.max_ellipsis_line_ratio", 0.3),
        ("alpha_word_ratio", 0.79, "gopher_quality.min_alpha_word_ratio", 0.8),
        ("stop_word_types", 1, "gopher_quality.min_stop_words", 2),
    ],
)
def test_a_broken_rule_is_named_with_value_and_bound(
    measure: str, value: float, rule: str, bound: float
) -> None:
    assert decide_one(**{measure: value}) == ("drop", rule, value, bound)


def test_a_value_equal_to_its_bound_passes() -> None:
    assert decide_one(dup_line_frac=0.3, n_non_symbol_words=50, alpha_word_ratio=0.8)[0] == "keep"


def test_the_first_broken_rule_is_the_one_named() -> None:
    assert (
        decide_one(lang_score=0.1, top_2_gram_char_frac=0.9, n_non_symbol_words=3)[1] == "language.min_score"
    )
    assert (
        decide_one(top_2_gram_char_frac=0.9, n_non_symbol_words=3)[1]
        == "gopher_repetition.max_top_2_gram_ratio"
    )


def test_a_language_that_is_not_wanted_is_named() -> None:
    options = FilterOptions(language=LanguageOptions(languages=("de", "fr")))
    row = pl.DataFrame([{name: PASSING.get(name) for name in MEASURES}], schema=MEASURES)
    decision = decide(row, options).row(0, named=True)
    assert (decision["rule"], decision["value"], decision["bound"]) == ("language.languages", 0.9, None)
    assert decision["detail"] == "language en"
    assert decide(row.with_columns(lang=pl.lit("fr")), options)["action"].item() == "keep"


def test_a_measure_without_meaning_breaks_no_rule() -> None:
    nothing = {name: None for name in PASSING if name not in ("id", "n_words", "n_chars")}
    options = FilterOptions(language=LanguageOptions(languages=("de",)))
    assert decide_one(options, **nothing) == ("keep", None, None, None)


def test_null_switches_a_rule_or_a_group_off() -> None:
    off = FilterOptions(
        language=LanguageOptions(min_score=None),
        gopher_repetition=None,
        gopher_quality=GopherQualityOptions(min_words=None),
    )
    names = [rule.name for rule in list_rules(off)]
    assert names[:2] == ["empty", "gopher_quality.max_words"]
    assert decide_one(off, n_non_symbol_words=3, lang_score=0.1, dup_line_frac=1.0)[0] == "keep"


def test_a_bound_of_zero_allows_nothing_in_strict_and_everything_in_compat() -> None:
    none_allowed = GopherRepetitionOptions(max_dup_line_ratio=0.0)
    strict = FilterOptions(gopher_repetition=none_allowed)
    compat = FilterOptions(gopher_repetition=none_allowed, mode="compat")
    assert decide_one(strict, dup_line_frac=0.01)[1] == "gopher_repetition.max_dup_line_ratio"
    assert decide_one(compat, dup_line_frac=0.01)[0] == "keep"


def test_blanks_alone_are_empty_in_strict_and_too_few_words_in_compat() -> None:
    blanks = {"n_chars": 3, "n_words": 0, "n_non_symbol_words": 0}
    assert decide_one(**blanks)[1] == "empty"
    assert decide_one(FilterOptions(mode="compat"), **blanks)[1] == "gopher_quality.min_words"


def test_every_bound_of_the_options_has_a_rule() -> None:
    options = FilterOptions()
    bounds = {
        f"{group}.{name}"
        for group in ("gopher_repetition", "gopher_quality")
        for name in type(getattr(options, group)).model_fields
        if name.startswith(("min_", "max_"))
    }
    assert {rule.name for rule in list_rules(options)} == bounds | {"empty", "language.min_score"}
    assert {rule.measure for rule in list_rules(options)} <= set(MEASURES)
