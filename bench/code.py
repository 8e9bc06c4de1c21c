"""How fast files of code are measured and judged, by each set of rules, and how fast they are read.

    python -m bench.code --files FOLDER [--json FILE]

FOLDER holds source files (all below it with a known language are taken, up to --limit-mb). Compiled loops are warm
before the clock starts. Figures are in MB of UTF-8 text per second of CPU time, on one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, Stopwatch, main

LIMIT_MB = 64
SETS = ("stack_v2", "starcoder", "opencoder")


def judge(folder: str, limit_mb: float, rules: str) -> dict[str, float]:
    """Measure and judge all files by one set of rules."""
    from gristmill.filter.batch import Batch
    from gristmill.filter.code import judge_code
    from gristmill.filter.options import CodeOptions

    options = CodeOptions.model_validate({name: {} if name == rules else None for name in SETS})
    documents = _documents(_files(folder), limit_mb)
    judge_code(Batch(documents.head(8)), options)
    batch = Batch(documents)
    with Stopwatch() as watch:
        judge_code(batch, options)
    megabytes = documents["text"].str.len_bytes().sum() / 1e6
    decisions = batch.decide()
    dropped = decisions.filter(decisions["action"] == "drop").height
    return {
        **watch.times,
        "mb": megabytes,
        "files": float(documents.height),
        "dropped": float(dropped),
        "mb_per_cpu_s": megabytes / watch.times["cpu_seconds"],
    }


def read(folder: str, limit_mb: float) -> dict[str, float]:
    """Read all files: language, licence, kinds."""
    files = _files(folder)
    with Stopwatch() as watch:
        documents = _documents(files, limit_mb)
    megabytes = documents["text"].str.len_bytes().sum() / 1e6
    return {
        **watch.times,
        "mb": megabytes,
        "files": float(documents.height),
        "mb_per_cpu_s": megabytes / watch.times["cpu_seconds"],
    }


def _files(folder: str) -> list[Any]:
    """All files below a folder, in order of their names."""
    from gristmill.inputs import InputFile

    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
    return [InputFile(str(path), path.relative_to(folder).as_posix()) for path in paths]


def _documents(files: list[Any], limit_mb: float) -> Any:
    """The files as documents, until there are so many MB."""
    import polars as pl

    from gristmill.documents import DOCUMENTS, to_meta
    from gristmill.ingest import CodeSource
    from gristmill.ingest.code.code import read_code

    rows, size = [], 0
    for file, record in read_code(files, CodeSource(kind="code", inputs=("x",))):
        if record.text is not None:
            rows.append(
                {"id": record.key, "text": record.text, "meta": to_meta(record.meta), "file": file.name}
            )
            size += len(record.text)
        if size > limit_mb * 1e6:
            break
    return pl.DataFrame(rows, schema=DOCUMENTS)


def cases(folder: str, limit_mb: float) -> list[Case]:
    """One case for reading, and one for each set of rules."""
    arguments = {"folder": folder, "limit_mb": limit_mb}
    return [
        Case("read", "bench.code:read", arguments),
        *(Case(name, "bench.code:judge", {**arguments, "rules": name}) for name in SETS),
    ]


def run(argv: Sequence[str] | None = None) -> list[Measured]:
    """Measure with the options of the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--files", type=Path, default=Path("recipes/sample"), metavar="FOLDER")
    parser.add_argument("--limit-mb", type=float, default=LIMIT_MB)
    given, others = parser.parse_known_args(argv)
    return main(__doc__, cases(str(given.files.resolve()), given.limit_mb), others)


if __name__ == "__main__":
    run(sys.argv[1:])
