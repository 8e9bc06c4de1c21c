"""How the bench of deduplication counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.dedup import main_with_figures, score

IDS = ["a", "b", "c", "d"]


def test_edges_are_judged_by_the_truth() -> None:
    truth = {("a", "b"): 1.0, ("a", "c"): 0.79, ("c", "d"): 0.8}
    found = score(IDS, {"a"}, [("b", "a"), ("c", "a"), ("d", "c")], truth, [])
    assert found["precision"] == 2 / 3
    assert found["dropped_near"] == 1
    assert found["recall"] == found["clustered"] == found["recall_of_equal"] == 1
    assert found["recall at 0.75"] == 1
    assert found["lost_groups"] == 0
    assert found["lost_true_groups"] == 1


def test_a_group_without_a_kept_document_is_lost() -> None:
    found = score(IDS, {"a", "b"}, [("c", "d"), ("d", "c")], {}, [])
    assert found["lost_groups"] == 1
    assert found["precision"] == 0


def test_missed_pairs_and_kinds_are_counted() -> None:
    planted = [
        {"id": "b", "source_ids": ["a"], "kind": "edit", "param": 0.01},
        {"id": "d", "source_ids": ["c"], "kind": "edit", "param": 0.01},
    ]
    found = score(IDS, {"a", "c", "d"}, [("b", "a")], {("a", "b"): 0.9, ("c", "d"): 0.9}, planted)
    assert found["recall"] == found["clustered"] == found["dropped of edit 0.01"] == 0.5


def test_the_whole_job_is_measured_on_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"word{i}" for i in range(40)]
    texts = {
        "a": " ".join(words),
        "b": ", ".join([*words, "more"]),
        "c": "something else altogether, and nothing more",
    }
    rows = [json.dumps({"id": name, "text": text}) for name, text in texts.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(rows))
    (tmp_path / "truth.jsonl").write_text(json.dumps({"a": "a", "b": "b", "intersection": 36, "union": 37}))
    arguments = ["--corpus", str(tmp_path), "--truth", str(tmp_path / "truth.jsonl")]
    ours, _ = main_with_figures([*arguments, "--peers", "", "--runs", "1"])
    assert ours.median("precision") == ours.median("recall") == ours.median("compared") == 1
    assert ours.median("dropped") == 1
    assert "mb_per_cpu_second" in capsys.readouterr().out
