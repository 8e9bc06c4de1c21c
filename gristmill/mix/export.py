"""Export of `mixed`: its files under plain names in a folder, for trainers.

    corpus-00000.bin, corpus-00000.idx, ...   token shards (gristmill.mix.megatron)
    index.parquet                             one row per document in the order of the shards (gristmill.mix.shards)
    mixture.parquet                           proportions asked for and got (gristmill.mix.plan)
    manifest.json                             what it is, and the digest of every file; written last

Where the store is on the same disk the files are hard links to its own and take no room; do not write into them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gristmill.errors import StoreError
from gristmill.store import FileEntry, Manifest, Store

FORMAT = 1
MANIFEST = "manifest.json"
_OURS = re.compile(r"corpus-\d{5,}\.(bin|idx)|(index|mixture)\.parquet|manifest\.json|\.tmp-.*")
_COPIED = (
    "tokenizer",
    "vocab_size",
    "eos_id",
    "dtype",
    "synthetic_share_got",
)  # figures that the manifest repeats


@dataclass(frozen=True)
class Exported:
    """What an export wrote, or found there already."""

    folder: Path
    files: tuple[str, ...]
    tokens: int
    documents: int
    unchanged: bool  # the same corpus was there


def export_shards(store: Store, manifest: Manifest, folder: Path) -> Exported:
    """Publish the object `mixed` of this manifest into `folder`.

    An earlier export there is replaced, beginning with its manifest.json; so what has a manifest.json is whole,
    whenever the export stopped. Raises StoreError where the folder holds anything else, where a file is missing in the
    store, or where the folder cannot be written.
    """
    entries = {_plain_name(entry): entry for entry in manifest.files}
    described = _describe(store, manifest, entries)
    exported = Exported(
        folder, (*sorted(entries), MANIFEST), described["tokens"], described["documents"], False
    )
    text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if _is_there(folder, text, entries):
            return Exported(exported.folder, exported.files, exported.tokens, exported.documents, True)
        _clear(folder)
        for name, entry in sorted(entries.items()):
            _place(store.files.fetch(manifest.key(entry)), folder / name)
        _write_last(folder / MANIFEST, text)
    except OSError as error:
        raise StoreError(f"export to {str(folder)!r}: {error.strerror or error}") from error
    return exported


def _plain_name(entry: FileEntry) -> str:
    return entry.table if entry.rows is None else f"{entry.table}.parquet"


def _describe(store: Store, manifest: Manifest, entries: dict[str, FileEntry]) -> dict[str, Any]:
    size = np.dtype(manifest.figures["dtype"]).itemsize
    files = [
        {"name": name, "bytes": entry.bytes, "blake2b": entry.digest}
        | ({"tokens": entry.bytes // size} if name.endswith(".bin") else {})
        for name, entry in sorted(entries.items())
    ]
    return {
        "format": FORMAT,
        "fingerprint": manifest.fingerprint,
        "content": manifest.content,
        "documents": manifest.rows("index"),
        "tokens": sum(entry.get("tokens", 0) for entry in files),
        "mixture": store.scan(manifest, "mixture").collect().to_dicts(),
        "files": files,
        **{key: manifest.figures[key] for key in _COPIED},
    }


def _is_there(folder: Path, text: str, entries: dict[str, FileEntry]) -> bool:
    present = folder / MANIFEST
    if not present.is_file() or present.read_text(encoding="utf-8") != text:
        return False
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == entry.bytes
        for name, entry in entries.items()
    )


def _clear(folder: Path) -> None:
    """Remove an earlier export, its manifest first; refuse to touch a folder with anything else in it."""
    found = sorted(path.name for path in folder.iterdir())
    strange = [name for name in found if not _OURS.fullmatch(name)]
    if strange:
        raise StoreError(
            f"export to {str(folder)!r}: the folder holds other files, {strange[:3]} among them; "
            "choose an empty folder, a new one, or one with an earlier export"
        )
    for name in sorted(found, key=lambda name: name != MANIFEST):
        (folder / name).unlink()


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(source, target)
        with target.open("rb+") as handle:
            os.fsync(handle.fileno())


def _write_last(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.chmod(name, 0o644)
    os.replace(name, path)
