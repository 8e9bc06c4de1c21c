"""Repeated sampling: how many samples of a passage pass the checks, and how many it takes until one does.

pass@k is the unbiased estimate of the share of passages that have a passing sample among k, from n samples of which c
pass; its mean over passages is the coverage. Coverage follows exp(a k^b) with a, b < 0 over a wide range of k, but not
everywhere, so a fit comes with its largest residual, and a prediction beyond ten times the largest k measured is no
prediction. Source: "Large Language Monkeys" (arXiv 2407.21787), sections 2 and 3.

Whether the paper fits coverage or its logarithm is not said; both are here, and the first is the default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

MAX_EXTRAPOLATION = 10  # times the largest k measured
MIN_GAIN = 0.01  # coverage that doubling k must add to be worth its tokens
_MIN_POINTS = 3
_MAX_STEPS = 200  # of the least-squares search; it converges in about ten
_RESAMPLES = 1000
_INTERVAL = (2.5, 97.5)  # percentiles

Problem = tuple[int, int]  # samples, samples that pass
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CoverageFit:
    """coverage(k) = exp(a k^b), fitted up to `max_k`; `max_residual` is the largest error of coverage there."""

    a: float
    b: float
    max_k: int
    max_residual: float

    def predict(self, k: float) -> float:
        """Coverage at k."""
        return float(np.exp(self.a * k**self.b))

    def reaches(self, k: float) -> bool:
        """Whether k is near enough to what was measured for a prediction."""
        return k <= MAX_EXTRAPOLATION * self.max_k

    def advised_samples(self, min_gain: float = MIN_GAIN) -> int | None:
        """The smallest power of 2 whose doubling adds less than `min_gain`; None beyond the reach of the fit."""
        k = 1
        while self.reaches(2 * k):
            if self.predict(2 * k) - self.predict(k) < min_gain:
                return k
            k *= 2
        return None


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Probability that one of k samples passes, drawn without replacement from `samples` of which `passed` pass.

    1 - C(n-c, k) / C(n, k) as a product, so that no factorial overflows. Raises ValueError unless 1 <= k <= samples
    and 0 <= passed <= samples.
    """
    if samples < 1 or not 0 <= passed <= samples or not 1 <= k <= samples:
        raise ValueError(
            f"pass@k: got k={k}, {passed} of {samples} samples passed; k must be between 1 and the samples, and no "
            "more can pass than there are"
        )
    if samples - passed < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(samples - passed + 1, samples + 1)))


def coverage(problems: Mapping[Problem, int] | Sequence[Problem], k: int) -> float:
    """Mean of pass@k over problems, given as (samples, passed), or counted by that.

    Raises ValueError for no problem, and for a k above the smallest number of samples.
    """
    counted = problems if isinstance(problems, Mapping) else Counter(map(tuple, problems))
    total = sum(counted.values())
    if total == 0:
        raise ValueError("coverage: got no problem; at least one is needed")
    return sum(pass_at_k(n, c, k) * times for (n, c), times in counted.items()) / total


def coverage_interval(problems: Mapping[Problem, int], k: int, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of `coverage` by 1,000 resamplings of the problems; deterministic for a seed."""
    kinds = sorted(problems)
    counts = np.array([problems[kind] for kind in kinds])
    values = np.array([pass_at_k(n, c, k) for n, c in kinds])
    total = int(counts.sum())
    drawn = np.random.Generator(np.random.PCG64(seed)).multinomial(total, counts / total, _RESAMPLES)
    low, high = np.percentile(drawn @ values / total, _INTERVAL)
    return float(low), float(high)


def fit_coverage(
    ks: Sequence[float], measured: Sequence[float], *, space: Literal["coverage", "log"] = "coverage"
) -> CoverageFit | None:
    """The curve exp(a k^b) nearest to measured coverage, by least squares in `space`.

    None where fewer than three points lie between 0 and 1, or all are equal, or the search ends at a rising b.
    """
    k, y = np.asarray(ks, np.float64), np.asarray(measured, np.float64)
    inside = (y > 0) & (y < 1)
    if inside.sum() < _MIN_POINTS or np.ptp(y[inside]) == 0:
        return None
    slope, intercept = np.polyfit(np.log(k[inside]), np.log(-np.log(y[inside])), 1)
    if space == "log":
        k, y = k[y > 0], y[y > 0]
    found = _least_squares(k, y, -float(np.exp(intercept)), float(slope), in_log=space == "log")
    if found is None:
        return None
    a, b = found
    residual = float(np.max(np.abs(np.exp(a * k**b) - y)))
    return CoverageFit(a, b, int(max(ks)), residual)


def _least_squares(k: Floats, y: Floats, a: float, b: float, *, in_log: bool) -> tuple[float, float] | None:
    """(a, b) by Levenberg and Marquardt's method from a start near the end."""
    log_k, target = np.log(k), np.log(y) if in_log else y

    def evaluate(a: float, b: float) -> tuple[Floats, Floats]:
        power = k**b
        value = a * power
        slopes = np.stack([power, value * log_k], axis=1)
        if not in_log:
            value = np.exp(value)
            slopes = slopes * value[:, None]
        return target - value, slopes

    residual, slopes = evaluate(a, b)
    damping = 1e-3
    for _ in range(_MAX_STEPS):
        normal = slopes.T @ slopes
        step = np.linalg.solve(
            normal + damping * np.diag(np.diag(normal)) + 1e-300 * np.eye(2), slopes.T @ residual
        )
        tried = (a + float(step[0]), b + float(step[1]))
        new = evaluate(*tried) if tried[0] < 0 and tried[1] < 1 else None
        if new is not None and new[0] @ new[0] <= residual @ residual:
            (a, b), (residual, slopes) = tried, new
            damping = max(damping / 10, 1e-12)
            if np.max(np.abs(step)) < 1e-12:
                break
        elif damping > 1e12:
            break
        else:
            damping *= 10
    return (a, b) if a < 0 and b < 0 else None


def sampling_figures(problems: Mapping[Problem, int], *, seed: int = 0) -> dict[str, Any] | None:
    """What repeated sampling gave: passages, samples, pass@k with interval for each k, the fit, advised samples.

    problems: passages counted by (samples, passed), all drawn in full; None where there is none. `fit` is null where
    no curve can be fitted (see `fit_coverage`); `advised_samples` is the smallest power of 2 whose doubling would add
    less than 0.01, null where the fit does not reach it.
    """
    if not problems:
        return None
    most = min(n for n, _ in problems)
    ks = list(range(1, most + 1))
    values = [coverage(problems, k) for k in ks]
    intervals = [coverage_interval(problems, k, seed=seed) for k in ks]
    fit = fit_coverage(ks, values)
    return {
        "passages": sum(problems.values()),
        "samples": most,
        "pass_at_k": [
            {"k": k, "coverage": value, "low": low, "high": high}
            for k, value, (low, high) in zip(ks, values, intervals, strict=True)
        ],
        "fit": None if fit is None else {"a": fit.a, "b": fit.b, "max_residual": fit.max_residual},
        "advised_samples": None if fit is None else fit.advised_samples(),
    }
