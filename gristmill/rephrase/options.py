"""Options of the stage `rephrased`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.embeddings import MINILM
from gristmill.llm.budget import Budget
from gristmill.options import Options
from gristmill.rephrase.code.options import CodeAcceptanceOptions
from gristmill.rephrase.fact_check.options import FactCheckOptions
from gristmill.rephrase.statements.options import StatementsOptions
from gristmill.rephrase.style_options import StyleOptions


class AnchorsOptions(Options):
    """Which pairs of question, answer and excerpts are kept (style anchored_qa). `null` switches a rule off."""

    max_excerpts: int | None = Field(
        default=5,
        description="Excerpts of a pair at most; one at least. Source: brandonstarxel/chunking_evaluation.",
        ge=1,
        le=1000,
    )
    min_ratio: float | None = Field(
        default=0.98,
        description="Least similarity of an excerpt to a stretch of the passage, where it does not stand there as it "
        "is or but for white space; the passage's own text counts. 1 - (characters to insert and delete) / (length of "
        "both). null takes nothing that is only similar. Source: Gristmill.",
        ge=0.5,
        le=1,
    )
    max_span_share: float | None = Field(
        default=0.3,
        description="Characters of a pair's excerpts / characters of the passage; more prove nothing in particular. "
        "Source: Gristmill.",
        gt=0,
        le=1,
    )
    max_given_away: float | None = Field(
        default=0.6,
        description="Share of an excerpt's words that the question has in the same order; more give the answer away. "
        "Source: Gristmill.",
        ge=0,
        le=1,
    )
    numbers_in_spans: bool = Field(
        default=True,
        description="Drop pairs whose answer has a number that its excerpts lack. Source: Gristmill.",
    )
    max_question_overlap: float | None = Field(
        default=0.8,
        description="Shared words / all words of two questions; of those that share more the first is kept. "
        "Source: Gristmill.",
        ge=0,
        le=1,
    )
    max_question_cosine: float | None = Field(
        default=0.78,
        description="The same by the cosine of sentence embeddings, where `min_similarity` is set and so a model is "
        "there. Source: brandonstarxel/chunking_evaluation, for text-embedding-3-large; models differ in their scale.",
        ge=-1,
        le=1,
    )


class AcceptanceOptions(Options):
    """Which rephrasings are taken. Each rule in its turn; `null` switches a rule off."""

    ratio: tuple[float, float] | None = Field(
        default=(0.3, 3.0),
        description="Allowed characters out / characters in, prose. Source: design of Gristmill for WRAP.",
        strict=False,
    )
    ratio_condensed: tuple[float, float] | None = Field(
        default=(0.03, 5.0),
        description="The same for styles that take some of a passage and give it another form: diverse_qa, distill, "
        "extract_knowledge, knowledge_list, table, math, faq, tutorial, anchored_qa (the upper bound alone). Source: "
        "Gristmill; `min_result_tokens` bounds what is too little.",
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
    max_copied_words: float | None = Field(
        default=0.5,
        description="Share of the rephrasing's words that stand in runs of 5 which the passage has too, in any order; "
        "finds copies with a word changed here and there; not for answers, nor for styles that condense. Source: "
        "Gristmill; sound rephrasings of a test set stay below 0.25, copies have 0.7 and more.",
        ge=0,
        le=1,
    )
    max_copied_of_passage: float | None = Field(
        default=0.8,
        description="The same share of the passage's words: answers that together are the passage. An answer in the "
        "passage's words is allowed. Source: Gristmill; sound rephrasings of a test set stay below 0.35.",
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
        default=0.0,
        description="Names with a word that the passage does not have, per 100 words. The design of Gristmill for WRAP "
        "allows 1, by which one exchanged name in a long passage is missed; with 0 any is one too many.",
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

    min_similarity: float | None = Field(
        default=None,
        description="Least cosine of the sentence embeddings of passage and rephrasing, by `similarity_model`. null "
        "compares none and loads no model. Source: WRAP (arXiv 2401.16380) measures its pairs so. With the packaged "
        "model sound pairs of a test set have 0.38 and more, and another passage at most 0.28: 0.3 finds text on "
        "another subject. It reads English; for other languages name another model.",
        ge=-1,
        le=1,
    )
    similarity_model: str = Field(
        default=MINILM,
        description="The model of sentence embeddings, by its name in the recipe's models; the packaged one needs no "
        "entry there. Read where `min_similarity` is set.",
    )

    statements: StatementsOptions = Field(
        default=StatementsOptions(), description="Rules on what is stated: exchanged, lost, repeated."
    )

    anchors: AnchorsOptions = Field(
        default=AnchorsOptions(), description="Rules for the pairs of anchored_qa, one by one."
    )

    code: CodeAcceptanceOptions = Field(
        default=CodeAcceptanceOptions(),
        description="Rules for files of code (style code), to which none of the others applies.",
    )

    @model_validator(mode="after")
    def _intervals_are_ordered(self) -> Self:
        for name in ("ratio", "ratio_condensed", "ratio_qa"):
            bounds = getattr(self, name)
            if bounds is not None and not 0 <= bounds[0] < bounds[1]:
                raise ValueError(f"{name}: got {bounds}, must be two numbers, the first below the second")
        return self


class RephraseOptions(Options):
    """Rephrasing of passages in styles: WRAP (arXiv 2401.16380), Nemotron-CC (arXiv 2412.02595), structured formats."""

    model: str = Field(
        default="rephraser", description="The model that rewrites, by its name in the recipe's models."
    )
    styles: tuple[StyleOptions, ...] = Field(
        default=(StyleOptions(name="medium"), StyleOptions(name="qa")),
        description="Styles; the order is part of the draw, see `assign`. Source: WRAP; "
        "qa gave its largest gain on zero-shot tasks, medium the best perplexity on "
        "encyclopedic text.",
        strict=False,
        min_length=1,
        max_length=32,
    )
    assign: Literal["one", "all"] = Field(
        default="one",
        description="Of the styles that want a document: one for each passage, drawn by weight, as in WRAP, or all, as "
        "in Nemotron-CC. Styles whose passages are cut differently are drawn for the whole document.",
    )
    balance: Literal["documents", "tokens"] = Field(
        default="documents",
        description="Whether weights are shares of passages or of tokens written. Styles differ in length "
        "by more than two. Source: token shares of a public replication of WRAP.",
    )
    samples: int = Field(
        default=1,
        description="Rephrasings per passage, each with its own seed.",
        ge=1,
        le=64,
    )
    take: Literal["all", "first", "best"] = Field(
        default="all",
        description="Of the samples of a passage that pass the rules: all, the first, or the one with the best score "
        "(numbers kept, similarity where it is measured, little copied). With `first` no more samples are drawn than "
        "it takes, but for the pilot; the budget counts all of them. Source: Large Language Monkeys (arXiv "
        "2407.21787).",
    )
    pilot_share: float = Field(
        default=0.05,
        description="With `take: first`: share of passages of which all samples are drawn, to estimate how many it "
        "takes (pass@k). Source: Gristmill.",
        ge=0,
        le=1,
    )
    audit_share: float = Field(
        default=0.05,
        description="Share of accepted rephrasings that are corrupted on purpose and judged again, to measure what the "
        "rules miss on this corpus; they are thrown away. 0 measures nothing. Source: Gristmill.",
        ge=0,
        le=1,
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
    retry_cut_off: bool = Field(
        default=False,
        description="Ask again once, with twice the tokens allowed, where an answer broke off at its limit. A budget "
        "then reserves three times the output and twice the prompt.",
    )
    reassemble: bool = Field(
        default=False,
        description="Join the rephrasings of a document to one new document, in one style; otherwise each "
        "passage gives a document. A style can say otherwise.",
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
    fact_check: FactCheckOptions | None = Field(
        default=None,
        description="Accepted rephrasings compared with their passages fact by fact, by a language model: a share of "
        "them to measure, or all as a gate. null asks nothing.",
    )

    @model_validator(mode="after")
    def _styles_can_be_drawn(self) -> Self:
        names = [style.name for style in self.styles]
        if len(set(names)) != len(names):
            raise ValueError(f"styles: names repeat in {names}; give each style one name")
        if not any(style.weight > 0 for style in self.styles):
            raise ValueError("styles: all weights are 0; give one at least a positive weight")
        return self
