"""Input files that lie where fsspec reads (s3://, gs://, https://, memory://, ...): find, look at, open.

A URI holds no credentials: those come from the environment, as the library of each store reads them, so that nothing
secret can reach the registry, a log or a data card. Files are read forward in blocks of 8 MB with one block of
read-ahead; a failed read is tried again. A web server that gives no ranges is read once into a temporary file.
"""

from __future__ import annotations

import errno
import io
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, BinaryIO, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from gristmill.errors import InputError

_BLOCK_BYTES = 8 << 20  # asked for at once: few requests for a file of 1 GB, and memory of two blocks
_COPY_BYTES = 1 << 20
_WAITS_SECONDS = (
    0.5,
    2.0,
    8.0,
)  # before each further try; the libraries of the stores try again by themselves too
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotImplementedError)
_SECRET = re.compile(
    r"(?i)^(x-(amz|goog|ms)-.*|.*(token|secret|password|passwd|signature|credential).*|sig|sv|auth|(api|access)?_?key(id)?)$"
)
_GONE = (404, 410)  # HTTP
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}
_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "Content-MD5",
    "content_md5",
    "generation",
)  # of content, or of one writing
_TIMES = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modified", "created")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What a store says of a file without reading it."""

    uri: str
    bytes: int | None  # a web server may not say it
    version: (
        str | None
    )  # changes when the file is written again; None where the store says nothing of the kind
    modified: float | None  # seconds since 1970


def is_uri(path: str) -> bool:
    """Whether fsspec reads it; a path on a disk otherwise."""
    return "://" in path


