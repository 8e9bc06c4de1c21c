from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.sampling import (
    coverage,
    coverage_interval,
    fit_coverage,
    pass_at_k,
    sampling_figures,
)


@settings(max_examples=50)
@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_draws_with_a_passing_sample(case: tuple[int, int, int]) -> None:
    n, c, k = case
    assert pass_at_k(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k), abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(0, 0, 1), (4, 5, 1), (4, -1, 1), (4, 1, 5), (4, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"pass@k: got"):
        pass_at_k(n, c, k)


def test_coverage_takes_problems_one_by_one_or_counted() -> None:
    assert coverage([(4, 4), (4, 0), (4, 0), (4, 0)], 2) == coverage({(4, 4): 1, (4, 0): 3}, 2) == 0.25
    with pytest.raises(ValueError, match="got no problem"):
        coverage([], 1)


def test_the_interval_holds_the_estimate_and_depends_on_the_seed_alone() -> None:
    problems = {(8, 0): 30, (8, 2): 40, (8, 8): 30}
    low, high = coverage_interval(problems, 2, seed=3)
    assert 0.3 < low < coverage(problems, 2) < high < 0.7
    assert coverage_interval(dict(reversed(problems.items())), 2, seed=3) == (low, high)


@pytest.mark.parametrize("space", ["coverage", "log"])
def test_a_curve_is_found_again_and_is_not_stretched_too_far(space: str) -> None:
    ks = [1, 2, 4, 8, 16]
    fit = fit_coverage(ks, [math.exp(-1.2 * k**-0.4) for k in ks], space=space)  # type: ignore[arg-type]
    assert fit is not None
    assert (fit.a, fit.b) == pytest.approx((-1.2, -0.4), abs=1e-6)
    assert fit.max_residual < 1e-6
    assert fit.reaches(160)
    assert not fit.reaches(161)
    assert fit.advised_samples(0.1) == 2
    assert fit.advised_samples(0.0001) is None


@pytest.mark.parametrize("measured", [[0.5, 1, 1], [0, 0, 0, 0], [0.4, 0.4, 0.4], [0.9, 0.5, 0.1]])
def test_no_curve_is_fitted_where_there_is_none(measured: list[float]) -> None:
    assert fit_coverage(range(1, len(measured) + 1), measured) is None


def test_figures_have_a_row_per_k() -> None:
    figures = sampling_figures({(4, 1): 6, (4, 0): 4})
    assert figures is not None
    assert [row["coverage"] for row in figures["pass_at_k"]] == pytest.approx([0.15, 0.3, 0.45, 0.6])
    assert (figures["passages"], figures["samples"]) == (10, 4)
    assert sampling_figures({}) is None
