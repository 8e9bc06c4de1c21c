"""Input files, on a disk or wherever fsspec can read: the one way in which readers get at bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast


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
        return "://" in self.path

    def open(self) -> BinaryIO:
        """The file for reading, with seek; to be closed by whoever opened it. Raises OSError."""
        if self.is_remote:
            import fsspec

            return cast(BinaryIO, fsspec.open(self.path, "rb").open())
        return Path(self.path).open("rb")

    def size(self) -> int:
        """Bytes as stored. Raises OSError."""
        if self.is_remote:
            import fsspec

            files, key = fsspec.core.url_to_fs(self.path)
            return int(files.size(key))
        return Path(self.path).stat().st_size
