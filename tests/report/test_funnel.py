from __future__ import annotations

import base64
import io
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from gristmill.report import Funnel, SourceCount, Usage, funnel, funnel_plot, render_funnel
from gristmill.store import Registry, Store
from tests.report.corpora import (
    BOOKS,
    RECIPE,
    STAGES,
    WEB,
    decision,
    document,
    make_corpus,
    put,
    store_with_raw,
)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Funnel:
    return funnel(make_corpus(tmp_path_factory.mktemp("store")), RECIPE, STAGES)


def printed(counted: Funnel, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(render_funnel(counted))
    return console.file.getvalue()


def test_stages_are_counted_in_the_order_of_the_graph(counted: Funnel):
    rows = [(s.stage, s.rows_in, s.new, s.dropped, s.rows_out) for s in counted.stages]
    assert rows == [
        ("raw", 7, 0, 1, 6),
        ("filtered", 6, 0, 1, 5),
        ("deduped", 5, 0, 1, 4),
        ("refined", 4, 0, 1, 3),
        ("rephrased", 3, 1, 0, 4),
        ("selected", 4, 0, 1, 3),
        ("mixed", 3, 0, 1, 2),
    ]


def test_nothing_disappears_between_stages(counted: Funnel):
    assert all(s.rows_in + s.new == s.rows_out + s.dropped for s in counted.stages)
    outs, ins = [s.rows_out for s in counted.stages], [s.rows_in for s in counted.stages]
    assert outs[:-1] == ins[1:]


def test_tokens_are_the_newest_count_that_the_stage_knows(counted: Funnel):
    tokens = {s.stage: s.tokens for s in counted.stages}
    assert tokens == {
        "raw": 46,
        "filtered": 45,
        "deduped": 35,
        "refined": 29,  # w1 has 14 in raw and 11 once its first line is gone
        "rephrased": 38,
        "selected": 30,
        "mixed": 34,  # with separators, w1 twice
    }


def test_drops_are_listed_by_stage_and_rule(counted: Funnel):
    assert [(row["stage"], row["rule"], row["documents"]) for row in counted.drops()] == [
        ("raw", "unreadable", 1),
        ("filtered", "gopher_min_words", 1),
        ("deduped", "near_duplicate", 1),
        ("refined", "remove_all", 1),
        ("selected", "budget", 1),
        ("mixed", "not_drawn", 1),
    ]


def test_language_models_are_counted_with_what_was_not_attempted(counted: Funnel):
    refined, rephrased = (s for s in counted.stages if s.usage)
    assert refined.usage == Usage(requests=2, prompt_tokens=150, output_tokens=17, seconds=4.5)
    assert refined.not_attempted == {"budget": 1}
    assert (rephrased.usage.requests, rephrased.usage.prompt_tokens, rephrased.usage.output_tokens) == (
        2,
        150,
        10,
    )
    assert rephrased.not_attempted == {"budget": 1}


def test_a_model_that_judges_documents_is_counted(tmp_path: Path):
    store = store_with_raw(tmp_path)
    rows = [("judged", None, 40, 4), ("judged", None, 50, 5), ("not_attempted", "language", None, None)]
    columns = ["outcome", "reason", "prompt_tokens", "output_tokens"]
    judgements = pl.DataFrame(rows, columns, orient="row")
    documents, decisions = [document("a", "text")], [decision("a")]
    put(store, "document_kept", WEB, documents=documents, decisions=decisions, judgements=judgements)
    (row,) = funnel(store, RECIPE, ["raw", "document_kept"]).llm_costs()
    assert list(row.values())[:4] == ["document_kept", 2, 90, 9]
    assert row["not_attempted"] == 1


def test_sources_are_split_for_sharded_and_global_stages(counted: Funnel):
    sources = {s.stage: s.sources for s in counted.stages}
    assert sources["raw"] == {"books": SourceCount(2, 18), "web": SourceCount(4, 28)}
    assert sources["rephrased"] == {"books": SourceCount(2, 18), "web": SourceCount(2, 20)}
    assert sources["selected"] == {"books": SourceCount(1, 10), "web": SourceCount(2, 20)}
    assert sources["mixed"] == {"books": SourceCount(0, 0), "web": SourceCount(2, 34)}


def test_a_stage_that_the_recipe_leaves_out_is_not_counted(tmp_path: Path):
    stages = [stage for stage in STAGES if stage not in ("rephrased", "refined", "mixed")]
    counted = funnel(make_corpus(tmp_path), RECIPE, stages)
    assert [s.stage for s in counted.stages] == ["raw", "filtered", "deduped", "selected"]


def test_without_token_counts_there_are_no_tokens(tmp_path: Path):
    counted = funnel(store_with_raw(tmp_path), RECIPE, STAGES)
    assert counted.rows()[0]["tokens"] is None
    assert "raw" in printed(counted)


def test_an_unbuilt_shard_is_named(tmp_path: Path):
    store = store_with_raw(tmp_path)
    Registry(store, RECIPE).register("web", [])
    counted = funnel(store, RECIPE, STAGES)
    assert (counted.stages[0].partitions, counted.stages[0].expected) == (1, 2)
    assert "Not all is built: raw 1 of 2 shards." in printed(counted)


def test_a_removed_shard_is_no_longer_counted(tmp_path: Path):
    store = make_corpus(tmp_path)
    Registry(store, RECIPE).remove(BOOKS)
    raw = funnel(store, RECIPE, STAGES).stages[0]
    assert (raw.rows_in, raw.rows_out, raw.tokens, list(raw.sources)) == (5, 4, 28, ["web"])


def test_an_empty_store_says_what_to_do(tmp_path: Path):
    assert "gristmill build" in printed(funnel(Store.open(tmp_path), RECIPE, STAGES))


def test_the_funnel_fits_a_terminal_of_100_columns(counted: Funnel):
    text = printed(counted)
    assert "Funnel of demo: 2 shards" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "1 not attempted: budget" in text
    assert "By source" in text
    assert "…" not in text


def test_the_plot_is_small_and_repeatable(counted: Funnel):
    plot = funnel_plot(counted)
    assert base64.b64decode(plot).startswith(b"\x89PNG")
    assert len(plot) < 30_000
    assert funnel_plot(counted) == plot


def test_tables_of_another_recipe_are_not_counted(tmp_path: Path):
    store = store_with_raw(tmp_path)
    put(store, "filtered", WEB, recipe="other", documents=[], decisions=[decision("a", "drop", "lang")])
    assert [s.stage for s in funnel(store, RECIPE, STAGES).stages] == ["raw"]


def test_a_rule_with_a_hostile_name_is_shown_as_text(tmp_path: Path):
    store = store_with_raw(tmp_path)
    put(
        store,
        "filtered",
        WEB,
        documents=[],
        decisions=[decision("a", "drop", "[red]x[/]\x1b[2J")],
        measures=pl.DataFrame({"id": ["a"]}),
    )
    text = printed(funnel(store, RECIPE, STAGES))
    assert "[red]x[/]\\x1b[2J 1" in text
    assert "\x1b[2J" not in text
