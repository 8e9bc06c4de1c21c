from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.documents import DECISIONS, check_conservation, check_schema
from gristmill.errors import StageError
from gristmill.select import SCORES, SELECTION, QuotaOptions, SelectOptions, select_documents


def _scores(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "id": name,
                "source": "web",
                "shard": "web-1",
                "asset": "raw",
                "method": "natural",
                "generation_depth": 0,
                "n_chars": 4 * tokens,
                "tokens": tokens,
                "quality": quality,
            }
            for name, tokens, quality in rows
        ],
        schema=SCORES,
    )


def _dropped(
    scores: pl.DataFrame, options: SelectOptions
) -> dict[str, tuple[str, float | None, float | None]]:
    decisions = select_documents(scores, options).decisions.filter(pl.col("action") == "drop")
    return {row[0]: row[1:] for row in decisions.select("id", "rule", "value", "bound").iter_rows()}


def test_without_options_everything_is_taken_best_first() -> None:
    selected = select_documents(_scores(("a", 5, 0.1), ("b", 5, 0.9), ("c", 5, 0.5)), SelectOptions())
    assert selected.selection["id"].to_list() == ["b", "c", "a"]
    assert selected.selection["rank"].to_list() == [0, 1, 2]
    assert set(selected.decisions["action"]) == {"keep"}
    assert selected.decisions["rule"].null_count() == 3


def test_the_budget_stops_at_the_first_document_that_does_not_fit() -> None:
    scores = _scores(("a", 50, 0.9), ("b", 60, 0.8), ("c", 10, 0.7))
    assert _dropped(scores, SelectOptions(budget_tokens=100)) == {
        "b": ("budget", 110.0, 100.0),
        "c": ("budget", 120.0, 100.0),
    }


def test_a_budget_that_is_met_exactly_is_enough() -> None:
    assert _dropped(_scores(("a", 50, 0.9), ("b", 50, 0.8)), SelectOptions(budget_tokens=100)) == {}


def test_documents_below_the_minimum_and_those_without_a_score_are_dropped_and_cost_nothing() -> None:
    scores = _scores(("a", 50, 0.9), ("b", 60, 0.2), ("c", 50, 0.5), ("d", 10, None))
    assert _dropped(scores, SelectOptions(min_quality=0.5, budget_tokens=100)) == {
        "b": ("min_quality", 0.2, 0.5),
        "d": ("unscored", None, 0.5),
    }


def test_documents_without_a_score_come_last_where_there_is_no_minimum() -> None:
    scores = _scores(("a", 5, None), ("b", 5, -3.0), ("c", 5, float("nan")))
    assert select_documents(scores, SelectOptions()).selection["id"][0] == "b"


def test_a_document_without_tokens_is_dropped_as_empty() -> None:
    assert _dropped(_scores(("a", 5, 0.1), ("b", 0, 0.9)), SelectOptions()) == {"b": ("empty", 0.0, 1.0)}


def test_by_hash_the_order_depends_on_ids_and_seed_alone() -> None:
    names = [f"{n:02}" for n in range(30)]
    rising = _scores(*((name, 5, n / 30) for n, name in enumerate(names)))
    falling = _scores(*((name, 5, 1 - n / 30) for n, name in enumerate(names)))
    first, second = (
        select_documents(scores, SelectOptions(by="hash")).selection["id"].to_list()
        for scores in (rising, falling)
    )
    assert first == second != names
    assert select_documents(rising, SelectOptions(by="hash", seed=1)).selection["id"].to_list() != first


def test_a_smaller_budget_takes_a_prefix_of_a_larger_one() -> None:
    scores = _scores(*((f"{n:02}", 7, (n % 3) / 3) for n in range(30)))
    small, large = (
        select_documents(scores, SelectOptions(budget_tokens=budget)).selection["id"].to_list()
        for budget in (60, 150)
    )
    assert small == large[: len(small)]


def test_figures_say_what_was_kept_and_what_was_left() -> None:
    scores = _scores(("a", 50, 0.9), ("b", 30, 0.8), ("c", 40, None))
    figures = select_documents(scores, SelectOptions(budget_tokens=100)).figures
    assert figures == {
        "rows_out": 2,
        "tokens_in": 120,
        "tokens_kept": 80,
        "share_of_tokens_kept": 0.666667,
        "budget_tokens": 100,
        "budget_left": 20,
        "lowest_quality_kept": 0.8,
        "kept_without_quality": 0,
        "by_source_and_method": [
            {
                "source": "web",
                "method": "natural",
                "documents_kept": 2,
                "documents_left": 1,
                "tokens_kept": 80,
                "tokens_left": 40,
                "mean_quality_kept": 0.85,
            }
        ],
    }


def test_a_selection_without_documents_raises_and_says_why() -> None:
    with pytest.raises(
        StageError, match=r"none of 1 scored documents is kept \(dropped by budget 1; budget_tokens 10"
    ):
        select_documents(_scores(("a", 11, 0.9)), SelectOptions(budget_tokens=10))
    with pytest.raises(StageError, match="none of 0 scored documents is kept"):
        select_documents(_scores(), SelectOptions())


