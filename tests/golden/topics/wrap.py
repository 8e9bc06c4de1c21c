"""Golden cases of WRAP: removal of prefaces (rule 3 of the acceptance)."""

from __future__ import annotations

from typing import Any

from gristmill.rephrase.repairs import remove_preface
from tests.golden.harness import Case, Golden


def _preface(case: Case) -> dict[str, Any]:
    text, removed, reject = remove_preface(case["input"]["generated"], case["input"]["source"])
    return {"expected_strict": {"text": text, "removed": removed, "reject": reject}}


FILES = {
    "preface": Golden(
        compute=_preface,
        fields={"expected_strict.text", "expected_strict.removed", "expected_strict.reject"},
    )
}
