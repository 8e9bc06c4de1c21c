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
from gristmill.select.options import SelectOptions
from gristmill.select.order import in_order
from gristmill.select.quotas import report_quotas, solve_nested_quotas, take_by_quota

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
MIN_SCORES = "min_scores."  # followed by the column
LABELS = "labels."  # followed by the column
BUDGET = "budget"
QUOTA = "quota"

MAX_GROUPS_SHOWN = 20
_NO_GROUP = "none"
_BETWEEN_KEYS = "\x1f"  # of a group of groups; no name has it


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
    (value: the score), `min_scores.COLUMN` (value: the score, null where there is none), `labels.COLUMN`, `budget`
    (value: tokens of this document and all taken before it, bound: the budget), `quota` (value: tokens of its group
    taken before it, bound: the quota).
    Raises StageError where an id occurs twice and where nothing is kept.
    """
    if scores["id"].n_unique() != scores.height:
        repeated = scores.filter(pl.col("id").is_duplicated())["id"].unique().sort().head(3).to_list()
        raise StageError(
            f"selected: ids are scored more than once, {repeated} among them; an id must occur once"
        )
    ordered, quotas = _decide(in_order(scores, options), options)
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
    return Selected(decisions, selection, _figures(ordered, selection, quotas, options))


def _decide(ordered: pl.DataFrame, options: SelectOptions) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Add action, rule, value and bound; the second table is QUOTAS, where there are any.

    `ordered` is in the order in which the budget is spent.
    """
    asked, quotas = _ask_rules(ordered, options), None
    if options.quotas is None:
        cut = _cut_by_budget(asked, options)
    else:
        cut, quotas = _cut_by_quota(asked, options)
    action = pl.when(pl.col("rule").is_null()).then(pl.lit(KEEP)).otherwise(pl.lit(DROP))
    return cut.with_columns(action.alias("action")), quotas


def _ask_rules(ordered: pl.DataFrame, options: SelectOptions) -> pl.DataFrame:
    """Add rule, value and bound of the first rule that drops a document whatever the budget; null for the others."""
    minimum, quality = options.min_quality, pl.col("quality")
    rules: list[tuple[str, pl.Expr, pl.Expr | float | None, float | None]] = [
        (EMPTY, pl.col("tokens") <= 0, 0.0, 1.0)
    ]
    if minimum is not None:
        rules += [
            (UNSCORED, quality.is_null(), None, minimum),
            (MIN_QUALITY, quality < minimum, quality, minimum),
        ]
    for name, least in options.min_scores.items():
        below = (pl.col(name) < least).fill_null(True)
        rules.append((f"{MIN_SCORES}{name}", below, pl.col(name), least))
    for name, labels in options.labels.items():
        others = ~pl.col(name).is_in(list(labels)).fill_null(False)
        rules.append((f"{LABELS}{name}", others, None, None))
    dropped = pl.coalesce(
        pl.when(condition).then(
            pl.struct(
                pl.lit(rule).alias("rule"),
                (value if isinstance(value, pl.Expr) else pl.lit(value)).cast(pl.Float64).alias("value"),
                pl.lit(bound, dtype=pl.Float64).alias("bound"),
            )
        )
        for rule, condition, value, bound in rules
    )
    return ordered.with_columns(dropped.alias("dropped")).unnest("dropped")


def _cut_by_budget(asked: pl.DataFrame, options: SelectOptions) -> pl.DataFrame:
    """The rule `budget` for what does not fit any more."""
    if options.budget_tokens is None:
        return asked
    free = pl.col("rule").is_null()
    spent = pl.when(free).then("tokens").otherwise(0).cum_sum()
    over = free & (spent > options.budget_tokens)
    return asked.with_columns(
        *_filled(over, BUDGET, spent.cast(pl.Float64), pl.lit(float(options.budget_tokens)))
    )


def _cut_by_quota(asked: pl.DataFrame, options: SelectOptions) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rule `quota` for those that their group has no more tokens for, and QUOTAS."""
    ordered, quotas = _groups(asked, options)
    taken = take_by_quota(ordered, quotas)
    report = report_quotas(ordered, taken, quotas)
    taken = taken.rename({"take": "_take", "spent": "_spent", "quota": "_quota"})
    over = pl.col("rule").is_null() & ~pl.col("_take")
    filled = _filled(over, QUOTA, pl.col("_spent").cast(pl.Float64), pl.col("_quota").cast(pl.Float64))
    return asked.hstack(taken).with_columns(*filled).drop(taken.columns), report


def _filled(over: pl.Expr, rule: str, value: pl.Expr, bound: pl.Expr) -> tuple[pl.Expr, ...]:
    """Rule, value and bound, with these where `over`."""
    new = {"rule": pl.lit(rule), "value": value, "bound": bound}
    return tuple(
        pl.when(over).then(expression).otherwise(pl.col(name)).alias(name) for name, expression in new.items()
    )


def _groups(asked: pl.DataFrame, options: SelectOptions) -> tuple[pl.DataFrame, dict[str, int]]:
    """The documents as gristmill.select.quotas reads them, and the quota of each group."""
    assert options.quotas is not None
    assert options.budget_tokens is not None
    keys = [pl.col(name).cast(pl.String).fill_null(_NO_GROUP) for name in options.quotas.columns]
    ordered = asked.select(
        pl.concat_str(keys, separator=_BETWEEN_KEYS).alias("group"),
        "tokens",
        pl.col("quality" if options.by == "hash" else options.by).cast(pl.Float64).alias("score"),
        pl.col("rule").is_null().alias("eligible"),
    )
    weights = options.quotas.weights
    weighed = ordered if weights == "all" else ordered.filter("eligible")
    weight = pl.lit(1, dtype=pl.Int64).first() if weights == "equal" else pl.col("tokens").sum()
    mix = {
        tuple(group.split(_BETWEEN_KEYS)): count
        for group, count in weighed.group_by("group").agg(weight.alias("weight")).iter_rows()
    }
    quotas = solve_nested_quotas(mix, options.budget_tokens)
    return ordered, {_BETWEEN_KEYS.join(group): quota for group, quota in quotas.items()}


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


def _figures(
    ordered: pl.DataFrame, selection: pl.DataFrame, quotas: pl.DataFrame | None, options: SelectOptions
) -> dict[str, Any]:
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
    if quotas is not None:
        largest = quotas.sort("quota", "group", descending=[True, False]).head(MAX_GROUPS_SHOWN)
        shown = pl.col("group").str.replace_all(_BETWEEN_KEYS, " / ", literal=True)
        figures["quotas"] = largest.with_columns(shown).to_dicts()
        figures["shortfall"] = int(quotas["shortfall"].sum())
    if options.by not in ("hash", "quality"):
        kept = ordered.filter(pl.col("action") == KEEP)[options.by]
        figures["lowest_score_kept"] = kept.min()
        figures["kept_without_score"] = kept.null_count()
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