def test_an_id_that_is_scored_twice_raises() -> None:
    with pytest.raises(StageError, match=r"\['a'\] among them"):
        select_documents(_scores(("a", 1, 0.9), ("a", 2, 0.8)), SelectOptions())


@pytest.mark.parametrize(
    "options", [{"budget_tokens": 0}, {"by": "A size"}, {"min_quality": "high"}, {"seed": -1}]
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SelectOptions(**options)


_ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(_ROWS, st.none() | st.integers(1, 400), st.none() | st.floats(0, 1), st.integers(0, 1000))
def test_rows_are_conserved_the_budget_holds_and_order_does_not_count(
    rows: list[tuple[int, float | None]], budget: int | None, minimum: float | None, seed: int
) -> None:
    scores = _scores(*((f"{n:03}", *row) for n, row in enumerate(rows)))
    options = SelectOptions(budget_tokens=budget, min_quality=minimum)
    try:
        selected = select_documents(scores, options)
    except StageError:
        return
    check_schema(selected.decisions, DECISIONS, "selected")
    assert selected.selection.schema == pl.Schema(SELECTION)
    check_conservation(scores.height, selected.selection, selected.decisions, "selected")
    assert budget is None or selected.selection["tokens"].sum() <= budget
    shuffled = scores.sample(fraction=1, shuffle=True, seed=seed)
    again = select_documents(shuffled, options)
    assert again.decisions.equals(selected.decisions)
    assert again.selection.equals(selected.selection)
    assert again.figures == selected.figures


def _rated(*rows: tuple[str, int, int | None, str | None]) -> pl.DataFrame:
    scores = _scores(*((name, tokens, None) for name, tokens, _, _ in rows))
    ratings = pl.Series("rating", [rating for _, _, rating, _ in rows], pl.Int64)
    return scores.with_columns(ratings, pl.Series("domain", [domain for *_, domain in rows], pl.String))


def test_ratings_and_labels_drop_with_a_rule_that_names_their_column() -> None:
    scores = _rated(
        ("a", 5, 5, "A"), ("b", 5, 2, "A"), ("c", 5, None, "A"), ("d", 5, 4, "B"), ("e", 5, 4, None)
    )
    options = SelectOptions(by="rating", min_scores={"rating": 3}, labels={"domain": ["A"]})  # type: ignore[dict-item]
    assert _dropped(scores, options) == {
        "b": ("min_scores.rating", 2.0, 3.0),
        "c": ("min_scores.rating", None, 3.0),
        "d": ("labels.domain", None, None),
        "e": ("labels.domain", None, None),
    }
    assert select_documents(scores, options).figures["lowest_score_kept"] == 5


def test_equal_ratings_are_ordered_by_seed_and_id_alone() -> None:
    scores = _rated(*((f"{n:02}", 1, 3 + n % 2, "A") for n in range(40)))

    def order(table: pl.DataFrame, seed: int) -> list[str]:
        return select_documents(table, SelectOptions(by="rating", seed=seed)).selection["id"].to_list()

    first = order(scores, 1)
    assert first == order(scores.reverse(), 1)
    assert first != order(scores, 2)
    assert set(first[:20]) == {f"{n:02}" for n in range(1, 40, 2)}
    assert first[:20] != sorted(first[:20])


def test_a_temperature_draws_good_ones_more_often_but_not_only_them() -> None:
    scores = _rated(*((f"{n:04}", 1, 5 if n < 500 else 3, "A") for n in range(1000)))
    options = SelectOptions(by="rating", temperature=2.0, budget_tokens=200)
    taken = select_documents(scores, options).selection["id"].to_list()
    good = sum(name < "0500" for name in taken)
    assert 120 < good < 170  # e : 1 at each draw, so 146 at first and fewer as they are used up
    cold = select_documents(scores, SelectOptions(by="rating", temperature=0.01, budget_tokens=200))
    assert all(name < "0500" for name in cold.selection["id"])


def test_quotas_of_groups_in_groups_add_up_and_follow_the_weights() -> None:
    rows = [("a", 60, 5, "A"), ("b", 20, 5, "B"), ("c", 20, 1, "B"), ("d", 100, 1, "C")]
    scores = _rated(*rows).with_columns(source=pl.Series(["web", "web", "web", "books"]))
    quotas = {"by": ["source", "domain"], "weights": "eligible"}
    options = SelectOptions(by="rating", budget_tokens=40, min_scores={"rating": 3}, quotas=quotas)  # type: ignore[arg-type]
    figures = select_documents(scores, options).figures
    assert [(row["group"], row["quota"]) for row in figures["quotas"]] == [
        ("web / A", 30),
        ("web / B", 10),
        ("books / C", 0),
    ]
    equal = options.model_copy(update={"quotas": QuotaOptions(by=("source", "domain"), weights="equal")})
    assert [row["quota"] for row in select_documents(scores, equal).figures["quotas"]] == [20, 20, 0]
