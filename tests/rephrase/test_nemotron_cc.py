from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.markdown import remove_markdown
from gristmill.rephrase.nemotron_cc import choose_pairs, clean_list, cut_prefix, drop_passage_lines
from gristmill.rephrase.style_options import PairsOptions

PREFIX = "Here is a paraphrased version:"
PAIRS = [(f"q{i}?", f"a{i}") for i in range(8)]


@pytest.mark.parametrize(
    "text",
    [
        f"{PREFIX}\nA mill.",
        "here is a  paraphrased version\nA mill.",
        f"**{PREFIX}**\nA mill.",
        f"**{PREFIX[:-1]}**:\n\nA mill.",
        f"Sure! {PREFIX} A mill.",
    ],
)
def test_a_prefix_is_found_whatever_its_dress(text: str) -> None:
    assert cut_prefix(text, PREFIX) == "A mill."


@pytest.mark.parametrize("text", ["A mill.", "", f"A mill. {'It turns. ' * 20}{PREFIX} x"])
def test_a_text_without_the_prefix_at_its_start_has_none(text: str) -> None:
    assert cut_prefix(text, PREFIX) is None


def test_a_list_keeps_its_first_item_and_its_nesting() -> None:
    assert clean_list("Facts:\n1. one\n   - nested\n     * deeper\n2) two\n• three\nplain") == (
        "one\n  nested\n    deeper\ntwo\nthree\nplain",
        5,
    )


def test_a_first_line_that_is_no_heading_stays() -> None:
    assert clean_list("Mills grind.\n- one") == ("Mills grind.\none", 1)


def test_lines_that_number_a_passage_go() -> None:
    assert (
        drop_passage_lines("**Passage 4:**\nMills.\nPassage: inside a line")
        == "Mills.\nPassage: inside a line"
    )


def test_the_number_of_pairs_follows_the_length_of_the_source_up_to_a_cap() -> None:
    fixed = PairsOptions(sample="all_up_to_cap", max_pairs=4, per_150_tokens=2.0)
    kept = [
        len(choose_pairs(PAIRS, source_tokens=n, seed=0, key="d", options=fixed)) for n in (10, 150, 3000)
    ]
    assert kept == [1, 2, 4]


def test_pairs_are_drawn_by_seed_and_key_alone() -> None:
    drawn = {
        key: choose_pairs(PAIRS, source_tokens=150, seed=1, key=key, options=PairsOptions())
        for key in map(str, range(60))
    }
    again = choose_pairs(PAIRS, source_tokens=150, seed=1, key="7", options=PairsOptions())
    assert drawn["7"] == again
    assert {len(pairs) for pairs in drawn.values()} == set(range(1, 9))
    assert all(set(pairs) <= set(PAIRS) and len(set(pairs)) == len(pairs) for pairs in drawn.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "**Note**: see [the *mill*](http://a.example/x_y_z) and ![wheel](w.png)",
            "Note: see the mill and wheel",
        ),
        ("2*3*4, a_b_c, __init__ and `*code*`", "2*3*4, a_b_c, __init__ and `*code*`"),
        ("```\n*x*\n```\n*y*", "```\n*x*\n```\ny"),
        (r"$x_1 + y_2$, E_{kin} and \(a_b c_d\)", r"$x_1 + y_2$, E_{kin} and \(a_b c_d\)"),
        ("* one\n* *two*", "* one\n* two"),
        ("*open", "*open"),
    ],
)
def test_markdown_goes_where_it_marks_and_stays_where_it_means_something(text: str, expected: str) -> None:
    assert remove_markdown(text) == expected


@settings(deadline=None, max_examples=80)
@given(st.text(alphabet=st.sampled_from("*_`[]()!$\\{} \nab2."), max_size=60))
def test_removing_markdown_takes_only_marks_and_never_a_line(text: str) -> None:
    cleaned = remove_markdown(text)
    assert cleaned.count("\n") == text.count("\n")
    assert len(cleaned) <= len(text)
    if "](" not in text:
        assert cleaned.translate({42: None, 95: None}) == text.translate({42: None, 95: None})
