"""How the bench of deduplication counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.dedup import add_options, cases
from bench.dedup_files import read_planted
from bench.dedup_scores import score
from bench.harness import main

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
    planted = [("edit 0.01", "b", "a"), ("edit 0.01", "d", "c"), ("edit 0.2", "d", "a")]
    truth = {("a", "b"): 0.9, ("c", "d"): 0.9, ("a", "c"): 0.9}
    found = score(IDS, {"a", "d"}, [("b", "a")], truth, planted)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["clustered"] == pytest.approx(1 / 3)
    assert found["recall of edit 0.01"] == found["dropped of edit 0.01"] == 0.5
    assert found["recall of natural"] == 1
    assert found["dropped of edit 0.2"] == 0
    assert "recall of edit 0.2" not in found


def test_an_engine_that_keeps_any_of_a_group_finds_a_pair_by_dropping_either() -> None:
    truth = {("a", "b"): 0.9}
    assert score(IDS, {"b", "c", "d"}, [], truth, [])["recall"] == 0
    assert score(IDS, {"b", "c", "d"}, [], truth, [], keeps_first=False)["recall"] == 1


def test_planted_documents_are_read_in_both_forms(tmp_path: Path) -> None:
    path = tmp_path / "planted.jsonl"
    rows = [
        {"id": "b", "source_ids": ["a", "c"], "kind": "quote", "param": 0.3},
        {"id": "d", "base": "c", "kind": "exact"},
        {"id": "c", "base": None, "kind": "base"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read_planted(str(path)) == [("quote 0.3", "b", "a"), ("exact", "d", "c")]
    assert read_planted(None) == []


def test_a_corpus_without_a_truth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("")
    with pytest.raises(SystemExit, match=r"--truth: nothing was given, and .* has none of truth_pairs"):
        main("Dedup.", cases, ["--corpus", str(tmp_path)], add_options=add_options)


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
    arguments = ["--corpus", str(tmp_path), "--peers", "", "--runs", "1", "--only", "words of the truth"]
    (ours,) = main("Dedup.", cases, arguments, add_options=add_options)
    assert ours.median("precision") == ours.median("recall") == ours.median("compared") == 1
    assert ours.median("dropped") == 1
    assert "\n  mb_per_cpu_second " in capsys.readouterr().out
