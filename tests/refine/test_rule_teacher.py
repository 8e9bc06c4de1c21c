from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.refine.executor import ChunkProgram, execute_programs
from gristmill.refine.rule_teacher import find_boilerplate, write_program


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("BREAKING NEWS AND WEATHER", "upper_case"),
        ("12 / 2019", "numeric"),
        ("1,204 likes", "counter"),
        ("Next", "menu"),
        ("Home | World | Contact", "links"),
        ("Python »", "links"),
        ("Next: Loops, Previous: Strings, Up: Top [Contents][Index]", "chapters"),
        ("Sign in to comment", "pattern"),
        ("- Show Source", "pattern"),
        ("The whole story of the mill. Read more...", "pattern"),
        ("There are 3 items in cart", "pattern"),
        ("© Copyright 2001-2026, The Authors.", "copyright"),
        ("This site uses cookies to count its readers.", "policy"),
        ("Please enable JavaScript to see this page.", "javascript"),
    ],
)
def test_boilerplate_is_found_by_its_rule(line: str, rule: str) -> None:
    assert find_boilerplate(f"A sentence.\n{line}") == {1: rule}


@pytest.mark.parametrize(
    "line",
    [
        "The old mill was built in 1820 and ground rye for three villages.",
        "Copyright law differs between the states of the union, and so does its application.",
        "SELECT name FROM users WHERE id = 3;",
        "x = a | b | c",
        "[1, 2, 3]",
        "Cookies are baked for ten minutes.",
        "JavaScript is a language.",
        "Next to the mill stood a barn.",
        "",
        "   ",
    ],
)
def test_prose_and_code_stay(line: str) -> None:
    assert find_boilerplate(f"A sentence.\n{line}") == {}


def test_a_line_that_was_seen_before_goes_the_first_one_stays() -> None:
    assert find_boilerplate("Toys for everyone\nSome text here.\nToys  for EVERYONE") == {2: "repeated"}
    assert find_boilerplate("    return 0;\n    return 0;") == {}


def test_the_program_names_runs_of_lines_and_blank_ones_between() -> None:
    lines = ["Home | News | Contact", "", "Next", "Text.", "Index", ""]
    assert write_program([10, 12, 14], lines, 10) == (
        "remove_lines(line_start=10, line_end=12)\nremove_lines(line_start=14, line_end=14)"
    )
    assert write_program([], lines, 10) == "keep_chunk()"


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(["Home | News | Contact", "", "A sentence.", "Next", "1 / 2", "Sign in"]), min_size=1
    )
)
def test_a_program_removes_what_was_found_and_blank_lines_only(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = find_boilerplate(text)
    program = write_program(list(found), lines, 0)
    removed = execute_programs(text, [ChunkProgram(program, 0, len(lines) - 1)]).programs[0].removed
    assert set(found) <= set(removed)
    assert all(not lines[number] for number in set(removed) - set(found))
