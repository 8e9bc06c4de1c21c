"""Where segments lie: in a local folder, or wherever fsspec writes (s3://, gs://, memory://, ...).

Five verbs, which a disk and an object store both have: list, read the end, read all, put a whole object, delete. No
lock, no appending, no conditional put, no renaming. A segment is named by its bytes, so putting one twice changes
nothing. What is read of an object store is kept in a local folder, with its digest checked, for the next look-up.

The store must list what was put before (S3, Google Cloud Storage and Azure do). Credentials come from the
environment, as the library of each store reads them.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from gristmill import remote
from gristmill.errors import StoreError
from gristmill.hashing import digest_bytes, digest_file
from gristmill.store.files import sync

FOLDER = "segments"

_NAME = re.compile(r"[0-9a-f]+\.parquet")
_FETCHED_BYTES = 4 << 30  # of segments kept on the worker's disk; those used last stay


class Place(Protocol):
    """Reading what is gone raises FileNotFoundError, all else that fails StoreError."""

    name: str  # for messages
    pattern: str  # of all segments, for SQL
    at_once: int  # requests that are worth sending together

    def list(self) -> dict[str, int]:
        """Names and bytes of all segments, sorted by name."""

    def tail(self, name: str, count: int) -> bytes:
        """The last `count` bytes."""

    def fetch(self, name: str) -> Path:
        """A local file with the segment's bytes."""

    def put(self, finished: Path) -> str:
        """Move a finished file, which is on the disk, to its place; returns its name there."""

    def delete(self, name: str) -> None:
        """Remove a segment; one that is gone already is fine."""

    def digest(self, name: str) -> str:
        """Digest of the bytes that lie there."""


def open_place(root: Path | str, kept: Path) -> Place:
    """The place of a folder or URI; `kept` is where segments of a URI are kept once they were read.

    Raises StoreError for a URI that holds credentials or names a folder.
    """
    if isinstance(root, Path):
        return FolderPlace(root)
    parts = urlsplit(root)
    if "@" in parts.netloc or parts.query:
        raise StoreError(
            f"answers {remote.shown(root)}: the URI holds a user, a password or a query; leave it out and give "
            "credentials through the environment"
        )
    if root.startswith(("file:", "local:")):
        raise StoreError(f"answers {root}: a folder on a disk is named by its path, without `file://`")
    return RemotePlace(root, kept)


def damaged(place: str, name: str, why: str) -> StoreError:
    """What is said of a segment that cannot be read, and what to do about it."""
    return StoreError(
        f"answers {place}: segment {name} is damaged ({why}); restore it from a backup, or "
        "delete it and its answers will be asked again"
    )


class FolderPlace:
    """A local folder, or one on a network file system."""

    at_once = 1

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self.pattern = f"{root}/{FOLDER}/*.parquet"
        self._folder = root / FOLDER

    def list(self) -> dict[str, int]:  # noqa: D102 - described by Place
        found = {}
        for path in sorted(self._folder.glob("*.parquet")):
            with suppress(FileNotFoundError):  # merged meanwhile by another process
                if _NAME.fullmatch(path.name):
                    found[path.name] = path.stat().st_size
        return found

    def tail(self, name: str, count: int) -> bytes:  # noqa: D102
        with (self._folder / name).open("rb") as handle:
            handle.seek(-count, os.SEEK_END)
            return handle.read(count)

    def fetch(self, name: str) -> Path:  # noqa: D102
        return self._folder / name

    def put(self, finished: Path) -> str:  # noqa: D102
        name = f"{digest_file(finished)}.parquet"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            finished.replace(self._folder / name)
            sync(self._folder)
        except OSError as error:
            raise StoreError(
                f"answers {self.name}: cannot write a segment: {error.strerror or error}"
            ) from error
        return name

    def delete(self, name: str) -> None:  # noqa: D102
        (self._folder / name).unlink(missing_ok=True)

    def digest(self, name: str) -> str:  # noqa: D102
        return digest_file(self._folder / name)


