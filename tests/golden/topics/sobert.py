"""Golden cases of StackOverflow dumps: posts and comments as XML, the samples that come of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from gristmill.ingest.options import StackExchangeSource
from gristmill.ingest.stackexchange import read_stackexchange
from gristmill.inputs import InputFile
from tests.golden.harness import Case, Golden


def _samples(case: Case) -> dict[str, Any]:
    options = StackExchangeSource(
        kind="stackexchange", inputs=("*.xml",), site="golden.example.com", **case["input"]["options"]
    )
    with tempfile.TemporaryDirectory() as name:
        files = []
        for table in ("Posts", "Comments"):
            path = Path(name) / f"{table}.xml"
            path.write_text(case["input"][f"{table.lower()}_xml"], encoding="utf-8")
            files.append(InputFile.at(path))
        records = [record for _, record in read_stackexchange(files, options)]
    return {
        "expected": [
            {"post_id": r.meta["post_id"], "text": r.text, "n_comments": r.meta["n_comments"]}
            for r in records
            if r.text is not None
        ]
    }


FILES = {"samples": Golden(compute=_samples, fields={"expected"})}
