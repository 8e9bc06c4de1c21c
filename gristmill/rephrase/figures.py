"""Figures of a run of rephrasing, counted while it streams, in bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import xxhash

from gristmill.rephrase.acceptance import Verdict, words
from gristmill.rephrase.sampling import Problem, sampling_figures

MAX_OPENINGS = 4096  # counters of openings; the share is exact to 1 in this many outputs
MAX_GRAMS = 100_000  # distinct 3-grams held; beyond, every second hash value is let go
_OPENING_WORDS = 5
_GRAM = 3


@dataclass
class StyleTally:
    """Counts of one style; tokens are the model's."""

    attempted: int = 0
    accepted: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_accepted: int = 0


@dataclass
class Tally:
    """Counts over passages; `figures` gives the report. Order of counting changes no figure but
    `opening_share`, and that by less than 1 in 4096.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    styles: dict[str, StyleTally] = field(default_factory=dict)
    length_ratios: float = 0.0
    number_recalls: list[float] = field(default_factory=lambda: [0.0, 0.0])  # sum, passages with numbers
    problems: Counter[tuple[str, Problem]] = field(default_factory=Counter)  # by style: samples, passed
    _openings: Counter[str] = field(default_factory=Counter)
    _grams: Counter[int] = field(default_factory=Counter)
    _gram_level: int = 0

    def count(self, outcome: str, reason: str | None) -> None:
        """One passage and sample, of whatever outcome."""
        self.outcomes[outcome] += 1
        if reason is not None:
            self.reasons[f"{outcome}: {reason}"] += 1

    def answered(self, style: str, source: str, verdict: Verdict, tokens_in: int, tokens_out: int) -> None:
        """One answer of the model."""
        of_style = self.styles.setdefault(style, StyleTally())
        of_style.attempted += 1
        of_style.tokens_in += tokens_in
        of_style.tokens_out += tokens_out
        self.repairs.update(verdict.repairs)
        if verdict.reason is not None:
            return
        of_style.accepted += 1
        of_style.tokens_accepted += tokens_out
        self.length_ratios += len(verdict.text) / max(1, len(source))
        if verdict.number_recall is not None:
            self.number_recalls[0] += verdict.number_recall
            self.number_recalls[1] += 1
        self._read(words(verdict.text))

    def sampled(self, problems: Counter[tuple[str, Problem]]) -> None:
        """Passages of which all samples were drawn, by style and (samples, samples that passed)."""
        self.problems.update(problems)

    def sampling(self) -> dict[str, dict[str, Any]]:
        """Repeated sampling by style, as in `sampling_figures`; styles with one sample per passage are left out."""
        styles = sorted({style for style, _ in self.problems})
        found = {
            name: sampling_figures(
                {
                    problem: n
                    for (style, problem), n in self.problems.items()
                    if style == name and problem[0] > 1
                }
            )
            for name in styles
        }
        return {name: figures for name, figures in found.items() if figures is not None}

    def figures(self) -> dict[str, Any]:
        """The report; a share or mean over nothing is null.

        Keys: passages, accepted, rejected, passed_through, not_attempted, reasons, repairs,
        preface_removal_rate, truncation_rate, mean_length_ratio (characters out / in), mean_number_recall,
        distinct_3gram_ratio (over all accepted outputs), opening_share (most frequent first five words),
        styles (attempted, accepted, tokens_in, tokens_out, tokens_accepted, token_share).
        """
        attempted = sum(style.attempted for style in self.styles.values())
        accepted = sum(style.accepted for style in self.styles.values())
        tokens = sum(style.tokens_accepted for style in self.styles.values())
        truncated = self.reasons["rejected: incomplete"]
        return {
            "passages": self.outcomes.total(),
            **{
                name: self.outcomes[name]
                for name in ("accepted", "rejected", "passed_through", "not_attempted")
            },
            "reasons": dict(sorted(self.reasons.items())),
            "repairs": dict(sorted(self.repairs.items())),
            "preface_removal_rate": _share(self.repairs["preface"], attempted),
            "truncation_rate": _share(truncated, attempted),
            "mean_length_ratio": _share(self.length_ratios, accepted),
            "mean_number_recall": _share(*self.number_recalls),
            "distinct_3gram_ratio": _share(len(self._grams), self._grams.total()),
            "opening_share": _share(max(self._openings.values(), default=0), accepted),
            "styles": {
                name: {
                    "attempted": style.attempted,
                    "accepted": style.accepted,
                    "tokens_in": style.tokens_in,
                    "tokens_out": style.tokens_out,
                    "tokens_accepted": style.tokens_accepted,
                    "token_share": _share(style.tokens_accepted, tokens),
                }
                for name, style in sorted(self.styles.items())
            },
        }

    def _read(self, tokens: list[str]) -> None:
        self._openings[" ".join(tokens[:_OPENING_WORDS])] += 1
        if len(self._openings) > MAX_OPENINGS:  # heavy hitters after Misra and Gries
            self._openings = Counter({key: n - 1 for key, n in self._openings.items() if n > 1})
        for i in range(len(tokens) - _GRAM + 1):
            value = xxhash.xxh3_64_intdigest(" ".join(tokens[i : i + _GRAM]).encode("utf-8", "replace"))
            if value & ((1 << self._gram_level) - 1) == 0:
                self._grams[value] += 1
        while len(self._grams) > MAX_GRAMS:  # a sample by hash value keeps the ratio
            self._gram_level += 1
            mask = (1 << self._gram_level) - 1
            self._grams = Counter({value: n for value, n in self._grams.items() if value & mask == 0})


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
