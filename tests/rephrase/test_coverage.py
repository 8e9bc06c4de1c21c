from __future__ import annotations

import pytest

from gristmill.rephrase.statements.content import read_content
from gristmill.rephrase.statements.coverage import find_dropped

SOURCE = (
    "Run the machine empty at 90 °C with bleach, then with vinegar. Never use the two in the same cycle: together they "
    "give off chlorine gas. Wipe the rubber seal with a cloth. Leave the door open after each wash."
)
WITHOUT = "Let the machine run at 90 °C with bleach, and again with vinegar. Rub the rubber seal. Leave the door open."


def _dropped(text: str, source: str = SOURCE, min_words: int = 6) -> str | None:
    return find_dropped(read_content(text), read_content(source), min_words=min_words)


def test_a_warning_with_nothing_in_its_place_is_dropped() -> None:
    assert "chlorine gas" in (_dropped(WITHOUT) or "")


@pytest.mark.parametrize(
    "warning",
    [
        "Combining both makes a poisonous vapour, which must be avoided at all costs.",
        "Do not put both in at once, as chlorine gas would form.",
    ],
)
def test_what_is_said_in_other_words_is_not_dropped(warning: str) -> None:
    assert _dropped(WITHOUT.replace("vinegar.", f"vinegar. {warning}")) is None


def test_a_plain_remark_may_be_left_out_and_a_long_one_not() -> None:
    remark = "The garden lies on a slope. {} A gate leads to the road."
    text = "The garden is on a slope, with a gate to the road."
    assert _dropped(text, remark.format("Roses, lilies and tall ferns grow there.")) is None
    long_one = "Roses, lilies, ferns, tulips, daisies and some tall poppies grow beside benches."
    assert _dropped(text, remark.format(long_one)) is not None


def test_fewer_words_count_where_less_is_asked_for() -> None:
    remark = "The garden lies on a slope. Roses, lilies and tall ferns grow there. A gate leads to the road."
    assert _dropped("The garden is on a slope, with a gate to the road.", remark, min_words=4) is not None


def test_a_condition_does_not_reach_over_the_end_of_its_sentence() -> None:
    source = (
        "On Sundays the first boat does not run. A return ticket costs 180 kroner. Dogs are welcome on deck."
    )
    text = "On Sundays the first boat is cancelled. Adults pay 180 kroner for both ways. Dogs are welcome on deck."
    assert _dropped(text, source) is None
