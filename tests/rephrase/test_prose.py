from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.rephrase.prose import sentence_share


@pytest.mark.parametrize(
    "text",
    [
        "The mill grinds wheat with the tide. Who turns the wheel on two days a week?",
        'She asked when it was built. "In 1785, says the sign over the door."',
        "Das Mühlrad dreht sich, wenn das Wasser fällt.",
        "水車は潮の力で小麦を挽いている。",
        "मिल ज्वार की शक्ति से गेहूँ पीसती है।",
    ],
)
def test_plain_sentences_have_a_share_of_one(text: str) -> None:
    assert sentence_share(text) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n ",
        "3.2. How it works\n\nInstallation\n\nFirst steps",
        "Prev\tUp\tAppendix E. Release Notes\tHome\tNext",
        "a0ed1456fad61116f868 171602 example_1.0.orig.tar.gz\n5e86ecf0671e113b6338 6137 example_1.0-1.tar.gz",
        "X1  P 23646  45190  V1\nX2  CC 26174  35535  V1",
        "for (i = 0; i < n; i++) { sum[i] += x[i] * y[i]; } return sum[0] / n - (a + b) * c.",
        "Version 2.1. Final. Done.",
    ],
)
def test_headings_sums_columns_and_code_have_a_share_of_zero(text: str) -> None:
    assert sentence_share(text) == 0.0


def test_characters_are_counted_not_lines() -> None:
    sentence = "The mill grinds wheat with the falling tide."
    heading = "Of tides and mills"
    visible = [len(part.replace(" ", "")) for part in (sentence, heading)]
    assert sentence_share(f"{heading}\n\n{sentence}") == pytest.approx(visible[0] / sum(visible))


@given(st.text(max_size=200))
def test_a_share_lies_between_zero_and_one(text: str) -> None:
    assert 0.0 <= sentence_share(text) <= 1.0
