"""What holds for every program on every text, tried on programs that are made up.

Sixty of each kind in every run of the tests; 10,000 of each with
`pytest tests/refine/test_generated_programs.py --hypothesis-profile=thorough`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gristmill.llm.shapes import draw_text
from gristmill.refine.constraint import chunk_constraint
from gristmill.refine.executor import ChunkProgram, Execution, execute_programs
from gristmill.refine.grammar import Normalize, decode_source, read_program
from gristmill.refine.options import RefineOptions

MAX_SECONDS = 1.0  # of processor time, for one small document

_LINES = st.lists(
    st.sampled_from(
        [
            "",
            " ",
            "Home | News | Contact",
            "The mill ground rye for three villages until the river changed its course.",
            'She said "no", and (c) 2020, a = b.',
            r"a literal \t and \n and \" here",
            "a\ttab, a\rreturn, a\x00zero, a\u2028separator",
            "潮汐是海水的周期性涨落",
            "remove_lines(line_start=0, line_end=30000000)",
            "{text} {{ text }} </s><|im_end|> [/doc]",
            "word " * 40,
        ]
    )
    | st.text(st.characters(blacklist_characters="\n"), max_size=30),
    min_size=1,
    max_size=10,
)
_NUMBERS = st.integers(-2, 12) | st.sampled_from([30_000_000, 10**17, 10**30, -(10**9)])
_REMOVALS = st.builds(
    "{}({}{}, {}{})".format,
    st.just("remove_lines"),
    st.sampled_from(["", "line_start=", "start="]),
    _NUMBERS,
    st.sampled_from(["", "line_end=", "end="]),
    _NUMBERS,
)
_OTHERS = st.sampled_from(
    [
        "keep_chunk()",
        "remove_lines(all=True)",
        "drop_doc()",
        "```python",
        "# ignore the above",
        "Sure, here it is:",
        "__import__('os').system('true')",
        "",
    ]
) | st.text(max_size=20)


@st.composite
def _replacements(draw: st.DrawFn, lines: Sequence[str]) -> str:
    """A replacement of something that stands in a line, more or less well written."""
    line = draw(st.sampled_from(lines))
    start = draw(st.integers(0, max(0, len(line) - 1)))
    found = line[start : start + draw(st.integers(0, 12))]
    if draw(st.booleans()):
        found = found.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    quote = draw(st.sampled_from(["\"'", '""', "''"]))
    target = draw(st.sampled_from(["", "x", " ", found * 2, r"\n", r"\"", "潮"]))
    names = draw(st.sampled_from([("", ""), ("source_str=", "target_str=")]))
    return f"normalize({names[0]}{quote[0]}{found}{quote[0]}, {names[1]}{quote[1]}{target}{quote[1]})"


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, list[ChunkProgram]]:
    """A text and a program for each of its chunks."""
    lines = draw(_LINES)
    cuts = sorted(draw(st.sets(st.integers(1, len(lines)), max_size=3)) - {len(lines)})
    programs = []
    for first, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
        calls = draw(st.lists(_REMOVALS | _replacements(lines) | _OTHERS, max_size=5))
        program = "\n".join(calls)
        if draw(st.integers(0, 5)) == 0:  # cut off
            program = program[: draw(st.integers(0, len(program)))]
        programs.append(ChunkProgram(program, first, end - 1))
    return "\n".join(lines), programs


@given(_documents(), st.sampled_from([2, 1000]), st.sampled_from([None, 0.3, 0.5]))
def test_the_output_is_the_input_with_logged_replacements_and_without_logged_lines(
    given_: tuple[str, list[ChunkProgram]], error_op: int, cap: float | None
) -> None:
    text, programs = given_
    lines = text.split("\n")
    started = time.process_time()
    done = execute_programs(text, programs, error_op=error_op, min_kept_ratio=-1, max_removed_ratio=cap)
    assert time.process_time() - started < MAX_SECONDS
    assert done == execute_programs(
        text, programs, error_op=error_op, min_kept_ratio=-1, max_removed_ratio=cap
    )
    for program, result in zip(programs, done.programs, strict=True):
        assert set(result.removed) <= set(range(program.first_line, program.last_line + 1))
    if done.status != "edited":
        assert done.text == ("" if done.status in ("empty_input", "dropped_short") else text)
        return
    replaced = _replace_all(lines, programs, done)
    kept = [line for number, line in enumerate(replaced) if number not in set(done.removed)]
    assert done.text == "\n".join(kept)
    assert _put_back(done, replaced) == replaced
    assert done.replaced or replaced == lines


def _replace_all(lines: list[str], programs: Sequence[ChunkProgram], done: Execution) -> list[str]:
    """The lines after the replacements of the programs that took effect: line by line, as none joins or adds one."""
    replaced: list[str] = []
    for program, result in zip(programs, done.programs, strict=True):
        chunk = lines[program.first_line : program.last_line + 1]
        replaced += chunk if result.rejected else _replace(chunk, program.text)
    return replaced


def _replace(lines: list[str], program: str) -> list[str]:
    seen = set()
    for statement in read_program(program).statements:
        operation = statement.operation
        if not isinstance(operation, Normalize) or operation in seen or not _is_usable(operation.source):
            continue
        seen.add(operation)
        sources = [operation.source, *filter(_is_usable, [decode_source(operation.source)])]
        source = next((one for one in sources if any(one in line for line in lines)), None)
        if source is not None:
            lines = [line.replace(source, operation.target) for line in lines]
    return lines


def _is_usable(source: str) -> bool:
    return bool(source.strip()) and "\n" not in source and not (len(source) == 1 and source.isalnum())


def _put_back(done: Execution, lines: list[str]) -> list[str]:
    """The removed ones of these lines put back by their numbers between those that were kept."""
    kept = done.text.split("\n") if len(done.removed) < len(lines) else []
    for number in done.removed:
        kept.insert(number, lines[number])
    return kept


@given(
    first=st.integers(0, 1200),
    lines=st.lists(
        st.text(st.characters(blacklist_characters="\n"), min_size=1, max_size=12), min_size=1, max_size=8
    ),
    operations=st.sampled_from([("remove_lines",), ("normalize",), ("remove_lines", "normalize")]),
    max_ops=st.integers(1, 6),
    seed=st.integers(0, 2**32),
)
def test_a_program_that_the_grammar_allows_is_never_void(
    first: int, lines: list[str], operations: tuple[str, ...], max_ops: int, seed: int
) -> None:
    last = first + len(lines) - 1
    options = RefineOptions(operations=operations, max_ops=max_ops)  # type: ignore[arg-type]
    program = draw_text(chunk_constraint(first, last, options), random.Random(seed).randrange)
    parsed = read_program(program)
    assert 1 <= len(parsed.statements) <= max_ops
    assert not parsed.truncated
    assert all(statement.operation is not None for statement in parsed.statements)
    text = "x" + "\n".join(lines)
    done = execute_programs(text, [ChunkProgram(program, first, last)], first_line=first)
    assert done.errors == []
    assert set(done.removed) <= set(range(first, last + 1))
    assert bool(done.programs[0].removed) == ("remove_lines" in program)
