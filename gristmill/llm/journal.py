"""Journals: answers on disk the moment they arrive, one file per writer.

A file is a sequence of frames: length and CRC-32 of what follows (4 bytes each, little-endian), then one answer as a
JSON list in the order of `Entry`. Each frame is handed to the operating system as one write before the answer goes
on, so the death of the process loses none; a power cut loses at most what came after the last fsync, about a second.
What a crash leaves at the end, half a frame, fails its check and is ignored.

The writer holds a lock (flock) on its file as long as it lives. A file whose lock is free has no writer any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from gristmill.errors import StoreError

SUFFIX = ".journal"

_FRAME = struct.Struct("<II")
_MAX_FRAME_BYTES = 256 << 20  # a longer length is a damaged one
_SYNC_SECONDS = 1.0


class Entry(NamedTuple):
    """One cached answer; the fields are the columns of a segment."""

    key: str
    model: str
    model_digest: str
    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    engine: str
    created: int  # microseconds since the epoch, UTC
    logprobs: str | None = None  # as JSON: per token a list of [text, log-probability]


class JournalWriter:
    """Appends entries to a new file of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._descriptor, self.path = _create_locked(folder)
        self.bytes = 0
        self._begun = self._synced = time.monotonic()

    def append(self, entry: Entry) -> None:
        """Write one entry; afterwards it survives the death of this process. Raises StoreError if it cannot."""
        payload = json.dumps(entry, separators=(",", ":")).encode("ascii")
        frame = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        try:
            _write_all(self._descriptor, frame)
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                os.fdatasync(self._descriptor)
                self._synced = time.monotonic()
        except OSError as error:
            # What comes later must not stand behind half a frame, where no reader would find it.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.bytes)
            raise StoreError(
                f"answers {self.path.parent.parent}: cannot write an answer: {error.strerror or error}; "
                "those written before are kept, make room and run again"
            ) from error
        self.bytes += len(frame)

    @property
    def seconds(self) -> float:
        """Age of the file."""
        return time.monotonic() - self._begun

    def close(self) -> None:
        """Bring everything to the disk and give up the lock; the file stays."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.fdatasync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class JournalReader:
    """The entries of a journal that may still be growing; only keys and places are held in memory."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._places: dict[str, tuple[int, int]] = {}  # key -> offset and length of the payload
        self._end = 0

    def advance(self) -> None:
        """Take in what was written since the last call; half a frame at the end is left for the next one."""
        for offset, payload in _frames(self._descriptor, self._end):
            entry = Entry(*json.loads(payload))
            self._places.setdefault(entry.key, (offset, len(payload)))
            self._end = offset + len(payload)

    @property
    def keys(self) -> list[str]:
        """Keys taken in so far."""
        return list(self._places)

    @property
    def torn_bytes(self) -> int:
        """Bytes behind the last whole frame."""
        return os.fstat(self._descriptor).st_size - self._end

    def get(self, key: str) -> Entry | None:
        """The entry of a key, or None."""
        place = self._places.get(key)
        return None if place is None else Entry(*json.loads(os.pread(self._descriptor, place[1], place[0])))

    def entries(self) -> Iterator[Entry]:
        """All entries taken in so far, the first one of each key."""
        for offset, length in self._places.values():
            yield Entry(*json.loads(os.pread(self._descriptor, length, offset)))

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def without_writer(path: Path) -> Iterator[bool]:
    """Whether the journal has no writer; while the block runs, nobody else gets the answer yes."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # gone already, or not ours to change
        yield False
        return
    try:
        yield _lock_at_once(descriptor) and _is_at(descriptor, path)
    finally:
        os.close(descriptor)


def _create_locked(folder: Path) -> tuple[int, Path]:
    """A new file and its lock. Between creation and lock another process may take it for abandoned and remove it."""
    while True:
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{uuid4().hex[:8]}{SUFFIX}"
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise StoreError(f"answers {folder.parent}: cannot write: {error.strerror or error}") from error
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor, path
        os.close(descriptor)


def _lock_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _frames(descriptor: int, start: int) -> Iterator[tuple[int, bytes]]:
    """Offset and content of every whole payload from `start` on; ends before the first that is not."""
    size = os.fstat(descriptor).st_size
    with open(descriptor, "rb", closefd=False) as handle:
        handle.seek(start)
        while len(head := handle.read(_FRAME.size)) == _FRAME.size:
            length, check = _FRAME.unpack(head)
            offset = handle.tell()
            if length > min(_MAX_FRAME_BYTES, size - offset):
                return
            payload = handle.read(length)
            if len(payload) < length or zlib.crc32(payload) != check:
                return
            yield offset, payload
