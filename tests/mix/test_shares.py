from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.errors import StageError
from gristmill.mix import SYNTHETIC, MixOptions
from gristmill.mix.shares import Group, solve_quotas, solve_shares

WEB, CODE, WEB_SYNTHETIC = ("web", "natural"), ("code", "natural"), ("web", SYNTHETIC)


def _percent(available: dict[Group, int], **options: object) -> dict[Group, float]:
    shares = solve_shares(available, MixOptions(**options))
    assert sum(shares.values()) == 1
    return {group: float(100 * share) for group, share in shares.items()}


def test_without_options_groups_keep_their_natural_proportions() -> None:
    assert _percent({WEB: 70, CODE: 20, WEB_SYNTHETIC: 10}) == {WEB: 70, CODE: 20, WEB_SYNTHETIC: 10}


def test_a_synthetic_share_alone_keeps_the_proportions_within_each_kind() -> None:
    found = _percent({WEB: 60, CODE: 20, WEB_SYNTHETIC: 5}, synthetic_share=0.2)
    assert found == {WEB: 60, CODE: 20, WEB_SYNTHETIC: 20}


def test_weights_alone_keep_the_proportions_within_each_source() -> None:
    found = _percent({WEB: 30, CODE: 1000, WEB_SYNTHETIC: 10}, weights={"web": 2, "code": 3})
    assert found == {WEB: 30, CODE: 60, WEB_SYNTHETIC: 10}


def test_weights_and_synthetic_share_hold_together() -> None:
    found = _percent(
        {WEB: 30, CODE: 7, WEB_SYNTHETIC: 10}, weights={"web": 0.8, "code": 0.2}, synthetic_share=0.5
    )
    assert found == {WEB: 30, CODE: 20, WEB_SYNTHETIC: 50}


def test_weights_are_read_as_decimals() -> None:
    shares = solve_shares({WEB: 1, CODE: 1}, MixOptions(weights={"web": 0.1, "code": 0.2}))
    assert shares == {WEB: Fraction(1, 3), CODE: Fraction(2, 3)}


def test_a_source_without_weight_is_left_out() -> None:
    assert _percent({WEB: 30, CODE: 70}, weights={"web": 1}) == {WEB: 100, CODE: 0}
    assert _percent({WEB: 30, CODE: 70}, weights={"web": 1, "code": 0}) == {WEB: 100, CODE: 0}


def test_weights_and_synthetic_share_that_exclude_each_other_raise_with_what_is_possible() -> None:
    options = MixOptions(weights={"web": 1, "code": 3}, synthetic_share=0.5)
    with pytest.raises(StageError, match=r"0\.0000 to 0\.2500: only \['web'\]"):
        solve_shares({WEB: 1, CODE: 1, WEB_SYNTHETIC: 1}, options)
    with pytest.raises(StageError, match=r"0\.0000 to 0\.0000: only no source"):
        solve_shares({WEB: 1, CODE: 1}, options)


def test_a_synthetic_share_without_documents_of_a_kind_raises() -> None:
    with pytest.raises(StageError, match="no synthetic document"):
        solve_shares({WEB: 1}, MixOptions(synthetic_share=0.5))
    with pytest.raises(StageError, match="no natural document"):
        solve_shares({WEB_SYNTHETIC: 1}, MixOptions(synthetic_share=0.5))
    assert _percent({WEB: 1}, synthetic_share=0) == {WEB: 100}


def test_a_weight_of_a_source_without_documents_raises_and_offers_the_nearest() -> None:
    with pytest.raises(StageError, match=r"'webb' has weight 1.*Did you mean 'web'\?"):
        solve_shares({WEB: 1}, MixOptions(weights={"webb": 1}))


def test_nothing_selected_raises() -> None:
    with pytest.raises(StageError, match="nothing to mix"):
        solve_shares({}, MixOptions())


def test_the_largest_total_uses_the_scarcest_group_up() -> None:
    options = MixOptions(weights={"web": 1, "code": 1})
    available = {WEB: 100, CODE: 30}
    assert solve_quotas(available, solve_shares(available, options), options) == ({WEB: 30, CODE: 30}, CODE)


def test_repeats_raise_the_largest_total() -> None:
    options = MixOptions(weights={"web": 1, "code": 1}, max_repeats=2.5)
    available = {WEB: 100, CODE: 30}
    assert solve_quotas(available, solve_shares(available, options), options)[0] == {WEB: 75, CODE: 75}


def test_more_tokens_than_repeats_allow_raise_with_the_largest_total() -> None:
    options = MixOptions(weights={"web": 1, "code": 1}, tokens=61)
    available = {WEB: 100, CODE: 30}
    with pytest.raises(StageError, match="61, but 60 is the largest total"):
        solve_quotas(available, solve_shares(available, options), options)


@pytest.mark.parametrize(
    "options",
    [
        {"weights": {}},
        {"weights": {"web": -1.0}},
        {"weights": {"web": 0.0}},
        {"weights": {"web": float("nan")}},
        {"synthetic_share": 1.5},
        {"max_repeats": 0.5},
        {"tokens": 0},
        {"dtype": "int64"},
        {"shard_tokens": 0},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MixOptions(**options)


_AVAILABLE = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["natural", SYNTHETIC])),
    st.integers(1, 10**6),
    min_size=1,
)


@settings(max_examples=60, deadline=None)
@given(
    _AVAILABLE,
    st.none() | st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 10), min_size=1),
    st.none() | st.floats(0, 1),
    st.floats(1, 5),
)
def test_quotas_add_up_and_stay_within_a_token_of_their_shares_and_within_repeats(
    available: dict[Group, int], weights: dict[str, float] | None, share: float | None, repeats: float
) -> None:
    options = MixOptions(weights=weights, synthetic_share=share, max_repeats=repeats)
    try:
        shares = solve_shares(available, options)
    except StageError:
        return
    quotas, _ = solve_quotas(available, shares, options)
    total = sum(quotas.values())
    assert sum(shares.values()) == 1
    assert all(abs(quotas[group] - total * shares[group]) < 1 for group in available)
    assert all(quotas[group] <= int(Fraction(str(repeats)) * available[group]) for group in available)
    if weights is not None:
        for source in {source for source, _ in available}:
            asked = Fraction(str(weights.get(source, 0.0))) / sum(Fraction(str(w)) for w in weights.values())
            assert sum(shares[group] for group in available if group[0] == source) == asked
    if share is not None:
        assert sum(shares[group] for group in available if group[1] == SYNTHETIC) == Fraction(str(share))
