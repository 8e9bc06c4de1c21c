"""Recall of the acceptance rules by kind of fault, on pairs with known faults and on corrupted sound pairs.

    scripts/bench acceptance --pairs FILE.jsonl

FILE: JSON lines with source, rephrase, style, finish_reason, accept (true: sound) and label (kind of fault). Every row
is judged with the default options. `recall` is the share of faulty rows rejected, or repaired so that what the row's
`note` quotes is gone; `sound accepted` the share of sound rows accepted; their mean is the balanced accuracy. Then
every sound row is corrupted in each way of gristmill/rephrase/corruptions.py, with `--seeds` seeds; false alarms are
sound rows rejected for numbers or names.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.harness import Case, main

SEEDS = 20
_REPAIRED = ("preface_or_closing_chatter", "markdown_leak", "prompt_leak")  # labels where a repair counts too


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this bench needs beside the common options."""
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="JSON lines of pairs")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"corruptions of each pair (default: {SEEDS})"
    )


def cases(options: argparse.Namespace) -> list[Case]:
    """The rules on the pairs, and on corrupted ones."""
    if options.pairs is None:
        return []
    pairs = str(options.pairs.resolve())
    return [
        Case("given faults", "bench.acceptance:judge_given", {"pairs": pairs}),
        Case("corrupted", "bench.acceptance:judge_corrupted", {"pairs": pairs, "seeds": options.seeds}),
    ]


def judge_given(pairs: str) -> dict[str, float]:
    """Recall by label, share of sound rows accepted, balanced accuracy."""
    from gristmill.rephrase.acceptance import judge_all

    rows = _rows(pairs)
    verdicts = judge_all([_candidate(row) for row in rows], _checks())
    totals, right = Counter[str](), Counter[str]()
    for row, verdict in zip(rows, verdicts, strict=True):
        accepted = verdict.reason is None
        repaired = accepted and row["label"] in _REPAIRED and not _quoted_is_left(row["note"], verdict.text)
        totals[row["label"]] += 1
        right[row["label"]] += accepted if row["accept"] else not accepted or repaired
    sound = {row["label"] for row in rows if row["accept"]}
    faulty = set(totals) - sound
    accepted_share = sum(right[name] for name in sound) / max(1, sum(totals[name] for name in sound))
    rejected_share = sum(right[name] for name in faulty) / max(1, sum(totals[name] for name in faulty))
    return {
        "sound_accepted": accepted_share,
        "faulty_rejected": rejected_share,
        "balanced_accuracy": (accepted_share + rejected_share) / 2,
        **{f"recall_{name}": right[name] / totals[name] for name in sorted(faulty)},
    }


def judge_corrupted(pairs: str, seeds: int) -> dict[str, float]:
    """Recall by kind of corruption of sound rows, and false alarms for numbers and names on the rows as they are."""
    from dataclasses import replace

    from gristmill.rephrase.acceptance import judge_all
    from gristmill.rephrase.audit import AcceptedPair, Audit

    checks = _checks()
    candidates = [_candidate(row) for row in _rows(pairs) if row["accept"]]
    verdicts = judge_all(candidates, checks)
    alarms = sum(verdict.reason in ("novel_number", "novel_name") for verdict in verdicts)
    accepted = [
        replace(candidate, generated=verdict.text)
        for candidate, verdict in zip(candidates, verdicts, strict=True)
        if verdict.reason is None
    ]
    figures: dict[str, float] = {
        "sound_rows": len(candidates),
        "false_alarms": alarms / max(1, len(candidates)),
    }
    made, found = Counter[str](), Counter[str]()
    for seed in range(seeds):
        audit = Audit(1.0, seed)
        audit.add([AcceptedPair(str(i), each) for i, each in enumerate(accepted)], checks)
        made.update(audit.made)
        found.update(audit.found)
    for kind, count in made.items():
        if count:
            figures |= {f"recall_{kind}": found[kind] / count, f"made_{kind}": count}
    return figures


def _rows(pairs: str) -> list[dict[str, Any]]:
    with Path(pairs).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _candidate(row: dict[str, Any]) -> Any:
    from gristmill.rephrase.acceptance import Candidate
    from gristmill.rephrase.styles import packaged_template

    return Candidate(
        row["rephrase"], row["source"], packaged_template(row["style"]), row.get("finish_reason", "stop")
    )


def _checks() -> Any:
    import tempfile

    import polars as pl

    from gristmill.filter import identify_languages
    from gristmill.rephrase.acceptance import Checks
    from gristmill.rephrase.options import AcceptanceOptions
    from resources.models import language_identifier

    with tempfile.TemporaryDirectory() as folder:
        path = language_identifier(Path(folder)).path

    def identify(texts: list[str]) -> list[tuple[str, float]]:
        lang, score = identify_languages(pl.Series(texts, dtype=pl.String), path)
        return list(zip(lang.fill_null("").to_list(), score.fill_null(0.0).to_list(), strict=True))

    return Checks(AcceptanceOptions(), identify)


def _quoted_is_left(note: str, text: str) -> bool:
    return any(quoted in text for quoted in _quotations(note))


def _quotations(note: str) -> Iterator[str]:
    for match in re.finditer(r"\"(.+?)\"(?=[.,;:)]|\s|$)", note):
        yield match.group(1)


if __name__ == "__main__":
    main(__doc__, cases, add_options=add_options)
