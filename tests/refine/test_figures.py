from __future__ import annotations

from gristmill.llm.requests import Answer
from gristmill.refine import RefineOptions, Tally, refine_documents
from gristmill.refine.figures import MAX_SAMPLE_CHARS, MAX_SAMPLES
from tests.refine.corpora import PAGE, answers_of, documents, plan_of


def test_the_figures_count_documents_programs_failures_and_tokens() -> None:
    table = documents(PAGE, PAGE + "\nb", PAGE + "\nc", PAGE + "\nd", " ")
    plan = plan_of(table, RefineOptions())
    answers = answers_of(plan, table, "remove_lines(3, 3)")
    ids = table["id"].to_list()
    answers[(ids[1], 0)] = Answer('normalize("absent text")', "stop", 50, 3)
    answers[(ids[2], 0)] = Answer("bogus()\nbogus()", "length", 50, 3)
    del answers[(ids[3], 0)]
    tally = Tally()
    refine_documents(plan, table, answers, tally=tally)
    figures = tally.figures()
    assert figures["funnel"] == {
        "documents": 5,
        "attempted": 3,
        "edited": 1,
        "empty_input": 1,
        "not_attempted: no_answer": 1,
        "rejected_program": 1,
        "unchanged": 1,
    }
    assert figures["chunks"] == {
        "applied": 1,
        "not_attempted: no_answer": 1,
        "rejected: errors": 1,
        "unchanged": 1,
    }
    programs = figures["programs"]
    assert (programs["written"], programs["mean_calls"]) == (3, 4 / 3)
    assert (programs["failure_rate"], programs["degenerate_rate"]) == (2 / 3, 1 / 3)
    assert programs["removed_lines_share"] == 1 / 17
    assert (figures["errors"], figures["warnings"]) == ({"unknown_function": 2}, {"no_match": 1})
    assert figures["usage"] == {"requests": 3, "prompt_tokens": 150, "output_tokens": 13}


def test_shares_over_nothing_are_null() -> None:
    programs = Tally().figures()["programs"]
    assert programs.pop("written") == 0
    assert set(programs.values()) == {None}


def test_samples_show_where_the_text_begins_to_differ() -> None:
    long = "\n".join(f"a sentence with number {number} in it" for number in range(60))
    table = documents(f"{long}\nShare on Facebook\n{long}", *(f"{PAGE}\n{n}" for n in range(10)))
    plan = plan_of(table, RefineOptions())
    answers = {
        key: a
        for key, a in answers_of(plan, table, "remove_lines(60, 60)").items()
        if key[0] == table["id"][0]
    }
    tally = Tally()
    refine_documents(plan, table, answers, tally=tally)
    (sample,) = tally.samples()
    assert "Share on Facebook" in sample["before"]
    assert "Share on Facebook" not in sample["after"]
    assert sample["program"] == "remove_lines(60, 60)"
    assert len(sample["before"]) <= MAX_SAMPLE_CHARS + 40  # with marks, and what is left out


def test_there_are_few_samples() -> None:
    table = documents(*(f"{PAGE}\n{number}" for number in range(30)))
    plan = plan_of(table, RefineOptions())
    tally = Tally()
    refine_documents(plan, table, answers_of(plan, table, "remove_lines(3, 3)"), tally=tally)
    assert len(tally.samples()) == MAX_SAMPLES
