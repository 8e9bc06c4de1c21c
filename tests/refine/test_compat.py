"""Defects of the reference that a replication needs; the golden cases have many more."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from gristmill.refine.compat import execute_compat, merge_programs
from gristmill.refine.options import RefineOptions
from gristmill.refine.programs import apply_programs

LINES = [f"line {number} has these six words" for number in range(8)]
TEXT = "\n".join(LINES)


def _result(program: str, text: str = TEXT) -> str | None:
    return execute_compat(text, [program]).text


def test_names_of_parameters_are_not_looked_at() -> None:
    assert _result("remove_lines(line_end=4, line_start=2)") == TEXT
    assert _result("remove_lines(foo=2, bar=4)") == "\n".join(LINES[:2] + LINES[5:])


def test_prose_and_indented_calls_are_ignored() -> None:
    done = execute_compat(TEXT, ["Sure, here it is:\nif x:\n  remove_lines(start=0, end=1)"])
    assert (done.text, done.num_error_op) == (TEXT, 0)


def test_an_equal_sign_in_a_string_cuts_it() -> None:
    text = TEXT + "\nsee http://a.example/?id=88 for more"
    assert _result('normalize(source_str="http://a.example/?id=88")', text) == TEXT + "\nsee =88 for more"


def test_replacements_reach_outside_the_chunk() -> None:
    done = execute_compat(TEXT, ["keep_chunk()", 'normalize(source_str="six", target_str="6")'])
    assert done.text == TEXT.replace("six", "6")


def test_the_programs_of_the_chunks_are_one_program_of_the_document() -> None:
    programs = [" keep_chunk() ", "remove_lines(line_start=5, line_end=5)\n"]
    assert merge_programs(programs) == "keep_chunk()\nremove_lines(line_start=5, line_end=5)\n"
    assert execute_compat(TEXT, [merge_programs(programs)]) == execute_compat(TEXT, programs)


def test_the_lines_of_many_chunks_are_found_in_linear_time() -> None:
    text = "\n".join(f"line {number} has these six words" for number in range(20_000))
    rows = [
        {
            "id": "a",
            "chunk": first // 10,
            "first_line": first,
            "last_line": first + 9,
            "program": "\n".join(
                f"remove_lines(line_start={first + n}, line_end={first + n})" for n in (1, 4, 9)
            ),
            "finish_reason": "stop",
        }
        for first in range(0, 20_000, 10)
    ]
    started = time.process_time()
    done = apply_programs("a", text, rows, RefineOptions(mode="compat"))
    assert time.process_time() - started < 2.0
    assert [row["removed"] for row in done.programs[:2]] == [[1, 4, 9], [11, 14, 19]]
    assert sum(len(row["removed"]) for row in done.programs) == 6000


def test_a_short_document_is_dropped_even_where_the_program_keeps_it() -> None:
    assert _result("keep_chunk()", "ten words are needed") == ""


def test_a_blank_text_is_reported_as_the_exception_that_it_is() -> None:
    done = execute_compat(" \n", ["keep_chunk()"])
    assert (done.text, done.raises) == (None, "ZeroDivisionError")


def test_huge_ranges_and_growing_replacements_end_soon() -> None:
    huge = "remove_lines(line_start=6, line_end=1000000000000)\n" * 1000
    grow = "\n".join(f'normalize(source_str="six", target_str="{"six" * 500}")' for _ in range(50))
    started = time.process_time()
    assert _result(huge) == "\n".join(LINES[:6])
    _result(grow)
    assert time.process_time() - started < 2.0


@given(st.text(max_size=60), st.text(max_size=60) | st.text(alphabet='remov_lins(=1,2)\n"', max_size=60))
def test_no_text_and_no_program_raises(text: str, program: str) -> None:
    done = execute_compat(text, [program])
    assert (done.text is None) == (not text.split())
