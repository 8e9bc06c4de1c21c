from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.rephrase.sentences import sentence_spans


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The mill turns. It grinds wheat.", ["The mill turns.", "It grinds wheat."]),
        ('He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
        ('"Really?" he asked. No one knew.', ['"Really?" he asked.', "No one knew."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("It ended (in 1902.) Then came rain.", ["It ended (in 1902.)", "Then came rain."]),
    ],
)
def test_sentences_end_at_marks_before_a_new_beginning(text: str, expected: list[str]) -> None:
    assert _sentences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Brown met Dr. Lee at St. Mary.",
        "See Fig. 3 and pp. 12 of Vol. 2.",
        "The U.S. Navy and J. R. Smith agreed.",
        "Some grains, e.g. Wheat and rye, are ground.",
        "Das Haus wurde am 12. März gebaut.",
        "Ein Tier, z.B. Hund oder Katze, lebt dort.",
        "M. Dupont arrive avec Mme. Martin.",
    ],
)
def test_abbreviations_and_initials_do_not_end_a_sentence(text: str) -> None:
    assert _sentences(text) == [text]


def test_an_acronym_before_a_common_opening_ends_a_sentence() -> None:
    assert _sentences("They live in the U.S. The rest left.") == ["They live in the U.S.", "The rest left."]


def test_the_word_no_ends_a_sentence_unless_a_number_follows() -> None:
    assert _sentences("He said no. Nobody asked.") == ["He said no.", "Nobody asked."]
    assert _sentences("It is engine No. 4 of six.") == ["It is engine No. 4 of six."]


def test_the_number_of_a_list_item_stays_with_the_item() -> None:
    assert _sentences("1. Sift the sugar. 2 spoons follow.") == ["1. Sift the sugar.", "2 spoons follow."]


def test_east_asian_marks_need_no_white_space() -> None:
    assert _sentences("潮汐で粉をひく。水車は古い。") == ["潮汐で粉をひく。", "水車は古い。"]


def test_a_wrapped_line_goes_on_and_a_heading_does_not() -> None:
    text = "The History\nThe mill was\nbuilt here\n\nand there"
    assert _sentences(text) == ["The History", "The mill was\nbuilt here", "and there"]


def test_long_runs_of_marks_and_blanks_take_linear_time() -> None:
    assert _sentences("." * 200_000 + "x" + " " * 200_000 + "\n" * 200_000 + "y")[-1] == "y"


@given(st.text(alphabet=st.sampled_from("aZ.?!\"')。1 \n\t«»…"), max_size=80))
def test_spans_are_in_order_and_hold_all_but_white_space(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(text[s:e] for s, e in spans).split()) == "".join(text.split())
