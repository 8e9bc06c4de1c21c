"""The registry: the append-only list of a recipe's shards, in the order in which they came.

Each entry is one small file, created once, numbered without gaps: two processes that register at the same time get
different numbers. The order decides which of two duplicates is the earlier one, so it never changes. Removing a
shard appends a tombstone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import InputError, StoreError
from gristmill.hashing import canonical_json, digest_file, digest_json
from gristmill.store.objects import Store

_SHARD_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ShardFile:
    """One input file: where it lies, what it is called inside the shard, and what it must contain."""

    path: str
    name: str
    bytes: int
    modified_ns: int
    digest: str


@dataclass(frozen=True)
class Shard:
    """One or more input files of one source; the unit of work and of caching."""

    sequence: int
    key: str
    source: str
    files: tuple[ShardFile, ...]

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
        alive: dict[str, Shard] = {}
        for entry in self._entries():
            if "removed" in entry:
                alive.pop(entry["removed"], None)
            else:
                files = tuple(ShardFile(**file) for file in entry["files"])
                alive[entry["key"]] = Shard(entry["sequence"], entry["key"], entry["source"], files)
        return list(alive.values())

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
            entries = self._entries()
            number = 1 + sum(1 for entry in entries if entry.get("source") == source)
            shard = Shard(len(entries) + 1, f"{source}-{number:04d}", source, tuple(files))
            if not _SHARD_KEY.fullmatch(shard.key):
                raise InputError(f"shard key {shard.key!r}: allowed are letters, digits and ._-, at most 100")
            if self._append(shard.sequence, asdict(shard)):
                return shard

    def remove(self, key: str) -> None:
        """Append a tombstone: the shard is no longer part of the corpus."""
        self.shard(key)
        while not self._append(len(self._entries()) + 1, {"removed": key}):
            pass

    def _append(self, sequence: int, entry: dict[str, Any]) -> bool:
        return self._store.files.create(f"{self._prefix}/{sequence:08d}.json", canonical_json(entry).encode())

    def _entries(self) -> list[dict[str, Any]]:
        entries = []
        for listed in self._store.files.list(self._prefix):
            try:
                entries.append(json.loads(self._store.files.read(listed.key) or b""))
            except ValueError as error:
                raise StoreError(
                    f"store {self._store.name}: registry entry {listed.key!r} is damaged: {error}"
                ) from error
        return entries


def describe_file(path: Path, name: str) -> ShardFile:
    """What the registry keeps of an input file; reads it once for its digest. Raises InputError if it cannot."""
    try:
        status = path.stat()
        return ShardFile(str(path), name, status.st_size, status.st_mtime_ns, digest_file(path))
    except OSError as error:
        raise InputError(f"input {str(path)!r} cannot be read: {error.strerror or error}") from error


def changed(file: ShardFile) -> bool:
    """Whether a registered file holds other bytes now; its time stamp is looked at first. Missing counts as changed."""
    path = Path(file.path)
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (file.bytes, file.modified_ns):
            return False
        return status.st_size != file.bytes or digest_file(path) != file.digest
    except OSError:
        return True
