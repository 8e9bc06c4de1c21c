"""Gradient boosting of oblivious trees, for the extractor's classifier: small, exact, no other library needed.

An oblivious tree asks one question per level, so 2 ** depth leaves come from `depth` thresholds: few parameters for
few pages, and evaluation without branches. Each tree sees a part of the pages and of the features.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from gristmill.ingest.html.model import Stage

_BINS = 32
_COARSE_BINS = 8  # of features that are equal for a whole page: few pages, so few thresholds
_MIN_HESSIAN = 1e-3

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@dataclass(frozen=True)
class Boosting:
    """Settings of the boosting."""

    trees: int = 400
    depth: int = 5
    rate: float = 0.03
    l2: float = 10.0
    min_hessian: float = 5.0
    feature_share: float = 0.1
    page_share: float = 0.9
    seed: int = 0


def fit_trees(
    features: Any, labels: Any, weights: Any, pages: Any, coarse: Collection[int], settings: Boosting
) -> Stage:
    """Trees for labels 0..1 (float64[n]) from features (float32[f, n]); `pages` (int64[n]) are sampled as wholes."""
    random = np.random.default_rng(settings.seed)
    edges = [_edges(row, _COARSE_BINS if f in coarse else _BINS) for f, row in enumerate(features)]
    bins = np.stack(
        [np.searchsorted(e, row, side="left") for e, row in zip(edges, features, strict=True)]
    ).astype(np.uint8)
    mean = float((weights * labels).sum() / weights.sum())
    bias = float(np.log(mean / (1 - mean)))
    score = np.full(labels.size, bias)
    columns = np.zeros((settings.trees, settings.depth), np.int16)
    thresholds = np.zeros((settings.trees, settings.depth), np.float32)
    leaves = np.zeros((settings.trees, 1 << settings.depth), np.float32)
    n_columns = max(1, int(settings.feature_share * len(edges)))
    for tree in range(settings.trees):
        chance = 1 / (1 + np.exp(-score))
        gradient = weights * (chance - labels)
        hessian = weights * np.maximum(chance * (1 - chance), _MIN_HESSIAN)
        rows = np.flatnonzero((random.random(int(pages.max()) + 1) < settings.page_share)[pages])
        tried = np.sort(random.choice(len(edges), n_columns, replace=False))
        leaf = np.zeros(labels.size, np.int64)
        for level in range(settings.depth):
            column, cut = _best_split(
                bins, rows, leaf, gradient, hessian, tried, 1 << level, settings.l2, settings.min_hessian
            )
            if column < 0:  # nothing to gain: the level asks what no block answers with yes
                column, cut = int(tried[0]), len(edges[tried[0]])
            columns[tree, level] = column
            thresholds[tree, level] = edges[column][cut] if cut < len(edges[column]) else np.inf
            leaf |= (bins[column] > cut).astype(np.int64) << level
        sums = np.bincount(leaf[rows], gradient[rows], 1 << settings.depth)
        curvature = np.bincount(leaf[rows], hessian[rows], 1 << settings.depth)
        leaves[tree] = -settings.rate * sums / (curvature + settings.l2)
        score += leaves[tree][leaf]
    return Stage(columns, thresholds, leaves, bias)


def _edges(values: Any, bins: int) -> Any:
    """Thresholds between quantiles, or between all values where they are few."""
    distinct = np.unique(values)
    if distinct.size <= bins:
        return ((distinct[1:] + distinct[:-1]) / 2).astype(np.float32)
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    return np.unique(np.quantile(values, shares, method="nearest")).astype(np.float32)


@_compiled
def _best_split(bins, rows, leaf, gradient, hessian, tried, n_leaves, l2, min_hessian):
    best, best_column, best_cut = 0.0, -1, 0
    sums, curvature = np.zeros((n_leaves, 256)), np.zeros((n_leaves, 256))
    for column in tried:
        of_row = bins[column]
        sums[:] = 0
        curvature[:] = 0
        top = 0
        for row in rows:
            value, at = of_row[row], leaf[row]
            top = max(top, value)
            sums[at, value] += gradient[row]
            curvature[at, value] += hessian[row]
        gains = np.zeros(top + 1)
        for at in range(n_leaves):
            all_sum, all_curvature = sums[at].sum(), curvature[at].sum()
            left_sum, left_curvature = 0.0, 0.0
            for cut in range(top):
                left_sum += sums[at, cut]
                left_curvature += curvature[at, cut]
                right_curvature = all_curvature - left_curvature
                if left_curvature >= min_hessian and right_curvature >= min_hessian:
                    gains[cut] += (
                        left_sum**2 / (left_curvature + l2)
                        + (all_sum - left_sum) ** 2 / (right_curvature + l2)
                        - all_sum**2 / (all_curvature + l2)
                    )
        for cut in range(top):
            if gains[cut] > best:
                best, best_column, best_cut = gains[cut], column, cut
    return best_column, best_cut
