"""The rules on code: which measure each reads, what it allows, and for which languages.

Rules are tried in the order of `list_rules`: licences and kinds of files, then `stack_v2`, `starcoder`, `opencoder`.
The first that a file breaks is the one its decision names; `detail` lists all that it breaks where there are more. A
rule is called what its bound is called in the recipe. A null measure breaks no rule.

Deviations from the references, all of which mend what is wrong there:

- OpenCoder drops by `random.random()`; here the draw is a hash of the seed and the document's id.
- OpenCoder lets a file pass when a rule raises an error; here nothing raises.
- OpenCoder finds `pass`, `import` and `assert` inside other words (`password`); here they are words.
- OpenCoder drops JavaScript that does not parse; there is no parser of JavaScript here, so that rule is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill.filter.batch import VERDICTS
from gristmill.filter.code.extensions import extension_bounds
from gristmill.filter.options.code import (
    LICENCE_CLASSES,
    CodeOptions,
    OpenCoderOptions,
    StackV2Options,
    StarCoderOptions,
)
from gristmill.hashing import uniform

# What a rule may read besides the measures: facts that `raw` wrote, and the draws of rules by share.
LANGUAGE, PATH, LICENCE, LICENCE_CLASS = "language", "path", "licence", "licence_class"
VENDORED, GENERATED, MINIFIED = "vendored", "generated", "minified"
NO_LOGIC_DRAW, GO_TEST_DRAW = "no_logic_draw", "go_test_draw"

# Source: StarCoder2, section on filters.
_MARKUP = ("HTML", "JSON", "Markdown", "Roff", "Roff Manpage", "SMT", "TeX", "Text", "XML")
_BYTE_ASSEMBLIES = ("Motorola 68K Assembly", "WebAssembly")
_STACK_DATA = ("Text", "JSON", "YAML", "Web Ontology Language", "Graphviz (DOT)")
_TEXT_NAME = r"(?i)^(?:.*requirement.*|(?:readme|notes|todo|description|cmakelists)(?:\.[^.]*)?)$"
# Source: StarCoder, preprocessing of bigcode-project/bigcode-dataset.
_SIZED_DATA = ("JSON", "YAML")
_COMMENTED = ("Python", "Java", "JavaScript")
_XML_EXTENSIONS = ("xsl", "xslt")  # XML declarations are part of the language
# Source: OpenCoder-llm/opc_data_filtering, artifacts/program_to_type.py (the common ones) and
# pipeline/code_filter_config.py.
_DATA = (
    *(
        "JSON",
        "JSON with Comments",
        "JSON5",
        "YAML",
        "TOML",
        "INI",
        "XML",
        "SVG",
        "CSV",
        "TSV",
        "CSS",
        "SCSS",
        "Less",
    ),
    *("GraphQL", "Gradle", "HOCON", "BibTeX", "ABNF", "EBNF", "Dotenv", "EditorConfig", "Git Attributes"),
    *(
        "Git Config",
        "Go Module",
        "Go Checksums",
        "Go Workspace",
        "Ignore List",
        "Java Properties",
        "Jest Snapshot",
    ),
    *("JAR Manifest", "Graphviz (DOT)", "Web Ontology Language"),
)
_C, _PYTHON, _GO, _HTML, _SQL, _SHELL = ("C", "C++"), ("Python",), ("Go",), ("HTML",), ("SQL",), ("Shell",)
_DECLARED = ("Python", "C#", "Java", "Go", "JavaScript")  # must have a variable
_SQL_MORE_DIGITS = 0.1
_HTML_DUP_RATIO = 0.60


@dataclass(frozen=True)
class CodeRule:
    """One bound: what was measured, what is allowed, and where it is broken."""

    name: str
    value: pl.Expr
    bound: pl.Expr
    broken: pl.Expr


def list_rules(options: CodeOptions) -> list[CodeRule]:
    """The rules with a bound, in the order in which they are tried."""
    rules = _file_rules(options)
    rules += _stack_v2_rules(options.stack_v2) if options.stack_v2 is not None else []
    rules += _starcoder_rules(options.starcoder) if options.starcoder is not None else []
    rules += _opencoder_rules(options.opencoder) if options.opencoder is not None else []
    return rules


def judge(files: pl.DataFrame, options: CodeOptions) -> pl.DataFrame:
    """VERDICTS: per file, in order, the first rule that it breaks, or nulls.

    files: id, the facts of this module (LANGUAGE to MINIFIED) and the measures that `measured_with` names.
    """
    rules = list_rules(options)
    if not rules:
        return pl.DataFrame({name: [None] * files.height for name in VERDICTS}, schema=VERDICTS)
    known = _with_draws(_with_bounds(files, options), options)
    broken = known.select(rule.broken.fill_null(False).alias(str(n)) for n, rule in enumerate(rules))
    first = known.hstack(broken).select(
        pl.coalesce(
            pl.when(pl.col(str(n))).then(
                pl.struct(
                    pl.lit(rule.name).alias("rule"),
                    rule.value.cast(pl.Float64).alias("value"),
                    rule.bound.cast(pl.Float64).alias("bound"),
                )
            )
            for n, rule in enumerate(rules)
        ).alias("verdict")
    )
    names = pl.concat_list(
        pl.when(pl.col(str(n))).then(pl.lit(rule.name)).otherwise(None) for n, rule in enumerate(rules)
    ).list.drop_nulls()
    all_broken = broken.select(pl.when(names.list.len() > 1).then(names.list.join(", ")).alias("detail"))
    return (
        first.unnest("verdict")
        .hstack(all_broken)
        .select(pl.col(name).cast(dtype) for name, dtype in VERDICTS.items())
    )


def _file_rules(options: CodeOptions) -> list[CodeRule]:
    rules = []
    if options.licences is not None:
        classes = [name for name in options.licences if name in LICENCE_CLASSES]
        names = [name for name in options.licences if name not in LICENCE_CLASSES]
        allowed = pl.col(LICENCE).is_in(names).fill_null(False) | pl.col(LICENCE_CLASS).fill_null(
            "unknown"
        ).is_in(classes)
        rules.append(_flag("code.licences", ~allowed))
    for wanted, name, column in (
        (options.drop_vendored, "code.drop_vendored", VENDORED),
        (options.drop_generated, "code.drop_generated", GENERATED),
        (options.drop_minified, "code.drop_minified", MINIFIED),
    ):
        if wanted:
            rules.append(_flag(name, pl.col(column)))
    return rules


# -- The Stack v2 ---------------------------------------------------------------------------------------------------


def _stack_v2_rules(options: StackV2Options) -> list[CodeRule]:
    group = _Group("code.stack_v2", options)
    markup = _in(_MARKUP)
    letters = (
        pl.when(_in(_BYTE_ASSEMBLIES)).then(pl.col("code_alnum_ratio")).otherwise(pl.col("code_alpha_ratio"))
    )
    visible = pl.col("code_visible_chars")
    text_name = pl.col(PATH).str.split("/").list.last().str.contains(_TEXT_NAME)
    return group.rules(
        group.at_most("max_lines", "code_n_lines"),
        group.at_most("max_line_chars", "code_max_line_chars", ~markup),
        group.at_most("max_markup_line_chars", "code_max_line_chars", markup),
        group.at_most("max_mean_line_chars", "code_mean_line_chars", ~markup),
        group.flag("drop_autogenerated", pl.col("code_autogenerated") > 0),
        group.flag("drop_generated", pl.col(GENERATED)),
        group.at_least("min_alpha_ratio", letters),
        group.at_most("max_encoded_chars", "code_encoded_chars"),
        group.at_most("max_encoded_ratio", "code_encoded_ratio"),
        group.at_most("max_data_lines", "code_n_lines", _in(_STACK_DATA)),
        group.at_least("min_visible_chars", visible),
        group.at_least("min_visible_ratio", visible / pl.col("code_n_chars")),
        group.flag("text_names_only", _in(("Text",)) & ~text_name),
    )


# -- StarCoder ------------------------------------------------------------------------------------------------------


def _starcoder_rules(options: StarCoderOptions) -> list[CodeRule]:
    group = _Group("code.starcoder", options)
    visible = pl.col("code_visible_chars")
    limits = _basic_rules(group, options)
    return group.rules(
        *limits,
        group.flag("drop_xml", (pl.col("code_xml") > 0) & ~pl.col("extension").is_in(_XML_EXTENSIONS)),
        group.above("min_visible_ratio", visible / pl.col("code_n_chars")),
        group.above("min_visible_chars", visible),
        group.at_least("min_data_chars", pl.col("code_n_chars"), _in(_SIZED_DATA)),
        group.at_most("max_data_chars", "code_n_chars", _in(_SIZED_DATA)),
        group.at_least("min_comment_ratio", pl.col("code_comment_ratio"), _in(_COMMENTED)),
        group.at_most("max_comment_ratio", "code_comment_ratio", _in(_COMMENTED)),
    )


def _basic_rules(group: _Group, options: StarCoderOptions) -> list[CodeRule | None]:
    """Bounds on lines and letters: those of the extension where the table is used, else the same for all."""
    if not options.by_extension:
        return [
            group.at_most("max_line_chars", "code_max_any_line_chars"),
            group.at_most("max_mean_line_chars", "code_mean_any_line_chars"),
            group.at_least("min_alnum_ratio", pl.col("code_alnum_ratio")),
        ]
    broken = basic_broken(options.max_mean_line_chars)
    mean_bound = pl.lit(options.max_mean_line_chars, pl.Float64)
    read = {
        "max_line_chars": ("code_max_any_line_chars", pl.col("line_chars")),
        "max_mean_line_chars": ("code_mean_any_line_chars", mean_bound),
        "min_alnum_ratio": ("code_alnum_ratio", pl.col("alnum")),
        "min_alpha_ratio": ("code_alpha_ratio", pl.col("alpha")),
    }
    listed = [
        CodeRule(group.name(name), pl.col(measure), bound, broken[name])
        for name, (measure, bound) in read.items()
    ]
    return [group.flag("by_extension", ~pl.col("has_bounds")), *listed]


def basic_broken(max_mean_line_chars: float | None) -> dict[str, pl.Expr]:
    """Where the bounds in the columns line_chars, alnum and alpha are broken, by rule; null is no bound.

    The mean has a bound only where the longest line has one.
    """
    mean = pl.lit(max_mean_line_chars, pl.Float64)
    return {
        "max_line_chars": pl.col("code_max_any_line_chars") > pl.col("line_chars"),
        "max_mean_line_chars": pl.col("line_chars").is_not_null()
        & (pl.col("code_mean_any_line_chars") > mean),
        "min_alnum_ratio": pl.col("code_alnum_ratio") < pl.col("alnum"),
        "min_alpha_ratio": pl.col("code_alpha_ratio") < pl.col("alpha"),
    }


def _with_bounds(files: pl.DataFrame, options: CodeOptions) -> pl.DataFrame:
    """Add `extension` and, from StarCoder's table, line_chars, alnum, alpha and has_bounds."""
    if options.starcoder is None:
        return files
    name = pl.col(PATH).str.split("/").list.last().str.to_lowercase()
    extension = pl.when(name.str.contains(r".\.")).then(name.str.split(".").list.last()).otherwise(pl.lit(""))
    chosen = options.starcoder
    table = extension_bounds().with_columns(pl.lit(True).alias("has_bounds"))
    usual_line, usual_alnum = table["line_chars"][0], table["alnum"][0]  # of a file without an extension
    usual = (pl.col("line_chars") == usual_line, pl.col("alnum") == usual_alnum)
    table = table.with_columns(
        pl.when(usual[0])
        .then(pl.lit(chosen.max_line_chars, pl.Int64))
        .otherwise("line_chars")
        .alias("line_chars"),
        pl.when(usual[1]).then(pl.lit(chosen.min_alnum_ratio, pl.Float64)).otherwise("alnum").alias("alnum"),
    )
    joined = files.with_columns(extension.alias("extension")).join(
        table, on="extension", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col("has_bounds").fill_null(False))


