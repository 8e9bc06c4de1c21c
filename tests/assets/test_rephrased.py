from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from assets import rephrase_checks, rephrased
from assets.step import Built, build
from gristmill import documents as data
from gristmill.documents import DERIVATIONS, DOCUMENTS, document_id
from gristmill.errors import StageError
from gristmill.llm import Usage
from gristmill.llm.requests import Answer, Messages, Request
from gristmill.rephrase import Rephrased
from gristmill.report import render_sample, sample
from gristmill.store import Shard, Store, tables
from tests.assets.stores import add_shard, recipe_of

MILL = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the "
    "wheel on two days of the week, but only while the keeper, Ann Lowe, is there."
)
GOOD = (
    "Erected in 1785, Eling's tide mill uses ebbing water to make flour. Twice weekly guests can operate "
    "its wheel, provided that Ann Lowe, who keeps it, attends."
)
OPTIONS = "model: small, styles: [{name: medium}], min_passage_tokens: 0, max_passage_tokens: 60"
NO_LANGUAGES = f"{OPTIONS}, acceptance: {{min_language_score: null}}"


class _Model:
    """Answers what `written` holds for a passage that contains its key, last request first.

    An answer breaks off where fewer than `least_tokens` are allowed.
    """

    def __init__(self, written: dict[str, str]) -> None:
        self.written = written
        self.calls: list[int] = []
        self.least_tokens = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def count_prompt_tokens(self, chats: Sequence[Messages]) -> list[int]:
        return [sum(len(content.split()) for _, content in chat) for chat in chats]

    def answer(self, requests: Iterable[tuple[Any, Request]]) -> Iterator[tuple[Any, Answer]]:
        asked = list(requests)
        if asked:
            self.calls.append(len(asked))
        for tag, request in reversed(asked):
            passage = request.prompt[-1][1]
            assert isinstance(passage, str)
            text = next(text for part, text in self.written.items() if part in passage)
            stopped = "stop" if request.max_tokens >= self.least_tokens else "length"
            yield tag, Answer(text, stopped, prompt_tokens=70, output_tokens=len(text.split()))


class _Tools:
    def __init__(self, **written: str) -> None:
        self.model = _Model({"mill": GOOD, **written})
        self.loaded: list[str] = []

    def usage(self) -> Usage:
        return Usage()

    def digest(self, name: str) -> str:
        return f"digest of {name}"

    def path(self, name: str) -> Path:
        self.loaded.append(name)
        return Path("lid.176.ftz")

    def llm(self, name: str) -> _Model:
        self.loaded.append(name)
        return self.model


def _build(store: Store, shard: Shard, tools: _Tools, options: str = NO_LANGUAGES) -> Built:
    recipe = recipe_of(f"models: {{small: {{}}}}\nrephrase: {{{options}}}\n", "web", "code")
    given: Any = tools
    return build(rephrased.step(recipe, "filtered"), recipe, store, shard, given)


def _tables(store: Store, built: Built) -> tuple[pl.DataFrame, pl.DataFrame]:
    documents, derivations = (store.scan(built.manifest, t).collect() for t in ("documents", "derivations"))
    return documents, derivations


def test_new_documents_and_every_planned_passage_come_out(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools(keeper="I cannot rewrite this.")
    tools.model.written = {"Ely": "I cannot rewrite this.", "mill": GOOD}
    texts = {"a": f"{MILL}\n\n- flour\n- water", "b": MILL.replace("Eling", "Ely")}
    built = _build(store, add_shard(store, texts), tools)

    documents, derivations = _tables(store, built)
    assert (documents.schema, derivations.schema) == (pl.Schema(DOCUMENTS), pl.Schema(DERIVATIONS))
    assert documents.select("text", "parent_id", "method", "source", "shard").rows() == [
        (GOOD, document_id("web", "a"), "wrap.medium", "web", "web-0001")
    ]
    assert json.loads(documents["meta"][0])["model"] == "small"
    assert derivations.select("outcome", "reason").rows() == [
        ("accepted", None),
        ("passed_through", "list"),
        ("rejected", "refusal"),
    ]
    figures = built.manifest.figures
    assert (figures["rows_in"], figures["rows_out"], figures["passages"]) == (2, 1, 3)
    assert (figures["prompt_tokens"], figures["output_tokens"]) == (140, len(GOOD.split()) + 4)
    assert [row["count"] for row in figures["funnel"]] == [2, 2, 3, 2, 2, 1, 1]
    assert figures["styles"][0]["style"] == "medium"
    assert sorted((row["outcome"], row["text"]) for row in figures["sample"]) == [
        ("accepted", GOOD),
        ("rejected: refusal", "I cannot rewrite this."),
    ]
    assert not any("seconds" in name for name in figures)


def test_all_requests_of_a_shard_are_asked_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for rows in (1000, 2):
        monkeypatch.setattr(tables, "ROW_GROUP_ROWS", rows)
        store, tools = Store.open(tmp_path / str(rows)), _Tools()
        shard = add_shard(store, {str(i): f"{MILL} It is the mill of number {i}." for i in range(7)})
        monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 1000)
        built = _build(store, shard, tools)
        assert tools.model.calls == [7]
        contents.append((built.manifest.content, built.manifest.figures))
    assert contents[0] == contents[1]  # batches change no byte
    assert len(contents[0][1]["sample"]) == 6


