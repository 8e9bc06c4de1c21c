"""Figures of a run of the document stage, counted while it streams, in bounded memory, in any order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from gristmill.documents import DROP
from gristmill.plots import Histogram
from gristmill.refine.document_stage import DROP_DOC, JUDGED, KEEP_DOC, Judged

MAX_SAMPLES = 4  # from either end
MAX_SAMPLE_CHARS = 200
BOUNDS = tuple(round(0.1 * step, 1) for step in range(1, 10))  # for which the dropped share is told
_BINS = 1000  # of the counts that the shares are read from
_BINS_SHOWN = 40


@dataclass
class DocumentTally:
    """Counts over documents and judgements; `figures` gives the report, `samples` documents from either end."""

    bound: float | None  # that the recipe sets
    documents: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    dropped: int = 0  # by the model, of those judged
    degenerate: int = 0
    truncated: int = 0
    characters: list[int] = field(default_factory=lambda: [0, 0])  # of judged documents: all, dropped
    usage: Counter[str] = field(default_factory=Counter)
    _counts: Histogram = field(
        default_factory=lambda: Histogram("probability of being kept", np.linspace(0, 1, _BINS + 1))
    )
    _lowest: pl.DataFrame | None = None
    _highest: pl.DataFrame | None = None

    def count(self, documents: pl.DataFrame, judged: Judged) -> None:
        """A batch of documents as they came in, and what became of them."""
        for rule, detail, number in (
            judged.decisions.group_by("rule", "detail").len().select("rule", "detail", "len").iter_rows()
        ):
            self.documents[f"{rule}: {detail}" if detail else rule] += number
        rows = judged.judgements.with_columns(
            action=judged.decisions["action"], chars=documents["text"].str.len_chars()
        ).filter(pl.col("outcome") == JUDGED)
        dropped = rows.filter(pl.col("action") == DROP)
        self.judged += rows.height
        self.dropped += dropped.height
        self.degenerate += rows.filter(~pl.col("answer").str.strip_chars().is_in([KEEP_DOC, DROP_DOC])).height
        self.truncated += int(rows["input_truncated"].sum())
        self.characters[0] += int(rows["chars"].sum() or 0)
        self.characters[1] += int(dropped["chars"].sum() or 0)
        answered = judged.judgements.filter(pl.col("finish_reason").is_not_null())
        self.usage["requests"] += answered.height
        for name in ("prompt_tokens", "output_tokens"):
            self.usage[name] += int(answered[name].sum())
        self._counts.add(rows["keep_probability"])
        self._choose(documents, rows)

    def figures(self) -> dict[str, Any]:
        """The report; a share over nothing is null.

        funnel: documents seen, judged, and by what became of them. judged: dropped_share and dropped_characters_share
        of the judged ones, failure_rate (an answer that is none of the two calls; table 35 of ProX), truncated_share.
        dropped_by_bound: the share that would be dropped for a bound on the probability. usage: requests answered and
        their tokens, whether they came from the cache or not.
        """
        known = int(self._counts.counts.sum())
        below = np.cumsum(self._counts.counts)
        return {
            "funnel": {
                "documents": self.documents.total(),
                "judged": self.judged,
                **dict(sorted(self.documents.items())),
            },
            "judged": {
                "dropped_share": _share(self.dropped, self.judged),
                "dropped_characters_share": _share(self.characters[1], self.characters[0]),
                "failure_rate": _share(self.degenerate, self.judged),
                "truncated_share": _share(self.truncated, self.judged),
            },
            "dropped_by_bound": [
                {
                    "min_keep_probability": bound,
                    "dropped_share": round(int(below[round(bound * _BINS) - 1]) / known, 4),
                }
                for bound in BOUNDS
                if known
            ],
            "usage": {name: self.usage[name] for name in ("requests", "prompt_tokens", "output_tokens")},
        }

    def histogram(self) -> Histogram | None:
        """Probabilities of being kept, with the bound; None where no answer had one."""
        if not self._counts.counts.any():
            return None
        shown = Histogram(
            self._counts.title,
            np.linspace(0, 1, _BINS_SHOWN + 1),
            () if self.bound is None else (self.bound,),
        )
        shown.counts = self._counts.counts.reshape(_BINS_SHOWN, -1).sum(axis=1)
        return shown

    def samples(self) -> list[dict[str, Any]]:
        """The documents with the highest and the lowest probabilities, highest first."""
        if self._lowest is None or self._highest is None:
            return []
        both = pl.concat([self._highest, self._lowest.reverse()]).unique("id", maintain_order=True)
        return both.with_columns(pl.col("keep_probability").round(4)).to_dicts()

    def _choose(self, documents: pl.DataFrame, rows: pl.DataFrame) -> None:
        text = pl.col("text").str.slice(0, MAX_SAMPLE_CHARS).str.replace_all(r"\s+", " ")
        shown = (
            rows.drop_nulls("keep_probability")
            .select("id", "keep_probability", "action")
            .join(documents.select("id", text), on="id", maintain_order="left")
        )
        self._lowest = _first(self._lowest, shown, descending=False)
        self._highest = _first(self._highest, shown, descending=True)


def _first(seen: pl.DataFrame | None, rows: pl.DataFrame, *, descending: bool) -> pl.DataFrame:
    both = rows if seen is None else pl.concat([seen, rows])
    return both.sort("keep_probability", "id", descending=[descending, False]).head(MAX_SAMPLES)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
