"""The Dagster UI with its daemon: started in a process group of its own, and stopped without leaving anything behind.

`dagster dev` started by a script may ignore signals, and a second one on the same port starts without an error; so
the port is looked at first, and the whole group is ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from gristmill.errors import GristmillError
from resources.home import prepare_dagster_home

HOST = "127.0.0.1"
START_SECONDS = 180.0  # a busy machine was seen to need 90
STOP_SECONDS = 20.0
_WORKSPACE = Path(__file__).parent.parent / "workspace.yaml"


class UiError(GristmillError):
    """The UI did not start."""


@contextlib.contextmanager
def running_ui(
    port: int, recipes: Sequence[Path], log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`dagster dev` on 127.0.0.1, ready when the block begins and gone with all its children when it ends.

    Its output goes to the file `log`, by default `ui.log` in Dagster's folder. Raises UiError where the port is taken
    or the definitions do not load.
    """
    if not 1 <= port <= 65535:
        raise UiError(f"port: got {port}, must be between 1 and 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UiError(
                f"port {port} is in use; stop what uses it or take another: gristmill ui --port 3001"
            ) from error
    log = log or prepare_dagster_home() / "ui.log"
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(prepare_dagster_home()),
        "GRISTMILL_RECIPES": ":".join(str(path.absolute()) for path in recipes),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(_WORKSPACE), "-h", HOST, "-p", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_accept_interrupts,
        )
        try:
            _wait_until_ready(process, port, log)
            yield process
        finally:
            _stop(process)


def _accept_interrupts() -> None:
    """Background jobs of a script ignore SIGINT, and children inherit that; `dagster dev` stops on it alone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, ValueError):
            if _has_assets(port):
                return
        time.sleep(0.5)
    tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    raise UiError("the UI did not start; the end of its log:\n" + "\n".join(tail))


def _has_assets(port: int) -> bool:
    """Whether the server answers and has loaded the definitions."""
    query = json.dumps({"query": "{assetNodes{assetKey{path}}}"}).encode()
    request = urllib.request.Request(
        f"http://{HOST}:{port}/graphql", query, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bool(json.load(answer)["data"]["assetNodes"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask first, then end every process of the group."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
