"""Figures of a run of rephrasing, counted while it streams, in bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import xxhash

from gristmill.rephrase.acceptance import REASONS, Verdict
from gristmill.rephrase.anchors import DROPPED, score_anchors
from gristmill.rephrase.sampling import Problem, sampling_figures
from gristmill.rephrase.words import words

MAX_OPENINGS = 4096  # counters of openings; the share is exact to 1 in this many outputs
MAX_GRAMS = 100_000  # distinct 3-grams held; beyond, every second hash value is let go
NO_STYLE = "no style"  # of passages that no style was drawn for
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
class AnchorTally:
    """Counts of the pairs of one style that have places in their passage; sums of shares over what is named."""

    dropped: Counter[str] = field(default_factory=Counter)  # by reason, of rejected answers too
    answers: int = 0  # accepted
    pairs: int = 0  # of these
    discontinuous: int = 0  # pairs proved by several spans
    coverage: float = 0.0  # of passages, over answers
    sentence_precision: float = 0.0  # over answers


@dataclass
class Tally:
    """Counts over passages; `figures` gives the report. Order of counting changes no figure but
    `opening_share`, and that by less than 1 in 4096.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    by_style: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)  # outcome and reason
    styles: dict[str, StyleTally] = field(default_factory=dict)
    anchors: dict[str, AnchorTally] = field(default_factory=dict)
    length_ratios: float = 0.0
    number_recalls: list[float] = field(default_factory=lambda: [0.0, 0.0])  # sum, passages with numbers
    problems: Counter[tuple[str, Problem]] = field(default_factory=Counter)  # by style: samples, passed
    _openings: Counter[str] = field(default_factory=Counter)
    _grams: Counter[int] = field(default_factory=Counter)
    _gram_level: int = 0

    def count(self, style: str | None, outcome: str, reason: str | None) -> None:
        """One passage and sample, of whatever outcome."""
        self.outcomes[outcome] += 1
        if reason is not None:
            self.reasons[f"{outcome}: {reason}"] += 1
        self.by_style.setdefault(style or NO_STYLE, Counter())[outcome, reason or ""] += 1

    def answered(self, style: str, source: str, verdict: Verdict, tokens_in: int, tokens_out: int) -> None:
        """One answer of the model."""
        of_style = self.styles.setdefault(style, StyleTally())
        of_style.attempted += 1
        of_style.tokens_in += tokens_in
        of_style.tokens_out += tokens_out
        self.repairs.update(verdict.repairs)
        if verdict.dropped or verdict.anchored:
            self._count_pairs(style, source, verdict)
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

    def funnel(self) -> list[dict[str, Any]]:
        """A column per style; rows from passages to accepted ones, reasons in the order of the rules."""
        found = sorted({what for counts in self.by_style.values() for what in counts}, key=_place)

        def row(what: str, *outcomes: str) -> dict[str, Any]:
            of_styles = sorted(self.by_style.items())
            return {"what": what} | {
                style: sum(n for (outcome, _), n in counts.items() if not outcomes or outcome in outcomes)
                for style, counts in of_styles
            }

        def reasons(outcome: str) -> list[dict[str, Any]]:
            return [
                {"what": f"{outcome}: {reason}"}
                | {style: counts[outcome, reason] for style, counts in sorted(self.by_style.items())}
                for each, reason in found
                if each == outcome
            ]

        answered, accepted = row("answered", "accepted", "rejected"), row("accepted", "accepted")
        shares = {style: _percent(accepted[style], answered[style]) for style in self.by_style}
        return [
            row("passages, once per sample"),
            *reasons("passed_through"),
            *reasons("not_attempted"),
            answered,
            *reasons("rejected"),
            accepted,
            {"what": "accepted, % of answered"} | dict(sorted(shares.items())),
        ]

    def anchoring(self) -> list[dict[str, Any]]:
        """A row per style with anchored pairs; none where there was no such style.

        style, pairs (in accepted answers), one column per reason for which a pair was dropped, discontinuous (share of
        pairs proved by several spans), coverage (mean share of a passage in spans) and sentence_precision as in
        `score_anchors`, over accepted answers.
        """
        return [
            {
                "style": name,
                "pairs": of_style.pairs,
                **{f"dropped_{reason}": of_style.dropped[reason] for reason in DROPPED},
                "discontinuous": _share(of_style.discontinuous, of_style.pairs),
                "coverage": _share(of_style.coverage, of_style.answers),
                "sentence_precision": _share(of_style.sentence_precision, of_style.answers),
            }
            for name, of_style in sorted(self.anchors.items())
        ]

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

    def _count_pairs(self, style: str, source: str, verdict: Verdict) -> None:
        of_style = self.anchors.setdefault(style, AnchorTally())
        of_style.dropped.update(verdict.dropped)
        if verdict.reason is None:
            scores = score_anchors(verdict.anchored, source)
            of_style.answers += 1
            of_style.pairs += len(verdict.anchored)
            of_style.discontinuous += sum(len(pair.spans) > 1 for pair in verdict.anchored)
            of_style.coverage += scores.coverage
            of_style.sentence_precision += scores.sentence_precision

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


def _place(what: tuple[str, str]) -> tuple[int, str]:
    """Where the reason of an outcome stands in the order of the rules; what is decided after them comes last."""
    reason = what[1]
    return (REASONS.index(reason) if reason in REASONS else len(REASONS), reason)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
