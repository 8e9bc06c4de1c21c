from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from assets import raters, scored
from assets.graph import steps
from assets.step import build
from gristmill.documents import document_id
from gristmill.errors import RecipeError
from gristmill.llm import Usage
from gristmill.llm.requests import Answer, Messages, Request
from gristmill.recipe import Recipe
from gristmill.select import SCORES
from gristmill.store import Shard, Store
from tests.assets.stores import add_shard, recipe_of
from tests.score.raters.test_preparation import Words

MODELS = "models: {small: {engine: stub}}\ntokenizer: small\nselect: {}\n"
EDU = "edu: {kind: template, template: educational_value, model: small}"
MAN = "man: {kind: dataman, model: small, max_text_tokens: 50}"
GOOD = "E\n" + "\n".join("12345123451234")


class _Model:
    """Answers with what `written` holds for a document that contains its key, last request first."""

    identity = SimpleNamespace(max_model_len=4096)

    def __init__(self, written: dict[str, str]) -> None:
        self.written = written
        self.calls: list[int] = []

    def count_prompt_tokens(self, chats: Sequence[Messages]) -> list[int]:
        return [sum(len(content.split()) for _, content in chat) for chat in chats]

    def answer(self, requests: Iterable[tuple[Any, Request]]) -> Iterator[tuple[Any, Answer]]:
        asked = list(requests)
        if asked:
            self.calls.append(len(asked))
        for tag, request in reversed(asked):
            said = str(request.prompt[-1][1])
            text = next(text for part, text in self.written.items() if part in said)
            yield tag, Answer(text, "stop", prompt_tokens=70, output_tokens=29)


class _Tools:
    def __init__(self, **written: str) -> None:
        self.model = _Model(written)

    def usage(self) -> Usage:
        return Usage()

    def digest(self, name: str) -> str:
        return f"digest of {name}"

    def llm(self, name: str) -> _Model:
        return self.model

    def tokenizer(self, name: str) -> Words:
        return Words()


def _recipe(*given: str) -> Recipe:
    return recipe_of(MODELS + ("raters: {" + ", ".join(given) + "}\n" if given else ""), "web", "code")


def _rate(store: Store, shard: Shard, tools: Any, *given: str) -> tuple[pl.DataFrame, dict[str, Any], bool]:
    (step,) = raters.steps(_recipe(*given), ("filtered",))
    built = build(step, _recipe(*given), store, shard, tools)
    return store.scan(built.manifest, "scores").collect(), built.manifest.figures, built.cached


