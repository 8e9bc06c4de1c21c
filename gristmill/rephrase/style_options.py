"""Options of one style: its prompt, who gets it, how its passages are cut, how it is sampled, what is kept of it.

The packaged styles are the four of WRAP, the five tasks of Nemotron-CC, the four structured formats that did best
in a controlled study, pairs of question and answer anchored in their passage, and code after seeds. What a recipe
leaves out is filled in from `DEFAULTS`, by the name of the style.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from gristmill.options import Options
from gristmill.rephrase.code.options import SeedOptions

Cut = Literal["sentences", "lines"]

ANCHORED_QA = "anchored_qa"
CODE = "code"


class Defaults(NamedTuple):
    """What a style has where the recipe says nothing; tokens are the rephraser's. None: as the stage says."""

    temperature: float = 0.7
    top_p: float = 0.95
    expected_length: float = 1.0
    cut: Cut = "sentences"
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    min_document_tokens: int = 0
    min_segment_tokens: int = 0
    min_result_tokens: int = 0
    skips_blocks: bool = True
    reassemble: bool | None = None


def _task(
    min_document: int,
    min_segment: int,
    max_input: int,
    max_output: int,
    min_result: int,
    *,
    joins: bool = False,
) -> Defaults:
    return Defaults(
        0.5, 0.9, 1.0, "lines", max_input, max_output, min_document, min_segment, min_result, False, joins
    )


_FORMAT = Defaults(0.5, 0.9, 1.0, "sentences", 1000, 1000, 30, 30, 30, False, False)

# WRAP: reimplementations sample with 0.7 and 0.95; `medium` as Nemotron-CC does. Tokens written, by a public
# replication with as many documents for each style: hard 33.6 %, easy 14.2 %, the others about the even share of 25 %.
# Tasks: Nemotron-CC (arXiv 2412.02595) and the pipelines in NVIDIA-NeMo/Curator. Formats: the study gives no limits;
# these are those of Nemotron-CC's questions and answers, with room for the layout. Anchored pairs: as formats.
# Code: Arctic-SnowCoder says nothing; seeds of about 200 lines, answers that are seldom cut.
DEFAULTS: dict[str, Defaults] = {
    "easy": Defaults(expected_length=0.57),
    "medium": Defaults(0.5, 0.9),
    "hard": Defaults(expected_length=1.34),
    "qa": Defaults(),
    "wikipedia": _task(5, 5, 512, 512, 50, joins=True),
    "diverse_qa": _task(30, 30, 1000, 600, 100),
    "distill": _task(30, 10, 2000, 1600, 50),
    "extract_knowledge": _task(30, 30, 1400, 1400, 50),
    "knowledge_list": _task(30, 30, 1000, 600, 50),
    "table": _FORMAT,
    "math": _FORMAT,
    "faq": _FORMAT,
    "tutorial": _FORMAT,
    ANCHORED_QA: _FORMAT,
    CODE: Defaults(0.7, 0.95, 1.0, "lines", 2400, 2000, 30, 30, 0, False, False),
}
STYLE_NAMES = tuple(DEFAULTS)
TASK_NAMES = ("wikipedia", "diverse_qa", "distill", "extract_knowledge", "knowledge_list")


class PairsOptions(Options):
    """How many of the pairs that a model wrote are kept. Source: Nemotron-CC, diverse question-answer pairs."""

    max_pairs: int = Field(default=10, description="Pairs at most. Source: Nemotron-CC.", ge=1, le=1000)
    per_150_tokens: float = Field(
        default=10.0,
        description="Pairs for 150 tokens of the passage, so that short ones get fewer; one at least. Source: "
        "NVIDIA-NeMo/Curator, where nothing bounds the number for long passages.",
        gt=0,
        le=1000,
    )
    sample: Literal["uniform", "all_up_to_cap"] = Field(
        default="uniform",
        description="Whether the number kept is drawn from 1 to the cap, or is the cap. Pairs are shuffled in both. "
        "Source: as per_150_tokens, which draws.",
    )


