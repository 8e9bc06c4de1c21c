"""Golden cases: reference inputs with the outputs that a reference implementation gave.

A folder of cases is laid out as TOPIC/FILE.jsonl[.gz]; a line is {"id", "input", "expected", "expected_strict", ...}.
A *field* is a key below an `expected*` key, such as `expected_strict.status`, or that key itself where it holds no
object.
`tests/golden/topics/TOPIC.py` says which fields are implemented:

    FILES = {"executor": Golden(compute=run_case, fields={"expected_strict.status", ...}, tolerance=0.0)}

`compute(case)` returns {"expected_strict": {"status": ...}} with at least the declared fields that the case has.
`needs` names an importable module without which the declared fields skip (an optional extra).
Fields of the data that are not declared are skipped by name; declared ones must run. `only` declares fields that mean
something here in some of the cases; `left_out` says of fields that mean nothing here why that is so.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Case = dict[str, Any]
MISSING = object()


@dataclass(frozen=True)
class Golden:
    """How one file of cases is computed."""

    compute: Callable[[Case], dict[str, Any]]
    fields: frozenset[str] | set[str]
    tolerance: float = 0.0
    needs: str | None = None
    needs_fields: frozenset[str] | set[str] = field(
        default_factory=frozenset
    )  # only these need it; empty = all
    applies: Callable[[Case], bool] = lambda case: True  # cases of another library's word splitter, say
    only: Mapping[str, Callable[[Case], bool]] = field(default_factory=dict)  # the cases in which to compare
    left_out: Mapping[str, str] = field(default_factory=dict)  # why a field is not compared

    def unavailable(self, name: str) -> str | None:
        """Why this field cannot be computed here, or None."""
        if self.needs is None or (self.needs_fields and name not in self.needs_fields):
            return None
        return None if importlib.util.find_spec(self.needs) else f"needs the optional package {self.needs}"


def folder() -> Path:
    """Where the cases lie: GRISTMILL_GOLDEN, or the copies beside this file."""
    return Path(os.environ.get("GRISTMILL_GOLDEN", Path(__file__).parent / "data"))


def files(root: Path) -> Iterator[tuple[str, str, Path]]:
    """(topic, stem, path) of every file of cases below `root`."""
    for path in sorted(root.glob("*/*.jsonl*")):
        yield path.parent.name, path.name.split(".jsonl")[0], path


def load(path: Path) -> list[Case]:
    """All cases of a file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle if line.strip()]


def fields_of(case: Case) -> Iterator[tuple[str, Any]]:
    """(field, expected value) of every expectation in a case."""
    for key, value in case.items():
        if not key.startswith("expected"):
            continue
        if isinstance(value, dict):
            for name, inner in value.items():
                yield f"{key}.{name}", inner
        else:
            yield key, value


def implementation(topic: str, stem: str) -> Golden | None:
    """What `topics/TOPIC.py` declares for the file, or None."""
    if importlib.util.find_spec(f"tests.golden.topics.{topic}") is None:
        return None
    module = importlib.import_module(f"tests.golden.topics.{topic}")
    return module.FILES.get(stem)


def pick(computed: dict[str, Any], name: str) -> Any:
    """The computed value of a field, or MISSING."""
    key, _, inner = name.partition(".")
    value = computed.get(key, MISSING)
    if not inner or value is MISSING:
        return value
    return value.get(inner, MISSING) if isinstance(value, dict) else MISSING


def equal(expected: Any, got: Any, tolerance: float) -> bool:
    """Equality with a tolerance for floats, through lists and objects."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, float) or isinstance(got, float):
        if expected is None or got is None:
            return expected is got
        return math.isclose(expected, got, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(equal(expected[k], got[k], tolerance) for k in expected)
    if isinstance(expected, list) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(
            equal(a, b, tolerance) for a, b in zip(expected, got, strict=True)
        )
    return bool(expected == got)
