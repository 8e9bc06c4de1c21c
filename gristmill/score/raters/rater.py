"""A rater: its prompt, its scores and how its reply is read, made from the options.

DataMan: "DataMan: Data Manager for Pre-training Large Language Models" (arXiv 2502.19363, ICLR 2025). Fourteen criteria
from 1 to 5, higher is better, and one of fifteen domains. The overall score is a judgement of its own and not a mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from gristmill.file_options import resolve
from gristmill.hashing import digest_text
from gristmill.llm.requests import MAX_LOGPROBS, Constraint, Request
from gristmill.score.raters.options import (
    DATAMAN_MAX_CHARS,
    DATAMAN_MAX_TOKENS,
    EXPECTED,
    DatamanOptions,
    ScaleOptions,
    TemplateOptions,
)
from gristmill.score.raters.prompts import Prompt, packaged_prompt, read_prompt
from gristmill.score.raters.replies import Form, Reading, read_reply, reply_constraint
from gristmill.score.raters.scales import Score

Options = DatamanOptions | TemplateOptions

DOMAIN = "domain"
OVERALL = "overall_score"
CRITERIA = (
    "accuracy",
    "coherence",
    "language_consistency",
    "semantic_density",
    "knowledge_novelty",
    "topic_focus",
    "creativity",
    "professionalism",
    "style_consistency",
    "grammatical_diversity",
    "structural_standardization",
    "originality",
    "sensitivity",  # higher = more appropriate
    OVERALL,
)  # in the order of the reply, after the domain
DOMAINS = {
    "A": "Medicine",
    "B": "Finance",
    "C": "Law",
    "D": "Education",
    "E": "Technology",
    "F": "Entertainment",
    "G": "Mathematics",
    "H": "Coding",
    "I": "Government",
    "J": "Culture",
    "K": "Transportation",
    "L": "Retail E-commerce",
    "M": "Telecommunication",
    "N": "Agriculture",
    "O": "Other",
}
DATAMAN_SCORES = (
    Score.labels(DOMAIN, tuple(DOMAINS)),
    *(Score.numbers(name, 1, 5) for name in CRITERIA),
)


@dataclass(frozen=True)
class ScoreColumn:
    """A column of `scored`: its name in the rater's own table, its type, and its labels where it has any."""

    name: str
    dtype: type[pl.DataType]
    labels: tuple[str, ...] | None


@dataclass(frozen=True)
class Rater:
    """All that is needed to ask for scores and to read them. `main` is the score that figures and examples go by."""

    key: str  # of its options in the recipe, for messages
    options: Options
    prompt: Prompt
    scores: tuple[Score, ...]
    main: str
    form: Form
    max_text_tokens: int
    max_text_chars: int
    cleans: bool  # the text, as DataMan does

    @property
    def digest(self) -> str:
        """Names prompt and scores; belongs in the fingerprint of the ratings."""
        spelled = (part for score in self.scores for part in (score.name, *score.spellings))
        return digest_text(self.prompt.digest, self.form, *spelled)

    def request(self, text: str) -> Request:
        """The request for a prepared text. The likeliest reply is taken, so that there is one per text."""
        return Request(
            prompt=self.prompt.messages(text),
            max_tokens=self.options.max_reply_tokens,
            temperature=0.0,
            constraint=self._constraint,
            logprobs=MAX_LOGPROBS if self.options.expectation else 0,
        )

    def read(self, reply: str, finish_reason: str) -> Reading:
        """The scores in a reply, or the reason why there are none."""
        return read_reply(reply, self.scores, self.form, finish_reason=finish_reason)

    @property
    def columns(self) -> dict[str, type[pl.DataType]]:
        """Columns of scores, and of their expectations where they are asked for."""
        return _columns(self.scores, self.options)

    @cached_property
    def _constraint(self) -> Constraint | None:
        if not self.options.constrained:
            return None
        reasoning = self.options.reasoning_words if isinstance(self.options, TemplateOptions) else 0
        return reply_constraint(self.scores, self.form, reasoning_words=reasoning)


def make_rater(options: Options, folder: Path, key: str) -> Rater:
    """The rater of some options.

    A prompt of the recipe's own lies relative to `folder`; `key` names the options in messages. Raises RecipeError
    where that file is missing or is no prompt.
    """
    if isinstance(options, DatamanOptions):
        name = "instruct" if options.prompt == "instruct" else options.language
        return Rater(
            key,
            options,
            packaged_prompt(f"dataman-{name}"),
            scores_of(options),
            OVERALL,
            "lines",
            options.max_text_tokens or DATAMAN_MAX_TOKENS[options.language],
            options.max_text_chars or DATAMAN_MAX_CHARS[options.language],
            cleans=True,
        )
    scores = scores_of(options)
    if options.prompt is not None:
        where = f"{key}.prompt"
        prompt = read_prompt(resolve(options.prompt, folder, where), where)
    else:
        assert options.template is not None
        prompt = packaged_prompt(options.template)
    return Rater(
        key,
        options,
        prompt,
        scores,
        scores[0].name,
        _form(options),
        options.max_text_tokens,
        options.max_text_chars,
        cleans=False,
    )


def scores_of(options: Options) -> tuple[Score, ...]:
    """The scores that a rater gives, without reading the recipe's files."""
    if isinstance(options, DatamanOptions):
        return DATAMAN_SCORES
    if options.template is None:
        return tuple(_score(name, scale) for name, scale in (options.scores or {}).items())
    given = [entry.split() for entry in packaged_prompt(options.template).fact("scores").split(",")]
    return tuple(Score.numbers(name, int(least), int(most)) for name, least, most in given)


def score_columns(rater: str, options: Options) -> dict[str, ScoreColumn]:
    """The rater's columns in `scored` by name: RATER where it gives only one score, else RATER_SCORE."""
    scores = scores_of(options)
    labels = {score.name: score.spellings for score in scores if not score.is_number}
    columns = {}
    for name, dtype in _columns(scores, options).items():
        renamed = name.replace(scores[0].name, rater, 1) if len(scores) == 1 else f"{rater}_{name}"
        columns[renamed] = ScoreColumn(name, dtype, labels.get(name))
    return columns


def _columns(scores: tuple[Score, ...], options: Options) -> dict[str, type[pl.DataType]]:
    columns: dict[str, type[pl.DataType]] = {score.name: score.dtype for score in scores}
    if options.expectation:
        columns |= {f"{score.name}{EXPECTED}": pl.Float64 for score in scores if score.is_number}
    return columns


def _form(options: TemplateOptions) -> Form:
    form = options.form or packaged_prompt(options.template or "").fact("form")
    assert form in ("lines", "last_number", "keys", "json")
    return form  # type: ignore[return-value]


def _score(name: str, scale: ScaleOptions) -> Score:
    if scale.labels is not None:
        return Score.labels(name, scale.labels)
    assert scale.min is not None
    assert scale.max is not None
    return Score.numbers(name, scale.min, scale.max)