class StyleOptions(Options):
    """One style: its prompt, which documents get it, its share and how it is sampled."""

    name: str = Field(
        default="medium",
        description="Name of the style: easy, medium, hard or qa of WRAP (arXiv 2401.16380); wikipedia, diverse_qa, "
        "distill, extract_knowledge or knowledge_list of Nemotron-CC (arXiv 2412.02595); table, math, faq or tutorial, "
        "the formats that did best in arXiv 2604.13977; anchored_qa, pairs with the places in the passage that prove "
        "them (after arXiv 2502.15854); code, a new file of code after the idea of one (arXiv 2409.02326); or a new "
        "name together with `prompt`. New documents have the method FAMILY.NAME: wrap, nemotron_cc, format, retrieval, "
        "snowcoder.",
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
    )
    where: str | None = Field(
        default=None,
        description="Which documents get this style, as an SQL condition over the columns of a document (`source`, "
        "`lang`, `meta`, ...) and the measures of the filters, such as `source = 'web' AND length(text) > 500`. Where "
        "it is unknown, the document does not get it. null: all.",
        min_length=1,
        max_length=2_000,
    )
    weight: float = Field(
        default=1.0, description="Share of this style against the others'; 0 switches it off.", ge=0, le=1e6
    )
    prompt: str | None = Field(
        default=None,
        description="An instruction of your own in place of the packaged template; the passage follows it "
        "between delimiters. null uses the template of that name.",
        min_length=1,
        max_length=8_000,
    )
    format: Literal["prose", "qa", "list", "table", "math", "tutorial", "anchored", "code"] = Field(
        default="prose",
        description="What an answer to `prompt` looks like, and so how it is checked: prose; qa, pairs tagged "
        "Question: and Answer:; list; table in Markdown; math, a Problem: and its Solution: with equations; tutorial "
        "with numbered steps; anchored, pairs with lines Excerpt:; code, one fenced block. Packaged templates say it "
        "themselves.",
    )
    mode: Literal["strict", "compat"] = Field(
        default="strict",
        description="For the tasks of Nemotron-CC: compat cuts documents and cleans answers as NVIDIA-NeMo/Curator "
        "does, its known defects included; of `acceptance` it applies only what needs a model. For replications.",
    )
    temperature: float | None = Field(
        default=None,
        description="Sampling temperature. null: 0.7 for easy, hard, qa and prompts of your own, 0.5 for the others. "
        "Source: Nemotron-CC, and reimplementations of WRAP.",
        ge=0,
        le=2,
    )
    top_p: float | None = Field(
        default=None,
        description="Nucleus sampling. null: 0.95 for easy, hard, qa and prompts of your own, 0.9 for the others. "
        "Sources as for temperature.",
        gt=0,
        le=1,
    )
    expected_length: float | None = Field(
        default=None,
        description="Tokens that this style writes, relative to other styles; read where `balance` is "
        "tokens. null: 0.57 for easy, 1.34 for hard, 1 for others. Source: token shares of a "
        "public replication of WRAP.",
        gt=0,
        le=100,
    )
    cut: Cut | None = Field(
        default=None,
        description="What passages are made of: sentences, or whole lines (a line above the limit is cut at its "
        "sentences). null: lines for the tasks of Nemotron-CC, sentences for others. Sources: WRAP, Nemotron-CC.",
    )
    max_input_tokens: int | None = Field(
        default=None,
        description="Tokens of a prompt at most, with its passage. null: 512 for wikipedia, 2000 for distill, 1400 for "
        "extract_knowledge, 1000 for the other tasks and formats; for others `max_passage_tokens` alone counts. "
        "Source: Nemotron-CC.",
        ge=32,
        le=1_000_000,
    )
    max_output_tokens: int | None = Field(
        default=None,
        description="Tokens of an answer at most. null: 512 for wikipedia, 600 for diverse_qa and knowledge_list, 1600 "
        "for distill, 1400 for extract_knowledge, 1000 for formats; for others `output_factor` and its like count. "
        "Source: Nemotron-CC.",
        ge=1,
        le=1_000_000,
    )
    min_document_tokens: int | None = Field(
        default=None,
        description="Shorter documents do not get this style. null: 5 for wikipedia, 30 for the other tasks and "
        "formats, else 0. Source: Nemotron-CC.",
        ge=0,
        le=1_000_000,
    )
    min_segment_tokens: int | None = Field(
        default=None,
        description="Shorter passages are passed through. null: 5 for wikipedia, 10 for distill, 30 for the other "
        "tasks and formats, else 0. Source: Nemotron-CC.",
        ge=0,
        le=1_000_000,
    )
    min_result_tokens: int | None = Field(
        default=None,
        description="A shorter new document is rejected as `short`. null: 100 for diverse_qa, which holds its passage, "
        "50 for the other tasks, 30 for formats, else 0. Source: Nemotron-CC.",
        ge=0,
        le=1_000_000,
    )
    reassemble: bool | None = Field(
        default=None,
        description="Join what was written for the passages of a document to one new document. null: yes for wikipedia "
        "as in Nemotron-CC, no for its other tasks and for formats, else as the stage says. Anchored pairs stay apart.",
    )
    pairs: PairsOptions = Field(
        default=PairsOptions(), description="Which pairs of diverse_qa are kept; other styles keep all."
    )
    seeds: SeedOptions = Field(
        default=SeedOptions(), description="Which files of code are seeds of a style that writes code."
    )

    @property
    def defaults(self) -> Defaults:
        """What this style has where the recipe says nothing."""
        return DEFAULTS[CODE] if self.writes_code else DEFAULTS.get(self.name, Defaults())

    @property
    def writes_code(self) -> bool:
        """Whether it writes files of code, after seeds."""
        return self.name == CODE if self.prompt is None else self.format == "code"

    @property
    def is_anchored(self) -> bool:
        """Whether its pairs come with places in their passage."""
        return self.name == ANCHORED_QA if self.prompt is None else self.format == "anchored"

    @property
    def sampling(self) -> tuple[float, float]:
        """(temperature, top_p) with the defaults filled in."""
        given = self.defaults
        return (
            given.temperature if self.temperature is None else self.temperature,
            given.top_p if self.top_p is None else self.top_p,
        )

    @property
    def length_ratio(self) -> float:
        """`expected_length` with the default filled in."""
        return self.defaults.expected_length if self.expected_length is None else self.expected_length

    def limit(self, name: Literal["min_document_tokens", "min_segment_tokens", "min_result_tokens"]) -> int:
        """A lower bound with the default filled in."""
        given: int | None = getattr(self, name)
        filled: int = getattr(self.defaults, name)
        return filled if given is None else given

    @model_validator(mode="after")
    def _has_a_prompt(self) -> Self:
        if self.prompt is None and self.name not in STYLE_NAMES:
            raise ValueError(
                f"style {self.name!r} has no packaged template; use one of {STYLE_NAMES} or give `prompt`"
            )
        if self.mode == "compat" and (self.name not in TASK_NAMES or self.prompt is not None):
            raise ValueError(
                f"style {self.name!r}: `mode: compat` is for the packaged tasks {TASK_NAMES}; leave it out"
            )
        if self.is_anchored and self.reassemble:
            raise ValueError(
                f"style {self.name!r}: `reassemble: true` does not go with anchored pairs, whose spans are places in "
                "one passage; leave it out"
            )
        if self.writes_code and (self.reassemble or self.cut is not None):
            raise ValueError(
                f"style {self.name!r}: `cut` and `reassemble: true` do not go with code, which is cut at its "
                "own blocks and written file by file; leave them out"
            )
        return self
