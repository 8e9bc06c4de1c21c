"""What the store asks of the place where bytes lie: six verbs that a disk and an object store both have.

Nothing is ever changed in place. `create` succeeds for one writer only (hard link on a disk, conditional put on an
object store); `swap` replaces a small file if it is still the one that was read.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gristmill.errors import StoreError, shorten

UNFINISHED = "tmp"  # folder of files that are being written; what a killed process leaves there is garbage

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_ADVICE = {
    errno.ENOSPC: "; free some space, or give the store another folder",
    errno.EDQUOT: "; raise the quota, or give the store another folder",
    errno.EACCES: "; make the folder writable, or give the store another one",
    errno.EPERM: "; make the folder writable, or give the store another one",
    errno.EROFS: "; make the folder writable, or give the store another one",
}


@dataclass(frozen=True)
class Listed:
    """One file below a prefix."""

    key: str
    bytes: int
    modified: float  # seconds since the epoch


class Files(Protocol):
    """Keys are relative paths with `/`, each part of letters, digits, `.`, `_`, `-`."""

    def read(self, key: str) -> bytes | None:
        """The bytes, or None where there is no such file."""

    def create(self, key: str, data: bytes) -> bool:
        """Write a file that does not exist yet, whole or not at all; False if it exists."""

    def swap(self, key: str, data: bytes, expected: bytes | None) -> bool:
        """Replace the file if its bytes are `expected` (None: it does not exist); False otherwise."""

    def upload(self, key: str, path: Path) -> None:
        """Move a finished local file to `key`; a file that is there already is replaced."""

    def fetch(self, key: str) -> Path:
        """A local path with the file's bytes, for readers that map memory or need a path."""

    def size(self, key: str) -> int | None:
        """Bytes of the file, or None where there is none."""

    def delete(self, key: str) -> None:
        """Remove the file; one that is gone already is fine."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """All files below `prefix`, sorted by key."""

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A new local folder for unfinished files, removed afterwards."""


class LocalFiles:
    """Files in a local folder. Every write reaches the disk (fsync) before its name appears."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def read(self, key: str) -> bytes | None:  # noqa: D102 - described by Files
        path = self._path(key)
        with self._failing("read", path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def create(self, key: str, data: bytes) -> bool:  # noqa: D102
        path = self._path(key)
        with self._failing("write", path), self._written(data) as unfinished:
            try:
                self._place(unfinished, path, os.link)
            except FileExistsError:
                if not path.parent.is_dir():  # a file stands where a folder should be
                    raise
                return False
            return True

    def swap(self, key: str, data: bytes, expected: bytes | None) -> bool:  # noqa: D102
        path = self._path(key)
        with self._failing("write", path), self._written(data) as unfinished, self._lock():
            if self.read(key) != expected:
                return False
            self._place(unfinished, path, os.replace)
            return True

    def upload(self, key: str, path: Path) -> None:  # noqa: D102
        target = self._path(key)
        with self._failing("write", target):
            try:
                sync(path)
                self._place(path, target, os.replace)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with self._unfinished() as copy:  # the file lies on another disk
                    shutil.copyfile(path, copy)
                    sync(copy)
                    self._place(copy, target, os.replace)
                path.unlink()

    def fetch(self, key: str) -> Path:  # noqa: D102
        path = self._path(key)
        if not path.is_file():
            raise StoreError(f"store {self.root}: file {key!r} is missing; build the asset again")
        return path

    def size(self, key: str) -> int | None:  # noqa: D102
        path = self._path(key)
        with self._failing("read", path):
            try:
                return path.stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def delete(self, key: str) -> None:  # noqa: D102
        path = self._path(key)
        with self._failing("remove", path):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # only an empty folder goes

    def list(self, prefix: str) -> Iterator[Listed]:  # noqa: D102
        top = self._path(prefix)
        found = {path.relative_to(self.root).as_posix(): path for path in top.rglob("*")}
        for key, path in sorted(found.items()):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile by another process
                if not path.name.startswith(".") and path.is_file():
                    status = path.stat()
                    yield Listed(key, status.st_size, status.st_mtime)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:  # noqa: D102
        folder = self.root / UNFINISHED / f"scratch-{secrets.token_hex(8)}"
        with self._failing("write", folder):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if not all(_KEY.fullmatch(part) for part in parts):
            raise StoreError(
                f"store {self.root}: key {shorten(key)} is not allowed; parts are letters, digits and ._- "
                "and do not begin with a dot or a dash"
            )
        return self.root.joinpath(*parts)

    @contextlib.contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """A new file with these bytes, not yet in its place."""
        with self._unfinished() as path:
            with path.open("xb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            yield path

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[Path]:
        folder = self.root / UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"file-{secrets.token_hex(8)}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _place(self, unfinished: Path, path: Path, move: Callable[[Path, Path], None]) -> None:
        """Give a finished file its name; its folder is made, and made again if `delete` takes it away meanwhile."""
        while True:
            try:
                _make_folder(path.parent)
                move(unfinished, path)
                break
            except FileNotFoundError:
                if not unfinished.exists():
                    raise
        with contextlib.suppress(FileNotFoundError):
            sync(path.parent)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.root / ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _failing(self, verb: str, path: Path) -> Iterator[None]:
        """Turn what the disk says into a StoreError that names the store and the cause."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"store {self.root}: cannot {verb} {path.name!r}: {explain(error)}") from error


def explain(error: OSError) -> str:
    """What the disk says, and what to do about it where that is known."""
    return f"{error.strerror or error}{_ADVICE.get(error.errno or 0, '')}"


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each new name reaches the disk."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Make a file's bytes, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