# -- OpenCoder ------------------------------------------------------------------------------------------------------


def _opencoder_rules(options: OpenCoderOptions) -> list[CodeRule]:
    group = _Group("code.opencoder", options)
    data, html, sql = _in(_DATA), _in(_HTML), _in(_SQL)
    prose = ~(data | _in(_SHELL) | html)  # where strings are a sign of anything
    chars, visible = pl.col("code_n_chars"), pl.col("code_visible_chars")
    own_rules = _in((*_C, *_DECLARED))
    no_logic = group.at_most("max_no_logic_score", "code_no_logic_score", own_rules & _drawn(NO_LOGIC_DRAW))
    test_file = _in(_GO) & pl.col(PATH).str.to_lowercase().str.ends_with("_test.go")
    return group.rules(
        group.at_most("max_replacement_ratio", "code_replacement_ratio"),
        group.at_least("min_words", pl.col("code_n_words")),
        group.at_least("min_chars", chars),
        group.at_most("max_data_chars", chars, data),
        group.at_least("min_mean_word_chars", pl.col("code_mean_word_chars")),
        group.at_most("max_mean_word_chars", "code_mean_word_chars"),
        group.at_least("min_data_unique_word_ratio", pl.col("code_unique_word_ratio"), data),
        *(group.at_most(f"max_top_{n}_gram_ratio", f"code_top_{n}_gram_ratio") for n in (2, 3, 4)),
        *(_dup_rule(group, options, n, html) for n in range(5, 11)),
        group.at_most("max_dup_line_ratio", "code_dup_line_ratio"),
        group.at_most("max_bytes", "n_bytes"),
        group.at_least("min_lines", pl.col("code_n_lines")),
        group.at_most("max_lines", "code_n_lines"),
        group.at_most("max_line_chars", "code_max_line_chars"),
        group.at_least("min_mean_line_chars", pl.col("code_mean_line_chars")),
        group.at_most("max_mean_line_chars", "code_mean_line_chars"),
        group.at_least("min_alpha_ratio", pl.col("code_alpha_visible_ratio")),
        group.at_most(
            "max_digit_ratio",
            "code_digit_visible_ratio",
            more=pl.when(sql).then(_SQL_MORE_DIGITS).otherwise(0),
        ),
        group.at_most("max_space_ratio", "code_space_ratio"),
        group.at_most("max_comment_ratio", "code_comment_ratio", ~html),
        group.flag("drop_xml", pl.col("code_xml") > 0),
        group.flag("drop_generated", pl.col("code_mentions_generated") > 0),
        group.at_most("max_long_string_line_ratio", "code_long_string_line_ratio", prose),
        group.at_most("max_string_ratio", "code_string_ratio", prose),
        group.at_most("max_long_word_ratio", "code_long_word_ratio"),
        group.at_most("max_encoded_chars", "code_encoded_chars"),
        group.at_most("max_encoded_ratio", "code_encoded_ratio"),
        group.at_most("max_hex_word_ratio", "code_hex_word_ratio"),
        group.at_most("max_todo_line_ratio", "code_todo_line_ratio", ~(data | html)),
        group.at_most("max_assert_line_ratio", "code_assert_line_ratio", prose & ~_in(_GO)),
        group.flag("must_parse", _in(_PYTHON) & (pl.col("code_parses") == 0)),
        group.at_most("max_function_line_ratio", "code_function_line_ratio", own_rules),
        group.flag("needs_variables", _in(_DECLARED) & (pl.col("code_n_variables") == 0)),
        group.at_most("max_pass_line_ratio", "code_pass_line_ratio"),
        group.at_most("max_import_line_ratio", "code_import_line_ratio"),
        group.at_most("max_simple_function_ratio", "code_simple_function_ratio"),
        no_logic,
        group.at_most("max_print_line_ratio", "code_print_line_ratio"),
        group.at_most("max_mains", "code_n_mains"),
        group.at_most("max_preprocessor_line_ratio", "code_preprocessor_line_ratio"),
        CodeRule(
            group.name("go_test_drop_share"),
            pl.col(GO_TEST_DRAW),
            pl.lit(options.go_test_drop_share),
            test_file & _drawn(GO_TEST_DRAW),
        ),
        group.at_least("min_visible_chars", visible),
        group.at_least("min_visible_ratio", visible / chars),
    )


