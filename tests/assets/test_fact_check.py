from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import rephrased
from assets.plan import Planned
from assets.step import Built, build
from gristmill.errors import RecipeError
from gristmill.llm.requests import Answer, Request
from gristmill.rephrase.fact_check.records import FACT_CHECKS
from gristmill.store import Shard, Store
from pipelines.tables import plan_totals
from tests.assets.stores import add_shard, recipe_of
from tests.assets.stores import table as table_of
from tests.assets.test_rephrased import GOOD, MILL, _Model, _Tools
from tests.rephrase.scripted_checker import NO_STATEMENT_RULES, ScriptedChecker

WRONG = GOOD.replace("Ann Lowe, who keeps it,", "the lord of Eling")
FACTS = ("The mill at Eling was built in 1785.", "Ann Lowe keeps the mill.")
OPTIONS = (
    "model: small, styles: [{name: medium}], min_passage_tokens: 0, max_passage_tokens: 60, "
    f"acceptance: {{min_language_score: null, statements: {json.dumps(NO_STATEMENT_RULES)}}}, "
    "fact_check: {model: judge, share: 1, questions: 1, audit_share: 0%s}"
)


class _Judge(_Model):
    def __init__(self) -> None:
        super().__init__({})
        self.script = ScriptedChecker(
            lists={MILL: FACTS, GOOD: FACTS, WRONG: FACTS[:1]},
            questions=["When was the mill built?"],
            answers={text: ["1785"] for text in (MILL, GOOD, WRONG)},
        )

    def answer(self, requests: Iterable[tuple[Any, Request]]) -> Iterator[tuple[Any, Answer]]:
        asked = list(requests)
        self.calls.append(len(asked))
        for tag, request in reversed(asked):
            yield tag, self.script.answer(request)


class _TwoModels(_Tools):
    """`small` writes WRONG, and GOOD where it is told a fault; `judge` checks."""

    def __init__(self) -> None:
        super().__init__()
        self.model.written = {"<faults>": GOOD, "mill": WRONG}
        self.judge = _Judge()

    def llm(self, name: str) -> _Model:
        return self.judge if name == "judge" else self.model


def _build(store: Store, shard: Shard, tools: _Tools, more: str = "", audit_share: str = "0") -> Built:
    options = (OPTIONS % more).replace("audit_share: 0", f"audit_share: {audit_share}")
    recipe = recipe_of(f"models: {{small: {{}}, judge: {{}}}}\nrephrase: {{{options}}}\n")
    given: Any = tools
    return build(rephrased.step(recipe, "filtered"), recipe, store, shard, given)


def test_what_the_checker_finds_is_a_table_and_figures(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _TwoModels()
    built = _build(store, add_shard(store, {"a": MILL}), tools)
    checks = table_of(store, built, "fact_checks")
    assert checks.schema == pl.Schema(FACT_CHECKS)
    assert checks.select("verdict", "precision", "recall").rows() == [("lost_fact", 1.0, 0.5)]
    assert table_of(store, built, "derivations")["child_id"].equals(checks["child_id"])
    assert table_of(store, built, "documents")["text"].to_list() == [WRONG]
    assert tools.judge.calls == [2, 2, 2]  # rounds: facts; the lost fact and the questions; two answers
    figures = built.manifest.figures
    (row,) = figures["fact_check"]
    assert (row["source"], row["style"], row["checked"], row["losing"]) == ("web", "medium", 1, 1)
    assert figures["fact_check_verdicts"] == {"lost_fact": 1}
    assert _build(store, add_shard(store, {"a": MILL}), tools).manifest.figures["rows_out"] == 1


def test_the_gate_takes_the_second_text_or_rejects_and_the_funnel_says_so(
    tmp_path: Path,
) -> None:
    contents = []
    for rows in (1000, 1):
        store, tools = Store.open(tmp_path / str(rows)), _TwoModels()
        shard = add_shard(store, {"a": MILL, "b": MILL}, batch=rows)
        built = _build(store, shard, tools, ", gate: true")
        assert table_of(store, built, "documents")["text"].to_list() == [GOOD, GOOD]
        assert table_of(store, built, "fact_checks")["check"].to_list() == [1, 2, 1, 2]
        contents.append((built.manifest.content, built.manifest.figures))
    assert contents[0] == contents[1]
    store, tools = Store.open(tmp_path / "once"), _TwoModels()
    built = _build(store, add_shard(store, {"a": MILL}), tools, ", gate: true, passes: 1")
    derivations = table_of(store, built, "derivations")
    assert derivations.select("outcome", "reason").rows() == [("rejected", "lost_fact")]
    figures = built.manifest.figures
    assert figures["reasons"] == {"rejected: lost_fact": 1}
    assert [row["count"] for row in figures["funnel"]] == [1, 1, 1, 1, 1, 1, 0, 0]


def test_planted_faults_are_asked_about_in_rounds_of_their_own(tmp_path: Path) -> None:
    store, tools = Store.open(tmp_path), _TwoModels()
    tools.model.written = {"mill": GOOD}
    built = _build(store, add_shard(store, {"a": MILL}), tools, "", audit_share="1")
    (row,) = built.manifest.figures["fact_check_audit"]  # the judge sees no fact in the text with a fault
    assert (row["made"], row["found"], row["unknown"]) == (1, 1, 0)
    assert table_of(store, built, "fact_checks")["text"].to_list() == [GOOD]
    assert len(tools.judge.calls) == 6


def test_recipes_without_a_check_keep_what_they_have_and_its_model_is_part_of_others() -> None:
    recipe = recipe_of(f"models: {{small: {{}}, judge: {{}}}}\nrephrase: {{{OPTIONS % ''}}}\n")
    step = rephrased.step(recipe, "filtered")
    assert step.models == ("small", "judge")
    assert len(step.options("web")["fact_check_prompts"]) == 32
    plain = recipe_of("models: {small: {}}\nrephrase: {model: small}\n")
    assert not [key for key in rephrased.step(plain, "filtered").options("web") if "fact_check" in key]
    with pytest.raises(RecipeError, match=r"rephrase\.fact_check\.model: .*'judge'"):
        recipe_of(f"models: {{small: {{}}}}\nrephrase: {{{OPTIONS % ''}}}\n")
    totals = plan_totals(recipe, [Planned(step, "web-0001", "run", "new", None, None)], 0)
    assert "rephrased, fact check: at most any number of prompt tokens" in totals
    assert totals.endswith("of model 'judge'; cached answers cost nothing.")
