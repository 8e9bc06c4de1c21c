from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gristmill.errors import StoreError
from gristmill.report import render_sample, sample
from gristmill.report.sample import choose
from gristmill.store import Registry, Store
from tests.report.corpora import BOOKS, RECIPE, WEB, decision, document, key, make_corpus, put


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_corpus(tmp_path_factory.mktemp("store"))


def printed(asset: str, rows: list[dict[str, Any]]) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(render_sample(asset, rows))
    return console.file.getvalue()


def test_filtered_shows_why_a_document_was_dropped(store: Store):
    (row,) = sample(store, RECIPE, "filtered", 5)
    assert row == {
        "kind": "drop",
        "id": key("w2"),
        "shard": WEB,
        "url": "https://example.org/w2",
        "rule": "gopher_min_words",
        "value": 1.0,
        "bound": 50.0,
        "detail": None,
        "text": "short",
    }
    assert "drop gopher_min_words: 1 (allowed 50)" in printed("filtered", [row])


def test_deduped_shows_the_twin_in_another_shard(store: Store):
    (row,) = sample(store, RECIPE, "deduped", 5, shard=WEB)
    assert (row["kind"], row["id"], row["kept_id"]) == ("pair", key("w3"), key("b1"))
    assert (row["kept_shard"], row["similarity"]) == (BOOKS, 0.92)
    assert row["text"].endswith("turns!\n")
    assert row["kept_text"].endswith("turns.\n")
    assert "near_duplicate, similarity 0.92" in printed("deduped", [row])


def test_refined_shows_before_program_and_after(store: Store):
    rows = {row["id"]: row for row in sample(store, RECIPE, "refined", 5)}
    edited = rows[key("w1")]
    assert edited["before"].startswith("Home | Login\n")
    assert edited["after"] == "The mill stands by the river.\nIt is old.\n"
    assert [program["program"] for program in edited["programs"]] == ["remove_lines(0, 0)", None]
    assert rows[key("w4")]["after"] is None
    text = printed("refined", list(rows.values()))
    assert "remove_lines(0, 0)" in text
    assert "before" in text


def test_refined_prefers_what_was_touched(store: Store):
    assert {row["action"] for row in sample(store, RECIPE, "refined", 5)} == {"edit", "drop"}
    assert {row["action"] for row in sample(store, RECIPE, "refined", 5, shard=BOOKS)} == {"keep"}


def test_rephrased_shows_accepted_and_rejected_texts_beside_their_source(store: Store):
    rows = {row["outcome"]: row for row in sample(store, RECIPE, "rephrased", 5)}
    assert rows["accepted"]["after"] == "By the river there is an old mill."
    assert rows["accepted"]["before"] == "The mill stands by the river."
    assert rows["rejected"]["reason"] == "incomplete"
    assert set(rows) == {"accepted", "rejected"}
    assert "rejected medium, passage 1: incomplete" in printed("rephrased", list(rows.values()))


def test_selected_shows_what_the_budget_left_out(store: Store):
    (row,) = sample(store, RECIPE, "selected", 5)
    assert (row["rule"], row["text"]) == ("budget", "A second book.\nIt has two lines.\n")


def test_other_assets_show_their_rows_with_the_text(store: Store):
    rows = {row["id"]: row for row in sample(store, RECIPE, "scores/quality", 5)}
    assert rows[key("w1")]["text"] == "The mill stands by the river.\nIt is old.\n"
    assert rows[key("w1.0")]["quality"] == 0.7
    assert "quality 0.9" in printed("scores/quality", list(rows.values()))


def test_rows_depend_on_the_seed_and_not_on_their_order():
    ids = [f"{number:032x}" for number in range(200)]
    chosen = choose(ids, 5, "raw", 0)
    assert choose(reversed(ids), 5, "raw", 0) == chosen
    assert choose(ids, 5, "raw", 1) != chosen
    assert choose(ids, 6, "raw", 0)[:5] == chosen


def test_an_unknown_asset_offers_the_nearest(store: Store):
    with pytest.raises(
        StoreError, match=r"'filterd' of recipe 'demo' is not in the store.*Did you mean 'filtered'"
    ):
        sample(store, RECIPE, "filterd", 5)


def test_an_unknown_shard_names_the_known_ones(store: Store):
    with pytest.raises(StoreError, match=r"shard 'web-0009' of 'raw'.*books-0001, web-0001"):
        sample(store, RECIPE, "raw", 5, shard="web-0009")


def test_a_hostile_document_cannot_drive_the_terminal(tmp_path: Path):
    store = Store.open(tmp_path)
    Registry(store, RECIPE).register("web", [])
    hostile = document(
        "x", "\x1b]0;title\x07[bold]not markup[/bold] [/]\r\x9b2J", url="https://x/\x1b[31m\ny"
    )
    put(store, "raw", WEB, documents=[hostile], decisions=[decision("x")])
    text = printed("raw", sample(store, RECIPE, "raw", 1))
    assert not {"\x1b", "\x07", "\r", "\x9b"} & set(text)
    assert "\\x1b]0;title\\x07[bold]not markup[/bold] [/]" in text


def test_an_exact_copy_is_shown_once():
    place = {"id": "x", "shard": "web-0001", "url": None, "text": "the same words"}
    row = {"kind": "pair", **place, "rule": "exact_duplicate", "similarity": None}
    row |= {f"kept_{name}": value for name, value in place.items()}
    text = printed("deduped", [row])
    assert text.count("the same words") == 1
    assert "(the same text)" in text


def test_a_long_text_is_cut_with_what_is_missing(tmp_path: Path):
    store = Store.open(tmp_path)
    Registry(store, RECIPE).register("web", [])
    put(store, "raw", WEB, documents=[document("x", "a" * 10_300)], decisions=[decision("x")])
    assert "(10,000 more characters)" in printed("raw", sample(store, RECIPE, "raw", 1)).replace("\n", " ")


def test_a_change_far_inside_a_long_line_stays_in_sight():
    before = "word " * 400 + "menu " + "word " * 400
    row = {
        **{"kind": "edit", "id": "x", "action": "edit", "rule": None, "programs": []},
        **{"before": before, "after": before.replace("menu ", "")},
    }
    text = printed("refined", [row])
    assert "menu" in text
    assert "characters) …" in text.replace("\n", " ")
