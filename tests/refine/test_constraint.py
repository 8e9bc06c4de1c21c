from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.refine.constraint import MAX_SOURCE_CHARS, MAX_TARGET_CHARS, chunk_constraint, chunk_grammar
from gristmill.refine.executor import ChunkProgram, execute_programs
from gristmill.refine.options import RefineOptions

BOTH = ("remove_lines", "normalize")
REMOVE = "remove_lines(line_start=8, line_end=11)"
NORMALIZE = 'normalize(source_str="Share on (F)", target_str="")'


# Importing xgrammar imports torch, which takes ten seconds on a busy machine.
with_xgrammar = pytest.mark.slow


def _accepts(grammar: str, program: str) -> bool:
    testing = pytest.importorskip("xgrammar.testing")
    return bool(testing._is_grammar_accept_string(grammar, program))


@with_xgrammar
@pytest.mark.parametrize(
    "program",
    [
        "keep_chunk()",
        REMOVE,
        "remove_lines(line_start=12, line_end=12)",
        NORMALIZE,
        'normalize(source_str="潮汐", target_str="a b")',
        f"{REMOVE}\n{NORMALIZE}\n{REMOVE}",
        f'normalize(source_str="{"a" * MAX_SOURCE_CHARS}", target_str="{"b" * MAX_TARGET_CHARS}")',
    ],
)
def test_valid_programs_of_the_chunk_can_be_written(program: str) -> None:
    assert _accepts(chunk_grammar(8, 12, BOTH, 3), program)


@with_xgrammar
@pytest.mark.parametrize(
    "program",
    [
        "",
        "\n",
        "keep_chunk()\n",
        f"keep_chunk()\n{REMOVE}",
        f"{REMOVE}\nkeep_chunk()",
        "\n".join([REMOVE] * 4),
        "remove_lines(line_start=7, line_end=9)",
        "remove_lines(line_start=8, line_end=13)",
        "remove_lines(line_start=11, line_end=8)",
        "remove_lines(line_start=08, line_end=9)",
        "remove_lines(8, 9)",
        "remove_lines(all=True)",
        'normalize(source_str="", target_str="x")',
        'normalize(source_str="a", target_str="x")',
        'normalize(source_str="  a", target_str="x")',
        'normalize(source_str="a\nb", target_str="x")',
        'normalize(source_str="a\\n", target_str="x")',
        'normalize(source_str="a"b", target_str="x")',
        f'normalize(source_str="{"a" * (MAX_SOURCE_CHARS + 1)}", target_str="")',
        "drop_doc()",
        "Here is the program",
    ],
)
def test_nothing_else_can_be_written(program: str) -> None:
    assert not _accepts(chunk_grammar(8, 12, BOTH, 3), program)


@with_xgrammar
def test_calls_that_are_not_allowed_cannot_be_written() -> None:
    assert not _accepts(chunk_grammar(8, 12, ("remove_lines",), 3), NORMALIZE)
    assert _accepts(chunk_grammar(8, 12, ("remove_lines",), 1), REMOVE)
    assert not _accepts(chunk_grammar(8, 12, ("normalize",), 1), REMOVE)


@with_xgrammar
@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 12), (7, 103), (98, 101), (995, 1003), (230, 230)])
def test_exactly_the_line_numbers_of_the_chunk_can_be_written(low: int, high: int) -> None:
    grammar = chunk_grammar(low, high, ("remove_lines",), 1)
    numbers = {*range(min(low, 5)), *range(low, high + 1), low - 1, high + 1, high * 10, high + 100} - {-1}
    for start, end in [(low, n) for n in numbers] + [(n, high) for n in numbers]:
        allowed = low <= start <= end <= high
        assert _accepts(grammar, f"remove_lines(line_start={start}, line_end={end})") == allowed


@given(st.integers(0, 1200), st.integers(0, 60))
def test_the_end_of_a_range_is_exactly_start_to_last_line(low: int, more: int) -> None:
    rule = chunk_grammar(low, low + more, ("remove_lines",), 1).splitlines()[2]
    for start, ends in re.findall(r'"(\d+), line_end=" \(([^)]*)\)', rule):
        pattern = re.compile(ends.replace('"', "").replace(" ", ""))
        tried = range(max(0, int(start) - 15), low + more + 120)
        assert [n for n in tried if pattern.fullmatch(str(n))] == list(range(int(start), low + more + 1))


def test_what_can_be_written_runs_without_an_error() -> None:
    text = "\n".join(f"line {n} Share on (F) and a few more words" for n in range(20))
    program = f"{REMOVE}\n{NORMALIZE}\nremove_lines(line_start=12, line_end=12)"
    done = execute_programs(text, [ChunkProgram(program, 8, 12)])
    assert (done.errors, done.warnings, done.removed) == ([], [], [8, 9, 10, 11, 12])


def test_the_constraint_of_a_chunk_follows_the_options() -> None:
    options = RefineOptions(operations=("remove_lines",), max_ops=2)
    constraint = chunk_constraint(3, 4, options)
    assert (constraint.kind, constraint.value) == ("grammar", chunk_grammar(3, 4, ("remove_lines",), 2))
    assert "normalize" not in str(constraint.value)
    assert re.search(r"call\)\{0,1\}", str(constraint.value))


def test_a_large_chunk_has_a_small_grammar() -> None:
    assert len(chunk_grammar(1000, 1499, BOTH, 8)) < 80_000
