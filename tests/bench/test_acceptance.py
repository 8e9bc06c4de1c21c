"""How the bench of the acceptance rules counts."""

from __future__ import annotations

import json
from pathlib import Path

from bench.acceptance import judge_corrupted, judge_given

SOURCE = (
    "The mill at Eling was built in 1785 and grinds wheat with the falling tide. Visitors may turn the "
    "wheel on two days of the week, but only while the keeper, Ann Lowe, is there."
)
GOOD = (
    "Erected in 1785, Eling's tide mill uses ebbing water to make flour. Twice weekly guests can operate "
    "its wheel, provided that Ann Lowe, who keeps it, attends."
)


def _file(tmp_path: Path) -> str:
    rows: list[dict[str, object]] = [
        {"rephrase": GOOD, "label": "faithful", "accept": True, "note": ""},
        {"rephrase": GOOD.replace("1785", "1795"), "label": "wrong_number", "note": ""},
        {"rephrase": f"Sure!\n\n{GOOD}", "label": "preface_or_closing_chatter", "note": 'Before: "Sure!"'},
        {"rephrase": GOOD.replace("can", "can not"), "label": "added_fact", "note": ""},
    ]
    path = tmp_path / "pairs.jsonl"
    common: dict[str, object] = {
        "source": SOURCE,
        "style": "medium",
        "finish_reason": "stop",
        "accept": False,
    }
    path.write_text("".join(json.dumps(common | row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_recall_is_counted_by_label_and_a_repair_counts(tmp_path: Path) -> None:
    figures = judge_given(_file(tmp_path))
    assert (figures["sound_accepted"], figures["recall_wrong_number"]) == (1.0, 1.0)
    assert (figures["recall_preface_or_closing_chatter"], figures["recall_added_fact"]) == (1.0, 0.0)
    assert figures["balanced_accuracy"] == (1 + 2 / 3) / 2


def test_sound_pairs_are_corrupted(tmp_path: Path) -> None:
    figures = judge_corrupted(_file(tmp_path), seeds=2)
    assert (figures["sound_rows"], figures["false_alarms"]) == (1, 0.0)
    assert (figures["made_number"], figures["recall_number"]) == (2, 1.0)
