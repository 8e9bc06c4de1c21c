"""A budget split over groups."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.documents import check_conservation
from gristmill.select import SCORES, QuotaOptions, SelectOptions, select_documents
from gristmill.select.quotas import solve_quotas


def _scores(*rows: tuple[str, str | None, int, float | None]) -> pl.DataFrame:
    common = {"source": "code", "shard": "s", "asset": "raw", "method": "natural", "generation_depth": 0}
    return pl.DataFrame(
        [
            {
                "id": name,
                "language": language,
                "tokens": tokens,
                "n_chars": tokens,
                "quality": quality,
                **common,
            }
            for name, language, tokens, quality in rows
        ],
        schema=SCORES,
    )


FILES = _scores(
    ("a", "C", 30, 0.9), ("b", "C", 30, 0.2), ("c", "Go", 30, 0.1), ("d", "Go", 30, 0.8), ("e", None, 60, 0.5)
)  # fmt: skip


def _options(budget: int, **more: object) -> SelectOptions:
    return SelectOptions(budget_tokens=budget, quotas=QuotaOptions(), **more)  # type: ignore[arg-type]


def test_each_language_spends_its_share_on_its_best_files() -> None:
    selected = select_documents(FILES, _options(60))
    assert selected.selection["id"].to_list() == ["a", "d", "e"]
    dropped = selected.decisions.filter(pl.col("action") == "drop")
    assert dropped.select("id", "rule", "value", "bound").rows() == [
        ("b", "quota", 30.0, 20.0),
        ("c", "quota", 30.0, 20.0),
    ]
    assert [row["group"] for row in selected.figures["quotas"]] == ["C", "Go", "none"]


def test_the_last_file_may_pass_the_quota_and_a_quota_of_nothing_takes_none() -> None:
    assert select_documents(FILES, _options(1)).selection["id"].to_list() == ["a"]


def test_what_a_language_has_too_little_of_is_reported_and_given_to_no_other() -> None:
    figures = select_documents(FILES, _options(1_800)).figures
    assert figures["shortfall"] == 1_800 - 180
    assert {row["group"]: row["shortfall"] for row in figures["quotas"]} == {"C": 540, "Go": 540, "none": 540}


def test_equal_scores_go_by_id_and_a_minimum_still_holds() -> None:
    tied = _scores(("b", "C", 10, 0.5), ("a", "C", 10, 0.5), ("c", "C", 10, 0.4))
    selected = select_documents(tied, _options(10, min_quality=0.45))
    assert selected.selection["id"].to_list() == ["a"]
    rules = dict(selected.decisions.select("id", "rule").iter_rows())
    assert rules == {"a": None, "b": "quota", "c": "min_quality"}


def test_quotas_need_a_budget() -> None:
    with pytest.raises(ValidationError, match="needs `budget_tokens`"):
        SelectOptions(quotas=QuotaOptions())


def test_largest_remainders_get_one_more_and_ties_go_by_name() -> None:
    assert solve_quotas({"b": 1, "a": 1, "c": 1}, 4) == {"a": 2, "b": 1, "c": 1}
    assert solve_quotas({"a": 0}, 5) == {"a": 0}


@settings(max_examples=60, deadline=None)
@given(
    tokens=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**12), min_size=1),
    budget=st.integers(0, 10**12),
)
def test_quotas_add_up_to_the_budget_and_are_off_by_less_than_one(
    tokens: dict[str, int], budget: int
) -> None:
    quotas, total = solve_quotas(tokens, budget), sum(tokens.values())
    assert sum(quotas.values()) == (budget if total else 0)
    assert all(abs(quotas[name] * total - budget * count) < total for name, count in tokens.items() if total)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["C", "Go", None]), st.integers(0, 50), st.floats(0, 1)), min_size=1
    ),
    budget=st.integers(1, 500),
)
def test_rows_are_conserved_and_no_quota_is_passed_by_more_than_one_file(
    rows: list[tuple[str | None, int, float]], budget: int
) -> None:
    table = _scores(*((f"d{n:03}", *row) for n, row in enumerate(rows)))
    if not table["tokens"].sum():
        return
    selected = select_documents(table, _options(budget))
    check_conservation(table.height, selected.selection, selected.decisions, "selected")
    for row in selected.figures["quotas"]:
        of_group = table.filter(pl.col("language").fill_null("none") == row["group"])
        assert row["tokens_kept"] < row["quota"] + max(of_group["tokens"].max(), 1)
        assert row["tokens_kept"] >= min(row["quota"], row["tokens_available"])
