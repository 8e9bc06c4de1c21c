"""`kill -9` at random moments of a build whose model is behind a server: what is asked again, and what comes out.

    scripts/bench kills --kills 10

A corpus of a few pages with all stages that ask a model (document stage, refining, rephrasing, a rater) is built by
`gristmill build` against a stub server, whose answer is a function of the request, which takes a while for each, and
which counts. The first build is left alone. The second is killed again and again: at a random moment of its start, and
at random counts of answered requests, all drawn from `--seed`. Then it is built to its end, and once more.

in_flight: requests sent and not in the cache when a kill came. asked_again: requests that came to the server once more
than was needed; it must be the same number. asked_by_rerun: requests of the build after the last, which must be none.
equal_tables: how many tables were compared; one that differs is an error.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.harness import ROOT, Case, main

CONCURRENCY = 4
SECONDS_PER_ANSWER = 0.1
START_SHARE = 0.2  # of the kills that come before the first request
MOST_IN_FLIGHT = CONCURRENCY + 8  # at the server, and answers that the client had no time yet to write

_MAX_WAIT_SECONDS = 300.0
_SERVER_SECONDS = 0.05  # in which the server sees that the client is gone


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this bench needs beside the common options."""
    parser.add_argument("--kills", type=int, default=10, help="how often the build is killed (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")


def cases(options: argparse.Namespace) -> list[Case]:
    """One case."""
    return [Case(f"{options.kills} kills", "bench.kills:run", {"kills": options.kills, "seed": options.seed})]


def run(kills: int, seed: int, documents: int = 16, shards: int = 2) -> dict[str, float]:
    """Build undisturbed, build with kills, compare; raises RuntimeError where a promise is broken."""
    from gristmill.llm.options import ModelOptions
    from resources.home import models_folder
    from resources.models import resolve_tokenizer
    from tests.llm.stub_server import StubServer

    tokenizer = resolve_tokenizer(ModelOptions(engine="stub"), models_folder()).path
    draw = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="kills-") as folder,
        StubServer(tokenizer, seconds=SECONDS_PER_ANSWER) as quiet,
        StubServer(tokenizer, seconds=SECONDS_PER_ANSWER) as server,
    ):
        undisturbed = Build(Path(folder) / "undisturbed", quiet, documents, shards)
        start_seconds = undisturbed.run_to_end()
        total = quiet.asked.total()
        killed = Build(Path(folder) / "killed", server, documents, shards)
        # Not the very last ones: the build must still run when the kill comes.
        moments = sorted(draw.sample(range(1, total - 2 * CONCURRENCY), kills - int(START_SHARE * kills)))
        in_flight = [
            killed.run_and_kill(answered=None, seconds=draw.uniform(0.2, 1.0) * start_seconds)
            for _ in range(int(START_SHARE * kills))
        ]
        in_flight += [
            killed.run_and_kill(answered=moment, seconds=draw.uniform(0, SECONDS_PER_ANSWER))
            for moment in moments
        ]
        killed.run_to_end()
        asked = server.asked.total()
        killed.run_to_end()
        expected, tables = undisturbed.tables(), killed.tables()
        figures: dict[str, float] = {
            "requests": total,
            "kills": kills,
            "in_flight": sum(in_flight),
            "most_in_flight": max(in_flight),
            "asked_again": asked - len(server.asked),
            "asked_by_rerun": server.asked.total() - asked,
            "equal_tables": sum(tables.get(name) == digest for name, digest in expected.items()),
        }
    _check(figures, expected, tables, distinct=len(server.asked))
    return figures


def _check(
    figures: dict[str, float], expected: dict[str, str], tables: dict[str, str], *, distinct: int
) -> None:
    wrong = sorted(name for name in expected.keys() | tables.keys() if expected.get(name) != tables.get(name))
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(expected)} tables differ after kills: {wrong[:5]}")
    if distinct != figures["requests"]:
        raise RuntimeError(f"{distinct} requests were asked, {figures['requests']} without kills")
    is_more = figures["asked_again"] != figures["in_flight"] or figures["most_in_flight"] > MOST_IN_FLIGHT
    if is_more or figures["asked_by_rerun"]:
        raise RuntimeError(f"more was asked again than was in flight: {figures}")


