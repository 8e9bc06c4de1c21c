from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gristmill.llm.budget import Budget, admit

COSTS = st.lists(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=3), max_size=12)


def test_without_a_budget_all_groups_are_admitted() -> None:
    assert admit([[(10**9, 10**9)], []], None) == [True, True]


def test_a_group_that_does_not_fit_is_skipped_and_the_next_is_tried() -> None:
    groups = [[(6, 1)], [(3, 1), (2, 1)], [(4, 1)]]
    assert admit(groups, Budget(prompt_tokens=10)) == [True, False, True]


def test_either_limit_holds() -> None:
    assert admit([[(1, 5)], [(1, 5)], [(1, 1)]], Budget(prompt_tokens=100, output_tokens=6)) == [
        True,
        False,
        True,
    ]


def test_a_budget_of_nothing_admits_what_costs_nothing() -> None:
    assert admit([[], [(0, 0)], [(1, 0)]], Budget(prompt_tokens=0, output_tokens=0)) == [True, True, False]


@given(COSTS, st.integers(0, 200), st.integers(0, 200))
def test_what_is_admitted_never_exceeds_the_budget(
    groups: list[list[tuple[int, int]]], prompt: int, output: int
) -> None:
    admitted = admit(groups, Budget(prompt_tokens=prompt, output_tokens=output))
    taken = [cost for group, taken in zip(groups, admitted, strict=True) if taken for cost in group]
    assert sum(cost[0] for cost in taken) <= prompt
    assert sum(cost[1] for cost in taken) <= output
