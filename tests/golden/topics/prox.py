"""Golden cases of ProX: both executors, chunk splitting, prompts, document decisions, line-wise F1.

The file `docs` holds texts that other files name.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from gristmill.refine.chunking import number_lines, split_chunks
from gristmill.refine.compat import CompatExecution, execute_compat, merge_programs
from gristmill.refine.document_stage import decide_document, decide_document_compat
from gristmill.refine.executor import ChunkProgram, Execution, execute_programs
from gristmill.refine.line_f1 import line_f1
from gristmill.refine.options import RefineOptions
from gristmill.refine.prompts import chunk_prompt, render_prox
from tests.golden import harness
from tests.golden.harness import Case, Golden


@cache
def _docs() -> dict[str, str]:
    return {case["id"]: case["text"] for case in harness.load(harness.folder() / "prox" / "docs.jsonl")}


def _execute(case: Case) -> dict[str, Any]:
    given = case["input"]
    text = _docs()[given["doc"]]
    programs = _programs(given, text)
    error_op, threshold_2 = given.get("error_op", 2), given.get("threshold_2", 0.95)
    compat = execute_compat(
        text,
        [program.text for program in programs],
        threshold_1=given.get("threshold_1", 0.0),
        threshold_2=threshold_2,
        error_op=error_op,
    )
    strict = execute_programs(text, programs, error_op=error_op, min_kept_ratio=1 - threshold_2)
    full = "chunks" in given  # where results are given in full, not as "equal to the input"
    return {
        "expected": _compat_fields(compat, text, full=full),
        "expected_strict": _strict_fields(strict, text, full=full),
    }


def _chunks(case: Case) -> dict[str, Any]:
    """As `_execute`, and the programs of all chunks as one, of which the reference's result is."""
    computed = _execute(case)
    chunks = [_text(chunk["program"]) for chunk in case["input"]["chunks"]]
    merged = merge_programs(chunks)
    text = _docs()[case["input"]["doc"]]
    assert execute_compat(text, [merged]) == execute_compat(text, chunks)
    computed["expected"]["merged_program"] = merged
    return computed


def _hostile(case: Case) -> dict[str, Any]:
    started = time.process_time()
    computed = _execute(case)
    assert time.process_time() - started < case["limits"]["seconds"]
    if case["expected"]["how"].startswith(
        "not defined"
    ):  # the reference does not end; here both give the same
        assert computed["expected"]["result"] == computed["expected_strict"]["result"]
        computed["expected"] = {"result": None, "result_is_input": False}
    return computed


def _programs(given: dict[str, Any], text: str) -> list[ChunkProgram]:
    chunks = given.get("chunks") or [
        {"program": given["program"], "first_line": 0, "last_line": text.count("\n")}
    ]
    return [ChunkProgram(_text(c["program"]), c["first_line"], c["last_line"]) for c in chunks]


def _text(program: str | dict[str, Any]) -> str:
    if isinstance(program, str):
        return program
    piece, times = program["repeat"]
    return str(piece * times)


def _compat_fields(got: CompatExecution, text: str, *, full: bool) -> dict[str, Any]:
    return {
        "result": None if got.text == text and not full else got.text,
        "result_is_input": got.text == text,
        "raises": got.raises,
        "num_error_op": got.num_error_op,
        "removed_intervals": [list(interval) for interval in got.removed_intervals],
        "normalization_pairs": [list(pair) for pair in got.normalization_pairs],
        "processed_text": None if got.processed_text == text else got.processed_text,
        "processed_is_input": got.processed_text == text,
    }


def _strict_fields(got: Execution, text: str, *, full: bool) -> dict[str, Any]:
    return {
        "status": got.status,
        "result": None if got.text == text and not full else got.text,
        "result_is_input": got.text == text,
        "n_errors": len(got.errors),
        "errors": got.errors,
        "warnings": got.warnings,
        "removed": got.removed,
        "replaced": got.replaced,
    }


_COUNT: dict[str, Callable[[str], int]] = {
    "words": lambda line: len(line.split()),
    "bytes_bos": lambda line: 1 + len(line.encode()),
}


def _chunking(case: Case) -> dict[str, Any]:
    given = case["input"]
    lines = number_lines(given["text"].split("\n"))
    count = _COUNT[given["tokenizer"]]
    chunks = split_chunks([count(line) for line in lines], given["max_token"], "compat")
    texts = ["\n".join(lines[chunk.first_line : chunk.last_line + 1]) for chunk in chunks]
    return {
        "expected": {
            "n_chunks": len(chunks),
            "chunk_sha256": [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts],
            "first_line_no": [chunk.first_line for chunk in chunks],
            "n_lines": [chunk.last_line - chunk.first_line + 1 for chunk in chunks],
            "head": [text[:60] for text in texts[:3]],
        }
    }


def _prompt(case: Case) -> dict[str, Any]:
    options = RefineOptions(prompt="prox", bos_mode="reference_double")
    text = case["input"]["text"]
    if case["input"]["stage"] == "doc":
        return {"expected": {"prompt": render_prox(text)}}
    return {"expected": {"prompt": chunk_prompt(text.split("\n"), 0, options)}}


def _document(case: Case) -> dict[str, Any]:
    output = case["input"]["output"]
    strict = decide_document(output)
    return {
        "expected": {"decision": decide_document_compat(output)},
        "expected_strict": {"decision": strict, "kept": strict != "drop"},
    }


def _line_f1(case: Case) -> dict[str, Any]:
    return {"expected": line_f1(case["input"]["predicted"], case["input"]["labelled"])._asdict()}


_STRICT = {
    f"expected_strict.{name}"
    for name in ("status", "result", "n_errors", "errors", "warnings", "removed", "replaced")
}
_COMPAT = {
    f"expected.{name}"
    for name in (
        "result",
        "result_is_input",
        "raises",
        "num_error_op",
        "removed_intervals",
        "normalization_pairs",
        "processed_text",
        "processed_is_input",
    )
}
_CHUNKS = {f"expected.{name}" for name in ("n_chunks", "chunk_sha256", "first_line_no", "n_lines", "head")}

FILES = {
    "executor": Golden(compute=_execute, fields=_STRICT | _COMPAT | {"expected_strict.result_is_input"}),
    "multi_chunk": Golden(compute=_chunks, fields=_STRICT | {"expected.result", "expected.merged_program"}),
    "hostile": Golden(
        compute=_hostile,
        fields=_STRICT | {"expected_strict.result_is_input", "expected.result", "expected.result_is_input"},
        left_out={
            "expected.how": "says how the reference's value was obtained, no result of an executor; by it this topic "
            "knows where the reference does not end"
        },
    ),
    "chunking": Golden(compute=_chunking, fields=_CHUNKS),
    "prompts": Golden(compute=_prompt, fields={"expected.prompt"}),
    "doc_level": Golden(
        compute=_document,
        fields={"expected.decision", "expected_strict.decision", "expected_strict.kept"},
    ),
    "line_f1": Golden(compute=_line_f1, fields={f"expected.{name}" for name in ("tp", "fp", "fn", "f1")}),
}
