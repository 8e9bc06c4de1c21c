"""One small corpus, built once by the stub engine; each test works on a copy of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from gristmill.recipe import load_recipe
from pipelines.run import build_corpus
from tests.corpora import write_corpus

MODELS = Path(os.environ.get("GRISTMILL_MODELS") or Path(__file__).parent.parent / "var" / "models")

# No test is about time: a first example may compile a kernel.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small.yaml, its input, and `home` with the finished store."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = write_corpus(folder)
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, folder / "home")
        build_corpus(load_recipe(recipe))
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
    """Let the environment name this folder for everything that is made; prepared models are shared."""
    patch.setenv("GRISTMILL_HOME", str(home))
    patch.setenv("DAGSTER_HOME", str(home / "dagster"))
    patch.setenv("GRISTMILL_MODELS", str(MODELS))
