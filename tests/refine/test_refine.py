from __future__ import annotations

import io
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.documents import DECISIONS, DOCUMENTS, check_conservation, check_schema
from gristmill.llm.budget import Budget
from gristmill.llm.requests import Answer
from gristmill.refine import (
    PROGRAMS,
    RefineOptions,
    Tally,
    planned_requests,
    refine_documents,
    replay_programs,
)
from tests.refine.corpora import PAGE, answers_of, documents, plan_of

CLEAN = "\n".join(PAGE.split("\n")[i] for i in (1, 2, 4))
CLEANING = "remove_lines(line_start=0, line_end=0)\nremove_lines(line_start=3, line_end=3)"


def _decision(decisions: pl.DataFrame, row: int = 0) -> tuple[object, ...]:
    return decisions.select("action", "rule", "value", "bound").row(row)


def test_an_edited_document_keeps_its_id_and_all_columns_but_the_text() -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions())
    refined, decisions, programs = refine_documents(plan, table, answers_of(plan, table, CLEANING))
    check_schema(refined, DOCUMENTS, "refined")
    check_schema(decisions, DECISIONS, "decisions")
    check_schema(programs, PROGRAMS, "programs")
    assert refined.drop("text").equals(table.drop("text"))
    assert refined["text"].to_list() == [CLEAN]
    action, rule, value, bound = _decision(decisions)
    assert (action, rule, bound) == ("edit", "edited", 0.5)
    assert value == pytest.approx(8 / 41)
    assert decisions["detail"][0] == "2 lines removed, 0 texts replaced"
    row = programs.row(0, named=True)
    assert (row["program"], row["removed"], row["calls"], row["degenerate"]) == (CLEANING, [0, 3], 2, False)
    assert (row["outcome"], row["status"], row["prompt_tokens"], row["output_tokens"]) == (
        "applied",
        "edited",
        50,
        7,
    )


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("keep_chunk()", ("keep", "unchanged", None, None)),
        ("I would keep it.\nAll of it.", ("keep", "rejected_program", 2.0, 2.0)),
        ("remove_lines(1, 4)", ("keep", "removed_too_much", 36 / 41, 0.5)),
    ],
)
def test_what_is_not_edited_stays_as_it_was(program: str, expected: tuple[object, ...]) -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions())
    refined, decisions, programs = refine_documents(plan, table, answers_of(plan, table, program))
    assert refined.equals(table)
    assert _decision(decisions)[:2] == expected[:2]
    assert _decision(decisions)[2:] == pytest.approx(expected[2:])
    assert programs["program"].to_list() == [program]
    assert programs["removed"].to_list() == [[]]


def test_without_the_cap_a_document_of_which_little_is_left_is_dropped() -> None:
    table = documents(PAGE, PAGE + "\n" + PAGE)
    plan = plan_of(table, RefineOptions(max_removed_ratio=None))
    answers = answers_of(plan, table, "remove_lines(all=True)")
    answers[(table["id"][1], 0)] = Answer("remove_lines(1, 9)", "stop", 50, 7)
    refined, decisions, _ = refine_documents(plan, table, answers)
    assert refined.height == 0
    assert _decision(decisions, 0) == ("drop", "dropped_overremoved", 0.0, 0.05)
    assert _decision(decisions, 1)[:2] == ("drop", "dropped_short")


def test_blank_documents_are_dropped_and_those_of_other_languages_stay() -> None:
    table = pl.concat([documents(" \n"), documents(" ", lang="de")])
    plan = plan_of(table, RefineOptions(languages=("en",)))
    refined, decisions, programs = refine_documents(plan, table, {})
    assert refined.equals(table.tail(1))
    assert decisions.select("action", "rule", "detail").rows() == [
        ("drop", "empty_input", None),
        ("keep", "not_attempted", "language"),
    ]
    assert programs.height == 0


def test_what_was_not_asked_or_not_answered_says_why() -> None:
    table = documents(PAGE)
    broke = plan_of(table, RefineOptions(budget=Budget(prompt_tokens=10)))
    _, decisions, programs = refine_documents(broke, table, {})
    assert decisions.select("action", "rule", "detail").row(0) == ("keep", "not_attempted", "budget")
    assert programs.select("outcome", "reason", "program", "prompt_tokens").row(0) == (
        "not_attempted",
        "budget",
        None,
        None,
    )
    plan = plan_of(table, RefineOptions())
    _, decisions, _ = refine_documents(plan, table, {})
    assert decisions["detail"].to_list() == ["no_answer"]
    failed = answers_of(plan, table, "", finish="error:context")
    _, decisions, programs = refine_documents(plan, table, failed)
    assert decisions["detail"].to_list() == ["error:context"]
    assert programs.select("outcome", "reason", "finish_reason").row(0) == (
        "not_attempted",
        "error:context",
        "error:context",
    )


def test_a_chunk_without_an_answer_stays_and_the_others_are_edited() -> None:
    table = documents(PAGE + "\n" + PAGE)
    plan = plan_of(table, RefineOptions(max_chunk_tokens=46))
    answers = answers_of(plan, table, CLEANING)
    del answers[(table["id"][0], 1)]
    refined, _, programs = refine_documents(plan, table, answers)
    assert refined["text"][0] == CLEAN + "\n" + PAGE
    assert programs["outcome"].to_list() == ["applied", "not_attempted"]


