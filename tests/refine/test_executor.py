from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.refine.executor import MAX_GROWTH_CHARS, ChunkProgram, Execution, count_units, execute_programs
from tests.refine.corpora import PAGE

LINES = [f"line {number} has these six words" for number in range(8)]
TEXT = "\n".join(LINES)


def _run(
    *programs: str | ChunkProgram, text: str = TEXT, max_removed_ratio: float | None = None
) -> Execution:
    last = text.count("\n")
    given = [p if isinstance(p, ChunkProgram) else ChunkProgram(p, 0, last) for p in programs]
    return execute_programs(text, given, max_removed_ratio=max_removed_ratio)


def test_lines_are_removed_by_their_original_numbers() -> None:
    done = _run("remove_lines(0, 0)\nremove_lines(2, 3)")
    assert (done.status, done.removed) == ("edited", [0, 2, 3])
    assert done.text == "\n".join([LINES[1], *LINES[4:]])


def test_replacements_come_first_and_stay_within_the_chunk() -> None:
    done = _run(ChunkProgram('remove_lines(0, 0)\nnormalize("six", "6")', 0, 3))
    assert done.text.split("\n") == [line.replace("six", "6") for line in LINES[1:4]] + LINES[4:]
    assert done.replaced == 4


def test_a_range_outside_the_chunk_is_an_error_and_one_across_its_end_is_cut() -> None:
    outside = _run(ChunkProgram("remove_lines(0, 1)", 2, 5))
    assert (outside.status, outside.errors) == ("unchanged", ["range"])
    across = _run(ChunkProgram("remove_lines(5, 7)", 2, 5))
    assert (across.removed, across.errors) == ([5], ["clamped"])


def test_two_errors_in_all_programs_together_reject_all_of_them() -> None:
    done = _run(ChunkProgram("remove_lines(0, 0)\nnonsense", 0, 3), ChunkProgram("remove_lines(9, 9)", 4, 7))
    assert (done.status, done.text, done.removed) == ("rejected", TEXT, [])
    assert done.errors == ["syntax", "range"]
    assert [program.rejected for program in done.programs] == ["errors", "errors"]


def test_a_repeat_is_carried_out_once() -> None:
    done = _run('normalize("six", "sixsix")\nnormalize("six", "sixsix")')
    assert done.text == TEXT.replace("six", "sixsix")
    assert done.warnings == ["duplicate"]


def test_a_text_that_does_not_occur_is_a_warning() -> None:
    done = _run('normalize("seven")')
    assert (done.status, done.errors, done.warnings) == ("unchanged", [], ["no_match"])


@pytest.mark.parametrize(
    ("source", "error"), [('" \\t"', None), ('"  "', "empty_source"), ('"e"', "unsafe_source")]
)
def test_sources_that_would_hit_everything_are_refused(source: str, error: str | None) -> None:
    assert _run(f"normalize({source})").errors == ([error] if error else [])


def test_the_source_is_taken_as_written_before_it_is_decoded() -> None:
    text = (
        "a literal \\t stays here with many other words around it\n"
        + "a tab\tstays there with many more words around it"
    )
    assert _run(r'normalize("\t", "-")', text=text).text == text.replace("\\t", "-")
    decoded = text.split("\n")[1]
    assert _run(r'normalize("b\ts", "-")', text=decoded + " and more").text == (
        decoded + " and more"
    ).replace("b\ts", "-")


def test_a_replacement_never_adds_or_joins_lines() -> None:
    done = _run(r'normalize("words\nline", "x")' + "\n" + r'normalize("six", "a\nb")')
    assert done.text.count("\n") == TEXT.count("\n")
    assert "a\\nb" in done.text


def test_what_is_left_may_be_too_little() -> None:
    assert _run("remove_lines(all=True)").status == "dropped_overremoved"
    short = _run("remove_lines(1, 7)")
    assert (short.status, short.text, short.units) == ("dropped_short", "", 6)
    assert _run("keep_chunk()", text="two words").status == "unchanged"


def test_a_blank_text_is_empty_input_whatever_the_program_says() -> None:
    assert _run("nonsense\nnonsense", text=" \n\t").status == "empty_input"


def test_letters_of_scripts_without_spaces_count_as_words() -> None:
    assert count_units("two words") == 2
    assert count_units("潮汐是海水") == 5
    assert count_units("ab潮cd ef") == 4
    assert count_units("สวัสดี") == 6


