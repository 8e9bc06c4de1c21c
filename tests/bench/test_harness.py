from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import ROOT, Case, CaseError, declared_peers, main, measure, peers_python


def test_the_processor_time_of_a_function_is_measured():
    measured = measure(Case("burn", "tests.bench.cases:burn", {"seconds": 0.2}), runs=2)
    assert len(measured.runs) == 2
    assert 0.2 <= measured.median("cpu_seconds") < 0.4
    assert measured.median("wall_seconds") >= 0.2
    assert measured.median("asked") == 0.2


def test_the_processor_time_of_children_counts():
    burn = "from tests.bench.cases import burn; burn(0.3)"
    command = (
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])",
    )
    assert measure(Case("child", command), runs=1).runs[0].cpu_seconds >= 0.3


def test_the_peak_of_memory_is_seen():
    case = Case("hold", "tests.bench.cases:hold", {"megabytes": 150})
    assert measure(case, runs=1).runs[0].peak_bytes > 150 << 20


def test_a_function_may_say_what_counts():
    assert measure(Case("prepare", "tests.bench.cases:prepare_then_work"), runs=1).runs[0].wall_seconds < 0.1


def test_a_peer_that_is_not_installed_is_skipped_by_name():
    measured = measure(Case("theirs", "tests.bench.cases:burn", {"seconds": 1}, peer="no_such_library"))
    assert measured.runs == ()
    assert (
        measured.skipped == "no_such_library is not installed in .venv-bench/cases; scripts/bench installs it"
    )


def test_every_bench_has_peers_of_its_own():
    one, other = (Case("theirs", f"bench.{name}:theirs", peer="x") for name in ("dedup", "warc"))
    assert peers_python(one) == ROOT / ".venv-bench" / "dedup" / "bin" / "python"
    assert peers_python(other) == ROOT / ".venv-bench" / "warc" / "bin" / "python"
    with pytest.raises(ValueError, match="got a command"):
        peers_python(Case("theirs", ("x",), peer="x"))


def test_a_failed_case_tells_what_it_printed():
    command = (sys.executable, "-c", "print('why'); raise SystemExit(3)")
    with pytest.raises(CaseError, match=r"case 'broken' ended with status 3; it said:\nwhy"):
        measure(Case("broken", command), runs=1)


def test_figures_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    cases = [
        Case("burn", "tests.bench.cases:burn", {"seconds": 0.01}),
        Case("theirs", "tests.bench.cases:burn", peer="no_such_library"),
    ]
    main("How long it burns.\nMore.", cases, ["--runs", "1", "--json", str(tmp_path / "out.json")])
    printed = capsys.readouterr().out
    assert "How long it burns." in printed
    assert "theirs: no_such_library is not installed" in printed
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["machine"]["cores"] >= 1
    assert [case["name"] for case in written["cases"]] == ["burn", "theirs"]
    assert written["cases"][0]["runs"][0]["figures"] == {"asked": 0.01}


def test_a_bench_may_have_options_and_make_its_cases_from_them(capsys: pytest.CaptureFixture[str]):
    def add_options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float)

    def cases(options: argparse.Namespace) -> list[Case]:
        return (
            [Case("burn", "tests.bench.cases:burn", {"seconds": options.seconds})] if options.seconds else []
        )

    (measured,) = main("Burn.", cases, ["--runs", "1", "--seconds", "0.02"], add_options=add_options)
    assert measured.median("asked") == 0.02
    assert main("Burn.", cases, [], add_options=add_options) == []
    assert "Burn.\nNo case to measure; see what it takes with --help." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("peers", "expected"), [([], {"a", "b"}), (["--peers", "a"], {"a"}), (["--peers", ""], set())]
)
def test_peers_can_be_chosen(peers: list[str], expected: set[str]):
    cases = [Case(name, "tests.bench.cases:burn", peer=name) for name in "ab"]
    assert {one.case.name for one in main("Burn.", cases, peers)} == expected


def test_a_peer_may_be_named_as_its_package_is():
    cases = [Case("theirs", "tests.bench.cases:burn", peer="text_dedup")]
    assert len(main("Burn.", cases, ["--peers", "rensa,text-dedup"])) == 1


def test_peers_are_read_without_running_the_bench(tmp_path: Path):
    bench = tmp_path / "dedup.py"
    bench.write_text('PEERS = ("datatrove==0.10",)\nraise SystemExit\n', encoding="utf-8")
    assert declared_peers(bench) == ["datatrove==0.10"]


def test_an_unknown_bench_is_refused_with_the_known_ones():
    ran = subprocess.run([ROOT / "scripts" / "bench", "cachd"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "there is no bench/cachd.py; there are: acceptance cached" in ran.stderr
