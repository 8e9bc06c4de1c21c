"""The rules of `filtered`: which measure each reads, and what it allows.

Rules are tried in the order of `list_rules`; the first that a document breaks is the one its decision names:

1. `empty`: no word (in compat mode: no character).
2. `language.languages`, then `language.min_score`.
3. `gopher_repetition.*`: paragraphs, lines, most frequent 2- to 4-grams, repeated 5- to 10-grams.
4. `gopher_quality.*`, in the order of the options.

That is the order of FineWeb (huggingface/datatrove, examples/fineweb.py). A rule is called what its bound is called in
the recipe. A value equal to its bound passes, except `language.min_score`, which must be exceeded. A null measure
breaks no rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from gristmill.documents import DECISIONS, DROP, KEEP
from gristmill.filter.options import FilterOptions

EMPTY = "empty"

# Measure behind each bound, in the order in which huggingface/datatrove tries them.
_REPETITION = {
    "max_dup_para_ratio": "dup_para_frac",
    "max_dup_para_char_ratio": "dup_para_char_frac",
    "max_dup_line_ratio": "dup_line_frac",
    "max_dup_line_char_ratio": "dup_line_char_frac",
    **{f"max_top_{n}_gram_ratio": f"top_{n}_gram_char_frac" for n in (2, 3, 4)},
    **{f"max_dup_{n}_gram_ratio": f"dup_{n}_gram_char_frac" for n in range(5, 11)},
}
_QUALITY = {
    "min_words": "n_non_symbol_words",
    "max_words": "n_non_symbol_words",
    "min_mean_word_chars": "mean_word_len",
    "max_mean_word_chars": "mean_word_len",
    "max_hash_ratio": "hash_ratio",
    "max_ellipsis_ratio": "ellipsis_ratio",
    "max_bullet_line_ratio": "bullet_line_ratio",
    "max_ellipsis_line_ratio": "end_ellipsis_ratio",
    "min_alpha_word_ratio": "alpha_word_ratio",
    "min_stop_words": "stop_word_types",
}


@dataclass(frozen=True)
class Rule:
    """One bound on one measure; `at_least` and `at_most` let the bound itself pass, `above` does not."""

    name: str
    measure: str
    allows: Literal["at_least", "at_most", "above"]
    bound: float

    def broken(self) -> pl.Expr:
        """Whether a row of measures breaks the rule; null where the measure is null."""
        value = pl.col(self.measure)
        if self.allows == "at_least":
            return value < self.bound
        return value > self.bound if self.allows == "at_most" else value <= self.bound


def list_rules(options: FilterOptions) -> list[Rule]:
    """The rules with a bound, in the order in which they are tried; without `language.languages`, which has none."""
    compat = options.mode == "compat"
    rules = [Rule(EMPTY, "n_chars" if compat else "n_words", "at_least", 1.0)]
    if options.language.min_score is not None:
        rules.append(Rule("language.min_score", "lang_score", "above", options.language.min_score))
    for group, measures in (("gopher_repetition", _REPETITION), ("gopher_quality", _QUALITY)):
        bounds = getattr(options, group)
        for name, measure in measures.items() if bounds is not None else ():
            bound = getattr(bounds, name)
            if bound is None or (compat and bound == 0):  # the reference takes 0 for "off"
                continue
            allows: Literal["at_least", "at_most"] = "at_least" if name.startswith("min_") else "at_most"
            rules.append(Rule(f"{group}.{name}", measure, allows, float(bound)))
    return rules


def decide(measures: pl.DataFrame, options: FilterOptions) -> pl.DataFrame:
    """One decision per row of MEASURES, in order: keep, or drop with rule, value and bound of the first rule broken.

    `detail` names the language where one of its rules decided. `language.languages` has no bound.
    """
    rules = list_rules(options)
    verdicts = [_verdict(rule.broken(), rule.name, rule.measure, rule.bound) for rule in rules]
    if options.language.languages is not None:
        foreign = ~pl.col("lang").is_in(options.language.languages)
        verdicts.insert(1, _verdict(foreign, "language.languages", "lang_score", None))
    decided = measures.select("id", "lang", pl.coalesce(verdicts).alias("verdict")).unnest("verdict")
    by_language = pl.col("rule").str.starts_with("language.")
    return decided.select(
        "id",
        pl.when(pl.col("rule").is_null()).then(pl.lit(KEEP)).otherwise(pl.lit(DROP)).alias("action"),
        "rule",
        "value",
        "bound",
        pl.lit(None, DECISIONS["other_id"]).alias("other_id"),
        pl.when(by_language).then(pl.format("language {}", "lang")).alias("detail"),
    )


def _verdict(broken: pl.Expr, name: str, measure: str, bound: float | None) -> pl.Expr:
    return pl.when(broken).then(
        pl.struct(
            pl.lit(name).alias("rule"),
            pl.col(measure).cast(pl.Float64).alias("value"),
            pl.lit(bound, pl.Float64).alias("bound"),
        )
    )
