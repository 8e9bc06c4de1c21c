from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.documents import check_schema
from gristmill.errors import RecipeError
from gristmill.score import EXAMPLES, choose_examples
from tests.score.texts import documents, options


def counts(examples: pl.DataFrame) -> dict[tuple[str, str], int]:
    return {(label, fold): n for label, fold, n in examples.group_by("label", "fold").len().iter_rows()}


def test_sides_are_equal_and_a_share_of_each_is_held_out() -> None:
    examples = choose_examples([documents(40, 20)], options())
    check_schema(examples, EXAMPLES, "examples")
    assert counts(examples) == {
        ("positive", "train"): 15,
        ("positive", "holdout"): 5,
        ("negative", "train"): 15,
        ("negative", "holdout"): 5,
    }


def test_at_least_one_document_is_held_out_and_one_is_learnt_from() -> None:
    few = choose_examples([documents(5, 5)], options(holdout=0.01))
    assert counts(few)["positive", "holdout"] == 1
    most = choose_examples([documents(5, 5)], options(holdout=0.99))
    assert counts(most)["positive", "train"] == 1


def test_sides_are_mixed_by_hash() -> None:
    labels = choose_examples([documents()], options())["label"].to_list()
    assert labels != sorted(labels)
    assert labels != sorted(labels, reverse=True)


def test_entries_choose_by_language_length_and_number() -> None:
    table = documents().with_columns(
        lang=pl.when(pl.col("id").str.ends_with("0")).then(pl.lit("de")).otherwise(pl.lit("en"))
    )
    entry = {"sources": ["wiki"], "languages": ["en"], "min_chars": 1, "max_documents": 10}
    chosen = choose_examples([table], options(positives=[entry])).filter(pl.col("label") == "positive")
    assert chosen.height == 10
    assert not chosen["id"].str.ends_with("0").any()
    with pytest.raises(RecipeError, match=r"quality\.positives: 0 documents"):
        choose_examples([table], options(positives=[{"sources": ["wiki"], "min_chars": 10_000}]))


def test_a_document_that_two_entries_want_is_one_example() -> None:
    entry = {"sources": ["wiki"], "min_chars": 1}
    assert choose_examples([documents()], options(positives=[entry, entry]))["id"].is_unique().all()


def test_too_few_documents_are_an_error_that_names_the_side() -> None:
    with pytest.raises(
        RecipeError, match=r"quality\.negatives: 4 documents of sources \['web'\].*at least 5"
    ):
        choose_examples([documents(40, 4)], options())
    with pytest.raises(RecipeError, match=r"quality\.positives: 0 documents"):
        choose_examples([], options())


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(20)), st.integers(0, 20), st.none() | st.integers(5, 12))
def test_order_and_cut_of_the_batches_change_nothing(order: list[int], cut: int, limit: int | None) -> None:
    table = documents(12, 8)
    chosen = options(positives=[{"sources": ["wiki"], "min_chars": 1, "max_documents": limit}])
    shuffled = table[order]
    again = choose_examples([shuffled.head(cut), shuffled.slice(cut)], chosen)
    assert again.equals(choose_examples([table], chosen))


def test_another_seed_chooses_others() -> None:
    first, second = (choose_examples([documents(40, 10)], options(seed=seed)) for seed in (0, 1))
    assert set(first["id"]) != set(second["id"])
