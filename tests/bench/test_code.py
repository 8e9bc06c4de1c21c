"""The bench of code runs on a small folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.code import SETS, cases, judge, read

FOLDER = str(Path(__file__).parent.parent.parent / "recipes" / "sample" / "repositories")


def test_files_are_read() -> None:
    figures = read(FOLDER, 1)
    assert figures["files"] == 11
    assert figures["mb_per_cpu_s"] > 0


@pytest.mark.parametrize("rules", SETS)
def test_files_are_judged_by_each_set_of_rules(rules: str) -> None:
    figures = judge(FOLDER, 1, rules)
    assert figures["files"] == 11
    assert figures["dropped"] >= 1


def test_there_is_a_case_for_each() -> None:
    assert [case.name for case in cases(FOLDER, 1)] == ["read", *SETS]
