from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import StageError
from gristmill.mix import GROUPS, ORDER, MixOptions, plan_mixture
from tests.mix.builders import select

_PLAIN = MixOptions(append_eos=False)


def _many(source: str, count: int, tokens: int = 10, **other: bool) -> pl.DataFrame:
    prefix = "x" if other.get("synthetic") else "n"
    return select(*((f"{source}-{prefix}{n:03}", source, tokens) for n in range(count)), **other)


def _tokens(order: pl.DataFrame) -> dict[tuple[str, str], int]:
    return {
        (source, kind): tokens
        for source, kind, tokens in order.group_by("source", "kind").agg(pl.col("n_tokens").sum()).iter_rows()
    }


def test_without_options_every_selected_document_is_written_once() -> None:
    selection = pl.concat([_many("web", 7), _many("code", 3), _many("web", 2, synthetic=True)])
    order = plan_mixture(selection, _PLAIN).order
    assert order.schema == pl.Schema(ORDER)
    assert order["id"].sort().to_list() == selection["id"].sort().to_list()
    assert order["epoch"].unique().to_list() == [0]


def test_the_end_of_text_token_counts() -> None:
    mixture = plan_mixture(_many("web", 7), MixOptions())
    assert mixture.order["n_tokens"].to_list() == [11] * 7
    assert mixture.figures["tokens"] == 77


def test_weights_hold_on_tokens() -> None:
    selection = pl.concat([_many("web", 50), _many("code", 50)])
    order = plan_mixture(selection, MixOptions(append_eos=False, weights={"web": 4, "code": 1})).order
    assert _tokens(order) == {("web", "natural"): 500, ("code", "natural"): 120}


def test_a_group_misses_its_quota_by_less_than_a_document() -> None:
    selection = pl.concat([_many("web", 50, 7), _many("code", 50, 30)])
    mixture = plan_mixture(selection, MixOptions(append_eos=False, weights={"web": 1, "code": 1}, tokens=400))
    assert _tokens(mixture.order) == {("web", "natural"): 196, ("code", "natural"): 180}
    assert mixture.figures["tokens_asked"] == 400
    assert mixture.figures["tokens"] == 376


def test_real_and_synthetic_documents_mix_one_to_one() -> None:
    selection = pl.concat([_many("web", 30), _many("web", 20, 5, synthetic=True), _many("code", 10)])
    mixture = plan_mixture(selection, MixOptions(append_eos=False, synthetic_share=0.5))
    assert _tokens(mixture.order) == {
        ("web", "natural"): 70,
        ("web", "synthetic"): 100,
        ("code", "natural"): 20,
    }
    assert mixture.figures["used_up_first"] == "web, synthetic"


def test_no_document_is_used_again_before_all_others_of_its_group() -> None:
    selection = pl.concat([_many("web", 10), _many("code", 30)])
    options = MixOptions(append_eos=False, weights={"web": 1, "code": 1}, tokens=500, max_repeats=2.5)
    web = plan_mixture(selection, options).order.filter(pl.col("source") == "web")
    assert web["epoch"].to_list() == [0] * 10 + [1] * 10 + [2] * 5
    first, second = web["id"][:10].to_list(), web["id"][10:20].to_list()
    assert sorted(first) == sorted(second)
    assert first != second


def test_another_seed_gives_another_order_of_the_same_documents() -> None:
    selection = _many("web", 30)
    first, second = (plan_mixture(selection, MixOptions(seed=seed)).order["id"].to_list() for seed in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second)


def test_documents_without_tokens_are_left_out() -> None:
    order = plan_mixture(select(("a", "web", 0), ("b", "web", 3)), MixOptions()).order
    assert order["id"].to_list() == ["b"]


def test_the_table_of_groups_compares_what_was_asked_with_what_came_out() -> None:
    selection = pl.concat([_many("web", 5), _many("code", 5)])
    mixture = plan_mixture(selection, MixOptions(append_eos=False, weights={"web": 1.0}, tokens=45))
    assert mixture.groups.schema == pl.Schema(GROUPS)
    assert mixture.groups.rows() == [
        ("code", "natural", 5, 50, 0.0, 0, 0.0, 0, 0, 0.0),
        ("web", "natural", 5, 50, 1.0, 45, 1.0, 40, 4, 0.8),
    ]
    assert mixture.figures["left_out"] == ["code, natural"]


def test_a_total_that_no_document_fits_into_raises() -> None:
    with pytest.raises(StageError, match="no document fits"):
        plan_mixture(_many("web", 5), MixOptions(tokens=3))


def test_an_empty_selection_raises() -> None:
    with pytest.raises(StageError, match="nothing to mix"):
        plan_mixture(select(), MixOptions())


_GROUP = st.lists(st.integers(1, 30), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.tuples(st.sampled_from("ab"), st.booleans()), _GROUP, min_size=1),
    st.none() | st.floats(0.1, 0.9),
    st.floats(1, 4),
    st.integers(0, 3),
)
def test_documents_are_used_floor_or_ceil_times_and_every_prefix_has_the_proportions(
    sizes: dict[tuple[str, bool], list[int]], share: float | None, repeats: float, seed: int
) -> None:
    selection = pl.concat(
        select(
            *((f"{source}{synthetic:d}{n}", source, size) for n, size in enumerate(of_group)),
            synthetic=synthetic,
        )
        for (source, synthetic), of_group in sizes.items()
    )
    options = MixOptions(synthetic_share=share, max_repeats=repeats, seed=seed)
    try:
        mixture = plan_mixture(selection, options)
    except StageError:
        return
    order, groups = mixture.order, mixture.groups
    asked = {(row["source"], row["kind"]): row for row in groups.iter_rows(named=True)}
    assert sum(row["tokens_asked"] for row in asked.values()) == mixture.figures["tokens_asked"]

    used = Counter(order["id"].to_list())
    longest = {}
    for group, row in asked.items():
        synthetic = group[1] == "synthetic"
        of_group = sizes[group[0], synthetic]
        longest[group] = max(of_group) + 1
        full = row["tokens_asked"] // row["tokens_available"]
        assert {used[f"{group[0]}{synthetic:d}{n}"] - full for n in range(len(of_group))} <= {0, 1}
        assert 0 <= row["tokens_asked"] - row["tokens_got"] < longest[group]

    total = mixture.figures["tokens"]
    halves = {group: longest[group] / 2 for group in asked if asked[group]["tokens_got"]}
    done = dict.fromkeys(asked, 0)
    for source, kind, tokens in order.select("source", "kind", "n_tokens").iter_rows():
        done[source, kind] += tokens
        for group in halves:
            part = asked[group]["tokens_got"] / total
            bound = halves[group] * (1 - part) + part * sum(
                h for other, h in halves.items() if other != group
            )
            assert abs(done[group] - part * sum(done.values())) <= bound + 1e-6

    shuffled = selection.sample(fraction=1, shuffle=True, seed=seed)
    assert plan_mixture(shuffled, options).order.equals(order)
