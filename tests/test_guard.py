from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from gristmill.guard import Guard

# Starts a child that sleeps, guards it, tells its number, and sleeps too.
PARENT = """
import subprocess, sys, time
from gristmill.guard import Guard
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
guard = Guard([child.pid])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_guarded_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    handle = os.pidfd_open(int(parent.stdout.readline()))
    assert not _ended_within(handle, 0.0)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert _ended_within(handle, 20.0)
    os.close(handle)


def test_after_closing_the_guard_the_child_lives_on() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    guard = Guard([child.pid])
    guard.close()
    assert child.poll() is None
    child.kill()
    child.wait()


def test_a_process_that_has_ended_meanwhile_is_no_error() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    Guard([child.pid]).close()


def _ended_within(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], seconds)[0])