@pytest.mark.parametrize(
    ("program", "finish"),
    [("remove_lines(0, 0)\nremove_li", "length"), ("", "stop"), ("remove_lines(0, 0)\n" * 3, "stop")],
)
def test_cut_empty_and_looping_programs_are_marked(program: str, finish: str) -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions())
    _, _, programs = refine_documents(plan, table, answers_of(plan, table, program, finish))
    assert programs["degenerate"].to_list() == [True]


def test_half_surrogate_pairs_in_a_program_can_be_stored() -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions())
    refined = refine_documents(plan, table, answers_of(plan, table, 'normalize("\ud800")'))
    assert refined.programs["program"].to_list() == ['normalize("?")']
    assert replay_programs(table, refined.programs, plan.options).documents.equals(refined.documents)


def test_compat_edits_as_the_reference_does_and_names_the_lines_of_each_chunk() -> None:
    table = documents(PAGE + "\n" + PAGE)
    options = RefineOptions(mode="compat", max_chunk_tokens=46)
    plan = plan_of(table, options)
    answers = answers_of(plan, table, "keep_chunk()")
    answers[(table["id"][0], 0)] = Answer("remove_lines(line_start=0, line_end=5)", "stop", 50, 7)
    refined, decisions, programs = refine_documents(plan, table, answers)
    assert refined["text"][0] == "\n".join(PAGE.split("\n")[1:])
    assert decisions["rule"].to_list() == ["edited"]
    assert [line for lines in programs["removed"].to_list() for line in lines] == [0, 1, 2, 3, 4, 5]
    assert replay_programs(table, programs, options).documents.equals(refined)


def test_compat_counts_replacements_and_calls_too() -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions(mode="compat"))
    program = 'normalize(source_str="rye", target_str="wheat")\nkeep_chunk()'
    refined, _, programs = refine_documents(plan, table, answers_of(plan, table, program))
    assert refined["text"][0] == PAGE.replace("rye", "wheat")
    assert programs.select("outcome", "replaced", "calls").row(0) == ("applied", 1, 2)


def _noise(prompt: str) -> str:
    """A program that depends on the chunk alone, right or wrong."""
    numbers = re.findall(r"\[(\d{3,})\]", prompt)
    kind = len(prompt) % 4
    programs = {
        0: "keep_chunk()",
        1: f"remove_lines({int(numbers[0])}, {int(numbers[-1]) - 1})",
        2: f'normalize("word", "w")\nremove_lines({int(numbers[-1])}, {int(numbers[-1]) + 3})',
        3: "Sure!\nremove_lines(0, 0",
    }
    return programs[kind]


_LINES = st.lists(
    st.sampled_from(["", " ", "word", "a word of much", "潮汐 word", "x " * 30]), max_size=12
).map("\n".join)


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(_LINES, max_size=6, unique=True),
    cuts=st.integers(1, 6),
    cap=st.sampled_from([None, 0.2, 0.5]),
    mode=st.sampled_from(["strict", "compat"]),
    budget=st.sampled_from([None, Budget(prompt_tokens=700)]),
)
def test_nothing_is_lost_and_cuts_and_replays_change_nothing(
    texts: list[str], cuts: int, cap: float | None, mode: str, budget: Budget | None
) -> None:
    table = documents(*texts)
    options = RefineOptions(max_chunk_tokens=16, max_removed_ratio=cap, mode=mode, budget=budget)  # type: ignore[arg-type]
    plan = plan_of(table, options)
    answers = answers_of(plan, table, _noise)
    whole = refine_documents(plan, table, answers)
    check_conservation(table.height, whole.documents, whole.decisions, "refined")
    assert whole.programs.height == plan.chunks.height

    parts = [refine_documents(plan, part, answers) for part in table.iter_slices(cuts)]
    if parts:
        for name in ("documents", "decisions", "programs"):
            assert pl.concat([getattr(part, name) for part in parts]).equals(getattr(whole, name))

    stored = io.BytesIO()
    whole.programs.write_parquet(stored)
    replayed = replay_programs(table, pl.read_parquet(stored.getvalue()), options)
    assert replayed.documents.equals(whole.documents)
    assert replayed.decisions.equals(whole.decisions)


def test_removed_lines_can_be_recovered_from_the_programs() -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions())
    _, _, programs = refine_documents(plan, table, answers_of(plan, table, CLEANING))
    lines = table["text"][0].split("\n")
    assert [lines[number] for number in programs["removed"][0]] == [
        "Home | News | Contact",
        "Share on Facebook",
    ]


def test_figures_and_samples_do_not_depend_on_the_order_of_documents() -> None:
    table = documents(*(f"{PAGE}\npage {number}" for number in range(9)))
    plan = plan_of(table, RefineOptions())
    answers = answers_of(plan, table, CLEANING)
    forward, backward = Tally(), Tally()
    refine_documents(plan, table, answers, tally=forward)
    for part in table.reverse().iter_slices(2):
        refine_documents(plan, part, answers, tally=backward)
    assert forward.figures() == backward.figures()
    assert forward.samples() == backward.samples()
    assert len(planned_requests(plan, table)) == forward.figures()["usage"]["requests"] == 9
