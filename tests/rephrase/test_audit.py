from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.acceptance import Candidate, Checks
from gristmill.rephrase.audit import AcceptedPair, Audit
from gristmill.rephrase.corruptions import KINDS, corrupt
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.styles import packaged_template

SOURCE = (
    "The mill at Eling was built in 1785 by Tom Hale and grinds wheat with the falling tide. Visitors may turn the "
    "wheel for 20 minutes, but only while the keeper, Ann Lowe, is there."
)
GOOD = (
    "Erected in 1785 by Tom Hale, Eling's tide mill uses ebbing water to make flour. For 20 minutes guests can operate "
    "its wheel, provided that the keeper, Ann Lowe, attends."
)
PAIRS = (
    "Question: When was the mill erected?\nAnswer: In 1785.\n\n"
    "Question: Who keeps it?\nAnswer: Its keeper is Ann Lowe."
)
CHECKS = Checks(AcceptanceOptions())


def _corrupt(text: str = GOOD, style: str = "medium", seed: int = 0) -> dict[str, str]:
    return corrupt(text, SOURCE, packaged_template(style), seed=seed, key="a")


def test_each_kind_changes_what_it_says() -> None:
    made = _corrupt()
    assert set(made) == set(KINDS)
    assert "Ann Lowe, attends" in made["number"]
    assert made["unit"].count("minutes") == 0
    assert sorted(made["number_moved"]) == sorted(GOOD)
    assert sorted(made["name_moved"]) == sorted(GOOD)
    assert len(made["dropped_sentence"]) < len(GOOD)
    assert GOOD.startswith(made["truncated"])
    assert made["copied"] == SOURCE
    assert made["negation"] in (GOOD.replace("can operate", "can not operate"), GOOD)


def test_a_kind_without_an_occasion_is_left_out() -> None:
    made = _corrupt("It grinds with the tide, they say.")
    assert not {"number", "unit", "number_moved", "name", "name_moved", "dropped_sentence"} & set(made)


def test_pairs_stay_pairs() -> None:
    made = _corrupt(PAIRS, "qa")
    assert {"number", "name", "dropped_sentence", "refusal", "language", "loop"} <= set(made)
    assert made["dropped_sentence"].count("Question:") == 1
    assert "truncated" not in made


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["medium", "qa", "easy"]), st.integers(0, 5))
def test_no_text_is_corrupted_into_itself(text: str, style: str, seed: int) -> None:
    assert all(result != text for result in _corrupt(text, style, seed).values())


def test_recall_is_told_by_kind() -> None:
    audit = Audit(1.0)
    audit.add([AcceptedPair("a", Candidate(GOOD, SOURCE, packaged_template("medium")))], CHECKS)
    recall = {row["kind"]: row["recall"] for row in audit.figures()}
    unseen = ("negation", "dropped_sentence")  # of so short a text no rule finds them
    assert [recall.pop(kind) for kind in unseen] == [0.0] * 2
    assert "language" not in recall  # without a model of languages it is not tried
    assert set(recall.values()) == {1.0}


@pytest.mark.parametrize("cut", [1, 7])
def test_a_seeded_share_is_corrupted_however_the_shard_is_cut(cut: int) -> None:
    pairs = [AcceptedPair(str(i), Candidate(GOOD, SOURCE, packaged_template("medium"))) for i in range(20)]
    audit = Audit(0.2, seed=3)
    for start in range(0, 20, cut):
        audit.add(pairs[start : start + cut], CHECKS)
    assert 1 <= audit.pairs <= 10
    whole = Audit(0.2, seed=3)
    whole.add(pairs, CHECKS)
    assert audit == whole
    assert Audit(0.0).figures() == []


def test_corrupted_anchored_pairs_are_found_where_they_are_dropped() -> None:
    pairs = (
        "Question: When was it made, and who made it?\nAnswer: Tom Hale, in 1785.\nExcerpt: in 1785 by Tom Hale\n\n"
        "Question: Whose watch is needed?\nAnswer: Ann Lowe's.\nExcerpt: Ann Lowe, is there"
    )
    audit = Audit(1.0)
    audit.add([AcceptedPair("a", Candidate(pairs, SOURCE, packaged_template("anchored_qa")))], CHECKS)
    recall = {row["kind"]: row["recall"] for row in audit.figures()}
    assert {kind: recall[kind] for kind in ("number", "name", "refusal", "prompt_leak")} == dict.fromkeys(
        ("number", "name", "refusal", "prompt_leak"), 1.0
    )
