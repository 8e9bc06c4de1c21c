from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.documents import DERIVATIONS, DOCUMENTS, check_schema, derived_id, document_id, frame
from gristmill.llm.requests import Answer
from gristmill.rephrase import RephraseOptions, Tally, accept_passages, plan_passages, planned_requests
from gristmill.rephrase.acceptance import Checks
from gristmill.rephrase.planning import PLANNED, Key, Plan

MILL = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the "
    "wheel on two days of the week, but only while the keeper, Ann Lowe, is there."
)
GOOD = (
    "Erected in 1785, Eling's tide mill uses ebbing water to make flour. Twice weekly guests can operate "
    "its wheel, provided that Ann Lowe, who keeps it, attends."
)
LIST = "- flour\n- water"


def _count(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def _documents(*texts: str, lang: str = "en", source: str = "web") -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "id": document_id(source, str(i)),
            "text": text,
            "source": source,
            "shard": "web-0001",
            "url": f"https://a.example/{i}",
            "lang": lang,
            "method": "natural",
            "generation_depth": 0,
            "file": "a.warc",
        }
        for i, text in enumerate(texts)
    ]
    return frame(rows, DOCUMENTS)


def _options(**values: Any) -> RephraseOptions:
    return RephraseOptions.model_validate(
        {"styles": [{"name": "medium"}], "max_passage_tokens": 40, "min_passage_tokens": 0, **values}
    )


def _plan(documents: pl.DataFrame, **values: Any) -> Plan:
    return plan_passages(documents, _options(**values), count_tokens=_count)


def _answers(
    plan: Plan, documents: pl.DataFrame, text: str = GOOD, finish: str = "stop"
) -> dict[Key, Answer]:
    return {
        planned.key: Answer(text=text, finish_reason=finish, prompt_tokens=70, output_tokens=30)
        for planned in planned_requests(plan, documents)
    }


def test_an_accepted_passage_becomes_a_document_of_its_parent() -> None:
    documents = _documents(MILL)
    plan = _plan(documents)
    made, derivations = accept_passages(plan, documents, _answers(plan, documents))

    parent = documents["id"][0]
    check_schema(made, DOCUMENTS, "made")
    check_schema(derivations, DERIVATIONS, "derivations")
    row = made.row(0, named=True)
    assert row["id"] == derived_id(parent, "wrap.medium", 0) == derivations["child_id"][0]
    assert (row["parent_id"], row["method"], row["generation_depth"]) == (parent, "wrap.medium", 1)
    assert (row["text"], row["lang"], row["url"], row["file"]) == (
        GOOD,
        "en",
        "https://a.example/0",
        "a.warc",
    )
    meta = json.loads(row["meta"])
    assert (meta["passage"], meta["n_passages"], len(meta["template"])) == (0, 1, 32)
    assert derivations.row(0, named=True)["outcome"] == "accepted"
    assert derivations["source_text"][0] == MILL
    assert (derivations["prompt_tokens"][0], derivations["output_tokens"][0]) == (70, 30)


def test_a_rejected_text_is_kept_in_its_row() -> None:
    documents = _documents(MILL)
    plan = _plan(documents)
    made, derivations = accept_passages(
        plan, documents, _answers(plan, documents, text="I cannot rewrite this.")
    )
    assert made.height == 0
    assert derivations.select("outcome", "reason", "text").row(0) == (
        "rejected",
        "refusal",
        "I cannot rewrite this.",
    )


def test_a_cut_answer_is_rejected_as_incomplete() -> None:
    documents = _documents(MILL)
    plan = _plan(documents)
    _, derivations = accept_passages(plan, documents, _answers(plan, documents, finish="length"))
    assert derivations["reason"].to_list() == ["incomplete"]


