from __future__ import annotations

import polars as pl
import pytest

from gristmill.llm.requests import Answer
from gristmill.refine import Plan, plan_chunks, planned_requests
from gristmill.refine.labels import (
    EXAMPLE,
    HELD_OUT,
    LABELS,
    choose_documents,
    label_figures,
    make_labels,
    teacher_options,
)
from gristmill.refine.refiner_options import RefinerOptions
from tests.refine.corpora import PAGE, count_chats, count_words, documents

COLUMNS = ["id", "text", "source", "lang"]


def options(**values: object) -> RefinerOptions:
    return RefinerOptions.model_validate({"base": "small", "holdout": 0.5, **values})


def plan_of(chosen: pl.DataFrame, given: RefinerOptions) -> Plan:
    return plan_chunks(
        chosen, teacher_options(given), count_tokens=count_words, count_prompt_tokens=count_chats
    )


def labels_of(table: pl.DataFrame, given: RefinerOptions, write: str | None = None) -> pl.DataFrame:
    """Labels of these documents, by the rules or by a model that always writes the same."""
    chosen = choose_documents([table], given)
    plan = plan_of(chosen, given)
    answers = {}
    if write is not None:
        answers = {one.key: Answer(write, "stop", 9, 9) for one in planned_requests(plan, chosen)}
    return make_labels(
        plan, chosen, answers, given, count_tokens=count_words, count_prompt_tokens=count_chats
    )


def test_the_rules_label_every_chunk_with_numbers_of_the_document() -> None:
    table = documents(PAGE + "\n" + "\n".join(["Plain words in a sentence."] * 2) + "\nSign in")
    labels = labels_of(table, options(max_chunk_tokens=40, max_unchanged_share=1.0))
    assert labels.schema == pl.Schema(LABELS)
    assert labels["first_line"].to_list()[0] == 0
    assert labels.height == 2
    removed = [line for lines in labels["removed"] for line in lines]
    assert removed[0] == 0
    assert removed[-1] == 7
    assert labels["program"][0].startswith("remove_lines(line_start=0, line_end=0)")


def test_documents_are_held_out_whole_and_chosen_by_their_ids() -> None:
    table = documents(*(f"{PAGE}\n{PAGE}\npage {number}" for number in range(30)))
    given = options(max_chunk_tokens=40)
    labels = labels_of(table, given)
    assert labels.group_by("id").agg(pl.col("fold").n_unique())["fold"].unique().to_list() == [1]
    assert set(labels["fold"]) == {"train", "held_out"}
    assert set(labels.filter(pl.col("fold") == HELD_OUT)["use"]) == {HELD_OUT}
    parts = choose_documents([table[20:], table[:20]], given)
    assert parts.equals(choose_documents([table], given))
    few = choose_documents([table], options(max_documents=5))
    assert few["id"].to_list() == parts["id"].to_list()[:5]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("remove_lines(line_start=0, line_end=0)", None),
        ("keep_chunk()", None),
        ("remove the menu", "syntax"),
        ("drop_doc()", "unknown_function"),
        ("remove_lines(line_start=90, line_end=91)", "range"),
        ('normalize(source_str="absent", target_str="")', "no_match"),
        ("remove_lines(line_start=0, line_end=4)", "removed_too_much"),
        ("\n".join(f"remove_lines(line_start={n}, line_end={n})" for n in (0, 1, 3)), "too_many_calls"),
        ("", "empty"),
    ],
)
def test_a_label_of_a_model_is_cleaned(program: str, reason: str | None) -> None:
    (row,) = labels_of(
        documents(PAGE), options(teacher="big", max_ops=2, max_unchanged_share=1.0, holdout=1e-9), program
    ).to_dicts()
    assert row["reason"] == reason
    assert (row["use"] == EXAMPLE) == (reason is None)
    assert row["removed"] == ([0] if program.endswith("line_end=0)") else [])


def test_a_label_that_is_missing_or_too_long_is_left_out() -> None:
    table = documents(PAGE)
    given = options(teacher="big")
    chosen = choose_documents([table], given)
    plan = plan_of(chosen, given)
    missing = make_labels(plan, chosen, {}, given, count_tokens=count_words, count_prompt_tokens=count_chats)
    assert missing["reason"].to_list() == ["no_answer"]
    long = labels_of(documents(PAGE + " word" * 80), options(max_example_tokens=64))
    assert long["reason"].to_list() == ["too_long"]


def test_examples_are_balanced_and_held_out_chunks_are_not() -> None:
    clean = "Nothing to remove in this sentence."
    table = documents(*(PAGE for _ in range(20)), *(f"{clean} {number}" for number in range(60)))
    labels = labels_of(table, options(max_unchanged_share=0.25))
    figures = {row["use"]: row for row in label_figures(labels)["folds"]}
    train, held_out = figures[EXAMPLE], figures[HELD_OUT]
    assert train["chunks"] - train["chunks_changed"] == train["chunks_changed"] // 3
    assert held_out["chunks"] > 2 * held_out["chunks_changed"]
    assert label_figures(labels)["left_out"]["not_chosen"] > 0
    assert labels_of(table, options(max_examples=4))["use"].to_list().count(EXAMPLE) == 4


def test_sources_languages_and_blank_texts_are_not_labelled() -> None:
    table = pl.concat(
        [documents(PAGE), documents(PAGE, lang="de"), documents(PAGE, source="code"), documents(" ")]
    )
    chosen = choose_documents([table], options(sources=["web"], languages=["en"]))
    assert chosen["id"].to_list() == [table["id"][0]]