class Build:
    """A corpus in a folder of its own, built by processes of their own with the model at a server."""

    def __init__(self, folder: Path, server: Any, documents: int, shards: int) -> None:
        self.recipe = write_recipe(folder, [server.address], documents, shards, CONCURRENCY)
        self.home = folder / "home"
        self._server = server

    def run_to_end(self) -> float:
        """Build; seconds until the first request, or until the end where there was none."""
        started, before = time.monotonic(), self._server.asked.total()
        process = self._start()
        first = None
        while process.poll() is None:
            if first is None and self._server.asked.total() > before:
                first = time.monotonic() - started
            time.sleep(0.01)
        if process.returncode != 0:
            assert process.stdout is not None
            raise RuntimeError(f"the build failed: {process.stdout.read().decode()[-2000:]}")
        return time.monotonic() - started if first is None else first

    def run_and_kill(self, *, answered: int | None, seconds: float) -> int:
        """Kill a build so many seconds after the server answered so many; its requests that were in flight.

        None: so many seconds after its start, or when it sends its first request. Raises RuntimeError where the build
        ends before it is killed.
        """
        asked = self._server.asked.total()
        before = asked - self.answers()
        process = self._start()
        deadline = time.monotonic() + (seconds if answered is None else _MAX_WAIT_SECONDS)
        while (
            not self._is_reached(answered, asked) and process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.002)
        if answered is not None:
            time.sleep(seconds)
        if process.poll() is not None or (answered is not None and not self._is_reached(answered, asked)):
            raise RuntimeError(f"the build did not come to {answered} answers, or ended before it was killed")
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(_SERVER_SECONDS)
        return int(self._server.asked.total() - self.answers() - before)

    def _is_reached(self, answered: int | None, asked_before: int) -> bool:
        if answered is None:
            return bool(self._server.asked.total() > asked_before)
        return len(self._server.answered) >= answered

    def answers(self) -> int:
        """Answers in the cache."""
        from gristmill.llm import AnswerCache

        folder = self.home / "store" / "answers"
        return AnswerCache(folder).count() if folder.is_dir() else 0

    def tables(self) -> dict[str, str]:
        """Digest of every table by asset and partition."""
        from assets.graph import steps
        from gristmill.recipe import load_recipe
        from gristmill.store import Registry, Store

        recipe, store = load_recipe(self.recipe), Store.open(self.home / "store")
        shards = [shard.key for shard in Registry(store, recipe.name).shards()]
        return {
            f"{step.name}/{key}/{file.table}": file.digest
            for step in steps(recipe)
            for key in (shards if step.partitioned else [None])
            for file in store.current(recipe.name, step.name, key).files
        }

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "GRISTMILL_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
        }
        command = [sys.executable, "-W", "ignore", "-m", "pipelines", "build", str(self.recipe)]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )


def write_recipe(folder: Path, addresses: list[str], documents: int, shards: int, concurrency: int) -> Path:
    """The tests' small corpus, of prose alone, with every stage that asks a model, which is at these addresses."""
    from tests.corpora import write_corpus

    server = {
        "endpoints": addresses,
        "concurrency": concurrency,
        "identity": "name",
        "served_model": "stub",
        "served_version": "1",
    }
    return write_corpus(
        folder,
        prose_shards=shards,
        prose_rows=documents // shards,
        sources={"web": None},
        models={"stub": {"engine": "server", "server": server}},
        refine={"document": {}, "budget": None},
        rephrase={"budget": None},
        raters={"value": {"kind": "template", "model": "stub", "template": "educational_value"}},
        **dict.fromkeys(("tokenizer", "quality", "select", "mix")),
    )


if __name__ == "__main__":
    main(__doc__, cases, add_options=add_options)
