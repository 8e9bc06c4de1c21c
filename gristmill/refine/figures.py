"""Figures of a run of refining, counted while it streams, in bounded memory. Order of counting changes none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gristmill.changes import cut, mark_changes
from gristmill.documents import KEEP
from gristmill.hashing import random_u64
from gristmill.refine.executor import NO_MATCH
from gristmill.refine.planning import NOT_ATTEMPTED
from gristmill.refine.programs import Refinement

MAX_SAMPLES = 6
MAX_SAMPLE_CHARS = 300


@dataclass
class Tally:
    """Counts over documents and programs; `figures` gives the report, `samples` a few edits side by side."""

    documents: Counter[str] = field(default_factory=Counter)
    chunks: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    programs: int = 0
    failed: int = 0
    degenerate: int = 0
    calls: int = 0
    lines: list[int] = field(default_factory=lambda: [0, 0])  # of attempted documents: all, removed
    characters: list[int] = field(default_factory=lambda: [0, 0])  # before, after
    requests: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    _samples: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def count(self, before: str, refinement: Refinement) -> None:
        """One document, of whatever outcome."""
        decision = refinement.decision
        rule = decision["rule"]
        self.documents[f"{rule}: {decision['detail']}" if rule == NOT_ATTEMPTED else rule] += 1
        for row in refinement.programs:
            self._count_program(row)
        execution = refinement.execution
        if execution is None:
            return
        self.errors.update(execution.errors)
        self.warnings.update(execution.warnings)
        self.lines[0] += before.count("\n") + 1
        self.lines[1] += len(execution.removed)
        self.characters[0] += len(before)
        self.characters[1] += len(refinement.text or "")
        if decision["action"] != KEEP:
            self._keep_sample(before, refinement)

    def figures(self) -> dict[str, Any]:
        """The report; a share or mean over nothing is null.

        funnel: documents seen, attempted, and by what became of them. programs: written, failure_rate (empty, cut or
        repeating output, an error, or a text that does not occur; table 35 of ProX), degenerate_rate, mean_calls,
        removed_lines_share and removed_characters_share of attempted documents. chunks, errors, warnings: by name.
        usage: requests answered and their tokens, whether they came from the cache or not.
        """
        left_alone = sum(n for name, n in self.documents.items() if name.startswith(NOT_ATTEMPTED))
        return {
            "funnel": {
                "documents": self.documents.total(),
                "attempted": self.documents.total() - left_alone - self.documents["empty_input"],
                **dict(sorted(self.documents.items())),
            },
            "chunks": dict(sorted(self.chunks.items())),
            "programs": {
                "written": self.programs,
                "failure_rate": _share(self.failed, self.programs),
                "degenerate_rate": _share(self.degenerate, self.programs),
                "mean_calls": _share(self.calls, self.programs),
                "removed_lines_share": _share(self.lines[1], self.lines[0]),
                "removed_characters_share": _share(
                    self.characters[0] - self.characters[1], self.characters[0]
                ),
            },
            "errors": dict(sorted(self.errors.items())),
            "warnings": dict(sorted(self.warnings.items())),
            "usage": {
                "requests": self.requests,
                "prompt_tokens": self.prompt_tokens,
                "output_tokens": self.output_tokens,
            },
        }

    def samples(self) -> list[dict[str, Any]]:
        """At most MAX_SAMPLES changed documents, chosen by the hash of their ids: before, program, after, id.

        Texts are cut around their first differences, which are marked as in `mark_changes`.
        """
        return [sample for _, sample in self._samples]

    def _count_program(self, row: dict[str, Any]) -> None:
        name = row["outcome"]
        self.chunks[f"{name}: {row['reason']}" if row["reason"] else name] += 1
        if row["finish_reason"] is not None:
            self.requests += 1
            self.prompt_tokens += row["prompt_tokens"]
            self.output_tokens += row["output_tokens"]
        if row["program"] is not None:
            self.programs += 1
            self.calls += row["calls"]
            self.degenerate += row["degenerate"]
            self.failed += bool(row["degenerate"] or row["errors"] or NO_MATCH in row["warnings"])

    def _keep_sample(self, before: str, refinement: Refinement) -> None:
        document_id = refinement.decision["id"]
        order = random_u64(0, "refine.sample", document_id)
        if len(self._samples) == MAX_SAMPLES and order > self._samples[-1][0]:
            return
        applied = [row for row in refinement.programs if row["removed"] or row["replaced"]]
        left, right = mark_changes(before, refinement.text or "", MAX_SAMPLE_CHARS)
        sample = {
            "before": left,
            "program": cut("\n".join(row["program"] for row in applied), MAX_SAMPLE_CHARS),
            "after": right if refinement.text else f"(dropped: {refinement.decision['rule']})",
            "id": document_id,
        }
        self._samples = sorted([*self._samples, (order, sample)], key=lambda pair: pair[0])[:MAX_SAMPLES]


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
