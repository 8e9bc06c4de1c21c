"""Objects and refs: immutable outputs, and which of them is current.

An object lives under the fingerprint of what it was made from. Its files are named by their content and written
first; `manifest.json` comes last and is created once: what has no manifest does not exist. A crash at any moment
leaves files that garbage collection removes, never half an object.
"""

from __future__ import annotations

import builtins
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

import gristmill
from gristmill.errors import StoreError
from gristmill.hashing import canonical_json, digest_file, digest_json
from gristmill.store.files import Files, LocalFiles, explain
from gristmill.store.tables import TableWriter, frame_of

FORMAT = 1  # version of the layout and of the manifest; a newer one is refused


@dataclass(frozen=True)
class FileEntry:
    """One file of an object. `table` groups the Parquet files of one table; other files have a table of their own."""

    table: str
    name: str
    rows: int | None  # None: not a table
    bytes: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """What an object is. `content` depends on the tables' bytes alone and is what later fingerprints take in."""

    format: int
    asset: str
    partition: str | None
    fingerprint: str
    version: int  # implementation version of the stage
    options: Any  # the part of the recipe that was read
    inputs: dict[str, str]  # name of input -> content digest
    files: tuple[FileEntry, ...]
    schemas: dict[str, dict[str, str]]  # table -> column -> type
    figures: dict[str, Any]  # what the stage measured; the same for the same content
    run: dict[str, Any]  # seconds, time, versions: differ from run to run
    content: str = ""

    def rows(self, table: str) -> int:
        """Rows of a table, 0 where the object has none of that name."""
        return sum(entry.rows or 0 for entry in self.files if entry.table == table)

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.bytes for entry in self.files)

    def key(self, entry: FileEntry) -> str:
        """Where a file of this object lies in the store."""
        return f"{object_key(self.fingerprint)}/{entry.name}"

    def to_json(self) -> builtins.bytes:
        """The manifest as it is stored."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: builtins.bytes, where: str) -> Manifest:
        """Read a stored manifest; raise StoreError where it is damaged or of a newer format."""
        try:
            values = json.loads(data)
            newer = values["format"] > FORMAT
            if not newer:
                values["files"] = tuple(FileEntry(**entry) for entry in values["files"])
                return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{where}: the manifest is damaged ({error}); delete it and build the asset again"
            ) from error
        raise StoreError(
            f"{where}: format {values['format']}, this version reads up to {FORMAT}; install a newer Gristmill"
        )


@dataclass(frozen=True)
class Ref:
    """Which object is current for (recipe, asset, partition)."""

    fingerprint: str
    content: str

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Ref:
        """Read a stored ref; raise StoreError where it is damaged."""
        try:
            values = json.loads(data)
            return cls(values["fingerprint"], values["content"])
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{where}: the ref is damaged ({type(error).__name__}: {error}); delete it and build the asset again"
            ) from error


class Store:
    """Objects, refs and what lies beside them; see the package docstring for the layout."""

    def __init__(self, files: Files, name: str) -> None:
        self.files = files
        self.name = name

    @classmethod
    def open(cls, root: Path) -> Store:
        """Open the store in a local folder, making it on first use. Raises StoreError if it is of a newer format."""
        files = LocalFiles(root)
        stored = files.read("format.json")
        if stored is None:
            files.create("format.json", canonical_json({"format": FORMAT}).encode())
            stored = files.read("format.json")
        try:
            found = int(json.loads(stored or b"")["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f'store {root}: format.json is damaged; expected {{"format": {FORMAT}}}'
            ) from error
        if found > FORMAT:
            raise StoreError(
                f"store {root} has format {found}, this version reads up to {FORMAT}; install a newer Gristmill"
            )
        return cls(files, str(files.root))

    # -- objects ------------------------------------------------------------------------------------------------

    def find(self, fingerprint: str) -> Manifest | None:
        """The object of this fingerprint, or None. An object with a missing or cut file counts as not there."""
        key = f"{object_key(fingerprint)}/manifest.json"
        data = self.files.read(key)
        if data is None:
            return None
        manifest = Manifest.from_json(data, f"store {self.name}, {key}")
        whole = all(self.files.size(manifest.key(entry)) == entry.bytes for entry in manifest.files)
        return manifest if whole else None

    @contextmanager
    def writer(self, *, asset: str, partition: str | None, fingerprint: str) -> Iterator[ObjectWriter]:
        """Collect the files of a new object: nothing is visible before `publish`; without it, nothing stays."""
        with self.files.scratch() as folder:
            writer = ObjectWriter(self, folder, asset, partition, fingerprint)
            try:
                yield writer
            finally:
                writer.abandon()

    def scan(self, manifest: Manifest, table: str) -> pl.LazyFrame:
        """A table of an object, lazily."""
        paths = [self.files.fetch(manifest.key(entry)) for entry in self._entries(manifest, table)]
        return pl.scan_parquet(paths, glob=False, hive_partitioning=False)

    def batches(
        self, manifest: Manifest, table: str, columns: list[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """The row groups of a table in order; memory is that of one row group.

        A table without rows gives one batch without rows, so that a stage that writes per batch writes its tables.
        """
        for entry in self._entries(manifest, table):
            with pq.ParquetFile(self.files.fetch(manifest.key(entry)), pre_buffer=False) as parquet:
                for group in range(parquet.num_row_groups):
                    yield frame_of(parquet.read_row_group(group, columns=columns))
                if parquet.num_row_groups == 0:
                    yield frame_of(
                        parquet.schema_arrow.empty_table().select(columns or parquet.schema_arrow.names)
                    )

    def take(self, manifest: Manifest, table: str, rows: Sequence[int], columns: list[str]) -> pl.DataFrame:
        """Rows of a table by their numbers, which ascend; only row groups that hold one of them are read."""
        wanted = pl.Series(rows, dtype=pl.Int64)
        parts: list[pl.DataFrame] = []
        first = 0  # number of the row group's first row
        for entry in self._entries(manifest, table):
            with pq.ParquetFile(self.files.fetch(manifest.key(entry)), pre_buffer=False) as parquet:
                parts.append(frame_of(parquet.schema_arrow.empty_table().select(columns)))
                for group in range(parquet.num_row_groups):
                    count = parquet.metadata.row_group(group).num_rows
                    here = wanted.filter(wanted.is_between(first, first + count, closed="left")) - first
                    if len(here):
                        parts.append(frame_of(parquet.read_row_group(group, columns=columns))[here])
                    first += count
        return pl.concat(parts)

    def path(self, manifest: Manifest, name: str) -> Path:
        """Local path of a file by the name it was added under: a table that is one file, a model, a token shard."""
        for entry in manifest.files:
            if entry.table == name:
                return self.files.fetch(manifest.key(entry))
        raise StoreError(
            f"{manifest.asset!r} has no file {name!r}; it has {sorted({e.table for e in manifest.files})}"
        )

    def verify(self, manifest: Manifest) -> list[str]:
        """Names of files whose bytes are not what the manifest says."""
        return [
            entry.name
            for entry in manifest.files
            if self.files.size(manifest.key(entry)) != entry.bytes
            or digest_file(self.files.fetch(manifest.key(entry))) != entry.digest
        ]

    def discard(self, fingerprint: str) -> None:
        """Remove an object, its manifest first."""
        prefix = object_key(fingerprint)
        self.files.delete(f"{prefix}/manifest.json")
        for listed in list(self.files.list(prefix)):
            self.files.delete(listed.key)

    def _entries(self, manifest: Manifest, table: str) -> list[FileEntry]:
        entries = [entry for entry in manifest.files if entry.table == table]
        if not entries:
            known = sorted({entry.table for entry in manifest.files})
            raise StoreError(f"{manifest.asset!r} has no table {table!r}; it has {known}")
        return entries

    # -- refs ---------------------------------------------------------------------------------------------------

    def ref(self, recipe: str, asset: str, partition: str | None) -> Ref | None:
        """What is current, or None where the partition was never built."""
        data = self.files.read(ref_key(recipe, asset, partition))
        if data is None:
            return None
        return Ref.from_json(data, f"store {self.name}, {ref_key(recipe, asset, partition)}")

    def set_ref(self, recipe: str, manifest: Manifest) -> None:
        """Make an object current for its asset and partition."""
        key = ref_key(recipe, manifest.asset, manifest.partition)
        data = canonical_json({"fingerprint": manifest.fingerprint, "content": manifest.content}).encode()
        while True:
            current = self.files.read(key)
            if current == data or self.files.swap(key, data, current):
                return

    def drop_ref(self, recipe: str, asset: str, partition: str | None) -> None:
        """Forget what is current, as for a removed shard."""
        self.files.delete(ref_key(recipe, asset, partition))

    def current(self, recipe: str, asset: str, partition: str | None) -> Manifest:
        """The current object; raise StoreError that says how to make it where there is none."""
        ref = self.ref(recipe, asset, partition)
        manifest = self.find(ref.fingerprint) if ref else None
        if manifest is None:
            where = f"shard {partition!r} of {asset!r}" if partition else f"{asset!r}"
            shard = f" --shard {partition}" if partition else ""
            raise StoreError(
                f"{where} of recipe {recipe!r} is not in the store; "
                f"build it first: gristmill build recipes/{recipe}.yaml --select {asset}{shard}"
            )
        return manifest


@dataclass
class ObjectWriter:
    """Collects tables and files of one object in a scratch folder, then publishes them together."""

    store: Store
    folder: Path
    asset: str
    partition: str | None
    fingerprint: str
    _tables: dict[str, TableWriter] = field(default_factory=dict)
    _others: dict[str, Path] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    def write(self, table: str, rows: pl.DataFrame) -> None:
        """Append rows to a table; the first call fixes its schema."""
        with self._writing():
            if table not in self._tables:
                self._tables[table] = TableWriter(self.folder / f"{table}.parquet", rows.schema)
            self._tables[table].append(rows)

    def file(self, name: str) -> Path:
        """A path to write a file that is not a table; it becomes part of the object under `name`."""
        self._others[name] = self.folder / name
        return self._others[name]

    def publish(
        self,
        *,
        version: int,
        options: Any,
        inputs: dict[str, str],
        figures: dict[str, Any],
        run: dict[str, Any],
    ) -> Manifest:
        """Move the files into the store and create the manifest; returns the object that is now there.

        Where another writer published the same fingerprint first, that one stands and is returned.
        """
        self.close()
        prefix = object_key(self.fingerprint)
        tables = {name: (writer.path, writer.rows) for name, writer in self._tables.items()}
        others = {name: (path, None) for name, path in self._others.items()}
        entries = []
        for table, (path, rows) in sorted((tables | others).items()):
            with self._writing():
                digest = digest_file(path)
            name = f"{path.stem}-{digest[:12]}{path.suffix}"
            entries.append(FileEntry(table, name, rows, path.stat().st_size, digest))
            self.store.files.upload(f"{prefix}/{name}", path)
        manifest = Manifest(
            format=FORMAT,
            asset=self.asset,
            partition=self.partition,
            fingerprint=self.fingerprint,
            version=version,
            options=options,
            inputs=inputs,
            files=tuple(entries),
            schemas={
                name: {k: str(v) for k, v in writer.schema.items()} for name, writer in self._tables.items()
            },
            figures=figures,
            run={
                **run,
                "seconds": round(time.monotonic() - self._started, 3),
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "gristmill": gristmill.__version__,
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            },
            content=digest_json([[entry.table, entry.digest] for entry in entries]),
        )
        return self._create(manifest)

    def abandon(self) -> None:
        """Let go of unfinished Parquet files; after `publish` there are none."""
        for writer in self._tables.values():
            writer.abandon()

    def close(self) -> None:
        """Finish the Parquet files."""
        with self._writing():
            for writer in self._tables.values():
                writer.close()

    def _create(self, manifest: Manifest) -> Manifest:
        """Create the manifest; where another one stands, return that and remove the files that it does not name."""
        files, key = self.store.files, f"{object_key(self.fingerprint)}/manifest.json"
        while not files.create(key, manifest.to_json()):
            seen = files.read(key)
            standing = self.store.find(self.fingerprint)
            if standing is not None:
                named = {entry.name for entry in standing.files}
                for entry in manifest.files:
                    if entry.name not in named:
                        files.delete(manifest.key(entry))
                return standing
            # A manifest whose files are gone or cut: the files were just written again, so it is replaced.
            if seen is not None and files.swap(key, manifest.to_json(), seen):
                break
        return manifest

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn what the disk says into a StoreError; errors of the stage itself pass."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"store {self.store.name}: cannot write {self.asset!r}: {explain(error)}"
            ) from error


def fingerprint(
    *, asset: str, version: int, options: Any, inputs: dict[str, str], partition: str | None
) -> str:
    """Name of an output before it is made: what makes it, and the digests of what it is made from; never a path.

    `partition` is part of it because the shard's key is written into rows.
    """
    return digest_json(
        {"asset": asset, "version": version, "options": options, "inputs": inputs, "partition": partition}
    )


def object_key(fingerprint: str) -> str:
    """Folder of an object in the store."""
    return f"objects/{fingerprint[:2]}/{fingerprint}"


def ref_key(recipe: str, asset: str, partition: str | None) -> str:
    """Place of a ref; global assets have the partition `global`."""
    return f"refs/{recipe}/{asset}/{partition or 'global'}.json"
