"""Files of a git repository at a revision: from a bundle, or from a repository's folder, without git itself.

Only objects and refs are read: no hook, no configuration, no alternate store, no working tree. The remote's address is
taken from the text of `config`. Symbolic links and submodules are counted as records without text. A bundle is laid
into a temporary folder, so memory is that of one blob; an object's size is read from its header before it is unpacked.

Needs the extra `git` (dulwich).
"""

from __future__ import annotations

import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import InputError
from gristmill.inputs import InputFile

_BUNDLE_LINE = re.compile(rb"# v[23] git bundle\n")
_MAX_TREE_DEPTH = 100
_MAX_DELTAS = 4096  # git's own bound on chains
_HEAD_BYTES = 64  # unpacked to learn a size
_REMOTE = re.compile(
    r"^\s*\[\s*remote\s+\"origin\"\s*\](?:(?!^\s*\[)[^\n]*\n){0,20}?\s*url\s*=\s*(\S+)", re.MULTILINE
)
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")
_MAX_CONFIG_BYTES = 100_000


class BrokenRepositoryError(Exception):
    """A repository or an object of it cannot be read; never leaves the room."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One entry of a tree; `data` is None where `rule` says why."""

    path: str
    sha: str
    size: int | None
    data: bytes | None
    rule: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What was read of a repository."""

    name: str  # of the repository
    sha: str
    remote: str | None


def is_bundle(file: InputFile) -> bool:
    """Whether a file is a git bundle, by its first line."""
    with file.open() as handle:
        return _BUNDLE_LINE.match(handle.read(32)) is not None


def repository_name(path: str) -> str:
    """The name of a repository from that of its bundle or folder; `mill/.git` is `mill`."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".git")]
    last = parts[-1] if parts else "repository"
    return re.sub(r"\.(?:git|bundle)$", "", last) or last


@contextmanager
def open_bundle(file: InputFile, revision: str) -> Iterator[tuple[Commit, Store]]:
    """The commit of a bundle and a store with its objects; raises BrokenRepositoryError."""
    _need_dulwich()
    from dulwich.bundle import read_bundle
    from dulwich.object_store import DiskObjectStore

    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder, file.open() as handle, _reading():
        (Path(folder) / "pack").mkdir()
        (Path(folder) / "info").mkdir()
        with read_bundle(handle) as bundle:
            if bundle.prerequisites:
                raise BrokenRepositoryError("the bundle needs commits that it does not hold")
            objects = DiskObjectStore(folder)
            bundle.store_objects(objects)
            refs = {_text(name): _text(sha) for name, sha in bundle.references.items()}
        store = Store(objects, Path(folder))
        try:
            yield Commit(repository_name(file.name), _resolve(refs, revision, store), None), store
        finally:
            objects.close()


@contextmanager
def open_repository(folder: Path, revision: str) -> Iterator[tuple[Commit, Store]]:
    """The commit of a repository's folder (a bare one, or `.git`); raises BrokenRepositoryError."""
    _need_dulwich()
    from dulwich.object_store import DiskObjectStore
    from dulwich.refs import DiskRefsContainer

    if (folder / "objects" / "info" / "alternates").exists():
        raise BrokenRepositoryError("its objects lie in another repository (alternates); clone it with them")
    with _reading():
        container = DiskRefsContainer(str(folder))
        refs: dict[str, str] = {}
        for name in container.allkeys():
            try:
                refs[_text(name)] = _text(container[name])
            except KeyError:  # HEAD of an empty repository, say
                continue
        objects = DiskObjectStore(str(folder / "objects"))
        store = Store(objects, folder / "objects")
        try:
            yield (
                Commit(repository_name(str(folder)), _resolve(refs, revision, store), _remote(folder)),
                store,
            )
        finally:
            objects.close()


def read_blobs(
    store: Store, commit: Commit, max_bytes: int, *, wanted: Callable[[str], bool] | None = None
) -> Iterator[Blob]:
    """Every entry below the commit's tree, sorted by path within each folder. Raises BrokenRepositoryError.

    wanted: says by its path which entries are read; the others are passed over.

    Rules: not_a_file (symbolic link, submodule), too_large, too_deep, unreadable.
    """
    with _reading():
        root = _text(store.objects[commit.sha.encode()].tree)
    waiting: list[tuple[str, int, str]] = [("", stat.S_IFDIR, root)]
    while waiting:
        path, mode, sha = waiting.pop()
        if stat.S_ISDIR(mode):
            if path.count("/") >= _MAX_TREE_DEPTH:
                yield Blob(path, sha, None, None, "too_deep", f"more than {_MAX_TREE_DEPTH} folders")
                continue
            with _reading():
                entries = [
                    (f"{path}/{name}" if path else name, entry.mode, _text(entry.sha))
                    for entry in store.objects[sha.encode()].iteritems()
                    if (name := entry.path.decode("utf-8", "replace"))
                ]
            waiting.extend(sorted(entries, reverse=True))
        elif wanted is not None and not wanted(path):
            continue
        elif stat.S_ISREG(mode):
            yield _blob(store, path, sha, max_bytes)
        else:
            what = "symbolic link" if stat.S_ISLNK(mode) else "submodule"
            yield Blob(path, sha, None, None, "not_a_file", what)