def test_a_program_that_removes_too_much_is_taken_back_and_the_others_stay() -> None:
    greedy = ChunkProgram('normalize("six", "6")\nremove_lines(0, 2)', 0, 3)
    modest = ChunkProgram("remove_lines(4, 4)", 4, 7)
    done = _run(greedy, modest, max_removed_ratio=0.5)
    assert (done.status, done.removed, done.replaced) == ("edited", [4], 0)
    assert done.text == "\n".join(LINES[:4] + LINES[5:])
    assert [program.rejected for program in done.programs] == ["removed_too_much", None]
    assert done.programs[0].removed_ratio == 0.75


def test_the_cap_is_inclusive_and_comes_before_the_rule_for_nearly_empty_documents() -> None:
    assert _run("remove_lines(0, 3)", max_removed_ratio=0.5).status == "edited"
    assert _run("remove_lines(all=True)", max_removed_ratio=0.5).status == "unchanged"


def test_replacements_cannot_multiply_without_end() -> None:
    grow = [f'normalize("ab", "{"ab" * (1000 + n)}")' for n in range(200)]
    started = time.process_time()
    done = execute_programs("ab " * 1000, [ChunkProgram("\n".join(grow), 0, 0)], error_op=1000)
    assert time.process_time() - started < 5.0
    assert len(done.text) <= 3000 + MAX_GROWTH_CHARS
    assert "too_long" in done.errors


@pytest.mark.parametrize(
    "hostile",
    [
        "remove_lines(0, 999999999999999999)\n" * 100_000,
        "remove_lines(0, " + "9" * 100_000 + ")",
        'normalize("' + "a" * 8000 + '")\n' + 'normalize("in ")\n' * 1000,
        "normalize(" + "(" * 100_000,
    ],
)
def test_hostile_programs_end_soon(hostile: str) -> None:
    text = "word in a line\n" * 20_000
    started = time.process_time()
    _run(hostile, text=text)
    assert time.process_time() - started < 2.0


_NUMBERS = st.integers(-2, 12)
_CALLS = st.one_of(
    st.builds("remove_lines(line_start={}, line_end={})".format, _NUMBERS, _NUMBERS),
    st.builds(
        'normalize("{}", "{}")'.format,
        st.sampled_from(["six", "these", " ", "\\n", "l"]),
        st.sampled_from(["", "\\n", "x"]),
    ),
    st.sampled_from(["remove_lines(all=True)", "keep_chunk()", "nonsense", "", "# note", "```"]),
    st.text(max_size=20),
)
_PROGRAMS = st.lists(_CALLS, max_size=6).map("\n".join)


@given(st.tuples(_PROGRAMS, _PROGRAMS), st.integers(0, 7), st.sampled_from([None, 0.0, 0.3, 1.0]))
def test_a_program_touches_its_own_lines_only(programs: tuple[str, str], cut: int, cap: float | None) -> None:
    first = ChunkProgram(programs[0], 0, cut)
    done = execute_programs(TEXT, [first], error_op=1000, min_kept_ratio=-1, max_removed_ratio=cap)
    assert set(done.removed) <= set(range(cut + 1))
    if done.status == "edited":
        assert done.text.endswith("\n".join(LINES[cut + 1 :]))
        assert done.text.count("\n") + 1 == len(LINES) - len(done.removed) or len(done.removed) == len(LINES)
    second = ChunkProgram(programs[1], cut + 1, 7)
    both = execute_programs(TEXT, [first, second], max_removed_ratio=cap)
    assert both == execute_programs(TEXT, [first, second], max_removed_ratio=cap)
    if cap is not None:
        assert all(program.removed_ratio <= cap or program.rejected for program in both.programs)


@given(st.text(max_size=80), _PROGRAMS | st.text(max_size=80))
def test_no_text_and_no_program_raises(text: str, program: str) -> None:
    done = execute_programs(text, [ChunkProgram(program, 0, text.count("\n"))], max_removed_ratio=0.5)
    if done.status in ("unchanged", "rejected"):
        assert done.text == text
    elif done.status == "edited":
        assert done.text != text
    else:
        assert done.text == ""


def test_the_page_of_the_prompt_example_is_cleaned() -> None:
    done = _run("remove_lines(0, 0)\nremove_lines(3, 3)", text=PAGE, max_removed_ratio=0.5)
    assert done.text == "\n".join(PAGE.split("\n")[i] for i in (1, 2, 4))
