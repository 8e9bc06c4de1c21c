"""`gristmill ui` ends when it is told to, and everything that it started with it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpora import CPU_ONLY, write_corpus

pytestmark = [pytest.mark.ui, pytest.mark.slow]


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_the_ui_ends_when_it_is_told(told: signal.Signals, tmp_path: Path, empty_home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-W", "ignore", "-m", "pipelines", "ui", "--port", str(port)]
    recipe = write_corpus(tmp_path / "corpus", **CPU_ONLY)
    process = subprocess.Popen(
        [*command, str(recipe)],
        stdout=subprocess.PIPE,
        text=True,
        # A shell in the background lets its children ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert any(f"http://127.0.0.1:{port}" in line for line in process.stdout)
    process.send_signal(told)
    process.wait(timeout=40)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