def _blob(store: Store, path: str, sha: str, max_bytes: int) -> Blob:
    try:
        with _reading():
            size = store.size(sha, max_bytes)
            if size > max_bytes:
                return Blob(path, sha, size, None, "too_large", f"{size} bytes; at most {max_bytes}")
            return Blob(path, sha, size, store.objects[sha.encode()].as_raw_string())
    except BrokenRepositoryError as error:
        return Blob(path, sha, None, None, "unreadable", str(error)[:200])


class Store:
    """Objects of a repository on disk, and how large they are before they are unpacked."""

    def __init__(self, objects: Any, folder: Path) -> None:
        from dulwich.object_format import DEFAULT_OBJECT_FORMAT
        from dulwich.pack import load_pack_index

        self.objects = objects
        self._folder = folder
        self._packs = [
            (load_pack_index(str(path), DEFAULT_OBJECT_FORMAT), path.with_suffix(".pack"))
            for path in sorted((folder / "pack").glob("*.idx"))
        ]

    def size(self, sha: str, max_bytes: int) -> int:
        """Bytes of an object, or of a larger one that it is stored as a change of, where that is over the bound."""
        from dulwich.objects import RawObjectID

        loose = self._folder / sha[:2] / sha[2:]
        if loose.is_file():
            with loose.open("rb") as handle:
                head = zlib.decompressobj().decompress(handle.read(_HEAD_BYTES), _HEAD_BYTES)
            return int(head.split(b"\0")[0].split()[1])
        for index, path in self._packs:
            try:
                offset = index.object_offset(RawObjectID(bytes.fromhex(sha)))
            except KeyError:
                continue
            return self._packed_size(index, path, offset, max_bytes)
        raise BrokenRepositoryError(f"object {sha} is missing")

    def _packed_size(self, index: Any, path: Path, offset: int, max_bytes: int) -> int:
        largest = 0
        with path.open("rb") as handle:
            for _ in range(_MAX_DELTAS):
                handle.seek(offset)
                head = handle.read(_HEAD_BYTES + 64)
                kind, size, at = _object_header(head)
                if kind == 6:  # a change of an object earlier in the pack
                    back, at = _offset(head, at)
                    base: int | None = offset - back
                elif kind == 7:  # a change of a named object
                    try:
                        base = index.object_offset(head[at : at + 20])
                    except KeyError:
                        base = None
                    at += 20
                else:
                    return max(largest, size)
                change = zlib.decompressobj().decompress(head[at:], _HEAD_BYTES)
                _, at = _varint(change, 0)
                result, _ = _varint(change, at)
                largest = max(largest, result, size)
                if largest > max_bytes or base is None:
                    return largest
                offset = base
        raise BrokenRepositoryError(f"a chain of more than {_MAX_DELTAS} changes")


def _object_header(head: bytes) -> tuple[int, int, int]:
    """(kind, size, bytes of the header) of a packed object."""
    kind, size, shift, at = head[0] >> 4 & 7, head[0] & 15, 4, 1
    while head[at - 1] & 0x80:
        size |= (head[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return kind, size, at


def _offset(head: bytes, at: int) -> tuple[int, int]:
    value = head[at] & 0x7F
    while head[at] & 0x80:
        at += 1
        value = (value + 1) << 7 | head[at] & 0x7F
    return value, at + 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at


def _resolve(refs: dict[str, str], revision: str, store: Store) -> str:
    """The commit that a revision names: HEAD, a branch, a tag, a full ref or a full hash."""
    wanted = [revision, f"refs/heads/{revision}", f"refs/tags/{revision}"]
    if revision == "HEAD":
        wanted += ["refs/heads/main", "refs/heads/master", *(sorted(refs) if len(refs) == 1 else ())]
    sha = next((refs[name] for name in wanted if name in refs), None)
    if sha is None and re.fullmatch(r"[0-9a-f]{40}", revision):
        sha = revision
    if sha is None:
        known = ", ".join(sorted(refs)[:5]) or "none"
        raise BrokenRepositoryError(f"no revision {revision!r}; refs: {known}")
    for _ in range(10):  # a tag may name a tag
        found = store.objects[sha.encode()]
        if found.type_name != b"tag":
            break
        sha = _text(found.object[1])
    if found.type_name != b"commit":
        raise BrokenRepositoryError(f"revision {revision!r} is a {_text(found.type_name)}, no commit")
    return sha


def _remote(folder: Path) -> str | None:
    """The address of `origin`, without user and password."""
    config = folder / "config"
    if not config.is_file() or config.stat().st_size > _MAX_CONFIG_BYTES:
        return None
    found = _REMOTE.search(config.read_text(encoding="utf-8", errors="replace"))
    return _SECRET.sub("", found[1]) if found else None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what dulwich raises on damaged data into BrokenRepositoryError; a disk that fails stays an OSError."""
    import struct

    from dulwich.errors import (
        ApplyDeltaError,
        ChecksumMismatch,
        FileFormatException,
        NotBlobError,
        NotCommitError,
        NotTreeError,
    )

    try:
        yield
    except (
        ApplyDeltaError,
        ChecksumMismatch,
        FileFormatException,
        NotBlobError,
        NotCommitError,
        NotTreeError,
        AssertionError,
        AttributeError,  # an object of another kind than its place says
        EOFError,
        IndexError,
        KeyError,
        NotImplementedError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        raise BrokenRepositoryError(f"{type(error).__name__}: {error}"[:200]) from error


def _need_dulwich() -> None:
    try:
        import dulwich  # noqa: F401
    except ImportError as error:
        raise InputError(
            "git repositories need dulwich, which is not installed; install the extra `gristmill[git]`"
        ) from error
