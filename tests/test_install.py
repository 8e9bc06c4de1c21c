"""The installer says what is wrong before it downloads anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the installer reads of the project, without an environment."""
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/install", "pyproject.toml", "constraints-cpu.txt", "constraints-cuda.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def install(project: Path, commands: dict[str, str] | None = None, **environment: str) -> str:
    """What the installer says when it refuses; `commands` are scripts that take the place of programs."""
    folder = project / "commands"
    folder.mkdir(exist_ok=True)
    for name, script in (commands or {}).items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    done = subprocess.run(
        ["scripts/install"],
        cwd=project,
        env={**os.environ, "ACCEL": "cpu", **environment, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert not (project / ".venv").exists()
    return done.stderr.strip()


def test_a_python_that_is_not_there_is_named(project: Path) -> None:
    assert "'python9.9' was not found" in install(project, PYTHON="python9.9")


def test_a_python_that_is_too_old_is_named_with_its_version(project: Path) -> None:
    old = 'case "$1" in -V) echo "Python 3.9.2";; *) exit 1;; esac'
    said = install(project, {"oldpython": old}, PYTHON="oldpython")
    assert "'oldpython' is Python 3.9.2; Python 3.11 or 3.12 is needed" in said


def test_a_disk_that_is_too_small_is_told_in_megabytes(project: Path) -> None:
    said = install(project, {"df": "echo head; echo /dev/x 100 90 1234 90% /"})
    assert "1234 MB are free" in said
    assert "6000 MB are needed" in said


def test_another_kind_of_machine_is_told(project: Path) -> None:
    said = install(project, {"uname": 'case "$1" in -s) echo Darwin;; *) echo arm64;; esac'})
    assert "this is Darwin on arm64; the pinned builds are for Linux on x86_64" in said


def test_an_unknown_accelerator_is_told(project: Path) -> None:
    assert "ACCEL is 'tpu'; allowed are cpu and cuda" in install(project, ACCEL="tpu")
