"""How well the checks work on this corpus: a share of accepted pairs is corrupted on purpose and judged again.

A shard's rejections say nothing about what was missed. So for a seeded share of the accepted pairs, each kind of
corruption that the text allows is made and put through the same checks; recall is the share that is rejected, or
repaired back to the accepted text, or of anchored pairs to some of the accepted ones. What is corrupted is thrown away.
Kinds that rules find in part (a dropped sentence, a lost negation, two numbers exchanged) are among them on purpose:
their recall says what acceptance does not promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gristmill.hashing import uniform
from gristmill.rephrase.acceptance import Candidate, Checks, Verdict, judge_all
from gristmill.rephrase.anchors import read_anchored
from gristmill.rephrase.corruptions import KINDS, corrupt

_STAGE = "rephrase.audit"


@dataclass(frozen=True)
class AcceptedPair:
    """A passage and its accepted rephrasing; `key` names it, whatever else is in the shard."""

    key: str
    candidate: Candidate  # with the accepted text as what was generated


@dataclass
class Audit:
    """Counts by kind of corruption."""

    share: float
    seed: int = 0
    pairs: int = 0
    made: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def add(self, accepted: Sequence[AcceptedPair], checks: Checks) -> None:
        """Corrupt the drawn share of these pairs and count what the checks find. Any cut into calls gives the same."""
        kinds: list[str] = []
        originals: list[Candidate] = []
        corrupted: list[Candidate] = []
        for pair in accepted:
            template = pair.candidate.template
            if template.compat or template.is_code:  # one replicates a pipeline without rules, one is no text
                continue
            if uniform(self.seed, _STAGE, pair.key) >= self.share:
                continue
            self.pairs += 1
            given = pair.candidate
            made = corrupt(given.generated, given.source, given.template, seed=self.seed, key=pair.key)
            if checks.identify_language is None:
                made.pop("language", None)
            prefix = given.template.prefix
            for kind, text in made.items():
                kinds.append(kind)
                originals.append(given)
                text = text if prefix is None else f"{prefix}\n{text}"  # it was cut from the accepted text
                corrupted.append(Candidate(text, given.source, given.template, language=given.language))
        for kind, original, verdict in zip(kinds, originals, judge_all(corrupted, checks), strict=True):
            self.made[kind] += 1
            self.found[kind] += verdict.reason is not None or _is_repaired(verdict, original)

    def figures(self) -> list[dict[str, Any]]:
        """A row per kind that was made: kind, made, found, recall."""
        return [
            {
                "kind": kind,
                "made": made,
                "found": self.found[kind],
                "recall": self.found[kind] / made,
            }
            for kind, made in self.made.items()
            if made
        ]


def _is_repaired(verdict: Verdict, original: Candidate) -> bool:
    """Whether nothing is left of a corruption in a text that is accepted."""
    if not verdict.anchored:
        return verdict.text == original.generated
    accepted = {(pair.question, pair.answer) for pair in read_anchored(original.generated)}
    return {(pair.question, pair.answer) for pair in verdict.anchored} <= accepted