class RemotePlace:
    """Objects below a URI. May be used by several threads."""

    at_once = 16

    def __init__(self, uri: str, kept: Path) -> None:
        self.name = uri.rstrip("/")
        self.pattern = f"{self.name}/{FOLDER}/*.parquet"
        self._kept = kept

    def list(self) -> dict[str, int]:  # noqa: D102 - described by Place
        with self._said("list the segments"):
            files, folder = self._files()
            try:
                found = remote.try_again(lambda: files.ls(folder, detail=True))
            except FileNotFoundError:
                return {}
        named = {str(info["name"]).rpartition("/")[2]: int(info["size"] or 0) for info in found}
        return {name: named[name] for name in sorted(named) if _NAME.fullmatch(name)}

    def tail(self, name: str, count: int) -> bytes:  # noqa: D102
        return self._read(name, -count)

    def fetch(self, name: str) -> Path:  # noqa: D102
        path = self._kept / name
        with suppress(FileNotFoundError):
            os.utime(path)  # used now
            return path
        data = self._read(name)
        if digest_bytes(data) != path.stem:
            raise damaged(self.name, name, "its bytes are not those that its name says")
        try:
            self._kept.mkdir(parents=True, exist_ok=True)
            unfinished = self._kept / f".{secrets.token_hex(8)}"
            try:
                with unfinished.open("xb") as handle:
                    handle.write(data)
                    handle.flush()
                    os.fsync(handle.fileno())
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"answers {self.name}: cannot keep a segment in {str(self._kept)!r}: {error.strerror or error}; "
                "make room and run again"
            ) from error
        self._make_room(path)
        return path

    def put(self, finished: Path) -> str:  # noqa: D102
        data = finished.read_bytes()
        name = f"{digest_bytes(data)}.parquet"
        with self._said("put a segment"):
            files, folder = self._files()
            try:
                remote.try_again(lambda: files.pipe_file(f"{folder}/{name}", data))
            except FileNotFoundError as error:
                raise OSError(f"{error}; is the bucket there?") from error
        with suppress(OSError):  # where it cannot be kept, it will be read from there
            self._kept.mkdir(parents=True, exist_ok=True)
            finished.replace(self._kept / name)
            self._make_room(self._kept / name)
        return name

    def delete(self, name: str) -> None:  # noqa: D102
        with suppress(FileNotFoundError), self._said("remove a segment"):
            files, folder = self._files()
            remote.try_again(lambda: files.rm_file(f"{folder}/{name}"))

    def digest(self, name: str) -> str:  # noqa: D102
        return digest_bytes(self._read(name))

    def _read(self, name: str, start: int | None = None) -> bytes:
        with self._said("read a segment"):
            files, folder = self._files()
            return bytes(remote.try_again(lambda: files.cat_file(f"{folder}/{name}", start=start)))

    def _files(self) -> tuple[Any, str]:
        return remote.file_system(f"{self.name}/{FOLDER}")

    def _make_room(self, newest: Path) -> None:
        """Remove kept segments that were not used for longest. Who reads one at this moment looks again."""
        kept = []
        for path in self._kept.glob("[0-9a-f]*.parquet"):
            with suppress(FileNotFoundError):
                status = path.stat()
                kept.append((status.st_mtime, status.st_size, path))
        size = sum(bytes_ for _, bytes_, _ in kept)
        for _, bytes_, path in sorted(kept):
            if size > _FETCHED_BYTES and path != newest:
                path.unlink(missing_ok=True)
                size -= bytes_

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Whatever a store raises, as a StoreError; that something is gone stays what it is."""
        try:
            yield
        except (FileNotFoundError, StoreError):
            raise
        except ImportError as error:
            raise StoreError(f"answers {self.name}: install what its store needs: {error}") from None
        except Exception as error:  # each store's library has errors of its own
            raise StoreError(
                f"answers {self.name}: cannot {what} ({remote.message_of(error, self.name)}); check the network "
                "and the credentials in the environment"
            ) from None
