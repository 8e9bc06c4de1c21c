"""Golden cases of DataMan: cleaning, cutting, prompts, replies, and selection by ratings.

The reference's own reading of replies is compared where it is free of its known defects: it keeps blanks around values,
does not look at the domain, and takes digits of other scripts. Of its selections those are compared that repeat no
document: here a document is selected once, and the mixture repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.score.raters.options import DatamanOptions
from gristmill.score.raters.preparation import clean_texts, truncate_texts
from gristmill.score.raters.rater import DOMAIN, Rater, make_rater
from gristmill.score.raters.replies import LINE_COUNT
from gristmill.select import SCORES, SelectOptions, select_documents
from gristmill.select.order import tempered_key
from gristmill.select.quotas import take_by_quota
from tests.golden.harness import Case, Golden


class _Characters:
    """A tokenizer with one token per character."""

    control_tokens: Sequence[str] = ()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(character) for character in text] for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))


def _rater(language: str) -> Rater:
    options = DatamanOptions(kind="dataman", model="rater", language=language)  # type: ignore[arg-type]
    return make_rater(options, Path(), "raters.dataman")


def _clean(text: str) -> str:
    return str(clean_texts(pl.Series([text]))[0])


def _filtering(case: Case) -> dict[str, Any]:
    return {"expected": _clean(case["input"]["text"])}


def _truncate(case: Case) -> dict[str, Any]:
    given = case["input"]
    (prepared,) = truncate_texts(
        [_clean(given["text"])],
        _Characters(),
        max_tokens=given["truncate_max_length"],
        max_chars=given["char_truncate_max_length"],
    )
    return {"expected": {"text": prepared.text, "length": prepared.tokens}}


def _prompt(case: Case) -> dict[str, Any]:
    given = case["input"]
    return {"expected": dict(_rater(given["lang"]).prompt.messages(given["text"]))}


def _parse(case: Case) -> dict[str, Any]:
    reading = _rater("en").read(case["input"]["reply"], "stop")
    if reading.values is None:
        # The reference drops a reply with another number of lines, and finds wrong ratings in a check of its own.
        strict: dict[str, Any] = {"ok": False, "reason": reading.reason}
        check = None if reading.reason == LINE_COUNT else False
        return {"expected": {"strict": strict, "reference_fields": None, "reference_check": check}}
    ratings = {name: value for name, value in reading.values.items() if name != DOMAIN}
    strict = {"ok": True, "application_domain": reading.values[DOMAIN], "ratings": ratings}
    fields = {"application_domain": strict["application_domain"]}
    fields |= {name: str(value) for name, value in ratings.items()}
    return {"expected": {"strict": strict, "reference_fields": fields, "reference_check": True}}


def _is_read_alike(case: Case) -> bool:
    """Whether the reply has whole lines without blanks around them, or another number of lines than is wanted."""
    lines = case["input"]["reply"].strip().split("\n")
    clean = case["input"]["reply"].isascii() and all(line == line.strip() for line in lines)
    return case["expected"]["strict"].get("reason") == LINE_COUNT or clean


def _has_comparable_fields(case: Case) -> bool:
    reason = case["expected"]["strict"].get("reason")
    return _is_read_alike(case) and reason in (
        None,
        LINE_COUNT,
    )  # the reference keeps wrong values as they are


def _has_comparable_check(case: Case) -> bool:
    return _is_read_alike(case) and case["expected"]["strict"].get("reason") != "domain"


def _scores(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of `scored` with a rating and a domain."""
    schema = SCORES | {"rating": pl.Float64, "domain": pl.String}
    rows = [{name: {"method": "natural", **row}.get(name) for name in schema} for row in rows]
    return pl.DataFrame(rows, schema=schema, strict=False)


# Strategies by the columns that make groups, and the weights of these. All rows have the same method.
_STRATEGIES: dict[str, dict[str, Any]] = {
    "uniform": {"by": "method"},
    "source_proportional": {"by": "source", "weights": "eligible"},
    "source_equal": {"by": "source", "weights": "equal"},
    "domain_proportional": {"by": "domain", "weights": "eligible"},
    "domain_equal": {"by": "domain", "weights": "equal"},
    "multi": {"by": ["source", "domain"], "weights": "eligible"},
}


def _select_strict(case: Case) -> dict[str, Any]:
    given = case["input"]
    scores = _scores([{**doc, "rating": doc[given["metric"]]} for doc in given["docs"]])
    quotas = _STRATEGIES.get(given["strategy"])
    options = SelectOptions(
        by="rating",
        budget_tokens=given["tokens"] if quotas else None,
        quotas=quotas,  # type: ignore[arg-type]
        min_scores={"rating": min(given["target_scores"])} if given["target_scores"] else {},
        labels={"domain": given["target_domains"]} if given["target_domains"] else {},
        seed=given["seed"],
    )
    selection = select_documents(scores, options).selection.join(scores.select("id", "domain"), on="id")
    groups = quotas["by"] if quotas else []
    ordered = selection.sort([*([groups] if isinstance(groups, str) else groups), "rank"])
    return {"expected": {"selected": ordered["id"].to_list(), "tokens": ordered["tokens"].sum()}}


def _percentile(case: Case) -> dict[str, Any]:
    given = case["input"]
    rows = [
        {"id": f"{place:04}", "rating": metric, "tokens": tokens}
        for place, (metric, tokens) in enumerate(zip(given["metric"], given["num_tokens"], strict=True))
    ]
    options = SelectOptions(
        by="rating",
        budget_tokens=given["tokens_to_select"],
        quotas={"by": "method"},  # type: ignore[arg-type]
    )
    selection = select_documents(_scores(rows), options).selection
    places = [int(name) for name in selection["id"]]
    return {"expected": {"strict": places, "reference": places}}


def _temperature(case: Case) -> dict[str, Any]:
    given = case["input"]
    table = pl.DataFrame(
        {
            "rating": given["metric"],
            "noise": given["gumbel"],
            "tokens": given["num_tokens"],
            "group": "all",
            "eligible": True,
        }
    ).with_row_index()
    key = tempered_key("rating", given["temperature"]) if given["temperature"] else pl.col("rating")
    ordered = table.sort(key, descending=True, maintain_order=True)
    taken = take_by_quota(ordered, {"all": given["tokens_to_select"]})
    return {"expected": ordered.filter(taken["take"])["index"].to_list()}


FILES = {
    "percentile": Golden(
        compute=_percentile,
        fields={"expected.strict", "expected.reference"},
        only={
            "expected.reference": lambda case: isinstance(case["expected"]["reference"], list)
        },  # else drawn
    ),
    "select_strict": Golden(
        compute=_select_strict,
        fields={"expected.selected", "expected.tokens"},
        applies=lambda case: case["input"]["shortage"] == "stop",
    ),
    "temperature": Golden(compute=_temperature, fields={"expected"}),
    "parse": Golden(
        compute=_parse,
        fields={"expected.strict", "expected.reference_fields", "expected.reference_check"},
        only={
            "expected.reference_fields": _has_comparable_fields,
            "expected.reference_check": _has_comparable_check,
        },
    ),
    "prompt": Golden(compute=_prompt, fields={"expected.system", "expected.user"}),
    "regular_filtering": Golden(compute=_filtering, fields={"expected"}),
    "truncate": Golden(
        compute=_truncate,
        fields={"expected.text", "expected.length"},
        left_out={"expected.document_index": "is file and row; an id here is a hash that neither changes"},
    ),
}
