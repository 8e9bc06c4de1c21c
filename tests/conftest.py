"""One small corpus, built once by the stub engine; each test works on a copy of it.

Tests run in several processes (`make test`). What is dear is made by one of them, while the others wait: the small
corpus, and the machine code of each kernel.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock
from hypothesis import settings
from numba.core.dispatcher import Dispatcher

from gristmill.recipe import load_recipe
from pipelines.run import build_corpus
from tests.corpora import write_corpus

MODELS = Path(os.environ.get("GRISTMILL_MODELS") or Path(__file__).parent.parent / "var" / "models")

# No test is about time: a first example may compile a kernel. Sixty examples find what a hundred find, nearly always.
settings.register_profile("short", deadline=None, max_examples=60)
settings.register_profile("thorough", deadline=None, max_examples=10_000)  # --hypothesis-profile=thorough
settings.load_profile("short")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores, since the tests of the UI mostly wait."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest go first, so that all processes end at about the same time: the UI, then what is slow."""
    marks: dict[Path, set[str]] = {}
    for item in items:
        marks.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    items.sort(key=lambda item: ("ui" not in marks[item.path], "slow" not in marks[item.path]))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this run of the tests, the same for all of its processes."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session", autouse=True)
def kernels_compiled_once(shared: Path) -> Iterator[None]:
    """A process that needs a kernel that another one compiles waits, and takes it from numba's cache on disk."""
    lock, compile_kernel = FileLock(shared / "kernels.lock"), Dispatcher.compile

    def compile_alone(kernel: Dispatcher, signature: Any) -> Any:
        with lock:
            return compile_kernel(kernel, signature)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dispatcher, "compile", compile_alone)
        yield


@pytest.fixture(scope="session")
def finished(shared: Path) -> Path:
    """A folder with small.yaml, its input, and `home` with the finished store."""
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"), pytest.MonkeyPatch.context() as patch:
        use_home(patch, folder / "home")
        if not (folder / "complete").exists():
            build_corpus(load_recipe(write_corpus(folder)))
            (folder / "complete").touch()
    return folder


@pytest.fixture
def corpus(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished corpus, with the environment pointing at it."""
    folder = tmp_path / "corpus"
    shutil.copytree(finished, folder)
    use_home(monkeypatch, folder / "home")
    return folder


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything."""
    use_home(monkeypatch, tmp_path / "home")
    return tmp_path / "home"


def use_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Let the environment name this folder for everything that is made; prepared models are shared.

    Builds in this process keep Dagster's records in memory, which halves their time; those of a command, of the UI and
    of the documented commands keep them on disk.
    """
    patch.setenv("GRISTMILL_HOME", str(home))
    patch.setenv("DAGSTER_HOME", str(home / "dagster"))
    patch.setenv("GRISTMILL_MODELS", str(MODELS))
    for name in ("GRISTMILL_STORE", "GRISTMILL_ANSWERS", "GRISTMILL_SPOOL"):
        patch.delenv(name, raising=False)
    patch.setattr(dg.DagsterInstance, "get", dg.DagsterInstance.ephemeral)
