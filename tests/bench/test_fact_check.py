"""How the bench of the fact check chooses and counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import fact_check
from gristmill.llm.requests import Answer
from tests.bench.test_acceptance import GOOD, SOURCE
from tests.rephrase.scripted_checker import ScriptedChecker

WRONG = GOOD.replace("can", "can not")
FACTS = ("The mill at Eling was built in 1785.", "Ann Lowe keeps the mill at Eling.")


class _Tools:
    def __init__(self, *given: object, **options: object) -> None:
        self.checker = ScriptedChecker(
            lists={SOURCE: FACTS, GOOD: FACTS, WRONG: ["Visitors can not turn the wheel."]},
            questions=["When was it built?"],
            answers={text: ["1785"] for text in (SOURCE, GOOD, WRONG)},
        )

    def __enter__(self) -> _Tools:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def llm(self, name: str) -> _Tools:
        return self

    def answer(self, requests: list[tuple[object, object]]) -> list[tuple[object, Answer]]:
        return [(tag, self.checker.answer(request)) for tag, request in requests]  # type: ignore[arg-type]


def test_verdicts_are_counted_for_sound_and_faulty_pairs_that_the_rules_accept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": "a", "rephrase": f"Sure!\n\n{GOOD}", "accept": True},
        {"id": "b", "rephrase": WRONG, "accept": False},
        {"id": "c", "rephrase": GOOD.replace("1785", "1795"), "accept": False},  # the rules find it
    ]
    path = tmp_path / "pairs.jsonl"
    common = {"source": SOURCE, "style": "medium", "finish_reason": "stop"}
    path.write_text("".join(json.dumps(common | row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.setattr("resources.tools.Tools", _Tools)
    figures = fact_check.check(str(path), {}, max_pairs=5)
    assert (figures["pairs"], figures["sound"], figures["faulty"], figures["usable"]) == (2, 1, 1, 1.0)
    assert (figures["sound_supported"], figures["faulty_found"]) == (1.0, 1.0)
    assert (figures["planted"], figures["planted_found"]) == (1, 1.0)
    assert [row["rephrase"] for row in fact_check.accepted_rows(str(path), 5) if row["accept"]] == [GOOD]
    assert len(fact_check.accepted_rows(str(path), 1)) == 1
