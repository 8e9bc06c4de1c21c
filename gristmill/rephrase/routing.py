"""Which document gets which style, and how its passages are cut for it.

The condition of a style (`where`) is SQL over the columns of one document. Of the styles that want a document, WRAP
draws one for each passage; Nemotron-CC gives it all. Styles that are cut alike share a *layout*: a draw among styles of
several layouts is made for the document, one inside a layout for each passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import polars as pl

from gristmill.documents import Schema
from gristmill.errors import RecipeError, StageError
from gristmill.expressions import check_expression
from gristmill.hashing import uniform
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.passages import Cut
from gristmill.rephrase.style_options import StyleOptions

MIN_PASSAGE_TOKENS = 16  # that a prompt must leave
PROGRAMMING_LANGUAGE = pl.col("meta").str.json_path_match("$.language")  # as sources of code name it


class Layout(NamedTuple):
    """How passages are cut; `style` names the one style that cuts as the reference code does."""

    cut: Cut | Literal["code"]
    max_tokens: int
    min_tokens: int  # a shorter passage joins the one before
    skip_blocks: tuple[str, ...]
    reassemble: bool
    style: str | None = None


def check_conditions(options: RephraseOptions, columns: Schema) -> None:
    """Raise ValueError, naming the style, unless every condition is one over these columns."""
    for style in options.styles:
        if style.where is not None:
            try:
                check_expression(style.where, columns)
            except ValueError as error:
                raise ValueError(f"styles, {style.name!r}: `where` {error}") from error


def columns_read(options: RephraseOptions) -> set[str]:
    """Columns that the conditions read, `meta` among them where a style takes code."""
    conditions = [condition for style in options.styles if (condition := _condition(style)) is not None]
    return {name for condition in conditions for name in condition.meta.root_names()}


def wanting_styles(documents: pl.DataFrame, options: RephraseOptions) -> list[list[StyleOptions]]:
    """Per document the styles that want it, in the order of the recipe. Unknown (null) is no."""
    missing = columns_read(options) - set(documents.columns)
    if missing:
        raise StageError(f"rephrase: `where` reads the columns {sorted(missing)}, which are not given")
    styles = [style for style in options.styles if style.weight > 0]
    wanted = documents.select(
        (pl.lit(True) if (wants := _condition(style)) is None else wants.fill_null(False)).alias(style.name)
        for style in styles
    )
    if wanted.height != documents.height:  # a frame of literals has one row
        return [list(styles) for _ in range(documents.height)]
    return [[s for s, yes in zip(styles, row, strict=True) if yes] for row in wanted.iter_rows()]


def layouts_of(options: RephraseOptions, prompt_tokens: Mapping[str, int]) -> dict[str, Layout]:
    """The layout of every style; `prompt_tokens` are those of its prompt without a passage.

    Raises RecipeError where a prompt leaves fewer than 16 tokens for the passage.
    """
    return {style.name: _layout(style, options, prompt_tokens[style.name]) for style in options.styles}


def reassembles(style: StyleOptions, options: RephraseOptions) -> bool:
    """Whether what this style writes for a document is joined; anchored pairs never are."""
    if style.is_anchored:
        return False
    for given in (style.reassemble, style.defaults.reassemble):
        if given is not None:
            return given
    return options.reassemble


def draw_layout(
    styles: Sequence[StyleOptions], layouts: Mapping[str, Layout], key: str, *, seed: int, balance: str
) -> list[StyleOptions]:
    """The styles of one layout, drawn by the sum of their shares; without a draw where there is only one."""
    found: dict[Layout, list[StyleOptions]] = {}
    for style in styles:
        found.setdefault(layouts[style.name], []).append(style)
    groups = list(found.values())
    if len(groups) == 1:
        return groups[0]
    shares = [sum(share_of(style, balance) for style in group) for group in groups]
    point = uniform(seed, "rephrase.layout", key) * sum(shares)
    for group, share in zip(groups, shares, strict=True):
        point -= share
        if point < 0:
            return group
    return groups[-1]


def share_of(style: StyleOptions, balance: str) -> float:
    """The weight of a style; with balance "tokens", of the tokens that it is expected to write."""
    return style.weight / (style.length_ratio if balance == "tokens" else 1.0)


def _condition(style: StyleOptions) -> pl.Expr | None:
    """Which documents a style wants: by its `where`, and for code by their programming language; None for all."""
    where = None if style.where is None else pl.sql_expr(style.where)
    if not style.writes_code:
        return where
    is_seed = PROGRAMMING_LANGUAGE.is_in(list(style.seeds.languages))
    return is_seed if where is None else where & is_seed


def _layout(style: StyleOptions, options: RephraseOptions, prompt_tokens: int) -> Layout:
    given = style.defaults
    max_input = style.max_input_tokens or given.max_input_tokens
    cut: Cut | Literal["code"] = "code" if style.writes_code else style.cut or given.cut
    limits = [] if given.max_input_tokens is not None else [options.max_passage_tokens]
    if max_input is not None:
        limits.append(max_input - prompt_tokens)
    if min(limits) < MIN_PASSAGE_TOKENS:
        raise RecipeError(
            f"rephrase.styles, {style.name!r}: its prompt has {prompt_tokens} tokens, which leaves {min(limits)} of "
            f"max_input_tokens {max_input} for a passage, must be {MIN_PASSAGE_TOKENS} at least; raise it"
        )
    return Layout(
        cut=cut,
        max_tokens=min(limits),
        min_tokens=0 if cut == "lines" else options.min_passage_tokens,
        skip_blocks=options.skip_blocks if given.skips_blocks else (),
        reassemble=reassembles(style, options),
        style=style.name if style.mode == "compat" else None,
    )
