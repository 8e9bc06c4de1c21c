from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gristmill.documents import DOCUMENTS, document_id, frame
from gristmill.errors import RecipeError, StageError
from gristmill.llm.requests import Answer
from gristmill.recipe import parse_recipe
from gristmill.rephrase import (
    Plan,
    Rephrased,
    RephraseOptions,
    accept_passages,
    check_conditions,
    plan_passages,
    planned_requests,
)

LINE = "The mill at Eling was built in 1785 and grinds wheat with the falling tide, on two days of the week."
REWORDED = "Erected in 1785, Eling's tide mill makes flour from wheat twice weekly while the sea water ebbs."
PAIRS = "\n".join(f"Question: Which mill is number {n}?\nAnswer: The mill at Eling." for n in ("one", "two"))


def _count(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def _documents(*texts: str, **columns: Any) -> pl.DataFrame:
    return frame(
        [
            {"id": document_id("web", str(i)), "text": text, "source": "web", "lang": "en", **columns}
            for i, text in enumerate(texts)
        ],
        DOCUMENTS,
    )


def _plan(documents: pl.DataFrame, *styles: dict[str, Any], **values: Any) -> Plan:
    options = RephraseOptions.model_validate({"styles": list(styles), "min_passage_tokens": 0, **values})
    return plan_passages(documents, options, count_tokens=_count)


def _accept(plan: Plan, documents: pl.DataFrame, **texts: str) -> Rephrased:
    answers = {
        planned.key: Answer(texts[planned.style], "stop", 70, 30)
        for planned in planned_requests(plan, documents)
    }
    return accept_passages(plan, documents, answers, count_tokens=_count)


def test_a_condition_says_which_documents_get_a_style_and_the_others_are_counted() -> None:
    documents = pl.concat([_documents(LINE, lang="en"), _documents(LINE * 3, lang="de"), _documents(LINE)])
    documents = documents.with_columns(lang=pl.Series(["en", "de", None]))
    plan = _plan(
        documents, {"name": "medium", "where": "lang = 'en'"}, {"name": "hard", "where": "lang = 'de'"}
    )
    assert plan.passages["style"].to_list() == ["medium", "hard"]
    assert plan.not_eligible["style"] == 1  # the language is not known
    assert plan.figures()["not_eligible"]["style"] == 1


def test_conditions_may_read_columns_that_the_caller_adds() -> None:
    documents = _documents(LINE, LINE).with_columns(score=pl.Series([0.1, 0.9]))
    plan = _plan(documents, {"name": "medium", "where": "score > 0.5"})
    assert plan.passages["parent_id"].to_list() == [documents["id"][1]]
    with pytest.raises(StageError, match=r"reads the columns \['score'\]"):
        _plan(_documents(LINE), {"name": "medium", "where": "score > 0.5"})


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("lenght(text) > 5", r"styles, 'medium': `where` unknown function 'lenght'"),
        ("langs = 'en'", "unknown column 'langs'.*Did you mean 'lang'"),
        ("length(text)", "must give true or false"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_with_its_style(where: str, message: str) -> None:
    options = RephraseOptions.model_validate({"styles": [{"name": "medium", "where": where}]})
    with pytest.raises(ValueError, match=message):
        check_conditions(options, DOCUMENTS)


def test_a_recipe_checks_conditions_against_documents_and_measures() -> None:
    recipe = (
        "name: r\nsources: {web: {kind: warc, inputs: [a.warc]}}\nmodels: {m: {engine: stub}}\nfilter: {}\n"
    )
    stage = "rephrase: {model: m, styles: [{name: medium, where: %s > 10}]}\n"
    assert parse_recipe(recipe + stage % "n_words", Path("r.yaml")).rephrase is not None
    with pytest.raises(RecipeError, match=r"rephrase.styles, 'medium': `where` unknown column 'n_wrods'"):
        parse_recipe(recipe + stage % "n_wrods", Path("r.yaml"))


def test_one_style_is_drawn_per_passage_among_those_that_want_the_document() -> None:
    documents = _documents(*["\n\n".join([LINE] * 6) for _ in range(40)])
    styles = ({"name": "medium"}, {"name": "qa"}, {"name": "hard", "where": "source = 'books'"})
    plan = _plan(documents, *styles, max_passage_tokens=20)
    counted = Counter(plan.passages["style"])
    assert set(counted) == {"medium", "qa"}
    assert plan.passages.group_by("parent_id").agg(pl.col("style").n_unique())["style"].max() == 2


def test_styles_that_are_cut_differently_are_drawn_for_the_document() -> None:
    documents = _documents(*["\n".join([LINE] * 30) for _ in range(40)])
    plan = _plan(documents, {"name": "medium"}, {"name": "distill"})
    per_document = plan.passages.group_by("parent_id").agg(pl.col("style").n_unique(), pl.len())
    assert per_document["style"].max() == 1
    assert set(plan.passages["style"]) == {"medium", "distill"}
    assert per_document["len"].n_unique() == 2


def test_all_styles_give_each_its_own_passages_and_documents() -> None:
    documents = _documents("\n".join([LINE] * 20))
    styles = ({"name": "medium"}, {"name": "wikipedia", "min_result_tokens": 5})
    plan = _plan(documents, *styles, assign="all", acceptance={"ratio": None})
    made, derivations = _accept(
        plan, documents, medium=REWORDED, wikipedia=f"Here is a paraphrased version:\n{REWORDED}"
    )
    assert set(made["method"]) == {"wrap.medium", "nemotron_cc.wikipedia"}
    assert derivations["style"].null_count() == 0
    assert derivations.select("parent_id", "passage", "style").is_duplicated().sum() == 0
    whole = made.filter(pl.col("method") == "nemotron_cc.wikipedia")
    n_wikipedia = derivations.filter(pl.col("style") == "wikipedia").height
    assert whole["text"].to_list() == ["\n".join([REWORDED] * n_wikipedia)]


def test_questions_and_answers_stand_behind_their_passage_and_a_short_result_is_rejected() -> None:
    text = "\n".join([LINE] * 2)
    documents = _documents(text)
    fixed = {"name": "diverse_qa", "pairs": {"sample": "all_up_to_cap"}}
    made, _ = _accept(_plan(documents, {**fixed, "min_result_tokens": 40}), documents, diverse_qa=PAIRS)
    assert made["text"][0].startswith(f"{text}\n\nQuestion: ")
    assert made["text"][0].count("Question: ") == 2
    made, derivations = _accept(_plan(documents, fixed), documents, diverse_qa=PAIRS)  # 100 tokens at least
    assert made.height == 0
    assert derivations.select("outcome", "reason").rows() == [("rejected", "short")]


def test_short_documents_get_no_task_and_short_segments_are_passed_through() -> None:
    documents = _documents("Too short.", f"{LINE} {LINE}\nA last line.")
    plan = _plan(documents, {"name": "knowledge_list", "max_input_tokens": 400, "min_document_tokens": 30})
    assert plan.not_eligible["short"] == 1
    plan = _plan(documents, {"name": "knowledge_list", "min_document_tokens": 0})
    assert plan.passages.select("outcome", "reason").rows() == [("passed_through", "short"), (None, None)]


def test_a_prompt_that_leaves_no_room_for_a_passage_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"which leaves .* of max_input_tokens 60 for a passage"):
        _plan(_documents(LINE), {"name": "distill", "max_input_tokens": 60})


def test_the_reference_cut_leaves_out_long_lines_and_joins_what_stands_around_them() -> None:
    long = " ".join(["wheel"] * 600)
    documents = _documents(f"{LINE}\n{long}\n{LINE}")
    compat = _plan(documents, {"name": "wikipedia", "mode": "compat"})
    (planned,) = planned_requests(compat, documents)
    assert planned.source_text == f"{LINE}\n{LINE}"
    strict = planned_requests(_plan(documents, {"name": "wikipedia"}), documents)
    assert " ".join(one.source_text for one in strict).split() == documents["text"][0].split()


def test_passages_of_whole_lines_hold_all_of_the_text() -> None:
    documents = _documents("\n\n".join([LINE, f"{LINE} " * 20, "# A heading", LINE]))
    planned = planned_requests(_plan(documents, {"name": "medium", "cut": "lines"}), documents)
    assert " ".join(one.source_text for one in planned).split() == documents["text"][0].split()
    assert all(len(one.source_text.split()) <= 300 for one in planned)
