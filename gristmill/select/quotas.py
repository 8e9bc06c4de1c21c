"""A token budget split over groups, by their share of the tokens, and spent within each on the best documents.

So the mix of languages stays what it was while the quality rises. Source: Arctic-SnowCoder (arXiv 2409.02326), phase 2.
DataMan (arXiv 2502.19363) splits over sources, and what a source gets over the domains of its documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from gristmill.documents import Schema

QUOTAS: Schema = {
    "group": pl.String,
    "tokens_available": pl.Int64,
    "quota": pl.Int64,
    "tokens_kept": pl.Int64,
    "documents_kept": pl.Int64,
    "cut_score": pl.Float64,  # the lowest score that was taken
    "shortfall": pl.Int64,  # tokens that the group has too few of; they are not given to others
}


def solve_quotas(tokens: Mapping[str, int], budget: int) -> dict[str, int]:
    """Whole tokens for each group in proportion to `tokens`, by largest remainder; they add up to the budget.

    Of equal remainders the group whose name sorts first gets one more. All are 0 where there are no tokens.
    """
    total = sum(tokens.values())
    if total <= 0:
        return dict.fromkeys(sorted(tokens), 0)
    exact = {group: Fraction(budget * tokens[group], total) for group in sorted(tokens)}
    quotas = {group: int(share) for group, share in exact.items()}
    by_remainder = sorted(exact, key=lambda group: quotas[group] - exact[group])
    for group in by_remainder[: budget - sum(quotas.values())]:
        quotas[group] += 1
    return quotas


def solve_nested_quotas(tokens: Mapping[tuple[str, ...], int], budget: int) -> dict[tuple[str, ...], int]:
    """Whole tokens for each group, named by several keys: split over the first key, each part over the next one.

    All names have as many keys. Each split is one of `solve_quotas`.
    """
    outer: dict[str, int] = {}
    inner: dict[str, dict[tuple[str, ...], int]] = {}
    for (first, *rest), count in tokens.items():
        outer[first] = outer.get(first, 0) + count
        inner.setdefault(first, {})[tuple(rest)] = count
    solved: dict[tuple[str, ...], int] = {}
    for first, quota in solve_quotas(outer, budget).items():
        parts = {(): quota} if () in inner[first] else solve_nested_quotas(inner[first], quota)
        solved |= {(first, *rest): part for rest, part in parts.items()}
    return solved


def take_by_quota(ordered: pl.DataFrame, quotas: Mapping[str, int]) -> pl.DataFrame:
    """Per document, in order, whether its group still had tokens to spend when its turn came.

    ordered: group, tokens, `eligible` (Boolean), in the order in which the budget is spent. Documents are taken until
    the quota is reached, so the last one of a group may pass it; a quota of 0 takes none. Out: take (Boolean), spent
    (Int64: tokens of the eligible ones of the group before), quota (Int64).
    """
    quota = pl.col("group").replace_strict(dict(quotas), default=0, return_dtype=pl.Int64)
    spending = pl.when("eligible").then("tokens").otherwise(0)
    known = ordered.with_columns(
        quota.alias("quota"), (spending.cum_sum() - spending).over("group").alias("spent")
    )
    return known.select(
        (pl.col("eligible") & (pl.col("spent") < pl.col("quota"))).alias("take"), "spent", "quota"
    )


def report_quotas(ordered: pl.DataFrame, taken: pl.DataFrame, quotas: Mapping[str, int]) -> pl.DataFrame:
    """QUOTAS, one row per group, by name. ordered: as for `take_by_quota`, with `score`; taken: its result."""
    kept = pl.col("take")
    groups = (
        ordered.hstack(taken.select("take"))
        .group_by("group")
        .agg(
            pl.col("tokens").sum().alias("tokens_available"),
            pl.col("tokens").filter(kept).sum().alias("tokens_kept"),
            kept.sum().alias("documents_kept"),
            pl.col("score").filter(kept).min().alias("cut_score"),
        )
    )
    quota = pl.col("group").replace_strict(dict(quotas), default=0, return_dtype=pl.Int64).alias("quota")
    shortfall = (pl.col("quota") - pl.col("tokens_kept")).clip(lower_bound=0).alias("shortfall")
    return (
        groups.with_columns(quota)
        .with_columns(shortfall)
        .sort("group")
        .select(pl.col(name).cast(dtype) for name, dtype in QUOTAS.items())
    )
