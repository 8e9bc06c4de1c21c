"""Options of the stage `contamination`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gristmill.file_options import input_file
from gristmill.options import Options

# Measured on real prose with planted items; docs/stages/contamination.md has the table.
_CHOSEN = "Chosen on real prose with planted items, see docs/stages/contamination.md."


class BenchmarkOptions(Options):
    """One evaluation set."""

    path: str = input_file(
        "File or folder of the set as published (.jsonl, .json, .csv, each also .gz; .parquet).",
        required=True,
    )
    fields: dict[Literal["question", "answer", "choices", "passage", "id"], str] = Field(
        default_factory=dict,
        description="Which keys hold what, for a set of unknown shape. The shapes of GSM8K, MATH, HumanEval, MBPP, "
        "MMLU, ARC, BoolQ, OpenBookQA, TruthfulQA, BIG-Bench Hard and HellaSwag are known.",
    )


class ContaminationOptions(Options):
    """Which texts hold items of evaluation sets, and what becomes of them."""

    benchmarks: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")], BenchmarkOptions] = Field(
        min_length=1, description="The evaluation sets, by the name that reports use."
    )
    action: Literal["drop", "cut", "flag"] = Field(
        default="drop",
        description="`drop` the document; `cut` the item out of it; `flag`: keep it, and store the evidence only.",
    )
    ngram: int = Field(
        default=3, ge=2, le=20, description=f"Words in an n-gram. Short ones bear edited words. {_CHOSEN}"
    )
    min_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a long item's words (30 and more) that must be there in n-grams of the item. A word "
        "counts less the more items share it, so wording that a set repeats in every item hardly counts. Source of "
        f"one half: Tulu 3 (arXiv 2411.15124). {_CHOSEN}",
    )
    min_share_short: float = Field(
        default=0.85,
        gt=0,
        le=1,
        description="The same for an item of 6 words or fewer; between, the share falls evenly. Source of a bound "
        f"that falls with length: allenai/decon. {_CHOSEN}",
    )
    min_words: float = Field(
        default=4.0,
        gt=0,
        description="Words (weighted) that must be there at least. An item that has fewer is looked for as a whole, "
        f"question, choices and answer. {_CHOSEN}",
    )
    reach: int = Field(
        default=500,
        ge=0,
        description="Words that may lie between the parts of an item, beyond twice its length.",
    )
    min_chars_left: int = Field(
        default=200,
        ge=0,
        description="With `cut`: a document with fewer characters left is dropped. Source: GPT-3 (arXiv "
        "2005.14165), appendix C.",
    )
