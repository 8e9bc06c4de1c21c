from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.refine.grammar import (
    BAD_ARGS,
    MAX_LINE_CHARS,
    MAX_LINES,
    SYNTAX,
    UNKNOWN_FUNCTION,
    Keep,
    Normalize,
    RemoveAll,
    RemoveLines,
    decode_source,
    decode_target,
    read_program,
)


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("keep_chunk()", Keep()),
        ("  untouch_doc ( ) ; # nothing to do", Keep()),
        ("remove_lines(3, 5)", RemoveLines(3, 5)),
        ("remove_lines(line_end=9, line_start=4)", RemoveLines(4, 9)),
        ("remove_lines(start=+4, end=4,)", RemoveLines(4, 4)),
        ("remove_lines(3, end=5)", RemoveLines(3, 5)),
        ("remove_lines(all=True)", RemoveAll()),
        ('normalize("a, (b) = c")', Normalize("a, (b) = c", "")),
        ("normalize(source_str='x', target_str=\"y\")", Normalize("x", "y")),
        (r'normalize("say \"no\"", "\"")', Normalize(r"say \"no\"", '"')),
    ],
)
def test_calls_are_read(line: str, operation: object) -> None:
    assert [statement.operation for statement in read_program(line).statements] == [operation]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("remove_lines(1, 2", SYNTAX),
        ("remove_lines(1, 2))", SYNTAX),
        ("remove_lines(1 2)", SYNTAX),
        ("remove_lines(,)", SYNTAX),
        ("remove_lines(start=1, 2)", SYNTAX),
        ("remove_lines(1_0, 20)", SYNTAX),
        ("remove_lines(٣, ٤)", SYNTAX),
        ("remove_lines(1, 1000000000000000000)", SYNTAX),
        ('normalize("a", f("b"))', SYNTAX),
        ('normalize("a" + "b")', SYNTAX),
        ('normalize("a', SYNTAX),
        ("for i in range(9): remove_lines(i, i)", SYNTAX),
        ("Here is the program:", SYNTAX),
        ("keep_chunk() drop", SYNTAX),
        ("drop_doc()", UNKNOWN_FUNCTION),
        ("__import__('os')", UNKNOWN_FUNCTION),
        ("keep_chunk(1)", BAD_ARGS),
        ("remove_lines(1)", BAD_ARGS),
        ("remove_lines(True, 2)", BAD_ARGS),
        ("remove_lines(1, 2, 3)", BAD_ARGS),
        ("remove_lines(start=1, line_start=2, end=3)", BAD_ARGS),
        ("remove_lines(all=False)", BAD_ARGS),
        ("remove_lines(all=1)", BAD_ARGS),
        ("normalize(1)", BAD_ARGS),
        ("normalize()", BAD_ARGS),
    ],
)
def test_anything_else_is_an_error_of_its_line(line: str, error: str) -> None:
    program = read_program(f"{line}\nkeep_chunk()")
    assert [statement.error for statement in program.statements] == [error, None]


def test_fences_comments_and_blank_lines_mean_nothing() -> None:
    program = read_program("```python\n# tidy up\n\n  remove_lines(0, 1)\n```")
    assert [statement.line for statement in program.statements] == ["remove_lines(0, 1)"]


def test_only_the_first_lines_are_read_and_the_rest_is_reported() -> None:
    exact, more = "keep_chunk()\n" * MAX_LINES, "keep_chunk()\n" * MAX_LINES + "x"
    assert not read_program(exact).truncated
    assert read_program(more).truncated
    assert len(read_program(more).statements) == MAX_LINES


def test_a_very_long_line_is_a_syntax_error() -> None:
    fits = f'normalize("{"a" * (MAX_LINE_CHARS - 13)}")'
    assert len(fits) == MAX_LINE_CHARS
    assert read_program(fits).statements[0].error is None
    assert read_program(fits.replace("a", "aa", 1)).statements[0].error == SYNTAX


def test_a_loop_is_seen_at_the_third_repeat_in_a_row() -> None:
    assert read_program("remove_lines(1, 1)\n" * 3).repeats
    assert read_program("I cannot\n" * 3).repeats
    assert not read_program(
        "remove_lines(1, 1)\nremove_lines(1, 1)\nkeep_chunk()\nremove_lines(1, 1)"
    ).repeats


def test_escapes_are_decoded_once_and_only_where_they_are_known() -> None:
    assert decode_source(r"a\tb\x41\u00e9\\n\q\"") == 'a\tbAé\\n\\q"'
    assert decode_target(r"\\ \" \' \n A") == "\\ \" ' \\n A"


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 500_000,
        "#\n" * 250_000,
        'normalize("' + "\\" * 500_000,
        " \t" * 250_000,
        "remove_lines(" + "1," * 250_000,
    ],
)
def test_hostile_programs_are_read_in_linear_time(hostile: str) -> None:
    started = time.process_time()
    read_program(hostile)
    assert time.process_time() - started < 1.0


@given(st.text(max_size=200) | st.text(alphabet="remove_lins(1, 2=\"'\\#);\n", max_size=60))
def test_no_text_raises_and_each_line_is_an_operation_or_an_error(text: str) -> None:
    for statement in read_program(text).statements:
        assert (statement.operation is None) != (statement.error is None)
