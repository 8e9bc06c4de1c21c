"""The rules over measures: which measure each reads, and what it allows.

Rules are tried in the order of `list_rules`; the first that a document breaks is the one its decision names:

1. `empty`: no word (in compat mode: no character).
2. `language.languages`, then `language.min_score`.
3. `gopher_repetition.*`: paragraphs, lines, most frequent 2- to 4-grams, repeated 5- to 10-grams.
4. `gopher_quality.*`, in the order of the options.
5. `c4.*`: the phrases that drop a document, then sentences, then bad words; `c4_paragraph.*`.
6. `fineweb.*`, of what C4 leaves.

That is the order of FineWeb (huggingface/datatrove, examples/fineweb.py). A rule is called what its bound is called in
the recipe. A value equal to its bound passes, except `language.min_score`, which must be exceeded. A null measure
breaks no rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from gristmill.documents import DECISIONS, DROP, KEEP
from gristmill.filter.batch import VERDICTS
from gristmill.filter.options import FilterOptions

EMPTY = "empty"
LANGUAGES = "language.languages"
BAD_WORDS = "c4.bad_words"

Allows = Literal["at_least", "at_most", "above", "listed"]

# Measure behind each bound, in the order in which huggingface/datatrove tries them.
_GOPHER = {
    "gopher_repetition": {
        "max_dup_para_ratio": "dup_para_frac",
        "max_dup_para_char_ratio": "dup_para_char_frac",
        "max_dup_line_ratio": "dup_line_frac",
        "max_dup_line_char_ratio": "dup_line_char_frac",
        **{f"max_top_{n}_gram_ratio": f"top_{n}_gram_char_frac" for n in (2, 3, 4)},
        **{f"max_dup_{n}_gram_ratio": f"dup_{n}_gram_char_frac" for n in range(5, 11)},
    },
    "gopher_quality": {
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
    },
}
_FINEWEB = {
    "min_line_punct_ratio": "fw_line_punct_ratio",
    "max_short_line_ratio": "fw_short_line_ratio",
    "max_char_dup_ratio": "fw_char_dup_ratio",
    "max_newline_word_ratio": "fw_newline_word_ratio",
}


@dataclass(frozen=True)
class Rule:
    """One bound on one measure; `at_least` and `at_most` let the bound itself pass, `above` does not.

    `listed` has no bound: the language must be one of `names`. `spares` is a value that passes all the same.
    """

    name: str
    measure: str
    allows: Allows
    bound: float | None
    spares: float | None = None
    names: tuple[str, ...] = ()

    def broken(self) -> pl.Expr:
        """Whether a row of measures breaks the rule; null where the measure is null."""
        value = pl.col(self.measure)
        if self.allows == "listed":
            return ~pl.col("lang").is_in(self.names)
        if self.allows == "at_least":
            broken = value < self.bound
        else:
            broken = value > self.bound if self.allows == "at_most" else value <= self.bound
        return broken if self.spares is None else broken & (value != self.spares)


def list_rules(options: FilterOptions) -> list[Rule]:
    """The rules over measures, in the order in which they are tried."""
    compat = options.mode == "compat"
    rules = [Rule(EMPTY, "n_chars" if compat else "n_words", "at_least", 1.0)]
    allowed, min_score = options.language.languages, options.language.min_score
    # The reference asks whether a language that may stay is probable enough, not which is the most probable one.
    any_allowed = compat and allowed is not None and min_score is not None
    if allowed is not None and not any_allowed:
        rules.append(Rule(LANGUAGES, "lang_score", "listed", None, names=allowed))
    if min_score is not None:
        measure = "lang_allowed_score" if any_allowed else "lang_score"
        rules.append(Rule("language.min_score", measure, "above", min_score))
    for group, measures in _GOPHER.items():
        bounds = getattr(options, group)
        for name, measure in measures.items() if bounds is not None else ():
            bound = getattr(bounds, name)
            if bound is not None and not (compat and bound == 0):  # the reference takes 0 for "off"
                rules.append(_bound(f"{group}.{name}", measure, bound))
    return [*rules, *_c4_rules(options), *_fineweb_rules(options)]


def judge(measures: pl.DataFrame, rules: list[Rule]) -> pl.DataFrame:
    """VERDICTS: the first rule that each row of measures breaks, with value and bound."""
    verdicts = [
        pl.when(rule.broken()).then(
            pl.struct(
                pl.lit(rule.name).alias("rule"),
                pl.col(rule.measure).cast(pl.Float64).alias("value"),
                pl.lit(rule.bound, pl.Float64).alias("bound"),
            )
        )
        for rule in rules
    ]
    by_language = pl.col("rule").str.starts_with("language.")
    return (
        measures.select("lang", pl.coalesce(verdicts).alias("verdict"))
        .unnest("verdict")
        .select(
            "rule",
            "value",
            "bound",
            pl.when(by_language).then(pl.format("language {}", "lang")).alias("detail"),
        )
        .cast(pl.Schema(VERDICTS))
    )


def decide(measures: pl.DataFrame, options: FilterOptions) -> pl.DataFrame:
    """One decision per row of measures, in order, by the rules over measures alone: keep, or drop with the first rule.

    So a bound can be tried on stored measures without reading a text. Edits, URL rules, classifiers and rules of the
    user's own are not in it.
    """
    verdicts = judge(measures, list_rules(options))
    dropped = pl.col("rule").is_not_null()
    return (
        measures.select("id")
        .hstack(verdicts)
        .with_columns(
            pl.when(dropped).then(pl.lit(DROP)).otherwise(pl.lit(KEEP)).alias("action"),
            pl.lit(None, pl.String).alias("other_id"),
        )
        .select(*DECISIONS)
    )


def count_broken(measures: pl.DataFrame, rules: list[Rule]) -> pl.DataFrame:
    """What each rule would take: columns rule, bound, alone, first, only (documents).

    alone: documents that break it. first: those for which it is the first. only: those that break no other rule, so
    that they would stay without it.
    """
    broken = measures.select(rule.broken().fill_null(False).alias(rule.name) for rule in rules)
    times = broken.select(pl.sum_horizontal(pl.all().cast(pl.UInt32)).alias("times"))["times"]
    first = judge(measures, rules)["rule"]
    return pl.DataFrame(
        {
            "rule": [rule.name for rule in rules],
            "bound": pl.Series([rule.bound for rule in rules], dtype=pl.Float64),
            "alone": [broken[rule.name].sum() for rule in rules],
            "first": [(first == rule.name).sum() for rule in rules],
            "only": [(broken[rule.name] & (times == 1)).sum() for rule in rules],
        }
    )


def _c4_rules(options: FilterOptions) -> list[Rule]:
    rules = []
    c4 = options.c4
    if c4 is not None:
        if c4.filter_lorem_ipsum:
            rules.append(Rule("c4.filter_lorem_ipsum", "c4_lorem_ipsum_lines", "at_most", 0.0))
        if c4.filter_curly_bracket:
            rules.append(Rule("c4.filter_curly_bracket", "c4_curly_bracket_lines", "at_most", 0.0))
        if c4.min_sentences is not None:
            rules.append(_bound("c4.min_sentences", "c4_n_sentences", c4.min_sentences))
        if options.mode == "strict":  # the reference keeps a document of which no line is left
            rules.append(Rule("c4.empty", "c4_n_lines", "at_least", 1.0))
        if c4.bad_words is not None:
            rules.append(Rule(BAD_WORDS, "c4_bad_words", "at_most", 0.0))
    if options.c4_paragraph is not None:
        rules.append(
            _bound("c4_paragraph.min_paragraphs", "c4_n_long_lines", options.c4_paragraph.min_paragraphs)
        )
    return rules


def _fineweb_rules(options: FilterOptions) -> list[Rule]:
    fineweb = options.fineweb
    if fineweb is None:
        return []
    rules = [Rule("fineweb.empty", "fw_n_lines", "at_least", 1.0)]
    for name, measure in _FINEWEB.items():
        bound = getattr(fineweb, name)
        if bound is not None:
            zero = 0.0 if name == "min_line_punct_ratio" and fineweb.line_punct_exclude_zero else None
            rules.append(_bound(f"fineweb.{name}", measure, bound, spares=zero))
    return rules


def _bound(name: str, measure: str, bound: float, spares: float | None = None) -> Rule:
    at_least = name.rpartition(".")[2].startswith("min_")
    return Rule(name, measure, "at_least" if at_least else "at_most", float(bound), spares)
