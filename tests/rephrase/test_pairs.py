"""The rules on whole rephrasings: pairs that were written without knowing them (data/SOURCE.md)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from gristmill.rephrase.acceptance import Candidate, Checks, judge_all
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.styles import packaged_template

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("name", "least_sound", "least_faulty"),
    [("pairs_1", 0.97, 0.7), ("pairs_2", 0.97, 0.6), ("pairs_3", 0.97, 0.5), ("pairs_4", 0.95, 0.7)],
)
def test_sound_rephrasings_are_taken_and_faulty_ones_are_not(
    name: str, least_sound: float, least_faulty: float
) -> None:
    """Without a model of languages, and with repaired answers counted as taken; bounds just below what is reached."""
    rows = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    verdicts = judge_all(
        [
            Candidate(row["rephrase"], row["source"], packaged_template(row["style"]), row["finish_reason"])
            for row in rows
        ],
        Checks(AcceptanceOptions()),
    )
    of_label, rejected = Counter[str](), Counter[str]()
    for row, verdict in zip(rows, verdicts, strict=True):
        of_label[row["label"]] += 1
        rejected[row["label"]] += verdict.reason is not None
    sound = of_label.pop("faithful")
    assert 1 - rejected.pop("faithful", 0) / sound >= least_sound
    assert rejected.total() / of_label.total() >= least_faulty
    for label in ("refusal", "copied_verbatim"):
        assert rejected[label] == of_label[label] > 0