def shown(uri: str) -> str:
    """The URI without user, password and query, for messages."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def refuse_credentials(uri: str) -> None:
    """Raise InputError where a URI holds a user, a password, or a query that looks like a signature or a key."""
    parts = urlsplit(uri)
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if _SECRET.match(name)]
    if "@" in parts.netloc or names:
        what = f"the query field {names[0]!r}" if names else "a user or password"
        raise InputError(
            f"input {shown(uri)!r}: the URI holds {what}, and inputs are written to the registry; "
            "leave it out and give credentials through the environment"
        )


def find_files(pattern: str) -> list[tuple[RemoteFile, str]]:
    """Files that a URI or a pattern with * and ** names, sorted, with their names below what the pattern fixes.

    None where there are none. Raises InputError.
    """
    with _said(pattern):
        files, key = file_system(pattern)
        folders = pattern.split("/")[:-1]
        found = look_at(pattern)
        if found is not None or not _has_wildcard(pattern):
            return [(found, pattern.rpartition("/")[2])] if found else []
        fixed = next((n for n, part in enumerate(folders) if _has_wildcard(part)), len(folders))
        return _listed(files, files.glob(key, detail=True), "/".join(folders[:fixed]))


def find_below(folder: str) -> list[tuple[RemoteFile, str]]:
    """All files below a folder, sorted, with their names in it; none where there is no such folder.

    Raises InputError.
    """
    with _said(folder):
        files, key = file_system(folder)
        try:
            return _listed(files, files.find(key, detail=True), folder)
        except FileNotFoundError:
            return []


def look_at(uri: str) -> RemoteFile | None:
    """What the store says of one file, or None where there is none. Raises InputError."""
    with _said(uri):
        files, key = file_system(uri)
        try:
            info = try_again(lambda: files.info(key))
        except FileNotFoundError as error:
            if uri.startswith("http") and getattr(error.__cause__, "status", None) not in _GONE:
                raise OSError(
                    str(error.__cause__ or error)
                ) from error  # fsspec takes any failure for this one
            return None
        return None if info.get("type") == "directory" else _described(uri, info)


def open_file(uri: str) -> BinaryIO:
    """The file for reading, with seek. Raises OSError whose text has no secrets."""
    return io.BufferedReader(_Steady(uri), _COPY_BYTES)


class _Steady(io.RawIOBase):
    """A remote file that survives a lost connection."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._position = 0
        self._handle: IO[bytes] | None = None
        self._handle = self._again(self._open)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the next bytes; fewer only at the end."""

        def read() -> bytes:
            assert self._handle is not None
            self._handle.seek(self._position)
            return self._handle.read(len(buffer))

        piece = self._again(read)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; nothing is read yet."""
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            assert self._handle is not None
            offset += self._handle.seek(0, io.SEEK_END)
        self._position = max(0, offset)
        return self._position

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always: what cannot seek is copied first."""
        return True

    def close(self) -> None:
        """Give up the connection, or the copy."""
        if self._handle is not None:
            self._handle.close()
        super().close()

    def _open(self) -> IO[bytes]:
        files, key = file_system(self._uri)
        size = files.info(key).get("size")
        if size is None:
            return self._copied()
        if not size:
            return cast(IO[bytes], tempfile.TemporaryFile())
        handle = files.open(key, "rb", block_size=_BLOCK_BYTES, cache_type="readahead")
        return cast(IO[bytes], handle) if handle.seekable() else self._copied()

    def _copied(self) -> IO[bytes]:
        """The file in a temporary one: its server sends it only from the start."""
        files, key = file_system(self._uri)
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the handle that it becomes
        with files.open(key, "rb", block_size=0) as handle:
            while piece := handle.read(_COPY_BYTES):
                copy.write(piece)
        return cast(IO[bytes], copy)

    def _again(self, act: Callable[[], Result]) -> Result:
        try:
            try:
                return try_again(act)
            except ValueError:  # fsspec's, where a web server takes no notice of the range that was asked for
                self._handle = try_again(self._copied)
                return act()
        except Exception as error:
            missing = errno.ENOENT if isinstance(error, FileNotFoundError) else errno.EIO
            number = getattr(error, "errno", None) or missing
            raise OSError(number, message_of(error, self._uri), shown(self._uri)) from None


def try_again(act: Callable[[], Result]) -> Result:
    """Do something, again after a while where it may have been the network."""
    for wait in _WAITS_SECONDS:
        try:
            return act()
        except (*_FINAL, ValueError, TypeError, ImportError):
            raise
        except Exception:
            time.sleep(wait)
    return act()


def file_system(uri: str) -> tuple[Any, str]:
    """The file system of a URI, which knows no listing of before, and what the URI names in it."""
    import fsspec

    files, key = fsspec.core.url_to_fs(uri)
    files.invalidate_cache()  # listings are kept for the life of the process, and files come while a sensor runs
    return files, key


@contextmanager
def _said(uri: str) -> Iterator[None]:
    """Whatever a store raises, as an InputError that says what to do."""
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        scheme = urlsplit(uri).scheme
        extra = _EXTRAS.get(scheme)
        todo = f"install it: pip install 'gristmill[{extra}]'" if extra else f"install what it needs: {error}"
        raise InputError(
            f"input {shown(uri)!r}: {scheme}:// is read by an optional package; {todo}"
        ) from None
    except ValueError as error:
        raise InputError(
            f"input {shown(uri)!r} is no URI that can be read: {message_of(error, uri)}"
        ) from None
    except PermissionError as error:
        raise InputError(
            f"input {shown(uri)!r} may not be read ({message_of(error, uri)}); give credentials through the environment"
        ) from None
    except FileNotFoundError as error:
        raise InputError(
            f"input {shown(uri)!r} is not there ({message_of(error, uri)}); check its name"
        ) from None
    except Exception as error:  # each store's library has errors of its own
        raise InputError(
            f"input {shown(uri)!r} cannot be read ({message_of(error, uri)}); check the network and the credentials "
            "in the environment, then run again"
        ) from None


def message_of(error: BaseException, uri: str) -> str:
    """What an error says, without what a URI may hold of secrets, in one line."""
    text = re.sub(r"\w+://[^\s'\"]+", lambda found: shown(found[0]), str(error).replace(uri, shown(uri)))
    return f"{type(error).__name__}: {' '.join(text.split())}"[:300].removesuffix(": ")


def _has_wildcard(uri: str) -> bool:
    """`?` is a wildcard on disks and in buckets; on the web it begins a query."""
    return any(char in uri for char in ("*[" if uri.startswith("http") else "*?["))


def _listed(files: Any, found: dict[str, dict[str, Any]], base: str) -> list[tuple[RemoteFile, str]]:
    start = str(files._strip_protocol(base)).rstrip("/") + "/"  # as the store writes it, like the keys
    return [
        (_described(str(files.unstrip_protocol(key)), info), key.removeprefix(start))
        for key, info in sorted(found.items())
        if info.get("type") != "directory"
    ]


def _described(uri: str, info: dict[str, Any]) -> RemoteFile:
    size = info.get("size")
    modified = next((info[name] for name in _TIMES if info.get(name)), None)
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), None)
    seconds = _seconds(modified)
    if version is None and modified is not None:
        version = str(modified)
    return RemoteFile(uri, None if size is None else int(size), version, seconds)


def _seconds(time_given: Any) -> float | None:
    if isinstance(time_given, datetime):
        return time_given.timestamp()
    return float(time_given) if isinstance(time_given, int | float) else None
