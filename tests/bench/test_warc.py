from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import pytest

from bench import warc
from bench.harness import Case, Measured, Run


@pytest.fixture
def made(tmp_path: Path) -> str:
    for number in range(3):
        page = f"<!DOCTYPE html><p>{'The mill stands by the river. ' * 20}{number}"
        (tmp_path / f"{number}.html.gz").write_bytes(gzip.compress(page.encode()))
    return str(warc.make_warc(tmp_path, tmp_path / "made.warc.gz"))


def test_pages_become_an_archive_that_is_read(made: str):
    assert warc.reader(made)["pages"] == 3
    found = warc.raw(made, files=2)
    assert (found["pages"], found["kept"]) == (6, 6)


def test_nothing_is_measured_without_a_file():
    assert warc.cases(argparse.Namespace(warc=None, pages=None)) == []


def test_the_cases_have_what_they_read(made: str):
    cases = warc.cases(argparse.Namespace(warc=Path(made), pages=None))
    assert {case.arguments["warc"] for case in cases} == {made}
    assert {case.peer for case in cases} == {None, "datatrove", "fastwarc"}


def test_ratios_are_said_where_both_sides_were_measured():
    def measured(name: str, pages: float) -> Measured:
        return Measured(Case(name, "x:y"), (Run(1.0, 1.0, 100, {"pages_per_cpu_second": pages}),))

    said = warc.compare([measured(warc.RAW, 60.0), measured(warc.DATATROVE, 5.0), measured(warc.READER, 9.0)])
    assert said == "raw: 12.00 times the pages per cpu second of datatrove."
