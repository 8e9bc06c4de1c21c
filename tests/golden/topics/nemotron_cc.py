"""Golden cases of Nemotron-CC: segments, Markdown, prefixes, quotes, lists, pairs.

The file `texts` holds texts that other files name. Words between white space stand for tokens.
"""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from typing import Any

from gristmill.rephrase import nemotron_cc
from gristmill.rephrase.markdown import remove_markdown, remove_markdown_compat
from gristmill.rephrase.pairs import read_pairs
from tests.golden import harness
from tests.golden.harness import Case, Golden


@cache
def _texts() -> dict[str, str]:
    return {
        case["id"]: case["text"] for case in harness.load(harness.folder() / "nemotron_cc" / "texts.jsonl")
    }


def _count(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def _segmentation(case: Case) -> dict[str, Any]:
    given = case["input"]
    limits = {
        name: given[name] for name in ("min_document_tokens", "min_segment_tokens", "max_segment_tokens")
    }
    found = [
        [
            doc["id"],
            segment.number,
            "\n".join(doc["text"][start:end] for start, end in segment.spans),
            segment.tokens,
        ]
        for doc in sorted(given["docs"], key=lambda doc: doc["id"])
        for segment in nemotron_cc.split_segments_compat(doc["text"], _count, **limits)
    ]
    return {"expected": {"segments": found}}


def _regroup(case: Case) -> dict[str, Any]:
    of_document = defaultdict(list)
    for segment in case["input"]["segments"]:
        of_document[segment["id"]].append((segment["segment_id"], segment["rephrased"]))
    return {
        "expected": {
            "docs": [
                [key, min(number for number, _ in segments), nemotron_cc.join_segments(segments)]
                for key, segments in sorted(of_document.items())
            ]
        }
    }


def _diverse_qa(case: Case) -> dict[str, Any]:
    given = case["input"]
    source = _texts()[given["text_name"]]
    pairs = nemotron_cc.choose_pairs_compat(
        given["generated"],
        source_tokens=len(source.split()) if given["tokenizer"] == "ws" else None,
        rng=random.Random(given["seed"]),
        max_pairs=given["max_num_pairs"],
    )
    tail = "".join(f"\n\n{pair}" for pair in pairs)
    return {"expected": {"dropped": not pairs, "tail": tail or None, "n_pairs": tail.count("Question:")}}


def _pairs(case: Case) -> dict[str, Any]:
    read = read_pairs(case["input"]["generated"])
    return {
        "expected_strict": {
            "reject": read.problem,
            "pairs": read.pairs,
            "dropped_incomplete": read.dropped_incomplete,
        }
    }


def _prefix(case: Case) -> dict[str, Any]:
    kept, rest = nemotron_cc.cut_prefix_compat(case["input"]["text"], case["input"]["prefix"])
    return {"expected": {"kept": kept, "sliced": rest, "after_quotes": nemotron_cc.strip_outer_quotes(rest)}}


def _text(change: Any, key: str = "expected") -> Golden:
    return Golden(
        compute=lambda case: {key: {"text": change(case["input"]), "raises": None}},
        fields={f"{key}.text", f"{key}.raises"},
    )


FILES = {
    "segmentation": Golden(compute=_segmentation, fields={"expected.segments"}),
    "regroup": Golden(compute=_regroup, fields={"expected.docs"}),
    "diverse_qa": Golden(
        compute=_diverse_qa, fields={"expected.dropped", "expected.tail", "expected.n_pairs"}
    ),
    "qa_parse_strict": Golden(
        compute=_pairs,
        fields={
            "expected_strict.reject",
            "expected_strict.pairs",
            "expected_strict.dropped_incomplete",
        },
    ),
    "prefix": Golden(compute=_prefix, fields={"expected.kept", "expected.sliced", "expected.after_quotes"}),
    "markdown": _text(lambda given: remove_markdown_compat(given["text"])),
    "markdown_strict": _text(lambda given: remove_markdown(given["text"]), "expected_strict"),
    "quotation": _text(lambda given: nemotron_cc.strip_outer_quotes(given["text"])),
    "passage_lines": _text(lambda given: nemotron_cc.drop_lines_compat(given["text"], given["patterns"])),
    "knowledge_list": _text(lambda given: nemotron_cc.clean_list_compat(given["generated"])),
}
