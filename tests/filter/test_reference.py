"""What does not depend on how words are cut, compared with the reference in all golden cases."""

from __future__ import annotations

import pytest

from tests.golden import harness
from tests.golden.topics.filters import measure

WITHOUT_WORDS = (
    "n_lines_splitlines",
    "bullet_line_ratio",
    "end_ellipsis_ratio",
    "n_paras",
    "dup_para_frac",
    "dup_para_char_frac",
    "n_lines_rep",
    "dup_line_frac",
    "dup_line_char_frac",
    "fw_n_lines",
    "fw_line_punct_ratio",
    "fw_short_line_ratio",
    "fw_char_dup_ratio",
)
CASES = [
    case
    for topic, stem, path in harness.files(harness.folder())
    if topic == "filters" and stem.startswith("documents")
    for case in harness.load(path)
]


@pytest.mark.parametrize("name", WITHOUT_WORDS)
def test_lines_and_paragraphs_are_those_of_the_reference(name: str) -> None:
    compared = [case for case in CASES if name in case["expected"]["measures"]]
    assert compared
    for case in compared:
        got = _measured(case)[name]
        assert harness.equal(case["expected"]["measures"][name], got, 1e-9), case["id"]


_known: dict[str, dict[str, object]] = {}


def _measured(case: harness.Case) -> dict[str, object]:
    if case["id"] not in _known:
        _known[case["id"]] = measure(case)
    return _known[case["id"]]
