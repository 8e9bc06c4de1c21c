from __future__ import annotations

import time

import pytest

from gristmill.rephrase.acceptance import judge
from gristmill.rephrase.formats import find_equations, shape
from gristmill.rephrase.markdown import remove_markdown
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.style_options import StyleOptions
from gristmill.rephrase.styles import packaged_template, template_of

MILLS = (
    "Eling Mill was built in 1785 and grinds 40 sacks a day. Ouse Mill, built in 1720, grinds 25 sacks a day."
)
TABLE = "| Mill | Built |\n| --- | :-: |\n| Eling Mill | 1785 |\n| Ouse Mill | 1720 |"
MATHS = "Problem: Eling Mill grinds 40 sacks a day and Ouse Mill 25. How many in both?\nSolution: {}"
STEPS = "You learn to mill.\n\nStep 1: Open the sluice.\n**2.** Pour wheat."


def _reason(style: str, text: str, source: str = MILLS) -> str | None:
    return judge(text, source, packaged_template(style), options=AcceptanceOptions()).reason


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TABLE, None),
        ("Two mills.\n\nMill | Built\n--- | ---\nEling \\| Mill | 1785", None),
        (TABLE.replace("| 1720 |", "| 1720 | rye |"), "table_format"),  # a row is wider
        (TABLE.replace("| Ouse Mill | 1720 |", "| Ouse Mill"), "table_format"),  # a row breaks off
        ("| Mill | Built |\n| --- | --- |", "table_format"),  # no rows
        ("| Mills |\n| --- |\n| Eling |", "table_format"),  # one column
        (f"{TABLE}\n\n| stray |", "table_format"),
        (f"{TABLE}\n| | |", "table_format"),  # an empty row
        ("Eling Mill was built in 1785.", "table_format"),
    ],
)
def test_a_table_parses_and_its_rows_have_one_width(text: str, problem: str | None) -> None:
    assert shape(text, "table").problem == problem


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("40 + 25 = 65", [True]),
        ("40 sacks − 25 sacks = 15 sacks, and 15 × 60 kg = 900 kg", [True, True]),
        ("So (2 + 3) * 4 = 20, and $1,200 / 7 = $171.43.", [True, True]),
        ("20 % of 50 = 10; 1 / 3 = 0.33; 3 / 4 = 75 %; 2 - 5 = -3", [True] * 4),
        ("40 + 25 = 66", [False]),
        ("1 / 3 = 0.34", [False]),
        ("1 / 0 = 5", []),
        ("x = 5, and 7 = 7", []),  # nothing is computed
        ("In 2020 there were 40 + 25 = 65 sacks = 65", [True]),
    ],
)
def test_equations_are_computed_again(text: str, holds: list[bool]) -> None:
    assert [equation.holds for equation in find_equations(text)] == holds


def test_a_solution_may_have_numbers_that_it_computes_and_no_others() -> None:
    assert _reason("math", MATHS.format("Both grind 40 + 25 = 65 sacks.")) is None
    assert _reason("math", MATHS.format("Both grind 40 + 25 = 66 sacks.")) == "arithmetic"
    assert _reason("math", MATHS.format("Both grind 40 + 25 = 65 sacks of 31 pounds.")) == "novel_number"
    assert _reason("math", MATHS.format("Both grind 65 sacks.")) == "math_format"
    assert _reason("math", "Both grind 40 + 25 = 65 sacks.") == "math_format"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (STEPS, None),
        (STEPS.replace("**2.**", "3."), "tutorial_format"),  # a gap
        ("1. Open the sluice.", "tutorial_format"),  # one step
        ("Open the sluice, then pour wheat.", "tutorial_format"),
    ],
)
def test_the_steps_of_a_tutorial_are_numbered_without_a_gap(text: str, problem: str | None) -> None:
    assert shape(text, "tutorial").problem == problem


def test_steps_are_written_alike() -> None:
    assert shape(STEPS, "tutorial").text == "You learn to mill.\n\n1. Open the sluice.\n2. Pour wheat."


def test_a_table_of_the_passage_is_taken_and_an_invented_cell_is_not() -> None:
    assert _reason("table", TABLE) is None
    assert _reason("table", TABLE.replace("1720", "1721")) == "novel_number"


def test_tasks_want_their_prefix_and_are_cleaned() -> None:
    rewording = (
        "The mill at Eling dates from **1785** and makes flour of 40 sacks daily, Ouse's of 1720 only 25."
    )
    taken = judge(
        f"Sure! Here is a paraphrased version:\n{rewording}",
        MILLS,
        packaged_template("wikipedia"),
        options=AcceptanceOptions(),
    )
    assert (taken.reason, taken.text) == (None, rewording.replace("**", ""))
    assert _reason("wikipedia", rewording) == "no_prefix"
    assert _reason("wikipedia", "I cannot rewrite this.") == "refusal"


def test_lists_lose_their_marks_and_need_two_items() -> None:
    facts = "- Eling Mill dates from 1785.\n- Daily output of Ouse Mill: 25 sacks."
    taken = judge(facts, MILLS, packaged_template("knowledge_list"), options=AcceptanceOptions())
    assert (taken.reason, taken.text) == (None, facts.replace("- ", ""))
    assert _reason("knowledge_list", "- Eling Mill dates from 1785.") == "list_format"


def test_compat_takes_what_the_reference_takes() -> None:
    template = template_of(StyleOptions(name="distill", mode="compat"))
    invented = 'Paraphrased Text: "snake_case_name of 99 mills'
    taken = judge(invented, MILLS, template, options=AcceptanceOptions())
    assert (taken.reason, taken.text) == (None, '"snakecasename of 99 mills')
    assert judge("Mills.", MILLS, template, options=AcceptanceOptions()).reason == "no_prefix"


def test_hostile_answers_take_little_time() -> None:
    started = time.process_time()
    for text in ("1" + "a" * 5000, "1 " * 5000, "(" * 5000, "1,1" * 2000, "1+" * 5000):
        find_equations(f"{text}=5\n")
    remove_markdown("\\(" * 5000)
    assert time.process_time() - started < 3