def test_every_document_is_asked_for_once_and_a_second_build_asks_nothing(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools(mill=GOOD, oven="A\n1", rye=GOOD)
    shard = add_shard(store, {"a": "The mill.", "b": "The oven.", "c": " ", "d": "More rye."}, batch=2)
    ratings, figures, cached = _rate(store, shard, tools, MAN)
    assert ratings.select("id", "asset", "domain", "overall_score", "outcome", "reason").rows() == [
        (document_id("web", "a"), "filtered", "E", 4, "rated", None),
        (document_id("web", "b"), "filtered", None, None, "malformed", "line_count"),
        (document_id("web", "c"), "filtered", None, None, "not_attempted", "empty"),
        (document_id("web", "d"), "filtered", "E", 4, "rated", None),
    ]
    assert (figures["documents"], figures["rated"], figures["prompt_tokens"]) == (4, 2, 210)
    assert figures["malformed_share"] == pytest.approx(1 / 3, abs=1e-6)
    assert figures["by_domain"] == [{"domain": "E", "documents": 2}]
    assert figures["ratings"][-1] == {"score": "overall_score", "mean": 4.0, "documents_by_value": "4: 2"}
    assert figures["scores_plot"]
    assert not cached
    assert _rate(store, shard, tools, MAN)[2]
    assert tools.model.calls == [3]
    assert not _rate(store, shard, tools, MAN.replace("50", "60"))[2]


def test_a_shard_of_other_sources_and_one_without_documents_have_their_tables(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _Tools()
    other = MAN.replace("}", ", sources: [code]}")
    ratings, figures, _ = _rate(store, add_shard(store, {"a": "The mill."}), tools, other)
    assert ratings.select("outcome", "reason").rows() == [("not_attempted", "source")]
    assert (figures["malformed_share"], figures["prompt_tokens"]) == (None, 0)
    empty, _, _ = _rate(store, add_shard(store, {}), tools, other)
    assert empty.schema == ratings.schema
    assert tools.model.calls == []


def test_a_rater_that_is_added_changes_only_what_comes_after_it() -> None:
    before = {step.name: step for step in steps(_recipe(MAN))}
    after = {step.name: step for step in steps(_recipe(MAN, EDU))}
    assert set(after) - set(before) == {"scores/edu"}
    for name, step in before.items():
        assert step.options("web") == after[name].options("web")
        assert (step.inputs == after[name].inputs) == (name != "scored")


def test_scores_of_all_raters_are_columns_of_scored(tmp_path: Path) -> None:
    store, recipe = Store.open(tmp_path), _recipe(MAN, EDU)
    tools: Any = _Tools(mill=GOOD, oven="Score: none")
    shard = add_shard(store, {"a": "The mill.", "b": "The oven."})
    ids = [document_id("web", name) for name in ("a", "b")]
    with store.writer(asset="tokens", partition=shard.key, fingerprint="f" * 32) as writer:
        writer.write("tokens", pl.DataFrame({"id": ids, "stage": ["filtered"] * 2, "tokens": [3, 4]}))
        manifest = writer.publish(version=1, options={}, inputs={}, figures={}, run={})
    store.set_ref("demo", manifest)
    for step in raters.steps(recipe, ("filtered",)):
        tools.model.written["mill"] = GOOD if step.name == "scores/man" else "Score: 3"
        build(step, recipe, store, shard, tools)
    built = build(scored.step(recipe, ("filtered",)), recipe, store, shard, tools)
    scores = store.scan(built.manifest, "scores").collect()
    assert scores.select("man_overall_score", "man_domain", "edu").rows() == [(4, "E", 3), (None, None, None)]
    assert len(scores.columns) == len(SCORES) + 16
    assert set(built.manifest.figures["unrated"].values()) == {1}


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        (
            "raters: {r: {kind: datamen, model: small}}\n",
            r"raters\.r\.kind: got 'datamen'; known: dataman, template",
        ),
        (
            "raters: {r: {kind: dataman, model: smal}}\n",
            r"raters\.r\.model: unknown model 'smal'; .* 'small'",
        ),
        (
            f"raters: {{{EDU.replace('}', ', sources: [wob]}')}}}\n",
            r"raters\.edu\.sources: unknown source 'wob'",
        ),
        (
            f"raters: {{{EDU.replace('edu', 'tokens', 1)}}}\n",
            r"raters\.tokens: its column 'tokens' is one of `scored`",
        ),
        (
            f"raters: {{{EDU.replace('edu', 'quality', 1)}}}\n",
            r"raters\.quality: `scores/quality` is the asset",
        ),
        (
            f"raters: {{{EDU.replace('edu', 'man_domain', 1)}, {MAN}}}\n",
            r"'man_domain' is one of `raters.man_domain`",
        ),
        ("select: {by: man_overall}\n", r"select\.by: unknown score 'man_overall'; .* 'man_overall_score'"),
        ("select: {min_scores: {man_domain: 3}}\n", r"select\.min_scores: unknown score 'man_domain'"),
        ("select: {labels: {man_domain: [P]}}\n", r"select\.labels\.man_domain: unknown label 'P'"),
        ("select: {labels: {edu: [P]}}\n", r"select\.labels: unknown column of labels 'edu'"),
        (
            "select: {quotas: {by: [source, domain]}, budget_tokens: 9}\n",
            r"select\.quotas\.by: unknown group 'domain'; .* 'man_domain'",
        ),
    ],
)
def test_a_recipe_with_faulty_raters_is_refused_before_anything_runs(sections: str, fault: str) -> None:
    base = "models: {small: {engine: stub}}\ntokenizer: small\n"
    rest = f"raters: {{{MAN}}}\n" if sections.startswith("select") else ""
    with pytest.raises(RecipeError, match=fault):
        recipe_of(base + rest + sections)
