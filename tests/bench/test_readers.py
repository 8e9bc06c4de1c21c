"""The bench of readers runs, and counts what was read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.harness import main
from bench.readers import cases


def test_rows_and_bytes_of_each_file_are_counted(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2], "body": ["one", "two!"]}), tmp_path / "f.parquet")
    (tmp_path / "f.jsonl").write_text('{"id": 1, "body": "one"}\n{"id": 2, "body": null}\n')
    files = [str(tmp_path / "f.parquet"), str(tmp_path / "f.jsonl")]
    found, rest = cases([*files, "--text", "body", "--runs", "1"])
    assert rest == ["--runs", "1"]
    main("readers", found, [*rest, "--json", str(tmp_path / "out.json")])
    figures = {
        case["name"]: case["runs"][0]["figures"]
        for case in json.loads((tmp_path / "out.json").read_text())["cases"]
    }
    assert figures == {
        "raw f.parquet": {"rows": 2, "text_mb": 7e-6},
        "arrow alone f.parquet": {"rows": 2},
        "raw f.jsonl": {"rows": 2, "text_mb": 3e-6},
    }
