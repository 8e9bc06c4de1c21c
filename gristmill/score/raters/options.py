"""Options of raters: language models that score documents."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.file_options import input_file
from gristmill.llm.budget import Budget
from gristmill.options import Options
from gristmill.score.raters.replies import Form

EXPECTED = "_expected"  # end of the names of expectations

_MAX_NUMBERS = 1_001  # values of a scale of numbers; 0 to 1000
_TAKEN = ("id", "asset", "text_digest", "outcome", "reason", "reply", "finish_reason", "text_tokens", "truncated",
          "prompt_tokens", "output_tokens")  # fmt: skip

# Tokens and characters of a text that the released models were trained to see. Source: pengr/DataMan@db3bc94,
# data_tools/dataman_annotate_hf.py.
DATAMAN_MAX_TOKENS = {"en": 1894, "zh": 1896}
DATAMAN_MAX_CHARS = {"en": 20_000, "zh": 60_000}


class _RaterOptions(Options):
    """What all raters have."""

    model: str = Field(description="The model that rates, by its name in the recipe's models.")
    sources: tuple[str, ...] | None = Field(
        default=None, description="Sources whose documents are rated; null takes all.", strict=False
    )
    languages: tuple[str, ...] | None = Field(
        default=None, description="Languages that are rated; null takes all.", strict=False
    )
    constrained: bool = Field(
        default=True,
        description="Let the model write only replies that can be read (constrained decoding).",
    )
    expectation: bool = Field(
        default=False,
        description="Also give the mean of each score's values, weighed by the probabilities that the model gives "
        "them, in columns with _expected at the end: a finer order than a handful of values. For scales whose values "
        "are one token each, and engines that give log-probabilities. Source: G-Eval (arXiv 2303.16634).",
    )
    budget: Budget | None = Field(
        default=None,
        description="Tokens that a shard may cost; null sets no limit. Documents are taken in an order that depends on "
        "`seed` and their ids alone, so what the budget reaches is a uniform sample.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the order in which a budget is spent.")


class DatamanOptions(_RaterOptions):
    """Fourteen ratings of 1 to 5 and a domain, after DataMan (arXiv 2502.19363)."""

    kind: Literal["dataman"] = Field(description="Kind of the rater.")
    prompt: Literal["released", "instruct"] = Field(
        default="released",
        description="released: the exact text that the released models were trained on (RuPeng/DataMan-1.5B-EN and its "
        "siblings); use it with them only. instruct: the criteria and domains explained in our words, for any chat "
        "model.",
    )
    language: Literal["en", "zh"] = Field(
        default="en",
        description="Language of the prompt `released`, and which limits of a text are the defaults: those of the "
        "models ...-EN or ...-ZH.",
    )
    max_text_tokens: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="Tokens of a text, by the rater's tokenizer; of a longer one the first and the last half are "
        "rated. null: 1894 for en, 1896 for zh, so that prompt and reply fit into the 2068 of the training. The model "
        "needs a max_model_len of about 250 more. Source: pengr/DataMan.",
    )
    max_text_chars: int | None = Field(
        default=None,
        ge=2,
        le=10_000_000,
        description="Characters of a text that are tokenised at all, the first and the last half. null: 20,000 for en, "
        "60,000 for zh. Source: pengr/DataMan.",
    )
    max_reply_tokens: int = Field(
        default=29,
        ge=29,
        le=1_000,
        description="Tokens of a reply at most. Source: pengr/DataMan; 15 lines with a token each, and 14 ends of "
        "lines.",
    )


class ScaleOptions(Options):
    """The allowed values of a score: whole numbers from `min` to `max`, or `labels`."""

    min: int | None = Field(default=None, description="Lowest number.")
    max: int | None = Field(default=None, description="Highest number.")
    labels: tuple[Annotated[str, Field(pattern=r"^\S(?:[^\n:]{0,78}\S)?$")], ...] | None = Field(
        default=None, strict=False, min_length=2, max_length=200, description="Labels, in place of numbers."
    )

    @model_validator(mode="after")
    def _is_one_scale(self) -> Self:
        numbers = (self.min, self.max)
        if (self.labels is None) == (numbers == (None, None)):
            raise ValueError("a scale has `min` and `max`, or `labels`")
        if self.labels is not None:
            if len(set(self.labels)) < len(self.labels):
                raise ValueError(f"labels {list(self.labels)} repeat one; each can stand once")
        elif self.min is None or self.max is None or not 0 < self.max - self.min < _MAX_NUMBERS:
            raise ValueError(
                f"got min {self.min} and max {self.max}; both are needed, min below max, at most 1000 apart"
            )
        return self


class TemplateOptions(_RaterOptions):
    """Scores from any chat model: a prompt, a scale, and how the reply is read."""

    kind: Literal["template"] = Field(description="Kind of the rater.")
    template: Literal["educational_value", "quality"] | None = Field(
        default=None,
        description="A prompt that comes with Gristmill, with its scale and form. educational_value: one number from 0 "
        "to 5, points added up as in FineWeb-Edu (arXiv 2406.17557). quality: five numbers from 1 to 5: correctness, "
        "clarity, information, format, overall.",
    )
    prompt: str | None = input_file(
        "A prompt of your own in place of `template`: a text file with a header (`name:`, `version:`, `source:`, "
        "`licence:`), a system message and a user message that holds {document} once, divided by lines of `---`; needs "
        "`scores` and `form`."
    )
    scores: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], ScaleOptions] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Scores of `prompt` by name, the main one first.",
    )
    form: Form | None = Field(
        default=None,
        description="How a reply to `prompt` is read. last_number: the number in the last line that has one. keys: "
        "lines `name: value`. json: an object. lines: values alone, in the order of `scores`. Whatever is not exactly "
        "so counts as malformed, with the reason.",
    )
    reasoning_words: int = Field(
        default=50,
        ge=0,
        le=500,
        description="Words in a line of reasons, at most, that a constrained reply begins with; 0: it is the number "
        "alone. Read where the form is last_number.",
    )
    max_text_tokens: int = Field(
        default=1024,
        ge=2,
        le=1_000_000,
        description="Tokens of a text, by the rater's tokenizer; of a longer one the first and the last half are "
        "rated. FineWeb-Edu's annotations are of the first 1000 characters.",
    )
    max_text_chars: int = Field(
        default=20_000,
        ge=2,
        le=10_000_000,
        description="Characters of a text that are tokenised at all, the first and the last half.",
    )
    max_reply_tokens: int = Field(default=256, ge=1, le=10_000, description="Tokens of a reply at most.")

    @model_validator(mode="after")
    def _prompt_is_whole(self) -> Self:
        if (self.template is None) == (self.prompt is None):
            raise ValueError("needs `template` or `prompt`, and not both")
        own = self.scores is not None, self.form is not None
        if self.template is not None and any(own):
            raise ValueError("`scores` and `form` go with `prompt`; a template brings its own")
        if self.prompt is not None and not all(own):
            raise ValueError("`prompt` needs `scores` and `form`, which say how its reply is read")
        scores = self.scores or {}
        taken = sorted(name for name in scores if name in _TAKEN or name.endswith(EXPECTED))
        if taken:
            raise ValueError(f"scores {taken} have names of other columns of the ratings; use other names")
        if self.form == "json" and self.expectation:
            raise ValueError("`expectation` is not read from form json; take keys or lines")
        if self.form == "last_number" and (
            len(scores) > 1 or any(scale.labels is not None for scale in scores.values())
        ):
            raise ValueError("form last_number reads one score of numbers; take keys, json or lines")
        return self


RaterOptions = Annotated[DatamanOptions | TemplateOptions, Field(discriminator="kind")]