def _dup_rule(group: _Group, options: OpenCoderOptions, n: int, html: pl.Expr) -> CodeRule | None:
    bound = getattr(options, f"max_dup_{n}_gram_ratio")
    if bound is None:
        return None
    value = pl.col(f"code_dup_{n}_gram_ratio")
    allowed = pl.when(html).then(min(bound, _HTML_DUP_RATIO)).otherwise(bound)
    return CodeRule(group.name(f"max_dup_{n}_gram_ratio"), value, allowed, value > allowed)


def _with_draws(files: pl.DataFrame, options: CodeOptions) -> pl.DataFrame:
    """Add the draws of rules by share: 1 where the rule may drop the file."""
    if options.opencoder is None:
        return files
    chosen = options.opencoder
    draws = {
        column: pl.Series(
            [uniform(chosen.seed, f"filter/{column}", name) for name in files["id"]], dtype=pl.Float64
        )
        for column in (NO_LOGIC_DRAW, GO_TEST_DRAW)
    }
    shares = {NO_LOGIC_DRAW: chosen.no_logic_drop_share, GO_TEST_DRAW: chosen.go_test_drop_share}
    return files.with_columns(
        *((draw < shares[column]).cast(pl.Float64).alias(column) for column, draw in draws.items())
    )


def _drawn(column: str) -> pl.Expr:
    return pl.col(column) > 0


