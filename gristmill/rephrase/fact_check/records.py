"""What a fact check holds: pairs, the checks of their texts, and the table in which they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import polars as pl

from gristmill import documents as model
from gristmill.llm.requests import Answer
from gristmill.rephrase.acceptance import Verdict as RulesVerdict
from gristmill.rephrase.fact_check.judging import UNKNOWN, CheckedFact, CheckedQuestion, Verdict
from gristmill.rephrase.fact_check.replies import Facts
from gristmill.rephrase.planning import Key

NOT_CHECKED = "not_checked"  # why a rephrasing is rejected that could not be checked
NOT_ACCEPTED = "not_accepted"  # the verdict on a second text that breaks the rules of acceptance
BUDGET = "budget"  # why a pair was not checked

FACT_CHECKS: model.Schema = {
    "parent_id": pl.String,
    "child_id": pl.String,
    "passage": pl.Int32,
    "style": pl.String,
    "sample": pl.Int32,
    "check": pl.Int32,  # 1: of the accepted text; 2: of what the rephraser wrote when told its faults
    "verdict": pl.String,  # supported | unsupported_fact | lost_fact | disagreement | unknown | not_accepted
    "note": pl.String,  # which reply was no use and why, which rule the second text breaks, or budget
    "precision": pl.Float64,  # share of the rephrasing's facts that the passage supports; null: none could be judged
    "recall": pl.Float64,  # share of the passage's facts that the rephrasing keeps
    "agreement": pl.Float64,  # share of the questions with an answer whose two answers are equal
    "facts": pl.List(
        pl.Struct({"of": pl.String, "fact": pl.String, "verdict": pl.String, "by": pl.String})
    ),  # of: source | text; verdict: supported | contradicted | lost | unknown; by: match | rule | checker
    "questions": pl.List(
        pl.Struct(
            {"question": pl.String, "from_text": pl.String, "from_both": pl.String, "verdict": pl.String}
        )
    ),  # verdict: agreed | contradicted | lost | unknown
    "text": pl.String,  # what was checked
    "requests": pl.Int32,
    "prompt_tokens": pl.Int32,
    "output_tokens": pl.Int32,
}

PhaseName = Literal["facts", "comparison", "answers", "correction"]


class Phase(NamedTuple):
    """One round of requests; `check` is 1 for the accepted text, 2 for a corrected one."""

    name: PhaseName
    check: int

    @property
    def asks(self) -> Literal["checker", "rephraser"]:
        """Who is asked."""
        return "rephraser" if self.name == "correction" else "checker"


class Tag(NamedTuple):
    """Which reply an answer is."""

    key: Key
    check: int
    reply: str


@dataclass(frozen=True)
class Pair:
    """An accepted rephrasing that was drawn; `row` is its row of the plan."""

    row: Mapping[str, Any]
    corpus: str  # the source that the document comes from
    language: str | None
    child_id: str | None
    text: str

    @property
    def key(self) -> Key:
        """The name of its answer."""
        return (self.row["parent_id"], self.row["passage"], self.row["sample"], self.row["style"])


@dataclass(frozen=True)
class Correction:
    """What the gate makes of an accepted rephrasing: rejected with a reason, or another text in its place."""

    reason: str | None
    answer: Answer | None = None
    verdict: RulesVerdict | None = None


@dataclass
class Check:
    """One text being checked: the replies so far, and what they come to."""

    text: str
    replies: dict[str, Answer] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)  # by whose they are
    settled: dict[str, dict[int, CheckedFact]] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    checked_facts: list[CheckedFact] = field(default_factory=list)
    checked_questions: list[CheckedQuestion] = field(default_factory=list)
    result: Verdict | None = None
    note: str | None = None

    @property
    def verdict(self) -> str:
        """The verdict, unknown until there is one."""
        return UNKNOWN if self.result is None else self.result.verdict


@dataclass
class CheckedPair:
    """A pair with its checks, and the second answer of the rephraser."""

    pair: Pair
    checks: list[Check]
    correction: Answer | None = None
    corrected: RulesVerdict | None = None  # the rules' verdict on it


def row_of_check(pair: CheckedPair, number: int) -> dict[str, Any]:
    """The row of FACT_CHECKS for the first or second check of a pair."""
    given, check = pair.pair, pair.checks[number - 1]
    answers = [*check.replies.values()]
    if number == 2 and pair.correction is not None:
        answers.append(pair.correction)
    result = check.result or Verdict(UNKNOWN, None, None, None, False)
    return {
        "parent_id": given.row["parent_id"],
        "child_id": given.child_id,
        "passage": given.row["passage"],
        "style": given.row["style"],
        "sample": given.row["sample"],
        "check": number,
        "verdict": result.verdict,
        "note": check.note,
        "precision": result.precision,
        "recall": result.recall,
        "agreement": result.agreement,
        "facts": [asdict(fact) for fact in check.checked_facts],
        "questions": [asdict(question) for question in check.checked_questions],
        "text": check.text,
        "requests": len(answers),
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "output_tokens": sum(answer.output_tokens for answer in answers),
    }
