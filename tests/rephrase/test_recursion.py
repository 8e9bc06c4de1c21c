from __future__ import annotations

import math

import pytest

from gristmill.rephrase.recursion import recursion_figures, recursion_guarantee, simulate_recursion


@pytest.mark.parametrize(
    ("share", "candidates", "holds"),
    [(0.5, 2, False), (0.49, 2, True), (0.25, 4, False), (0.24, 4, True), (0.99, 1, True), (1.0, 1, False)],
)
def test_the_share_must_stay_below_one_in_k(share: float, candidates: int, holds: bool) -> None:
    guarantee = recursion_guarantee(share, candidates=candidates)
    assert guarantee.holds is holds
    assert (guarantee.kl_bound is not None) is holds


def test_drift_stays_within_the_bound() -> None:
    reference, reward = [0.7, 0.2, 0.1], [0.0, 1.0, 3.0]
    rounds = simulate_recursion(reference, reward, candidates=3, weight=0.3, steps=12)
    bound = recursion_guarantee(0.3 / 1.3, candidates=3).kl_bound
    drift = [sum(p * math.log(p / q) for p, q in zip(ps, reference, strict=True)) for ps in rounds]
    assert bound is not None
    assert 0 < max(drift) <= bound


def test_only_text_that_is_fed_back_is_warned_of() -> None:
    once = recursion_figures({0: 100, 1: 300}, candidates=2)
    assert (once["synthetic_share"], once["limit"], once["warning"]) == (0.75, 0.5, None)
    again = recursion_figures({0: 100, 1: 200, 2: 100}, candidates=2)
    assert again["size_by_depth"] == {"0": 100, "1": 200, "2": 100}
    assert "75% of the corpus; with the best of 2 taken it must stay below 50%" in again["warning"]
    assert recursion_figures({0: 900, 1: 50, 2: 50}, candidates=2)["warning"] is None
    assert recursion_figures({}, candidates=1)["synthetic_share"] == 0
