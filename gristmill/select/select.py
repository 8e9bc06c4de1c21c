"""Stage `selected`: spend a token budget on the best documents of all shards.

One order, one cut: documents are sorted (by quality, or by hash), and taken from the top until the first one that does
not fit. Skipping it and going on would fill the budget better by at most one document, at the price of preferring
short documents near the cut; so there is one quality above which everything is in and below which nothing is.
With `quotas` that holds within each group (gristmill.select.quotas).

A global step: it holds the table `scores` of all documents, about 300 bytes each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from gristmill.documents import DECISIONS, DROP, KEEP, Schema
from gristmill.errors import StageError
from gristmill.hashing import random_u64
from gristmill.select.options import SelectOptions
from gristmill.select.quotas import report_quotas, solve_quotas, take_by_quota

SELECTION: Schema = {
    "id": pl.String,
    "source": pl.String,
    "shard": pl.String,
    "asset": pl.String,  # whose table `documents` holds the text
    "language": pl.String,
    "repository": pl.String,
    "parent_id": pl.String,
    "method": pl.String,
    "generation_depth": pl.Int32,
    "tokens": pl.Int64,
    "quality": pl.Float64,
    "rank": pl.Int64,  # place in the order in which the budget was spent, from 0
}

# Rules, in the order in which they are asked; the first that holds drops the document.
EMPTY = "empty"
UNSCORED = "unscored"
MIN_QUALITY = "min_quality"
BUDGET = "budget"
QUOTA = "quota"

MAX_GROUPS_SHOWN = 20
_DRAW = "select"
_NO_GROUP = "none"


@dataclass(frozen=True)
class Selected:
    """What `select_documents` returns; both tables are in the order in which the budget was spent."""

    decisions: pl.DataFrame  # DECISIONS, one row per scored document
    selection: pl.DataFrame  # SELECTION, one row per kept document
    figures: dict[str, Any]


def select_documents(scores: pl.DataFrame, options: SelectOptions) -> Selected:
    """Decide on every scored document.

    scores: the rows of all shards, in any order (gristmill.select.scored.SCORES); the result does not depend on it.
    Decisions: `empty` (no token, value 0, bound 1), `unscored` (a minimum is set and there is no score), `min_quality`
    (value: the score), `budget` (value: tokens of this document and all taken before it, bound: the budget), `quota`
    (value: tokens of its group taken before it, bound: the quota).
    Raises StageError where an id occurs twice and where nothing is kept.
    """
    if scores["id"].n_unique() != scores.height:
        repeated = scores.filter(pl.col("id").is_duplicated())["id"].unique().sort().head(3).to_list()
        raise StageError(
            f"selected: ids are scored more than once, {repeated} among them; an id must occur once"
        )
    ordered = _decide(_in_order(scores, options), options)
    decisions = ordered.select(
        pl.col(name)
        if name in ("id", "action", "rule", "value", "bound")
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in DECISIONS.items()
    )
    selection = (
        ordered.filter(pl.col("action") == KEEP)
        .with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("rank"))
        .select(list(SELECTION))
    )
    if selection.is_empty():
        raise StageError(_nothing_kept(ordered, options))
    return Selected(decisions, selection, _figures(ordered, selection, options))


def _in_order(scores: pl.DataFrame, options: SelectOptions) -> pl.DataFrame:
    draws = [random_u64(options.seed, _DRAW, name) for name in scores["id"]]
    drawn = scores.with_columns(pl.Series("draw", draws, dtype=pl.UInt64), pl.col("quality").fill_nan(None))
    if options.by == "hash":
        return drawn.sort("draw", "id")
    if options.quotas is not None:
        return drawn.sort("quality", "id", descending=[True, False], nulls_last=True)
    return drawn.sort("quality", "draw", "id", descending=[True, False, False], nulls_last=True)


def _decide(ordered: pl.DataFrame, options: SelectOptions) -> pl.DataFrame:
    """Add action, rule, value and bound; `ordered` is in the order in which the budget is spent."""
    quality, tokens, minimum = pl.col("quality"), pl.col("tokens"), options.min_quality
    never = pl.lit(False)
    unscored, below = (never, never) if minimum is None else (quality.is_null(), quality < minimum)
    asked = ordered.with_columns(
        pl.when(tokens <= 0)
        .then(pl.lit(EMPTY))
        .when(unscored)
        .then(pl.lit(UNSCORED))
        .when(below)
        .then(pl.lit(MIN_QUALITY))
        .alias("rule")
    )
    if options.quotas is not None:
        return _with_bounds(_cut_by_quota(asked, options), minimum, options)
    spent = pl.when(pl.col("rule").is_null()).then(tokens).otherwise(0).cum_sum()
    over = never if options.budget_tokens is None else spent > options.budget_tokens
    cut = asked.with_columns(
        spent.alias("spent"),
        pl.when(pl.col("rule").is_null() & over).then(pl.lit(BUDGET)).otherwise(pl.col("rule")).alias("rule"),
    )
    return _with_bounds(cut.with_columns(pl.lit(None, pl.Int64).alias("quota")), minimum, options)


def _cut_by_quota(asked: pl.DataFrame, options: SelectOptions) -> pl.DataFrame:
    """Add `spent`, `quota` and the rule of those that their group has no more tokens for."""
    ordered, quotas = _groups(asked, options)
    taken = take_by_quota(ordered, quotas)
    over = taken.select(~pl.col("take"), "spent", "quota").rename({"take": "over"})
    return asked.hstack(over).with_columns(
        pl.when(pl.col("rule").is_null() & pl.col("over"))
        .then(pl.lit(QUOTA))
        .otherwise(pl.col("rule"))
        .alias("rule")
    )


def _groups(asked: pl.DataFrame, options: SelectOptions) -> tuple[pl.DataFrame, dict[str, int]]:
    """The documents as gristmill.select.quotas reads them, and the quota of each group."""
    assert options.quotas is not None
    assert options.budget_tokens is not None
    ordered = asked.select(
        pl.col(options.quotas.by).fill_null(_NO_GROUP).alias("group"),
        "tokens",
        pl.col("quality").alias("score"),
        pl.col("rule").is_null().alias("eligible"),
    )
    mix = dict(ordered.group_by("group").agg(pl.col("tokens").sum()).iter_rows())
    return ordered, solve_quotas(mix, options.budget_tokens)


def _with_bounds(cut: pl.DataFrame, minimum: float | None, options: SelectOptions) -> pl.DataFrame:
    """Add action, value and bound to rows with `rule`, `spent` and `quota`."""
    rule, quality = pl.col("rule"), pl.col("quality")
    unknown = pl.lit(None, dtype=pl.Float64)
    return cut.with_columns(
        pl.when(rule.is_null()).then(pl.lit(KEEP)).otherwise(pl.lit(DROP)).alias("action"),
        pl.when(rule == EMPTY)
        .then(0.0)
        .when(rule == MIN_QUALITY)
        .then(quality)
        .when(rule.is_in([BUDGET, QUOTA]))
        .then(pl.col("spent").cast(pl.Float64))
        .otherwise(unknown)
        .alias("value"),
        pl.when(rule == EMPTY)
        .then(1.0)
        .when(rule.is_in([MIN_QUALITY, UNSCORED]))
        .then(pl.lit(minimum, dtype=pl.Float64))
        .when(rule == BUDGET)
        .then(pl.lit(options.budget_tokens, dtype=pl.Float64))
        .when(rule == QUOTA)
        .then(pl.col("quota").cast(pl.Float64))
        .otherwise(unknown)
        .alias("bound"),
    )


def _nothing_kept(ordered: pl.DataFrame, options: SelectOptions) -> str:
    dropped = ", ".join(f"{rule} {count:,}" for rule, count in sorted(_dropped(ordered).items()))
    limits = f"budget_tokens {options.budget_tokens}, min_quality {options.min_quality}"
    return (
        f"selected: none of {ordered.height:,} scored documents is kept (dropped by {dropped or 'no rule'}; {limits}); "
        "raise budget_tokens, lower min_quality, or see what the stages before have kept"
    )


def _dropped(ordered: pl.DataFrame) -> dict[str, int]:
    counted = ordered.filter(pl.col("action") == DROP).group_by("rule").len()
    return {str(rule): int(count) for rule, count in counted.iter_rows()}


def _figures(ordered: pl.DataFrame, selection: pl.DataFrame, options: SelectOptions) -> dict[str, Any]:
    rule = pl.col("rule")
    tokens_in, tokens_kept = int(ordered["tokens"].sum()), int(selection["tokens"].sum())
    figures: dict[str, Any] = {
        "rows_out": selection.height,
        "tokens_in": tokens_in,
        "tokens_kept": tokens_kept,
        "share_of_tokens_kept": round(tokens_kept / tokens_in, 6),
        "by_source_and_method": _by_group(ordered),
    }
    if options.budget_tokens is not None:
        figures["budget_tokens"] = options.budget_tokens
        figures["budget_left"] = options.budget_tokens - tokens_kept
    if options.quotas is not None:
        before = ordered.with_columns(pl.when(rule != QUOTA).then(rule).alias("rule"))
        groups, quotas = _groups(before, options)
        taken = ordered.select((pl.col("action") == KEEP).alias("take"))
        table = report_quotas(groups, taken, quotas).sort("quota", "group", descending=[True, False])
        figures["quotas"] = table.head(MAX_GROUPS_SHOWN).to_dicts()
        figures["shortfall"] = int(table["shortfall"].sum())
    if (lowest := selection["quality"].min()) is not None:
        figures["lowest_quality_kept"] = lowest
        figures["kept_without_quality"] = selection["quality"].null_count()
    return figures


def _by_group(ordered: pl.DataFrame) -> list[dict[str, Any]]:
    """Tokens kept and left by source and method, the groups with most tokens first."""
    kept = pl.col("action") == KEEP
    grouped = ordered.group_by("source", "method").agg(
        kept.sum().cast(pl.Int64).alias("documents_kept"),
        (~kept).sum().cast(pl.Int64).alias("documents_left"),
        pl.col("tokens").filter(kept).sum().alias("tokens_kept"),
        pl.col("tokens").filter(~kept).sum().alias("tokens_left"),
        pl.col("quality").filter(kept).mean().round(4).alias("mean_quality_kept"),
    )
    largest = grouped.sort(
        pl.col("tokens_kept") + pl.col("tokens_left"), "source", "method", descending=[True, False, False]
    )
    return largest.head(MAX_GROUPS_SHOWN).to_dicts()
