"""Registration: find the files of a recipe's sources and append the new ones to the registry as shards.

A source names files or globs relative to the recipe, and may have a landing folder in which files appear later. Files
are taken in sorted order, so that the same files give the same shards. A file whose bytes changed is registered anew
and its old shard removed.
"""

from __future__ import annotations

import glob
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from gristmill.errors import InputError
from gristmill.ingest.options import SourceBase
from gristmill.recipe import Recipe
from gristmill.store import Registry, Shard, ShardFile, Store
from gristmill.store.registry import changed, describe_file


@dataclass(frozen=True)
class Registered:
    """What a look at the sources changed."""

    added: tuple[Shard, ...]
    removed: tuple[str, ...]


def register_new_files(
    recipe: Recipe, store: Store, *, settle_seconds: float = 0.0, now: float | None = None
) -> Registered:
    """Register what is new or changed; files younger than `settle_seconds` wait for the next look.

    Raises InputError where a declared path does not exist or a glob finds nothing.
    """
    registry = Registry(store, recipe.name)
    added: list[Shard] = []
    removed: list[str] = []
    now = time.time() if now is None else now
    for source, options in recipe.sources.items():
        change = _look(recipe, registry, source, options, settle_seconds, now)
        for shard in change.stale:  # only now: nothing is taken away where a new file cannot be read
            registry.remove(shard.key)
            removed.append(shard.key)
        groups = [registry.register_unknown(source, group) for group in change.new]
        added += [shard for shard in groups if shard is not None]
    return Registered(tuple(added), tuple(removed))


def expected_shards(recipe: Recipe, store: Store) -> tuple[list[Shard], int]:
    """The shards that there will be once new files are registered, and the number of those files; writes nothing.

    Reads new files for their digests. Raises InputError as `register_new_files` does.
    """
    registry = Registry(store, recipe.name)
    changes = {
        source: _look(recipe, registry, source, options, 0.0, time.time())
        for source, options in recipe.sources.items()
    }
    shards = registry.preview(
        [(source, change.new) for source, change in changes.items()],
        removed={shard.key for change in changes.values() for shard in change.stale},
    )
    return shards, sum(len(group) for change in changes.values() for group in change.new)


@dataclass(frozen=True)
class _Change:
    """What is new in a source: shards whose files changed, and files of shards to come."""

    stale: list[Shard]
    new: list[list[ShardFile]]


def _look(
    recipe: Recipe, registry: Registry, source: str, options: SourceBase, settle_seconds: float, now: float
) -> _Change:
    found = [file for file in _files(recipe, source, options) if _settled(file.path, settle_seconds, now)]
    settled = {str(file.path) for file in found}
    shards = [shard.below(recipe.path.parent) for shard in registry.shards() if shard.source == source]
    stale = [shard for shard in shards if any(file.path in settled and changed(file) for file in shard.files)]
    known = {file.path for shard in shards if shard not in stale for file in shard.files}
    new = [
        replace(describe_file(file.path, file.name), path=file.stored)
        for file in found
        if str(file.path) not in known
    ]
    return _Change(stale, _groups(new, options.files_per_shard))


def landing_folder(recipe: Recipe, options: SourceBase) -> Path | None:
    """Where new files of a source appear, or None."""
    return _absolute(recipe, options.landing) if options.landing else None


@dataclass(frozen=True)
class _Found:
    """A file of a source: where it lies, its name inside the shard, and its path as the registry keeps it."""

    path: Path
    name: str
    stored: str


def _files(recipe: Recipe, source: str, options: SourceBase) -> list[_Found]:
    """Every file of a source, sorted, each once."""
    found: dict[Path, _Found] = {}
    for pattern in options.inputs:
        for path, base in _matches(recipe, source, _absolute(recipe, pattern)):
            found[path] = _found(recipe, path, base, pattern)
    folder = landing_folder(recipe, options)
    if folder is not None and options.landing and folder.is_dir():
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and not _unfinished(path)):
            found[path] = _found(recipe, path, folder, options.landing)
    return list(found.values())


def _found(recipe: Recipe, path: Path, base: Path, declared: str) -> _Found:
    moves = not Path(declared).expanduser().is_absolute()
    stored = os.path.relpath(path, recipe.path.parent) if moves else str(path)
    return _Found(path, path.relative_to(base).as_posix(), stored)


def _matches(recipe: Recipe, source: str, pattern: Path) -> list[tuple[Path, Path]]:
    """(file, folder that its name is relative to) of the files that a path or glob names."""
    if pattern.is_file():  # also one whose name looks like a glob
        return [(pattern, pattern.parent)]
    paths = sorted(Path(path) for path in glob.glob(str(pattern), recursive=True) if Path(path).is_file())
    if not paths:
        what = (
            "is a folder; name its files, as in 'FOLDER/**/*.jsonl'" if pattern.is_dir() else "finds no file"
        )
        raise InputError(
            f"recipe {recipe.path.name}, sources.{source}.inputs: {str(pattern)!r} {what}; "
            "paths are relative to the recipe"
        )
    base = _fixed_part(pattern)
    return [(path, base) for path in paths]


def _absolute(recipe: Recipe, path: str) -> Path:
    return Path(os.path.normpath(Path(recipe.path.parent, path).expanduser().absolute()))


def _fixed_part(pattern: Path) -> Path:
    """The folders before the first wildcard; names inside a shard are relative to it."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts[:-1]) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:fixed])


def _unfinished(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix in {".tmp", ".part", ".partial", ".crdownload"}


def _settled(path: Path, settle_seconds: float, now: float) -> bool:
    try:
        return settle_seconds <= 0 or now - path.stat().st_mtime >= settle_seconds
    except OSError:
        return False


def _groups(files: list[ShardFile], size: int) -> list[list[ShardFile]]:
    return [files[start : start + size] for start in range(0, len(files), size)]
