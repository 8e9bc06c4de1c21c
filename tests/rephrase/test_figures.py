from __future__ import annotations

import pytest

from gristmill.rephrase import figures
from gristmill.rephrase.acceptance import Verdict
from gristmill.rephrase.anchors import AnchoredPair
from gristmill.rephrase.figures import Tally


def test_nothing_counted_gives_nulls_and_zeros() -> None:
    report = Tally().figures()
    assert report["passages"] == 0
    assert report["mean_length_ratio"] is None
    assert report["opening_share"] is None
    assert report["styles"] == {}


def test_rates_ratios_and_shares_are_over_what_they_say() -> None:
    tally = Tally()
    tally.count("medium", "accepted", None)
    tally.answered("medium", "abcd", Verdict("a b c a b c", None, ("preface",), 0.5), 10, 30)
    tally.count("qa", "accepted", None)
    tally.answered("qa", "abcd", Verdict("a b c", None, (), None), 10, 10)
    tally.count("qa", "rejected", "incomplete")
    tally.answered("qa", "abcd", Verdict("x", "incomplete"), 10, 50)
    tally.count("qa", "not_attempted", "budget")

    report = tally.figures()
    assert report["passages"] == 4
    assert report["accepted"] == 2
    assert report["reasons"] == {"not_attempted: budget": 1, "rejected: incomplete": 1}
    assert report["preface_removal_rate"] == pytest.approx(1 / 3)
    assert report["truncation_rate"] == pytest.approx(1 / 3)
    assert report["mean_length_ratio"] == pytest.approx((11 / 4 + 5 / 4) / 2)
    assert report["mean_number_recall"] == 0.5
    assert report["distinct_3gram_ratio"] == pytest.approx(3 / 5)
    assert report["opening_share"] == 0.5
    assert report["styles"]["qa"] == {
        "attempted": 2,
        "accepted": 1,
        "tokens_in": 20,
        "tokens_out": 60,
        "tokens_accepted": 10,
        "token_share": 0.25,
    }


def test_the_funnel_has_a_column_per_style_and_reasons_in_the_order_of_the_rules() -> None:
    tally = Tally()
    for style, outcome, reason in (
        (None, "passed_through", "code"),
        ("qa", "rejected", "novel_number"),
        ("qa", "rejected", "refusal"),
        ("qa", "rejected", "refusal"),
        ("qa", "accepted", None),
        ("easy", "accepted", None),
    ):
        tally.count(style, outcome, reason)
    assert [tuple(row.values()) for row in tally.funnel()] == [
        ("passages, once per sample", 1, 1, 4),
        ("passed_through: code", 0, 1, 0),
        ("answered", 1, 0, 4),
        ("rejected: refusal", 0, 0, 2),
        ("rejected: novel_number", 0, 0, 1),
        ("accepted", 1, 0, 1),
        ("accepted, % of answered", 100.0, None, 25.0),
    ]
    assert list(tally.funnel()[0]) == ["what", "easy", "no style", "qa"]


def test_openings_stay_bounded_and_the_share_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_OPENINGS", 20)
    tally = Tally()
    for i in range(600):
        text = f"the same five words open {i}" if i % 2 else f"w{i} v{i} u{i} t{i} s{i}"
        tally.answered("medium", "abc", Verdict(text, None), 1, 1)
    assert tally.figures()["opening_share"] == pytest.approx(0.5, abs=0.05)
    assert len(tally._openings) <= 20


def test_3grams_stay_bounded_and_the_ratio_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_GRAMS", 400)
    tally = Tally()
    for i in range(1200):
        text = " ".join(f"{letter}{i % 600}" for letter in "abcdefg")
        tally.answered("medium", "abc", Verdict(text, None), 1, 1)
    assert tally.figures()["distinct_3gram_ratio"] == 0.5
    assert len(tally._grams) <= 400


def test_anchored_pairs_are_counted_with_why_others_were_dropped() -> None:
    tally, source = Tally(), "Ann mills. Bob bakes bread."
    assert tally.anchoring() == []
    pairs = (AnchoredPair("a", "b", ((0, 3), (11, 14))), AnchoredPair("c", "d", ((0, 10),)))
    tally.answered("mine", source, Verdict("a", None, anchored=pairs, dropped=("number", "echo")), 9, 9)
    tally.answered("mine", source, Verdict("a", "unanchored", dropped=("number",)), 9, 9)
    (row,) = tally.anchoring()
    assert {name: count for name, count in row.items() if count and name.startswith("dropped_")} == {
        "dropped_number": 2,
        "dropped_echo": 1,
    }
    assert (row["style"], row["pairs"], row["discontinuous"]) == ("mine", 2, 0.5)
    assert row["coverage"] == pytest.approx(13 / 27)
    assert row["sentence_precision"] == pytest.approx((6 / 26 + 1) / 2)