def test_what_is_built_is_not_asked_again(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    shard = add_shard(store, {"a": MILL})
    _build(store, shard, tools)
    again = _Tools()
    assert _build(store, shard, again).cached
    assert again.loaded == []


def test_another_prompt_or_model_is_asked_anew(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    shard = add_shard(store, {"a": MILL})
    _build(store, shard, _Tools())
    changed = _Tools()
    changed.digest = lambda name: "another digest"  # type: ignore[method-assign]
    assert not _build(store, shard, changed).cached
    prompt = NO_LANGUAGES.replace("{name: medium}", "{name: medium, prompt: Say it in other words.}")
    assert not _build(store, shard, _Tools(), prompt).cached


def test_a_source_that_is_left_out_asks_nothing_and_keeps_its_cache(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    shard = add_shard(store, {"a": MILL})
    built = _build(store, shard, tools, f"{NO_LANGUAGES}, sources: [code]")
    documents, derivations = _tables(store, built)
    assert (documents.height, derivations.height, tools.model.calls) == (0, 0, [])
    assert built.manifest.figures["funnel"][1]["count"] == 0
    # Of the list of sources, only whether this one is in it counts.
    assert not _build(store, shard, tools).cached
    assert _build(store, shard, tools, f"{NO_LANGUAGES}, sources: [web]").cached


def test_a_budget_leaves_rows_that_say_so(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    texts = {str(i): f"{MILL} It is the mill of number {i}." for i in range(5)}
    built = _build(store, add_shard(store, texts), tools, f"{NO_LANGUAGES}, budget: {{output_tokens: 300}}")
    _, derivations = _tables(store, built)
    assert derivations.group_by("outcome", "reason").len().sort("outcome").rows() == [
        ("accepted", None, 2),
        ("not_attempted", "budget", 3),
    ]
    assert built.manifest.figures["reasons"] == {"not_attempted: budget": 3}


@pytest.mark.parametrize(
    ("options", "least_tokens", "outcome", "calls"),
    [
        ("retry_cut_off: true", 150, ("accepted", None), [2, 2]),
        ("retry_cut_off: true", 1000, ("rejected", "incomplete"), [2, 2]),
        ("retry_cut_off: true", 0, ("accepted", None), [2]),
        ("retry_cut_off: false", 150, ("rejected", "incomplete"), [2]),
    ],
)
def test_answers_that_broke_off_are_asked_for_once_more_with_twice_the_tokens(
    tmp_path: Path, options: str, least_tokens: int, outcome: tuple[str, str | None], calls: list[int]
) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    tools.model.least_tokens = least_tokens  # 128 are allowed first
    texts = {"a": MILL, "b": f"{MILL} It is old."}
    built = _build(store, add_shard(store, texts), tools, f"{NO_LANGUAGES}, {options}")
    _, derivations = _tables(store, built)
    assert derivations.select("outcome", "reason").rows() == [outcome] * 2
    assert tools.model.calls == calls


def test_a_budget_reserves_what_second_requests_may_cost(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    tools.model.least_tokens = 1000
    texts = {str(i): f"{MILL} It is the mill of number {i}." for i in range(5)}
    options = f"{NO_LANGUAGES}, retry_cut_off: true, budget: {{output_tokens: 1200}}"  # five would fit once
    _build(store, add_shard(store, texts), tools, options)
    assert tools.model.calls == [2, 2]


def test_languages_are_compared_where_the_options_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def identify(texts: pl.Series, path: Path) -> tuple[pl.Series, pl.Series]:
        assert path == Path("lid.176.ftz")
        known = texts.replace_strict({GOOD: "fr"}, default=None, return_dtype=pl.String)
        return known, pl.Series([0.9] * len(texts))

    monkeypatch.setattr(rephrase_checks, "identify_languages", identify)
    store, tools = Store.open(tmp_path), _Tools()
    built = _build(store, add_shard(store, {"a": MILL}), tools, OPTIONS)
    _, derivations = _tables(store, built)
    assert derivations.select("outcome", "reason").rows() == [("rejected", "language")]
    assert "lid.176" in tools.loaded
    recipe = recipe_of(f"models: {{small: {{}}}}\nrephrase: {{{OPTIONS}}}\n")
    assert rephrased.step(recipe, "filtered").models == ("small", "lid.176")
    recipe = recipe_of(f"models: {{small: {{}}}}\nrephrase: {{{NO_LANGUAGES}}}\n")
    assert rephrased.step(recipe, "filtered").models == ("small",)


def test_documents_without_a_derivation_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = rephrased.accept_passages

    def lose(*args: Any, **options: Any) -> Rephrased:
        made = accept(*args, **options)
        return Rephrased(made.documents, made.derivations.with_columns(outcome=pl.lit("rejected")))

    monkeypatch.setattr(rephrased, "accept_passages", lose)
    store, tools = Store.open(tmp_path), _Tools()
    shard = add_shard(store, {"a": MILL})
    with pytest.raises(
        StageError, match=r"rephrased web-0001: 1 documents with 1 ids came out, .* accept 0 \(1 ids"
    ):
        _build(store, shard, tools)
    assert store.ref("demo", "rephrased", shard.key) is None


def test_a_shard_without_documents_has_tables_without_rows(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    documents, derivations = _tables(store, _build(store, add_shard(store, {}), tools))
    assert documents.equals(data.empty(DOCUMENTS))
    assert derivations.equals(data.empty(DERIVATIONS))
    assert tools.model.calls == []


def test_documents_put_together_from_passages_agree_with_their_derivations(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    shard = add_shard(store, {"a": f"{MILL}\n\n{MILL}"})
    built = _build(store, shard, tools, f"{NO_LANGUAGES}, reassemble: true, samples: 2".replace("60", "40"))
    documents, derivations = _tables(store, built)
    assert (documents.height, derivations.height) == (2, 4)
    assert set(documents["id"]) == set(derivations["child_id"])


def test_anchored_pairs_follow_their_passage_and_name_its_places(tmp_path: Path) -> None:
    passage = f"{MILL} A second wheel, bought in 1890, has stood still since the flood, for want of money."
    tools = _Tools(
        mill="Question: How old is it?\nAnswer: It dates from 1785.\nExcerpt: built in 1785\n\n"
        "Question: Who made it?\nAnswer: A monk.\nExcerpt: built by a monk\n\n"
        "Question: Whose presence is needed?\nAnswer: Ann Lowe's.\n"
        "Excerpt: only while the keeper\nExcerpt: Ann Lowe, is"
    )
    options = NO_LANGUAGES.replace("{name: medium}", "{name: anchored_qa}")
    store = Store.open(tmp_path)
    parent = f"\n\n{passage}\n"
    built = _build(
        store, add_shard(store, {"a": parent}), tools, f"{options}, reassemble: true, audit_share: 1"
    )

    (document,) = _tables(store, built)[0].iter_rows(named=True)
    assert document["method"] == "retrieval.anchored_qa"
    assert document["text"] == (
        f"{passage}\n\nQuestion: How old is it?\nAnswer: It dates from 1785.\n\n"
        "Question: Whose presence is needed?\nAnswer: Ann Lowe's."
    )
    meta = json.loads(document["meta"])
    quoted = [["built in 1785"], ["only while the keeper", "Ann Lowe, is"]]
    for text, spans in (
        (document["text"], meta["spans"]),
        (passage, meta["spans"]),
        (parent, meta["parent_spans"]),
    ):
        assert [[text[start:end] for start, end in pair] for pair in spans] == quoted
    (row,) = built.manifest.figures["anchored_pairs"]
    assert (row["pairs"], row["dropped_not_found"], row["discontinuous"]) == (2, 1, 0.5)
    (shown,) = sample(store, "demo", "rephrased", 1)
    assert [passage[start:end] for start, end in shown["spans"]] == [*quoted[0], *quoted[1]]
    console = Console(width=200, file=io.StringIO(), force_terminal=True)
    console.print(render_sample("rephrased", [shown]))
    assert "\x1b[1;4mbuilt in 1785\x1b[0m" in console.file.getvalue()