def test_blocks_are_passed_through_with_a_row() -> None:
    documents = _documents(f"{MILL}\n\n{LIST}\n\n{MILL}")
    plan = _plan(documents)
    assert len(planned_requests(plan, documents)) == 2
    made, derivations = accept_passages(plan, documents, _answers(plan, documents))
    assert made.height == 2
    assert derivations["outcome"].to_list() == ["accepted", "passed_through", "accepted"]
    assert derivations["reason"].to_list() == [None, "list", None]
    assert derivations["child_id"].null_count() == 1


def test_a_passage_of_fragments_is_passed_through_where_sentences_are_asked_for() -> None:
    documents = _documents("Mills\n\nWheels\n\nTides", MILL)
    assert _plan(documents).passages["outcome"].to_list() == [None, None]
    plan = _plan(documents, min_sentence_share=0.9)
    assert plan.passages.select("outcome", "reason").rows() == [("passed_through", "fragments"), (None, None)]


def test_a_passage_without_an_answer_is_not_attempted() -> None:
    documents = _documents(MILL)
    made, derivations = accept_passages(_plan(documents), documents, {})
    assert made.height == 0
    assert derivations.select("outcome", "reason", "text").row(0) == ("not_attempted", "no answer", None)


def test_a_request_holds_prompt_limit_sampling_and_seed() -> None:
    documents = _documents(MILL, MILL)
    first, second = planned_requests(_plan(documents), documents)
    words = len(MILL.split())
    assert first.request.max_tokens == max(128, 2 * words + 64)
    assert (first.request.temperature, first.request.top_p) == (0.5, 0.9)
    assert first.request.prompt[-1][1].endswith(f"<passage>\n{MILL}\n</passage>")
    assert first.request.seed != second.request.seed
    assert 0 <= first.request.seed < 2**31
    capped = planned_requests(_plan(documents, output_max=100), documents)
    assert [planned.request.max_tokens for planned in capped] == [100, 100]


def test_the_budget_takes_the_same_passages_however_the_shard_is_cut() -> None:
    documents = _documents(*[f"{MILL} Number {i} of them." for i in range(12)])
    budget = {"prompt_tokens": None, "output_tokens": 1000}
    plan = _plan(documents, budget=budget)
    cut = plan_passages(documents.iter_slices(5), _options(budget=budget), count_tokens=_count)
    assert cut.passages.equals(plan.passages)
    check_schema(plan.passages, PLANNED, "plan")

    requests = [p for part in documents.iter_slices(5) for p in planned_requests(plan, part)]
    assert [p.key for p in requests] == [p.key for p in planned_requests(plan, documents)]
    assert 0 < len(requests) < 12
    assert sum(p.request.max_tokens for p in requests) <= 1000
    _, derivations = accept_passages(plan, documents, _answers(plan, documents))
    left = derivations.filter(pl.col("outcome") == "not_attempted")
    assert left["reason"].unique().to_list() == ["budget"]
    assert derivations.height == 12
    assert plan.figures()["requests"] == len(requests)


def test_documents_of_other_sources_and_languages_are_left_alone_and_counted() -> None:
    documents = pl.concat(
        [_documents(MILL, source="a"), _documents(MILL, MILL, lang="de"), _documents(MILL, source="c")]
    )
    plan = _plan(documents, languages=["en"], sources=["web", "c"])
    assert plan.not_eligible == {"source": 1, "language": 2, "style": 0, "short": 0}
    assert plan.passages.height == 1
    assert plan.documents == 4


def test_each_sample_has_its_own_seed_row_and_document() -> None:
    documents = _documents(MILL)
    plan = _plan(documents, samples=2)
    planned = planned_requests(plan, documents)
    assert [p.request.sample for p in planned] == [0, 1]
    assert planned[0].request.seed != planned[1].request.seed
    made, derivations = accept_passages(plan, documents, _answers(plan, documents))
    assert made["id"].n_unique() == 2
    assert derivations["sample"].to_list() == [0, 1]


