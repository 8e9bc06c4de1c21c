"""Child processes that end with this one, even where it is killed and can tell them nothing.

A model's process that outlived a run would keep the memory of a GPU until somebody looks.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable

# Reads until the other end of the pipe is gone, which the kernel closes however its process ended.
_WATCH = """
import contextlib, signal, sys
sys.stdin.read()
for child in map(int, sys.argv[1:]):
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(child, signal.SIGKILL)
"""


class Guard:
    """A small process that kills the given ones when this process is gone, until `close`.

    It holds handles, not numbers, of processes, so it never meets another one that got the same number. Linux only.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        handles = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                handles.append(os.pidfd_open(pid))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH, *map(str, handles)],
            stdin=subprocess.PIPE,
            pass_fds=handles,
            start_new_session=True,  # a Ctrl-C in the terminal is not for it
        )
        for handle in handles:
            os.close(handle)

    def close(self) -> None:
        """Stop watching; the processes go on."""
        self._process.kill()
        self._process.communicate()
