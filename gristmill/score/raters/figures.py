"""Figures of a run of rating, counted while it streams, in bounded memory. Order of counting changes none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from gristmill.score.raters.planning import NOT_ATTEMPTED
from gristmill.score.raters.rater import Rater

MAX_EXAMPLES = 5  # from either end
EXAMPLE_CHARS = 160


@dataclass
class Tally:
    """Counts over ratings; `figures` gives the report."""

    rater: Rater
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[Any]] = field(default_factory=dict)  # by score
    truncated: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    _ends: dict[bool, pl.DataFrame] = field(default_factory=dict)  # by whether the highest come first

    def add(self, documents: pl.DataFrame, ratings: pl.DataFrame) -> None:
        """Count a batch. documents: id, text, in the same order as the ratings."""
        self.outcomes.update(ratings["outcome"].to_list())
        told = ratings.filter(pl.col("reason").is_not_null()).select(
            pl.format("{}: {}", pl.col("outcome"), pl.col("reason"))
        )
        self.reasons.update(told.to_series().to_list())
        sent = ratings.filter(pl.col("finish_reason").is_not_null())
        self.truncated += int(sent["truncated"].sum())
        self.prompt_tokens += int(sent["prompt_tokens"].sum())
        self.output_tokens += int(sent["output_tokens"].sum())
        for score in self.rater.scores:
            self.values.setdefault(score.name, Counter()).update(ratings[score.name].drop_nulls().to_list())
        self._keep_examples(documents, ratings)

    def figures(self) -> dict[str, Any]:
        """The report; a share or mean over nothing is null.

        Keys: rated, malformed, failed, not_attempted, malformed_share (of the replies), reasons, truncated_share (of
        the texts sent), prompt_tokens, output_tokens, ratings (a row per score of numbers: mean, documents by value),
        by_NAME for a score of labels (documents by label), sample (the highest and the lowest by the main score).
        """
        replies = self.outcomes["rated"] + self.outcomes["malformed"]
        sent = self.outcomes.total() - self.outcomes[NOT_ATTEMPTED]
        report: dict[str, Any] = {
            **{name: self.outcomes[name] for name in ("rated", "malformed", "failed", NOT_ATTEMPTED)},
            "malformed_share": _share(self.outcomes["malformed"], replies),
            "reasons": dict(sorted(self.reasons.items())),
            "truncated_share": _share(self.truncated, sent),
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.output_tokens,
        }
        if self.outcomes["rated"]:
            report["ratings"] = [self._row(score.name) for score in self.rater.scores if score.is_number]
            for score in self.rater.scores:
                if not score.is_number:
                    counted = self.values[score.name]
                    listed = [{score.name: v, "documents": counted[v]} for v in score.spellings if counted[v]]
                    report[f"by_{score.name}"] = listed
            report["sample"] = self._examples()
        return report

    def histogram(self) -> dict[str, int]:
        """Documents by value of the main score, all values of its scale in order."""
        (main,) = (score for score in self.rater.scores if score.name == self.rater.main)
        counted = self.values.get(main.name, Counter())
        return {value: counted[main.read(value)] for value in main.spellings}

    def _row(self, name: str) -> dict[str, Any]:
        counted = self.values[name]
        total = sum(value * count for value, count in counted.items())
        spread = {str(value): counted[value] for value in sorted(counted)}
        return {
            "score": name,
            "mean": round(total / counted.total(), 3),
            "documents_by_value": ", ".join(f"{value}: {count:,}" for value, count in spread.items()),
        }

    def _keep_examples(self, documents: pl.DataFrame, ratings: pl.DataFrame) -> None:
        (main,) = (score for score in self.rater.scores if score.name == self.rater.main)
        place = {main.read(value): number for number, value in enumerate(main.spellings)}
        rows = (
            ratings.select("id", main.name, "reply")
            .with_columns(
                documents["text"].str.slice(0, EXAMPLE_CHARS).str.replace_all(r"\s+", " "),
                pl.col(main.name)
                .replace_strict(list(place), list(place.values()), default=None, return_dtype=pl.Int64)
                .alias("place"),
            )
            .drop_nulls("place")
        )
        for highest in (True, False):
            seen = pl.concat([self._ends.get(highest, rows.clear()), rows])
            self._ends[highest] = seen.sort("place", "id", descending=[highest, False]).head(MAX_EXAMPLES)

    def _examples(self) -> list[dict[str, Any]]:
        both = pl.concat([self._ends[True], self._ends[False].reverse()])
        return both.unique("id", maintain_order=True).drop("place").to_dicts()


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None
