"""Input files, on a disk or wherever fsspec can read: the one way in which readers get at bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gristmill import remote


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file of a shard: where it lies (a local path, or a URI such as s3://bucket/key) and its name there."""

    path: str
    name: str

    @classmethod
    def at(cls, path: Path) -> InputFile:
        """A local file under its own name."""
        return cls(str(path), path.name)

    @property
    def is_remote(self) -> bool:
        """Whether fsspec reads it."""
        return remote.is_uri(self.path)

    def open(self) -> BinaryIO:
        """The file for reading, with seek; to be closed by whoever opened it. Raises OSError."""
        return remote.open_file(self.path) if self.is_remote else Path(self.path).open("rb")

    def size(self) -> int:
        """Bytes as stored. Raises OSError."""
        if not self.is_remote:
            return Path(self.path).stat().st_size
        with self.open() as handle:
            return handle.seek(0, 2)

    def exists(self) -> bool:
        """Whether there is such a file. Raises InputError where a store cannot be asked."""
        if self.is_remote:
            return remote.look_at(self.path) is not None
        return Path(self.path).is_file()
