from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from gristmill.errors import StoreError
from gristmill.report import TraceStep, render_trace, trace
from gristmill.store import Store
from tests.report.corpora import BOOKS, RECIPE, STAGES, WEB, decision, document, key, make_corpus, put


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_corpus(tmp_path_factory.mktemp("store"))


def outcomes(steps: list[TraceStep]) -> list[tuple[str, str]]:
    return [(step.stage, step.outcome) for step in steps]


def printed(steps: list[TraceStep]) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(render_trace(steps))
    return console.file.getvalue()


def test_a_url_is_followed_to_the_token_shards_with_what_was_made_from_it(store: Store):
    steps = trace(store, RECIPE, "https://example.org/w1", STAGES)
    assert outcomes([step for step in steps if not step.child]) == [
        ("raw", "keep"),
        ("filtered", "keep"),
        ("deduped", "keep"),
        ("refined", "edit"),
        ("rephrased", "derived"),
        ("scores/quality", "scored"),
        ("tokens", "counted"),
        ("selected", "keep"),
        ("mixed", "taken"),
    ]
    children = [step for step in steps if step.child]
    assert {step.id for step in children} == {key("w1.0")}
    assert outcomes(children)[-1] == ("mixed", "taken")


def test_facts_of_every_stage_are_there(store: Store):
    steps = {step.stage: step for step in trace(store, RECIPE, key("w1"), STAGES) if not step.child}
    assert steps["raw"].facts["file"] == "part.jsonl"
    assert steps["filtered"].facts == {"n_words": 10}
    assert [row["program"] for row in steps["refined"].rows] == ["remove_lines(0, 0)", None]
    assert steps["refined"].text == "The mill stands by the river.\nIt is old.\n"
    assert steps["rephrased"].facts == {"accepted": 1, "rejected": 1}
    assert [(row["stage"], row["tokens"]) for row in steps["tokens"].rows] == [("raw", 14), ("refined", 11)]
    assert [(row["start"], row["n_tokens"]) for row in steps["mixed"].rows] == [(0, 12), (12, 12)]
    assert steps["selected"].facts == {"rank": 1, "quality": 0.9, "tokens": 11}


def test_a_dropped_document_ends_with_the_rule_and_its_bound(store: Store):
    steps = trace(store, RECIPE, key("w2"), STAGES)
    assert outcomes(steps) == [("raw", "keep"), ("filtered", "drop")]
    assert (steps[-1].rule, steps[-1].value, steps[-1].bound) == ("gopher_min_words", 1.0, 50.0)
    assert "drop: gopher_min_words: 1 (allowed 50)" in printed(steps)


def test_a_duplicate_names_its_twin_and_the_twin_counts_its_copies(store: Store):
    last = trace(store, RECIPE, key("w3"), STAGES)[-1]
    assert (last.stage, last.outcome) == ("deduped", "drop")
    assert last.facts == {"twin": key("b1"), "twin_shard": BOOKS, "twin_url": "https://example.org/b1"}
    kept = {step.stage: step for step in trace(store, RECIPE, key("b1"), STAGES)}
    assert kept["deduped"].facts == {"copies_dropped": 1}
    assert kept["mixed"].outcome == "not taken"


def test_a_record_that_never_became_a_document_is_found(store: Store):
    (step,) = trace(store, RECIPE, key("w5"), STAGES)
    assert (step.outcome, step.rule, step.detail, step.shard) == ("drop", "unreadable", "not UTF-8", WEB)


def test_a_made_document_is_followed_from_its_page_and_without_its_siblings(store: Store):
    steps = trace(store, RECIPE, key("w1.0"), STAGES)
    assert steps[0].id == key("w1")
    assert next(step for step in steps if step.stage == "rephrased").facts == {"accepted": 1}
    assert {step.id for step in steps if step.child} == {key("w1.0")}


def test_a_page_that_was_fetched_twice_is_followed_twice(tmp_path: Path):
    store = make_corpus(tmp_path)
    twice = [document("a", "one", url="https://x/"), document("b", "two", url="https://x/")]
    put(store, "raw", WEB, documents=twice, decisions=[decision("a"), decision("b")])
    assert [step.id for step in trace(store, RECIPE, "https://x/", ["raw"])] == [key("a"), key("b")]


def test_a_stage_that_is_not_in_the_graph_is_not_shown(store: Store):
    stages = [stage for stage in STAGES if stage not in ("refined", "mixed")]
    assert "refined" not in [step.stage for step in trace(store, RECIPE, key("w1"), stages)]


def test_an_unknown_name_is_an_error_that_says_so(store: Store):
    with pytest.raises(StoreError, match="no document with the id or URL 'nope'"):
        trace(store, RECIPE, "nope", STAGES)


def test_a_trace_is_printed_below_its_document(store: Store):
    text = printed(trace(store, RECIPE, key("w1"), STAGES))
    assert text.startswith(key("w1"))
    assert f"made from it: {key('w1.0')}" in text
    assert "remove_lines(0, 0)" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_trace_takes_less_than_a_second(store: Store):
    started = time.process_time()
    trace(store, RECIPE, "https://example.org/w1", STAGES)
    assert time.process_time() - started < 1
