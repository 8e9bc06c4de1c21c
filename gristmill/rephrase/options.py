"""Options of the stage `rephrased`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.llm.budget import Budget
from gristmill.options import Options

STYLE_NAMES = ("easy", "medium", "hard", "qa")

# Nemotron-CC (arXiv 2412.02595) samples its Wikipedia-like rephrasing so; reimplementations of WRAP use 0.7
# and 0.95.
_MEDIUM_SAMPLING = (0.5, 0.9)
_OTHER_SAMPLING = (0.7, 0.95)
# Tokens out by style in a public replication with as many documents for each: hard 33.6 %, easy 14.2 %, the
# others about the even share of 25 %.
_LENGTH_RATIOS = {"easy": 0.57, "hard": 1.34}


class StyleOptions(Options):
    """One style: its prompt, its share and how it is sampled."""

    name: str = Field(
        default="medium",
        description="Name of the style: easy, medium, hard or qa of WRAP (arXiv 2401.16380), or a new name "
        "together with `prompt`. New documents have the method wrap.NAME.",
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
    )
    weight: float = Field(default=1.0, description="Share of this style against the others'.", ge=0, le=1e6)
    prompt: str | None = Field(
        default=None,
        description="An instruction of your own in place of the packaged template; the passage follows it "
        "between delimiters. null uses the template of that name.",
        min_length=1,
        max_length=8_000,
    )
    format: Literal["prose", "qa"] = Field(
        default="prose",
        description="What an answer to `prompt` looks like: prose, or pairs tagged Question: and Answer:. "
        "Packaged templates say it themselves.",
    )
    temperature: float | None = Field(
        default=None,
        description="Sampling temperature. null: 0.5 for medium, 0.7 for others. Source: Nemotron-CC (arXiv "
        "2412.02595) for medium, reimplementations of WRAP for others.",
        ge=0,
        le=2,
    )
    top_p: float | None = Field(
        default=None,
        description="Nucleus sampling. null: 0.9 for medium, 0.95 for others. Sources as for temperature.",
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

    @property
    def sampling(self) -> tuple[float, float]:
        """(temperature, top_p) with the defaults filled in."""
        temperature, top_p = _MEDIUM_SAMPLING if self.name == "medium" else _OTHER_SAMPLING
        return (
            temperature if self.temperature is None else self.temperature,
            top_p if self.top_p is None else self.top_p,
        )

    @property
    def length_ratio(self) -> float:
        """`expected_length` with the default filled in."""
        return _LENGTH_RATIOS.get(self.name, 1.0) if self.expected_length is None else self.expected_length

    @model_validator(mode="after")
    def _has_a_prompt(self) -> Self:
        if self.prompt is None and self.name not in STYLE_NAMES:
            raise ValueError(
                f"style {self.name!r} has no packaged template; use one of {STYLE_NAMES} or give `prompt`"
            )
        return self


class AcceptanceOptions(Options):
    """Which rephrasings are taken. Each rule in its turn; `null` switches a rule off."""

    ratio: tuple[float, float] | None = Field(
        default=(0.3, 3.0),
        description="Allowed characters out / characters in, prose. Source: design of Gristmill for WRAP.",
        strict=False,
    )
    ratio_qa: tuple[float, float] | None = Field(
        default=(0.5, 5.0), description="The same for questions and answers. Source: as ratio.", strict=False
    )
    max_copied_run: float | None = Field(
        default=0.6,
        description="Longest run of words shared with the passage / words of the rephrasing. Source: as "
        "ratio.",
        ge=0,
        le=1,
    )
    max_copied_8grams: float | None = Field(
        default=0.5,
        description="Share of the rephrasing's runs of 8 words that the passage has too; finds copies with "
        "a few words changed. Source: Gristmill; sound rephrasings of a test set stay below "
        "0.3.",
        ge=0,
        le=1,
    )
    min_distinct_3grams: float | None = Field(
        default=0.8,
        description="Least share of distinct runs of 3 words in the rephrasing, as a part of the same share "
        "in the passage; finds loops. Source: Gristmill; sound rephrasings of a test set have "
        "0.97 and more.",
        ge=0,
        le=1,
    )
    max_novel_words: float | None = Field(
        default=None,
        description="Share of the rephrasing's words of five letters and more that the passage does not have in any "
        "form. Pairs that have more, or whose answer adds nothing from the passage, are dropped first. "
        "null: any, for a paraphrase is free in its words; small models need a bound, since they write from memory. "
        "Source: Gristmill.",
        ge=0,
        le=1,
    )
    max_novel_numbers: int | None = Field(
        default=0,
        description="Numbers that the passage does not have, after separators, number words and ordinals "
        "are made alike. Source: design of Gristmill for WRAP, faithfulness.",
        ge=0,
    )
    max_novel_names_per_100_words: float | None = Field(
        default=1.0,
        description="Capitalised names of two words or more with a word that the passage does not have, per "
        "100 words. Source: as max_novel_numbers.",
        ge=0,
    )
    max_novel_urls: int | None = Field(
        default=0,
        description="Web addresses that the passage does not have. Source: as max_novel_numbers.",
        ge=0,
    )
    final_punctuation: bool = Field(
        default=True,
        description="Reject as incomplete what ends inside a sentence although the passage does not; models "
        "stop there without reporting a length limit. Source: Gristmill.",
    )
    markdown: bool = Field(
        default=True,
        description="Reject headings, lists, tables, links and code fences that the passage does not have; "
        "bold marks are removed. Source: Nemotron-CC (arXiv 2412.02595) asks for plain text.",
    )
    min_language_score: float | None = Field(
        default=0.5,
        description="Reject where another language than the passage's is found with at least this score. "
        "Read only where the pipeline has a language model. Source: design of Gristmill for "
        "WRAP.",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _intervals_are_ordered(self) -> Self:
        for name in ("ratio", "ratio_qa"):
            bounds = getattr(self, name)
            if bounds is not None and not 0 <= bounds[0] < bounds[1]:
                raise ValueError(f"{name}: got {bounds}, must be two numbers, the first below the second")
        return self


class RephraseOptions(Options):
    """Style rephrasing of passages after WRAP (arXiv 2401.16380)."""

    model: str = Field(
        default="rephraser", description="The model that rewrites, by its name in the recipe's models."
    )
    styles: tuple[StyleOptions, ...] = Field(
        default=(StyleOptions(name="medium"), StyleOptions(name="qa")),
        description="Styles, one per passage, drawn by weight; the order is part of the draw. Source: WRAP; "
        "qa gave its largest gain on zero-shot tasks, medium the best perplexity on "
        "encyclopedic text.",
        strict=False,
        min_length=1,
        max_length=32,
    )
    balance: Literal["documents", "tokens"] = Field(
        default="documents",
        description="Whether weights are shares of passages or of tokens written. Styles differ in length "
        "by more than two. Source: token shares of a public replication of WRAP.",
    )
    samples: int = Field(
        default=1, description="Rephrasings per passage, each with its own seed.", ge=1, le=64
    )
    seed: int = Field(
        default=0,
        description="Seed of styles, of sampling and of the order in which a budget is spent.",
        ge=0,
    )
    sources: tuple[str, ...] | None = Field(
        default=None, description="Sources whose documents are rephrased; null takes all.", strict=False
    )
    languages: tuple[str, ...] | None = Field(
        default=None, description="Languages that are rephrased; null takes all.", strict=False
    )
    max_passage_tokens: int = Field(
        default=300, description="Tokens of a passage at most. Source: WRAP, section 3.", ge=16, le=100_000
    )
    min_passage_tokens: int = Field(
        default=20,
        description="Shorter passages join the one before where the sum stays within both together. Source: "
        "design of Gristmill for WRAP.",
        ge=0,
        le=10_000,
    )
    skip_blocks: tuple[Literal["code", "table", "list"], ...] = Field(
        default=("code", "table", "list"),
        description="Blocks that are passed through, since rephrasing them loses their structure. Source: "
        "as min_passage_tokens.",
        strict=False,
    )
    min_sentence_share: float | None = Field(
        default=None,
        description="Passages with a smaller share of their characters in sentences are passed through: headings, "
        "key words, console output. null rephrases them too; keep it for languages without end marks. Source: "
        "Gristmill; the share is 1 in plain prose.",
        ge=0,
        le=1,
    )
    output_factor: float = Field(
        default=2.0,
        description="Tokens allowed per token of the passage. Source: as min_passage_tokens.",
        gt=0,
        le=100,
    )
    output_extra: int = Field(default=64, description="Tokens allowed on top of that.", ge=0, le=100_000)
    output_min: int = Field(default=128, description="Tokens allowed at least.", ge=1, le=100_000)
    output_max: int | None = Field(
        default=None,
        description="Tokens allowed at most, to keep a small budget; null sets no cap.",
        ge=1,
        le=1_000_000,
    )
    reassemble: bool = Field(
        default=False,
        description="Join the rephrasings of a document to one new document, in one style; otherwise each "
        "passage gives a document.",
    )
    on_missing: Literal["original", "drop"] = Field(
        default="original",
        description="With reassemble: put the original passage where a rephrasing was not accepted (noted "
        "in meta), or drop the whole document.",
    )
    budget: Budget | None = Field(
        default=None, description="Tokens that a shard may cost; null sets no limit."
    )
    acceptance: AcceptanceOptions = Field(
        default=AcceptanceOptions(), description="Rules for taking a rephrasing."
    )

    @model_validator(mode="after")
    def _styles_can_be_drawn(self) -> Self:
        names = [style.name for style in self.styles]
        if len(set(names)) != len(names):
            raise ValueError(f"styles: names repeat in {names}; give each style one name")
        if not any(style.weight > 0 for style in self.styles):
            raise ValueError("styles: all weights are 0; give one at least a positive weight")
        return self
