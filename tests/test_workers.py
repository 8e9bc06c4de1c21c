from __future__ import annotations

import math
import os

import pytest

from gristmill.workers import Workers


def _process_and_root(number: int) -> tuple[int, float]:
    return os.getpid(), math.sqrt(number)


def test_many_items_are_worked_on_in_other_processes_in_order() -> None:
    with Workers(2) as workers:
        results = workers.map(_process_and_root, range(100), at_least=100)
        again = workers.map(_process_and_root, range(100, 200), at_least=100)
    assert [root for _, root in results + again] == [math.sqrt(number) for number in range(200)]
    assert os.getpid() not in {process for process, _ in results + again}


@pytest.mark.parametrize(("count", "items"), [(2, 99), (1, 500)])
def test_few_items_or_one_core_need_no_other_process(count: int, items: int) -> None:
    with Workers(count) as workers:
        results = workers.map(_process_and_root, range(items), at_least=100)
    assert {process for process, _ in results} == {os.getpid()}


def test_an_error_comes_back() -> None:
    with Workers(2) as workers, pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        workers.map(_process_and_root, [4, -4], at_least=1)
