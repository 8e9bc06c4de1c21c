"""Registration: find the files of a recipe's sources and append the new ones to the registry as shards.

A source names files or globs relative to the recipe, or URIs that fsspec reads, and may have a landing folder in which
files appear later. Files are taken in sorted order, so that the same files give the same shards. A file whose bytes
changed is registered anew and its old shard removed.
"""

from __future__ import annotations

import glob
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from gristmill.errors import InputError
from gristmill.ingest.options import SourceBase
from gristmill.inputs import InputFile
from gristmill.recipe import Recipe
from gristmill.remote import RemoteFile, find_below, find_files, is_uri, refuse_credentials, shown
from gristmill.store import Registry, Shard, ShardFile, Store
from gristmill.store.registry import changed, describe_file, describe_remote

_LOCAL_SCHEMES = ("file://", "local://")


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
    found = {file.path: file for file in _files(recipe, source, options)}
    settled = {path: file for path, file in found.items() if _settled(file, settle_seconds, now)}
    shards = [shard.below(recipe.path.parent) for shard in registry.shards() if shard.source == source]
    stale = [shard for shard in shards if any(_changed(file, settled) for file in shard.files)]
    known = {file.path: file.name for shard in shards if shard not in stale for file in shard.files}
    unknown = [file for path, file in settled.items() if path not in known]
    if options.key_is_name:
        _refuse_equal_names(recipe, source, known, unknown)
    return _Change(stale, options.group([_describe(file) for file in unknown]))


def landing_folder(recipe: Recipe, options: SourceBase) -> Path | None:
    """Where new files of a source appear on a disk, or None."""
    if options.landing is None or _is_remote(options.landing):
        return None
    return _absolute(recipe, options.landing)


@dataclass(frozen=True)
class _Found:
    """A file of a source: where it lies, its name inside the shard, and its path as the registry keeps it."""

    path: str
    name: str
    stored: str
    remote: RemoteFile | None = None  # what its store says of it


def _describe(file: _Found) -> ShardFile:
    if file.remote is not None:
        return describe_remote(file.remote, file.name)
    return replace(describe_file(Path(file.path), file.name), path=file.stored)


def _changed(file: ShardFile, settled: dict[str, _Found]) -> bool:
    there = settled.get(file.path)
    return there is not None and changed(file, there.remote)


def _refuse_equal_names(recipe: Recipe, source: str, known: dict[str, str], new: list[_Found]) -> None:
    """Raise InputError where two files would give documents of the same name, and so of the same id."""
    taken = {name: path for path, name in known.items()}
    for file in new:
        other = taken.setdefault(file.name, file.path)
        if other != file.path:
            raise InputError(
                f"recipe {recipe.path.name}, sources.{source}: {other!r} and {file.path!r} are both named "
                f"{file.name!r}, the part below what their pattern fixes, and documents of this kind are known by that "
                "name; use one pattern that begins above both, or two sources"
            )


def _files(recipe: Recipe, source: str, options: SourceBase) -> list[_Found]:
    """Every file of a source, sorted, each once."""
    found: dict[str, _Found] = {}
    for pattern in options.inputs:
        matches = _remote_matches if _is_remote(pattern) else _matches
        chosen = _chosen_below(recipe, source, options, pattern)
        found.update((file.path, file) for file in chosen or matches(recipe, source, pattern))
    if options.landing and _is_remote(options.landing):
        refuse_credentials(options.landing)
        found.update((file.path, file) for file in _remote_files(find_below(options.landing)))
        return list(found.values())
    folder = landing_folder(recipe, options)
    if folder is not None and options.landing and folder.is_dir():
        for path in sorted(
            path for path in folder.rglob("*") if path.is_file() and not _unfinished(path.name)
        ):
            found[str(path)] = _found(recipe, path, folder, options.landing)
    return list(found.values())


def _found(recipe: Recipe, path: Path, base: Path, declared: str) -> _Found:
    moves = not Path(declared).expanduser().is_absolute()
    stored = os.path.relpath(path, recipe.path.parent) if moves else str(path)
    return _Found(str(path), path.relative_to(base).as_posix(), stored)


def _chosen_below(recipe: Recipe, source: str, options: SourceBase, declared: str) -> list[_Found]:
    """The files below a declared folder that the source's options choose; none where it is no folder of such a kind."""
    if not options.chooses_files:
        return []
    if _is_remote(declared):
        refuse_credentials(declared)
        below = _remote_files(find_below(declared))
    else:
        folder = _absolute(recipe, declared)
        below = [
            _found(recipe, path, folder, declared) for path in sorted(folder.rglob("*")) if path.is_file()
        ]
    by_name = {file.name: file for file in below}

    def read(name: str) -> bytes:
        with InputFile(by_name[name].path, name).open() as handle:
            return handle.read()

    try:
        return [by_name[name] for name in options.files_below(list(by_name), read)] if by_name else []
    except InputError as error:
        raise InputError(f"recipe {recipe.path.name}, sources.{source}: {error}") from error


def _matches(recipe: Recipe, source: str, declared: str) -> list[_Found]:
    """The files that a path or glob names."""
    pattern = _absolute(recipe, declared)
    if pattern.is_file():  # also one whose name looks like a glob
        return [_found(recipe, pattern, pattern.parent, declared)]
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
    return [_found(recipe, path, base, declared) for path in paths]


def _remote_matches(recipe: Recipe, source: str, pattern: str) -> list[_Found]:
    """The files that a URI or a pattern in one names."""
    refuse_credentials(pattern)
    found = find_files(pattern)
    if not found:
        raise InputError(
            f"recipe {recipe.path.name}, sources.{source}.inputs: {shown(pattern)!r} finds no file; name one, or a "
            "pattern as in 's3://BUCKET/FOLDER/**/*.jsonl' (where the store can list)"
        )
    return _remote_files(found)


def _remote_files(found: list[tuple[RemoteFile, str]]) -> list[_Found]:
    return [
        _Found(file.uri, name, file.uri, file)
        for file, name in found
        if not _unfinished(name.rpartition("/")[2])
    ]


def _is_remote(declared: str) -> bool:
    return is_uri(declared) and not declared.startswith(_LOCAL_SCHEMES)


def _absolute(recipe: Recipe, path: str) -> Path:
    for scheme in _LOCAL_SCHEMES:
        path = path.removeprefix(scheme)
    return Path(os.path.normpath(Path(recipe.path.parent, path).expanduser().absolute()))


def _fixed_part(pattern: Path) -> Path:
    """The folders before the first wildcard; names inside a shard are relative to it."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts[:-1]) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:fixed])


def _unfinished(name: str) -> bool:
    return name.startswith(".") or name.endswith((".tmp", ".part", ".partial", ".crdownload"))


def _settled(file: _Found, settle_seconds: float, now: float) -> bool:
    """Whether nobody writes to a file any more, as far as its time stamp tells."""
    if settle_seconds <= 0:
        return True
    if file.remote is not None:  # objects appear whole; where a time is known it is looked at all the same
        return file.remote.modified is None or now - file.remote.modified >= settle_seconds
    try:
        return now - os.stat(file.path).st_mtime >= settle_seconds
    except OSError:
        return False
