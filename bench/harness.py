"""What every bench shares: run a case several times in processes of its own, measure, compare, print, write.

    CASES = [Case("ours", "bench.dedup:ours", {"documents": 1000}), Case("theirs", ..., peer="datatrove")]
    if __name__ == "__main__":
        main(__doc__, CASES)

A case is a function MODULE:NAME that takes the arguments as keywords and may return figures (a dict of numbers), or a
command. A function's wall and CPU time are taken around the call, so neither the start of Python nor the imports of
the bench count; a command's are those of its process. Peak memory is that of the whole process tree.

Peers (other libraries to compare with) are imported in an environment that each bench has for itself,
.venv-bench/NAME, since peers pin what they need: scripts/bench makes it from the constant PEERS (pip requirements) of
bench/NAME.py. A peer that is not installed is skipped by name.

A bench whose cases hang on options of its own declares them, and makes its cases from what was given:

    def add_options(parser): parser.add_argument("--pages", type=Path, help="a folder of pages")
    def cases(options): return [Case("ours", "bench.warc:ours", {"pages": str(options.pages)})]
    if __name__ == "__main__":
        main(__doc__, cases, add_options=add_options)
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS_FOLDER = ROOT / ".venv-bench"
SAMPLE_SECONDS = 0.02  # between two looks at the memory of the process tree
MAX_COLUMNS = 7  # of figures; more are printed below each other


class CaseError(Exception):
    """The process of a case ended with another status than 0."""


@dataclass(frozen=True)
class Case:
    """Something to measure. `peer` names the module that the peers' environment of the function's bench must have."""

    name: str
    target: str | tuple[str, ...]  # MODULE:FUNCTION, or a command; a peer's is a function
    arguments: Mapping[str, Any] = field(default_factory=dict)
    peer: str | None = None


@dataclass(frozen=True)
class Run:
    """One measured run."""

    wall_seconds: float
    cpu_seconds: float  # user and system, of the process and all its children that have ended
    peak_bytes: int  # resident memory of the tree; pages that processes share count in each of them
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """All runs of a case, or why there are none."""

    case: Case
    runs: tuple[Run, ...] = ()
    skipped: str | None = None

    def median(self, name: str) -> float:
        """Median over the runs of a field of Run or of a figure."""
        return statistics.median(
            run.figures[name] if name in run.figures else getattr(run, name) for run in self.runs
        )


def main(
    title: str | None,
    cases: Sequence[Case] | Callable[[argparse.Namespace], Sequence[Case]],
    argv: Sequence[str] | None = None,
    *,
    add_options: Callable[[argparse.ArgumentParser], object] | None = None,
) -> list[Measured]:
    """Measure the cases with the options of the command line, print a table.

    Every bench has --runs, --json, --only and --peers; `add_options` adds those of one bench, and `cases` may then be a
    function of what was given. No case at all is no error: `make bench` gives no paths.
    """
    parser = argparse.ArgumentParser(description=(title or "").strip().split("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="runs per case (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--only", metavar="TEXT", default="", help="only cases with TEXT in their name")
    parser.add_argument(
        "--peers", metavar="A,B", help="only these peers, by module ('' for none; default: all)"
    )
    if add_options is not None:
        add_options(parser)
    options = parser.parse_args(argv)
    chosen = cases(options) if callable(cases) else cases
    measured = [measure(case, runs=options.runs) for case in chosen if _wanted(case, options)]
    _print(parser.description or "bench", measured)
    if options.json:
        options.json.write_text(json.dumps(report(measured), indent=1) + "\n", encoding="utf-8")
    return measured


def measure(case: Case, *, runs: int = 3) -> Measured:
    """Run a case several times, one after the other; raises CaseError with what it printed where it fails."""
    python = Path(sys.executable) if case.peer is None else peers_python(case)
    if case.peer is not None and not _has_module(python, case.peer):
        environment = python.parent.parent.relative_to(ROOT)
        return Measured(
            case, skipped=f"{case.peer} is not installed in {environment}; scripts/bench installs it"
        )
    return Measured(case, tuple(_run(case, python) for _ in range(runs)))


def peers_python(case: Case) -> Path:
    """Python of the peers' environment of the bench that holds the case's function."""
    if not isinstance(case.target, str):
        raise ValueError(f"case {case.name!r}: a peer's target is MODULE:FUNCTION, got a command")
    return PEERS_FOLDER / case.target.partition(":")[0].rpartition(".")[2] / "bin" / "python"


def report(measured: Sequence[Measured]) -> dict[str, Any]:
    """All figures as JSON, with the machine that they hold for."""
    return {
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "cases": [
            {
                "name": m.case.name,
                "arguments": dict(m.case.arguments),
                "skipped": m.skipped,
                "runs": [asdict(run) for run in m.runs],
            }
            for m in measured
        ],
    }


def declared_peers(path: Path) -> list[str]:
    """The constant PEERS of a bench, read without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "PEERS" for t in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return []


def _wanted(case: Case, options: argparse.Namespace) -> bool:
    # A library may be named as its package index has it: text-dedup is the module text_dedup.
    peers = None if options.peers is None else options.peers.replace("-", "_").split(",")
    named = peers is None or case.peer is None or case.peer in peers
    return named and options.only in case.name


