"""The registry: the append-only list of a recipe's shards, in the order in which they came.

Each entry is one small file, created once, numbered without gaps: two processes that register at the same time get
different numbers. The order decides which of two duplicates is the earlier one, so it never changes. Removing a
shard appends a tombstone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from gristmill import remote
from gristmill.errors import InputError, StoreError
from gristmill.hashing import canonical_json, digest_file, digest_json, digest_stream
from gristmill.remote import RemoteFile
from gristmill.store.objects import Store

_SHARD_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ShardFile:
    """One input file: where it lies, what it is called inside the shard, and what it must contain.

    `path` is relative to the recipe where the recipe says so: then recipe, input and store can move together. Or it is
    a URI; then `version` is what its store calls this writing of it (an ETag, a time), if it does, and `modified_ns` 0.
    `digest` is always that of the bytes, so that a fingerprint is the same wherever they lie.
    """

    path: str
    name: str
    bytes: int
    modified_ns: int
    digest: str
    version: str | None = None


@dataclass(frozen=True)
class Shard:
    """One or more input files of one source; the unit of work and of caching."""

    sequence: int
    key: str
    source: str
    files: tuple[ShardFile, ...]

    def below(self, folder: Path) -> Shard:
        """The same shard with absolute paths; `folder` is what relative ones are relative to (the recipe's)."""

        def place(path: str) -> str:
            return path if remote.is_uri(path) else os.path.normpath(folder.absolute() / path)

        return replace(self, files=tuple(replace(file, path=place(file.path)) for file in self.files))

    @property
    def digest(self) -> str:
        """Of the names and contents of the files, not of where they lie."""
        return digest_json([[file.name, file.digest] for file in self.files])


class Registry:
    """The shards of one recipe."""

    def __init__(self, store: Store, recipe: str) -> None:
        self._store = store
        self._prefix = f"registry/{recipe}"

    def shards(self) -> list[Shard]:
        """All shards that were registered and not removed, in order of registration."""
        return _alive(self._entries())

    def shard(self, key: str) -> Shard:
        """One shard by its key; raise InputError naming the known ones where there is none."""
        shards = {shard.key: shard for shard in self.shards()}
        if key not in shards:
            known = ", ".join(list(shards)[:10]) or "none; run: gristmill build"
            raise InputError(f"shard {key!r} is not registered; known: {known}")
        return shards[key]

    def register(self, source: str, files: Sequence[ShardFile]) -> Shard:
        """Append a shard; its key is the source's name and the next number of that source."""
        while True:
            shard = self._next(self._entries(), source, files)
            if self._append(shard.sequence, asdict(shard)):
                return shard

    def register_unknown(self, source: str, files: Sequence[ShardFile]) -> Shard | None:
        """Append a shard of those files that no shard of this source holds yet; None where none is left.

        Two processes that find the same new files at the same time register them once.
        """
        while True:
            entries = self._entries()
            known = {file.path for shard in _alive(entries) if shard.source == source for file in shard.files}
            new = [file for file in files if file.path not in known]
            if not new:
                return None
            shard = self._next(entries, source, new)
            if self._append(shard.sequence, asdict(shard)):
                return shard

    def preview(
        self, new: Sequence[tuple[str, Sequence[Sequence[ShardFile]]]], *, removed: set[str]
    ) -> list[Shard]:
        """The shards as they will be once groups of files (by source) are registered; nothing is written."""
        entries = self._entries()
        for source, groups in new:
            for files in groups:
                entries.append(asdict(self._next(entries, source, files)))
        return [shard for shard in _alive(entries) if shard.key not in removed]

    def remove(self, key: str) -> None:
        """Append a tombstone: the shard is no longer part of the corpus. One that has a tombstone is left as it is.

        Raises InputError where no such shard was ever registered.
        """
        while True:
            entries = self._entries()
            if not any(entry.get("key") == key for entry in entries):
                self.shard(key)
            if any(entry.get("removed") == key for entry in entries):
                return
            if self._append(len(entries) + 1, {"removed": key}):
                return

    def _next(self, entries: list[dict[str, Any]], source: str, files: Sequence[ShardFile]) -> Shard:
        number = 1 + sum(1 for entry in entries if entry.get("source") == source)
        shard = Shard(len(entries) + 1, f"{source}-{number:04d}", source, tuple(files))
        if not _SHARD_KEY.fullmatch(shard.key):
            raise InputError(f"shard key {shard.key!r}: allowed are letters, digits and ._-, at most 100")
        return shard

    def _append(self, sequence: int, entry: dict[str, Any]) -> bool:
        return self._store.files.create(self._key(sequence), canonical_json(entry).encode())

    def _key(self, sequence: int) -> str:
        return f"{self._prefix}/{sequence:08d}.json"

    def _entries(self) -> list[dict[str, Any]]:
        """All entries in order; raises StoreError where one is damaged or missing."""
        # A listing made while others register may miss an entry and have a later one, so it only tells the number.
        names = [Path(listed.key).stem for listed in self._store.files.list(self._prefix)]
        last = max((int(name) for name in names if name.isdecimal()), default=0)
        entries = []
        for number in range(1, last + 1):
            key = self._key(number)
            where = f"store {self._store.name}: registry entry {key!r}"
            data = self._store.files.read(key)
            if data is None:
                raise StoreError(f"{where} is missing, but later ones are there; restore it from a copy")
            entries.append(_read_entry(data, where))
        return entries


def _read_entry(data: bytes, where: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(data)
        if "removed" not in entry:
            _shard(entry)
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"{where} is damaged ({type(error).__name__}: {error}); restore it from a copy"
        ) from error
    return entry


def _alive(entries: list[dict[str, Any]]) -> list[Shard]:
    """The shards that were registered and not removed, in order of registration."""
    alive: dict[str, Shard] = {}
    for entry in entries:
        if "removed" in entry:
            alive.pop(entry["removed"], None)
        else:
            alive[entry["key"]] = _shard(entry)
    return list(alive.values())


def _shard(entry: dict[str, Any]) -> Shard:
    files = tuple(ShardFile(**file) for file in entry["files"])
    return Shard(entry["sequence"], entry["key"], entry["source"], files)


def source_of(keys: pl.Expr) -> pl.Expr:
    """Names of the sources of shards, given their keys, which are a source's name and a number."""
    return keys.str.replace(r"-\d+$", "")


def describe_file(path: Path, name: str) -> ShardFile:
    """What the registry keeps of a local file; reads it once for its digest. Raises InputError if it cannot."""
    try:
        status = path.stat()
        return ShardFile(str(path), name, status.st_size, status.st_mtime_ns, digest_file(path))
    except OSError as error:
        raise InputError(f"input {str(path)!r} cannot be read: {error.strerror or error}") from error


def describe_remote(file: RemoteFile, name: str) -> ShardFile:
    """The same of a file that fsspec reads, of which its store said this. Raises InputError if it cannot be read.

    The whole file is read, once: what stores offer (an ETag) is the digest of the bytes in some of them only, and
    another one in each.
    """
    try:
        with remote.open_file(file.uri) as handle:
            digest = digest_stream(handle)
            size = handle.tell()
    except OSError as error:
        where = remote.shown(file.uri)
        raise InputError(f"input {where!r} cannot be read: {error.strerror or error}") from error
    return ShardFile(file.uri, name, size, 0, digest, file.version)


def changed(file: ShardFile, now: RemoteFile | None = None) -> bool:
    """Whether a registered file holds other bytes now. Missing counts as changed.

    Its time stamp is looked at first, and its bytes only if that is another. Of a remote file it is the version, and
    `now` is what its store says, if that is known already; a store that names no versions is believed if the size is
    the same. Raises InputError where a store cannot be asked.
    """
    if remote.is_uri(file.path):
        return _changed_remote(file, now or remote.look_at(file.path))
    path = Path(file.path)
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (file.bytes, file.modified_ns):
            return False
        return status.st_size != file.bytes or digest_file(path) != file.digest
    except OSError:
        return True


def _changed_remote(file: ShardFile, now: RemoteFile | None) -> bool:
    if now is None or now.bytes not in (None, file.bytes):
        return True
    if now.version == file.version:
        return False
    return describe_remote(now, file.name).digest != file.digest
