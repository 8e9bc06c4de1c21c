from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from gristmill.llm.budget import Budget
from gristmill.refine import RefineOptions, plan_chunks, planned_requests, planning
from tests.refine.corpora import PAGE, count_chats, count_words, documents, plan_of

LONG = "\n".join(f"line {number} " + "word " * 8 for number in range(12))


def test_a_request_holds_prompt_limit_and_grammar_of_its_lines() -> None:
    table = documents(LONG)
    plan = plan_of(table, RefineOptions(max_chunk_tokens=34, max_output_tokens=99))
    assert plan.chunks["first_line"].to_list() == [0, 3, 6, 9]
    second = planned_requests(plan, table)[1]
    assert second.key == (table["id"][0], 1)
    assert (second.request.max_tokens, second.request.temperature) == (99, 0.0)
    assert second.request.prompt[-1][1].startswith("[doc]\n[003]line 3 word")  # type: ignore[index]
    assert second.request.constraint is not None
    assert '"3, line_end=" ([3-5])' in second.request.constraint.value
    free = plan_of(table, RefineOptions(constrained=False))
    assert planned_requests(free, table)[0].request.constraint is None


def test_expected_prompt_tokens_are_those_of_the_request() -> None:
    table = documents(PAGE)
    plan = plan_of(table, RefineOptions())
    (planned,) = planned_requests(plan, table)
    sent = count_chats([planned.request.prompt])[0]  # type: ignore[list-item]
    assert sent <= plan.chunks["prompt_tokens"][0] <= sent + 10


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_a_blank_text_has_no_chunk(text: str) -> None:
    assert plan_of(documents(text), RefineOptions()).chunks.height == 0


def test_a_long_line_is_planned_as_skipped_and_not_sent() -> None:
    table = documents("a\n" + "word " * 40 + "\nb")
    plan = plan_of(table, RefineOptions(max_chunk_tokens=16))
    assert plan.chunks["reason"].to_list() == [None, "skipped_line", None]
    assert [planned.chunk for planned in planned_requests(plan, table)] == [0, 2]
    compat = plan_of(table, RefineOptions(max_chunk_tokens=16, mode="compat"))
    assert compat.chunks["outcome"].to_list() == [None, None, None]


def test_compat_counts_a_begin_token_per_line() -> None:
    table = documents("\n".join(["a b c d"] * 8))
    assert plan_of(table, RefineOptions(max_chunk_tokens=20, mode="compat")).chunks[
        "last_line"
    ].to_list() == [3, 7]


def test_other_sources_and_languages_have_no_rows_and_are_counted() -> None:
    table = pl.concat(
        [
            documents(PAGE),
            documents(PAGE, source="code"),
            documents(PAGE, lang="de"),
            documents(PAGE, lang=None),
        ]
    )
    plan = plan_of(table, RefineOptions(sources=("web",), languages=("en",)))
    assert plan.chunks["id"].to_list() == [table["id"][0]]
    assert (plan.documents, plan.not_eligible) == (4, {"source": 1, "language": 2})


def test_the_budget_takes_whole_documents_in_the_same_order_however_the_shard_is_cut() -> None:
    table = documents(*(f"{LONG}\nlast line of document {number}" for number in range(30)))
    options = RefineOptions(max_chunk_tokens=34, budget=Budget(prompt_tokens=9_000))
    whole = plan_of(table, options)
    taken = whole.chunks.filter(pl.col("outcome").is_null())
    assert 0 < taken["id"].n_unique() < 30
    assert taken["prompt_tokens"].sum() <= 9_000
    assert whole.chunks.group_by("id").agg(pl.col("outcome").n_unique())["outcome"].to_list() == [1] * 30
    cut = plan_chunks(
        table.iter_slices(7), options, count_tokens=count_words, count_prompt_tokens=count_chats
    )
    assert cut.chunks.equals(whole.chunks)
    turned = plan_of(table.reverse(), options).chunks.filter(pl.col("outcome").is_null())
    assert set(turned["id"]) == set(taken["id"])
    other = plan_of(table, options.model_copy(update={"seed": 1})).chunks.filter(pl.col("outcome").is_null())
    assert set(other["id"]) != set(taken["id"])


def test_the_figures_say_what_the_budget_left() -> None:
    table = documents(PAGE, PAGE + "\nx")
    one = plan_of(table.head(1), RefineOptions()).figures()["prompt_tokens"]
    figures = plan_of(table, RefineOptions(budget=Budget(prompt_tokens=one + 20))).figures()
    assert (figures["requests"], figures["left_by_budget"]["documents"]) == (1, 1)
    assert figures["left_by_budget"]["prompt_tokens"] > 0
    assert plan_of(table, RefineOptions(budget=Budget(output_tokens=0))).figures()["requests"] == 0


def test_long_documents_are_counted_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    table = documents(LONG, PAGE, PAGE, LONG)
    options = RefineOptions(max_chunk_tokens=34)
    expected = plan_of(table, options).chunks
    monkeypatch.setattr(planning, "_BATCH_BYTES", 2 * len(PAGE) + 1)
    calls: list[int] = []

    def count(texts: Sequence[str]) -> list[int]:
        calls.append(len(texts))
        return count_words(texts)

    plan = plan_chunks(table, options, count_tokens=count, count_prompt_tokens=count_chats)
    assert calls == [12, 10, 12]
    assert plan.chunks.equals(expected)


def test_an_empty_shard_has_an_empty_plan() -> None:
    plan = plan_chunks([], RefineOptions(), count_tokens=count_words, count_prompt_tokens=count_chats)
    assert (plan.documents, plan.chunks.height, plan.figures()["requests"]) == (0, 0, 0)
