from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.proportions import shared_run_share


def test_words_in_runs_of_five_count_in_any_order() -> None:
    words = [*"abcde", *"fghij", "x"]
    assert shared_run_share(words, [*"fghij", "y", *"abcde"]) == 10 / 11
    assert shared_run_share(words, [*"abcd", "y", *"efgh"]) == 0


def test_too_few_words_copy_nothing() -> None:
    assert shared_run_share([], list("abcde")) == shared_run_share(list("abcd"), list("abcd")) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=12), st.lists(st.sampled_from("ab"), max_size=12))
def test_the_share_is_that_of_covered_places(words: list[str], others: list[str]) -> None:
    known = [others[i : i + 5] for i in range(len(others) - 4)]
    covered = {j for i in range(len(words) - 4) if words[i : i + 5] in known for j in range(i, i + 5)}
    assert shared_run_share(words, others) == (len(covered) / len(words) if words else 0)
