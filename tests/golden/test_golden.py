"""Every golden case of every topic found; see harness.py."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.golden import harness


def _parameters() -> list[Any]:
    found = []
    for topic, stem, path in harness.files(harness.folder()):
        names = sorted({name for case in harness.load(path) for name, _ in harness.fields_of(case)})
        found += [pytest.param(topic, stem, path, name, id=f"{topic}/{stem}:{name}") for name in names]
    return found


@cache
def _computed(topic: str, stem: str, path: Path) -> list[tuple[harness.Case, dict[str, Any]]]:
    golden = harness.implementation(topic, stem)
    assert golden is not None
    return [(case, golden.compute(case)) for case in harness.load(path) if golden.applies(case)]


@pytest.mark.parametrize(("topic", "stem", "path", "name"), _parameters())
def test_golden_cases_are_reproduced(topic: str, stem: str, path: Path, name: str) -> None:
    golden = harness.implementation(topic, stem)
    if golden is None or name not in golden.fields:
        why = golden.left_out.get(name) if golden else None
        pytest.skip(f"{topic}/{stem}: {name} {why or 'has no implementation yet'}")
    if why := golden.unavailable(name):
        pytest.skip(f"{topic}/{stem}: {name} {why}")

    wrong: dict[str, Any] = {}
    compared = 0
    for case, computed in _computed(topic, stem, path):
        expected = dict(harness.fields_of(case)).get(name, harness.MISSING)
        if expected is harness.MISSING or (name in golden.only and not golden.only[name](case)):
            continue
        got = harness.pick(computed, name)
        compared += 1
        if got is harness.MISSING or not harness.equal(expected, got, golden.tolerance):
            wrong[case["id"]] = {"expected": expected, "got": "nothing" if got is harness.MISSING else got}
    assert compared, f"{topic}/{stem}: no case of {name} was compared"
    shown = {key: str(value)[:600] for key, value in list(wrong.items())[:3]}
    assert not wrong, f"{len(wrong)} of {compared} cases differ in {name}; the first: {shown}"


def test_the_needed_topics_are_there() -> None:
    found = defaultdict(set)
    for topic, stem, _ in harness.files(Path(__file__).parent / "data"):
        found[topic].add(stem)
    assert {
        "prox",
        "dataman",
        "dedup",
        "filters",
        "nemotron_cc",
        "openwebmath",
        "shards",
        "snowcoder",
        "sobert",
        "wrap",
    } <= set(found)