# -- one run ----------------------------------------------------------------------------------------------------


def _run(case: Case, python: Path) -> Run:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        answer = Path(folder) / "answer.json"
        if isinstance(case.target, str):
            arguments = json.dumps(dict(case.arguments))
            command = [str(python), "-m", "bench.harness", case.target, arguments, str(answer)]
        else:
            command = list(case.target)
        with (Path(folder) / "output").open("w+b") as output:
            run = _measure_process(case.name, command, output)
        if answer.exists():
            told = json.loads(answer.read_text(encoding="utf-8"))
            return Run(told["wall_seconds"], told["cpu_seconds"], run.peak_bytes, told["figures"])
        return run


def _measure_process(name: str, command: list[str], output: Any) -> Run:
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    with _Watch(process.pid) as watch:
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        output.seek(0)
        said = output.read().decode(errors="replace")[-4000:]
        raise CaseError(f"case {name!r} ended with status {process.returncode}; it said:\n{said}")
    # The kernel's own high-water mark is of the largest single process, and misses no peak between two looks.
    return Run(wall, usage.ru_utime + usage.ru_stime, max(watch.peak_bytes, usage.ru_maxrss * 1024))


class _Watch:
    """Looks at the memory of a process and its descendants until the block ends."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        import psutil  # not in the peers' environment, where this module is imported too

        while not self._ended.wait(SAMPLE_SECONDS):
            total = 0
            try:
                top = psutil.Process(self._pid)
                tree = [top, *top.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in tree:
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak_bytes = max(self.peak_bytes, total)


def _call(target: str, arguments: str, answer: str) -> None:
    """In the child: call the function, and write what it took and returned."""
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    started, cpu = time.perf_counter(), _cpu_seconds()
    figures = function(**json.loads(arguments)) or {}
    # A function that prepares something first measures its own part, and says so under these two names.
    told = {
        "wall_seconds": figures.pop("wall_seconds", time.perf_counter() - started),
        "cpu_seconds": figures.pop("cpu_seconds", _cpu_seconds() - cpu),
        "figures": figures,
    }
    Path(answer).write_text(json.dumps(told), encoding="utf-8")


class Stopwatch:
    """Wall and CPU seconds of a block; `times` is what a case's function returns so that only the block counts."""

    def __enter__(self) -> Stopwatch:
        self._started, self._cpu = time.perf_counter(), _cpu_seconds()
        return self

    def __exit__(self, *error: object) -> None:
        self.times = {
            "wall_seconds": time.perf_counter() - self._started,
            "cpu_seconds": _cpu_seconds() - self._cpu,
        }


@contextmanager
def timed(
    seconds: dict[str, float], name: str, clock: Callable[[], float] = time.process_time
) -> Iterator[None]:
    """Add what the block takes, by default the CPU time of this process, to `seconds` under this name."""
    started = clock()
    yield
    seconds[name] = seconds.get(name, 0.0) + clock() - started


def _cpu_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _has_module(python: Path, name: str) -> bool:
    if not python.exists():
        return False
    found = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([str(python), "-c", found], capture_output=True, check=False).returncode == 0


# -- output -----------------------------------------------------------------------------------------------------


def _print(title: str, measured: Sequence[Measured]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not measured:
        print(f"{title}\nNo case to measure; see what it takes with --help.")
        return
    figures = list(dict.fromkeys(name for m in measured for run in m.runs for name in run.figures))
    columns = figures if len(figures) <= MAX_COLUMNS else []
    table = Table(title=title, title_justify="left")
    table.add_column("case")
    for column in ("runs", "wall s", "CPU s", "peak MB", *(name.replace("_", " ") for name in columns)):
        table.add_column(column, justify="right")
    for m in measured:
        if m.skipped:
            table.add_row(m.case.name, "0", "skipped")
            continue
        walls = [run.wall_seconds for run in m.runs]
        table.add_row(
            m.case.name,
            str(len(m.runs)),
            f"{m.median('wall_seconds'):,.3f} ({min(walls):,.3f} to {max(walls):,.3f})",
            f"{m.median('cpu_seconds'):,.3f}",
            f"{m.median('peak_bytes') / 1e6:,.0f}",
            *(f"{m.median(name):,.4g}" if name in m.runs[0].figures else "" for name in columns),
        )
    console = Console(width=max(160, Console().width))  # many figures; a pipe has no width
    console.print(table)
    for m in measured:
        if m.runs and len(columns) < len(figures):
            lines = (f"  {name:26} {m.median(name):,.4f}" for name in m.runs[0].figures)
            console.print("\n".join([f"{m.case.name}:", *lines]), markup=False, highlight=False)
        if m.skipped:
            console.print(f"{m.case.name}: {m.skipped}", markup=False, highlight=False)
    load = os.getloadavg()[0]
    console.print(
        f"Medians. {_cpu_model()}, {os.cpu_count()} cores, load {load:.1f}", style="dim", highlight=False
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


if __name__ == "__main__":
    _call(*sys.argv[1:4])