# -- what rules are made of -----------------------------------------------------------------------------------------


class _Group:
    """Makes the rules of one group of options; a bound of null or a switch that is off gives None."""

    def __init__(self, prefix: str, options: Any) -> None:
        self._prefix = prefix
        self._options = options

    def name(self, option: str) -> str:
        return f"{self._prefix}.{option}"

    def rules(self, *rules: CodeRule | None) -> list[CodeRule]:
        return [rule for rule in rules if rule is not None]

    def at_most(
        self,
        option: str,
        measure: str | pl.Expr,
        where: pl.Expr | None = None,
        *,
        more: pl.Expr | None = None,
    ) -> CodeRule | None:
        bound = getattr(self._options, option)
        if bound is None:
            return None
        value = pl.col(measure) if isinstance(measure, str) else measure
        allowed = pl.lit(float(bound)) if more is None else pl.lit(float(bound)) + more
        return CodeRule(self.name(option), value, allowed, _where(value > allowed, where))

    def at_least(self, option: str, value: pl.Expr, where: pl.Expr | None = None) -> CodeRule | None:
        bound = getattr(self._options, option)
        if bound is None:
            return None
        return CodeRule(self.name(option), value, pl.lit(float(bound)), _where(value < bound, where))

    def above(self, option: str, value: pl.Expr) -> CodeRule | None:
        bound = getattr(self._options, option)
        return (
            None
            if bound is None
            else CodeRule(self.name(option), value, pl.lit(float(bound)), value <= bound)
        )

    def flag(self, option: str, broken: pl.Expr) -> CodeRule | None:
        return _flag(self.name(option), broken) if getattr(self._options, option) else None


def _flag(name: str, broken: pl.Expr) -> CodeRule:
    return CodeRule(name, pl.lit(1.0), pl.lit(0.0), broken)


def _where(broken: pl.Expr, where: pl.Expr | None) -> pl.Expr:
    return broken if where is None else broken & where


def _in(languages: Sequence[str] | Iterable[str]) -> pl.Expr:
    return pl.col(LANGUAGE).is_in(list(languages)).fill_null(False)
