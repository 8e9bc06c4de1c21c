from __future__ import annotations

import pytest

from gristmill.rephrase.statements.content import read_content
from gristmill.rephrase.statements.number_roles import find_number_out_of_role

SOURCE = "Between 1915 and 1918 the studio made 6,000 portraits at 35 to 46 marks. It was sold in 1924 for 900 marks."


def _found(text: str) -> tuple[str, str] | None:
    return find_number_out_of_role(read_content(text), read_content(SOURCE))


@pytest.mark.parametrize(
    "text",
    [
        "By 1918 it had made 6,000 portraits for 35 to 46 marks; in 1924 its price was 900 marks.",
        "Its 1924 sale brought 900. The 6,000 portraits cost 46 or 35 marks each.",
        "From 46 marks the price fell to 35.",
    ],
)
def test_numbers_in_their_roles_are_in_order(text: str) -> None:
    assert _found(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It made 1924 portraits and was sold in 6000.", ("1924", "6000")),
        ("A portrait cost 46 to 35 marks.", ("46", "35")),
        ("It was between 1918 and 1915.", ("1918", "1915")),
    ],
)
def test_a_year_that_counts_and_a_range_that_falls_have_changed_places(
    text: str, found: tuple[str, str]
) -> None:
    assert _found(text) == found
