from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gristmill.rephrase.blocks import find_blocks


def _blocks(text: str) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end].strip()) for block in find_blocks(text)]


def test_fenced_code_is_a_block_up_to_its_closing_fence() -> None:
    assert _blocks("Before.\n```python\nx = 1\n\ny = 2\n```\nAfter.") == [
        ("prose", "Before."),
        ("code", "```python\nx = 1\n\ny = 2\n```"),
        ("prose", "After."),
    ]


def test_an_open_fence_holds_the_rest() -> None:
    assert _blocks("~~~\nx = 1") == [("code", "~~~\nx = 1")]


def test_indented_lines_after_a_blank_line_are_code() -> None:
    assert _blocks("Run this:\n\n    make\n    make test\n\nThen wait.")[1] == ("code", "make\n    make test")


def test_rows_of_cells_are_a_table() -> None:
    assert _blocks("| a | b |\n|---|---|\n| 1 | 2 |")[0][0] == "table"
    assert _blocks("name\tage\ttown\nAnn\t40\tYork")[0][0] == "table"


def test_items_are_a_list_with_their_indented_lines() -> None:
    text = "You need:\n- flour\n  of rye\n\n- water\nMix well."
    assert _blocks(text) == [
        ("prose", "You need:"),
        ("list", "- flour\n  of rye\n\n- water"),
        ("prose", "Mix well."),
    ]


def test_a_single_item_row_or_indented_line_is_prose() -> None:
    for text in ("- Come in, he said.", "Home | About | Help", "    A first line set in."):
        assert [kind for kind, _ in _blocks(text)] == ["prose"]


def test_kinds_that_are_not_asked_for_are_prose() -> None:
    text = "- a\n- b\n"
    assert [block.kind for block in find_blocks(text, ("code",))] == ["prose"]


@given(st.text(alphabet=st.sampled_from("a-|`~1.) \t\n"), max_size=60))
def test_blocks_are_in_order_and_hold_all_but_white_space(text: str) -> None:
    blocks = find_blocks(text)
    assert all(before.end <= after.start for before, after in pairwise(blocks))
    assert "".join("".join(text[b.start : b.end] for b in blocks).split()) == "".join(text.split())
