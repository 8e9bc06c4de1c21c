"""Options that name files: lists, examples, models, benchmarks. What is in a file counts, not where it lies."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo

from gristmill.errors import RecipeError
from gristmill.hashing import digest_file, digest_json
from gristmill.options import Options

_IS_FILE = {"format": "file-path"}  # in the JSON Schema, and how `dump_with_digests` knows such a field


def input_file(description: str, *, required: bool = False) -> Any:
    """A file (or a folder) that the recipe hands in; null where it is not required."""
    return Field(
        default=... if required else None,
        min_length=1,
        json_schema_extra=dict(_IS_FILE),
        description=f"{description} The path is relative to the recipe.",
    )


def input_files(description: str) -> Any:
    """Files that the recipe hands in."""
    return Field(
        default=(),
        strict=False,
        json_schema_extra=dict(_IS_FILE),
        description=f"{description} Paths are relative to the recipe.",
    )


def resolve(path: str, folder: Path, key: str) -> Path:
    """Where a file or folder of the recipe lies; raises RecipeError, naming the key, unless it is there."""
    found = folder / path
    if not found.exists():
        raise RecipeError(f"{key}: got {path!r}, but there is no such file; paths are relative to the recipe")
    return found


def dump_with_digests(options: Options, folder: Path, key: str) -> dict[str, Any]:
    """The options as JSON, with the digest of each file in place of its path: what a fingerprint is made of.

    key: of the options in the recipe, for messages. Raises RecipeError where a file is missing.
    """
    dumped = options.model_dump(mode="json")
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        where = f"{key}.{name}"
        if isinstance(value, Options):
            dumped[name] = dump_with_digests(value, folder, where)
        elif isinstance(value, tuple) and value and isinstance(value[0], Options):
            dumped[name] = [dump_with_digests(item, folder, f"{where}.{i}") for i, item in enumerate(value)]
        elif isinstance(value, dict) and value and all(isinstance(item, Options) for item in value.values()):
            dumped[name] = {k: dump_with_digests(item, folder, f"{where}.{k}") for k, item in value.items()}
        elif value is not None and _names_files(field):
            paths = value if isinstance(value, tuple) else (value,)
            dumped[name] = [_digest(resolve(path, folder, where)) for path in paths]
    return dumped


def _names_files(field: FieldInfo) -> bool:
    return field.json_schema_extra == _IS_FILE


def _digest(path: Path) -> str:
    """Digest of a file, or of all files below a folder with their names."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest_json([[file.relative_to(path).as_posix(), _digest(file)] for file in files])
    status = path.stat()
    return _digest_once(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=10_000)
def _digest_once(path: Path, size: int, modified_ns: int) -> str:
    """A plan asks for every shard; a file is read again only if it was written since."""
    return digest_file(path)
