"""The order in which a token budget is spent: by hash, by quality, or by a rating.

Ratings are a handful of values, so nearly all are ties: among equal ones the order is drawn from the id. The reference
of DataMan (pengr/DataMan@db3bc94, select_subset.py) sorts them with an unstable sort, and ignores its seed.
"""

from __future__ import annotations

import hashlib
import math

import polars as pl

from gristmill.hashing import random_u64, uniform
from gristmill.select.options import SelectOptions

_DRAW, _NOISE = "select", "select.noise"
_SMALLEST = 2.0**-54  # in place of a uniform draw of 0, whose logarithm is not finite


def in_order(scores: pl.DataFrame, options: SelectOptions) -> pl.DataFrame:
    """The scored documents in the order in which the budget is spent; it does not depend on the order they came in.

    Documents without a score come last.
    """
    known = scores.with_columns(pl.col("quality").fill_nan(None))
    if options.temperature is not None:
        noise = pl.Series("noise", [gumbel(options.seed, name) for name in scores["id"]], pl.Float64)
        key = tempered_key(options.by, options.temperature).alias("key")
        keys = known.with_columns(noise).with_columns(key)
        return keys.sort("key", "id", descending=[True, False], nulls_last=True).drop("noise", "key")
    if options.by not in ("hash", "quality"):
        draws = pl.Series("draw", [priority(options.seed, name) for name in scores["id"]], pl.UInt64)
        return known.with_columns(draws).sort(
            options.by, "draw", "id", descending=[True, False, False], nulls_last=True
        )
    draws = pl.Series("draw", [random_u64(options.seed, _DRAW, name) for name in scores["id"]], pl.UInt64)
    drawn = known.with_columns(draws)
    if options.by == "hash":
        return drawn.sort("draw", "id")
    if options.quotas is not None:
        return drawn.sort("quality", "id", descending=[True, False], nulls_last=True)
    return drawn.sort("quality", "draw", "id", descending=[True, False, False], nulls_last=True)


def priority(seed: int, document_id: str) -> int:
    """Place of a document among those with the same rating, the smallest first: 64 bits of BLAKE2b."""
    digest = hashlib.blake2b(f"{seed}\0{document_id}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def gumbel(seed: int, document_id: str) -> float:
    """A draw from the standard Gumbel distribution that depends on seed and id alone."""
    return -math.log(-math.log(max(uniform(seed, _NOISE, document_id), _SMALLEST)))


def tempered_key(column: str, temperature: float) -> pl.Expr:
    """Score / temperature + noise: taking the largest first draws without replacement by exp(score / temperature)."""
    return pl.col(column) / temperature + pl.col("noise")
