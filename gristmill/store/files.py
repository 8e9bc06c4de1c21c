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
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gristmill.errors import StoreError, shorten

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


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
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def create(self, key: str, data: bytes) -> bool:  # noqa: D102
        path = self._path(key)
        with self._failing(path), self._written(path, data) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            _sync_folder(path.parent)
            return True

    def swap(self, key: str, data: bytes, expected: bytes | None) -> bool:  # noqa: D102
        path = self._path(key)
        with self._failing(path), self._lock(), self._written(path, data) as temporary:
            if self.read(key) != expected:
                return False
            os.replace(temporary, path)
            _sync_folder(path.parent)
            return True

    def upload(self, key: str, path: Path) -> None:  # noqa: D102
        target = self._path(key)
        with self._failing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb+") as handle:
                os.fsync(handle.fileno())
            try:
                os.replace(path, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with self._written(target, path.read_bytes()) as temporary:
                    os.replace(temporary, target)
            _sync_folder(target.parent)

    def fetch(self, key: str) -> Path:  # noqa: D102
        path = self._path(key)
        if not path.is_file():
            raise StoreError(f"store {self.root}: file {key!r} is missing; build the asset again")
        return path

    def size(self, key: str) -> int | None:  # noqa: D102
        try:
            return self._path(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def delete(self, key: str) -> None:  # noqa: D102
        path = self._path(key)
        with self._failing(path):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # only an empty folder goes

    def list(self, prefix: str) -> Iterator[Listed]:  # noqa: D102
        top = self._path(prefix)
        found = [path for path in top.rglob("*") if not path.name.startswith(".")] if top.is_dir() else []
        for path in sorted(found):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile by another process
                status = path.stat()
                if path.is_file():
                    yield Listed(path.relative_to(self.root).as_posix(), status.st_size, status.st_mtime)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:  # noqa: D102
        folder = self.root / "tmp"
        with self._failing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=folder))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if not all(_KEY.fullmatch(part) for part in parts):
            raise StoreError(
                f"store {self.root}: key {shorten(key)} is not allowed; parts are letters, digits and ._- "
                "and do not begin with a dot or a dash"
            )
        return self.root.joinpath(*parts)

    @contextlib.contextmanager
    def _written(self, path: Path, data: bytes) -> Iterator[Path]:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.root / ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _failing(self, path: Path) -> Iterator[None]:
        """Turn what the disk says into a StoreError that names the store and the cause."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"store {self.root}: cannot write {path.name!r}: {error.strerror or error}"
            ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
