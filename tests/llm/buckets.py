"""An object store for tests that several processes share: whole objects, in one folder of this machine's disk."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import fsspec


class Bucket(fsspec.AbstractFileSystem):
    """`bucket:///FOLDER/key`. An object is there whole or not at all, and is put over one of that name."""

    protocol = "bucket"

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The objects in a folder; FileNotFoundError where there is none."""
        found = []
        for entry in sorted(os.scandir(self._strip_protocol(path)), key=lambda entry: entry.name):
            try:
                size = entry.stat().st_size
            except FileNotFoundError:  # removed while this lists
                continue
            if not entry.name.startswith("."):
                found.append({"name": entry.path, "size": size, "type": "file"})
        return found if detail else [info["name"] for info in found]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Put an object."""
        target = Path(self._strip_protocol(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.parent / f".{secrets.token_hex(8)}"
        unfinished.write_bytes(value)
        unfinished.replace(target)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """An object, or a part of it."""
        return Path(self._strip_protocol(path)).read_bytes()[start:end]

    def rm_file(self, path: str) -> None:
        """Remove an object."""
        Path(self._strip_protocol(path)).unlink()


fsspec.register_implementation("bucket", Bucket, clobber=True)