def _reassembled(on_missing: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    documents = _documents(f"{MILL}\n\n{LIST}\n\n{MILL}")
    plan = _plan(documents, reassemble=True, on_missing=on_missing)
    answers = _answers(plan, documents)
    answers[(documents["id"][0], 2, 0, "medium")] = Answer(
        text="", finish_reason="stop", prompt_tokens=1, output_tokens=0
    )
    return accept_passages(plan, documents, answers)


def test_a_reassembled_document_has_the_original_where_a_passage_failed() -> None:
    made, derivations = _reassembled("original")
    assert made["text"].to_list() == [f"{GOOD}\n\n{LIST}\n\n{MILL}"]
    assert json.loads(made["meta"][0])["original_passages"] == [2]
    assert derivations["outcome"].to_list() == ["accepted", "passed_through", "rejected"]
    assert derivations["child_id"].drop_nulls().unique().to_list() == made["id"].to_list()


def test_a_document_with_a_failed_passage_can_be_dropped() -> None:
    made, derivations = _reassembled("drop")
    assert made.height == 0
    assert derivations["reason"].to_list() == ["document_incomplete", "list", "empty"]


def test_the_language_of_the_parent_is_compared() -> None:
    documents = _documents(MILL)
    plan = _plan(documents)
    made, derivations = accept_passages(
        plan,
        documents,
        _answers(plan, documents),
        checks=Checks(
            plan.options.acceptance,
            identify_language=lambda texts: [("en" if text == MILL else "de", 0.9) for text in texts],
        ),
    )
    assert made.height == 0
    assert derivations["reason"].to_list() == ["language"]


def test_the_tally_counts_over_batches() -> None:
    documents = _documents(MILL, MILL, MILL)
    plan, tally = _plan(documents), Tally()
    for part in documents.iter_slices(2):
        accept_passages(plan, part, _answers(plan, part), tally=tally)
    report = tally.figures()
    assert (report["passages"], report["accepted"], report["opening_share"]) == (3, 3, 1.0)
    assert report["styles"]["medium"]["tokens_out"] == 90


def test_no_documents_give_empty_tables() -> None:
    empty = _documents()
    plan = plan_passages([], _options(), count_tokens=_count)
    made, derivations = accept_passages(plan, empty, {})
    check_schema(made, DOCUMENTS, "made")
    check_schema(derivations, DERIVATIONS, "derivations")
    assert planned_requests(plan, empty) == []


def test_the_caller_may_count_whole_prompts() -> None:
    documents = _documents(MILL)
    plan = plan_passages(
        documents, _options(), count_tokens=_count, count_prompt_tokens=lambda chats: [500 for _ in chats]
    )
    assert plan.passages["prompt_tokens"].to_list() == [500 + len(MILL.split())]


@pytest.mark.parametrize("text", ["", " \n ", None])
def test_a_text_without_words_has_no_row(text: str) -> None:
    assert _plan(_documents(text)).passages.height == 0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(alphabet=st.sampled_from("aB1. \n-|`é"), max_size=80), max_size=4),
    st.one_of(st.text(max_size=60), st.sampled_from(["\ud83d", GOOD, "Question: a\nAnswer: b"])),
    st.sampled_from(["stop", "length", "other"]),
    st.booleans(),
)
def test_every_planned_passage_has_one_row_whatever_the_model_wrote(
    texts: list[str], generated: str, finish: str, reassemble: bool
) -> None:
    documents = _documents(*texts)
    plan = _plan(documents, styles=[{"name": "medium"}, {"name": "qa"}], reassemble=reassemble, samples=2)
    made, derivations = accept_passages(plan, documents, _answers(plan, documents, generated, finish))
    assert derivations.select("parent_id", "passage", "sample").equals(
        plan.passages.select("parent_id", "passage", "sample")
    )
    accepted = derivations.filter(pl.col("outcome") == "accepted")
    assert set(made["id"]) == set(accepted["child_id"])
    assert derivations.filter(pl.col("outcome") != "accepted")["reason"].null_count() == 0
