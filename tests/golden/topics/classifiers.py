"""Golden cases of classifiers: how texts are prepared for them."""

from __future__ import annotations

from typing import Any

import polars as pl

from gristmill.preparations import prepare_texts
from tests.golden.harness import Case, Golden


def _prepare(case: Case) -> dict[str, Any]:
    text = pl.Series([case["input"]["text"]])
    return {"expected": {name: prepare_texts(text, name).item() for name in case["expected"]}}


FILES = {
    "normalise": Golden(
        compute=_prepare,
        fields={
            f"expected.{name}"
            for name in (
                "newline_to_space",
                "newline_to_space_strip",
                "newline_runs_to_one_space",
                "lines_joined_by_space",
                "ultra_fineweb_before_tokenizer",
            )
        },
    )
}
