from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import refined
from assets.step import Built, build
from gristmill.documents import DECISIONS, DOCUMENTS
from gristmill.llm import Usage
from gristmill.llm.requests import Answer, Messages, Request
from gristmill.refine import PROGRAMS
from gristmill.store import Shard, Store, tables
from tests.assets.stores import add_shard, recipe_of
from tests.refine.corpora import PAGE, count_chats, count_words


class _Model:
    """Removes line 3 of every chunk, last request first."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return count_words(texts)

    def count_prompt_tokens(self, chats: Sequence[Messages]) -> list[int]:
        return count_chats(chats)

    def answer(self, requests: Iterable[tuple[Any, Request]]) -> Iterator[tuple[Any, Answer]]:
        asked = list(requests)
        if asked:
            self.calls.append(len(asked))
        for tag, _ in reversed(asked):
            yield tag, Answer("remove_lines(line_start=3, line_end=3)", "stop", 90, 12)


class _Tools:
    def __init__(self) -> None:
        self.model = _Model()

    def usage(self) -> Usage:
        return Usage()

    def digest(self, name: str) -> str:
        return f"digest of {name}"

    def llm(self, name: str) -> _Model:
        assert name == "small"
        return self.model


def _build(store: Store, shard: Shard, tools: _Tools, options: str = "") -> Built:
    recipe = recipe_of(f"models: {{small: {{}}}}\nrefine: {{model: small, {options}}}\n", "web", "code")
    given: Any = tools
    return build(refined.step(recipe, "filtered"), recipe, store, shard, given)


def _table(store: Store, built: Built, name: str) -> pl.DataFrame:
    return store.scan(built.manifest, name).collect()


def test_a_shard_is_refined_and_every_program_is_kept(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    built = _build(store, add_shard(store, {"a": PAGE, "b": " ", "c": f"{PAGE}\nmore"}), _Tools())
    documents, decisions, programs = (
        _table(store, built, name) for name in ("documents", "decisions", "programs")
    )
    assert documents.schema == pl.Schema(DOCUMENTS)
    assert decisions.schema == pl.Schema(DECISIONS)
    assert programs.schema == pl.Schema(PROGRAMS)
    assert decisions["rule"].to_list() == ["edited", "empty_input", "edited"]
    assert not documents["text"].str.contains("Share on Facebook").any()
    assert programs["removed"].to_list() == [[3], [3]]
    figures = built.manifest.figures
    assert (figures["rows_in"], figures["rows_out"], figures["dropped_by_rule"]) == (3, 2, {"empty_input": 1})
    assert figures["usage"] == {"requests": 2, "prompt_tokens": 180, "output_tokens": 24}
    assert len(figures["sample"]) == 2
    assert not any("seconds" in name for name in figures)


def test_row_groups_change_no_byte_and_are_asked_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for rows in (1000, 2):
        monkeypatch.setattr(tables, "ROW_GROUP_ROWS", rows)
        store, tools = Store.open(tmp_path / str(rows)), _Tools()
        shard = add_shard(store, {str(i): f"{PAGE}\npage {i}" for i in range(7)})
        monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 1000)
        built = _build(store, shard, tools)
        assert tools.model.calls == [7]
        contents.append((built.manifest.content, built.manifest.figures))
    assert contents[0] == contents[1]


def test_a_spent_budget_says_what_is_left(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    shard = add_shard(store, {str(i): f"{PAGE}\npage {i}" for i in range(4)})
    built = _build(store, shard, _Tools(), "max_output_tokens: 50, budget: {output_tokens: 100}")
    figures = built.manifest.figures
    assert figures["funnel"]["attempted"] == 2
    assert figures["funnel"]["not_attempted: budget"] == 2
    assert figures["left_by_budget"]["documents"] == 2
    assert built.manifest.rows("documents") == 4


def test_a_shard_of_another_source_passes_without_a_model(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    built = _build(store, add_shard(store, {"a": PAGE}, source="code"), tools, "sources: [web]")
    assert tools.model.calls == []
    assert _table(store, built, "documents")["text"].to_list() == [PAGE]


def test_only_what_counts_for_the_shard_is_in_the_fingerprint(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    shard = add_shard(store, {"a": PAGE})
    first = _build(store, shard, _Tools())
    assert _build(store, shard, _Tools()).cached
    assert _build(store, shard, _Tools(), "sources: [web]").cached
    other = _build(store, shard, _Tools(), "max_removed_ratio: 0.1")
    assert not other.cached
    assert other.manifest.fingerprint != first.manifest.fingerprint
    assert _table(store, other, "documents").height == 1


def test_an_empty_shard_has_its_tables(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    built = _build(store, add_shard(store, {}), _Tools())
    assert [built.manifest.rows(name) for name in ("documents", "decisions", "programs")] == [0, 0, 0]
