"""Garbage collection: remove what no ref and no running build needs, after a grace period."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.hashing import canonical_json
from gristmill.store.files import UNFINISHED, Listed
from gristmill.store.objects import Ref, Store, object_key

GRACE_SECONDS = 24 * 3600.0  # an object younger than this may belong to a build that has not set its ref yet
LEASE_SECONDS = 7 * 24 * 3600.0  # a lease older than this belongs to a process that died


@dataclass(frozen=True)
class Collected:
    """What a collection found or removed."""

    objects: int
    bytes: int
    kept: int


def collect_garbage(
    store: Store, *, grace_seconds: float = GRACE_SECONDS, now: float | None = None, dry_run: bool = False
) -> Collected:
    """Remove objects without a ref, and what killed processes left unfinished; cached LLM answers are never touched.

    Kept besides: what is younger than the grace period, and what was written since the oldest running build began.
    A build that finds an unneeded object and sets a ref to it at this moment is not robbed of it: manifests go first,
    then the refs are read again, and what is needed by now gets its manifest back.
    """
    now = time.time() if now is None else now
    limit = min([now - grace_seconds, *_lease_starts(store, now)])
    objects: dict[str, list[Listed]] = {}
    for listed in store.files.list("objects"):
        objects.setdefault(listed.key.split("/")[2], []).append(listed)
    needed = _referenced(store)
    unneeded = {
        fingerprint: files
        for fingerprint, files in objects.items()
        if fingerprint not in needed and max(file.modified for file in files) <= limit
    }
    if not dry_run:
        for fingerprint in _hide(store, list(unneeded)):
            del unneeded[fingerprint]
        for fingerprint in unneeded:
            if (
                store.files.size(f"{object_key(fingerprint)}/manifest.json") is None
            ):  # not built again meanwhile
                store.discard(fingerprint)
        _remove_old(store, UNFINISHED, limit)
        _remove_old(store, "leases", now - LEASE_SECONDS)
    return Collected(
        objects=len(unneeded),
        bytes=sum(file.bytes for files in unneeded.values() for file in files),
        kept=len(objects) - len(unneeded),
    )


def _hide(store: Store, fingerprints: list[str]) -> list[str]:
    """Remove the manifests of these objects; those needed by now get theirs back and are returned."""
    manifests = {}
    for fingerprint in fingerprints:
        key = f"{object_key(fingerprint)}/manifest.json"
        manifests[fingerprint] = store.files.read(key)
        store.files.delete(key)
    needed = _referenced(store).intersection(fingerprints) if fingerprints else set()
    for fingerprint in needed:
        data = manifests[fingerprint]
        if data is not None:
            store.files.create(f"{object_key(fingerprint)}/manifest.json", data)
    return sorted(needed)


def _remove_old(store: Store, prefix: str, limit: float) -> None:
    for listed in list(store.files.list(prefix)):
        if listed.modified <= limit:
            store.files.delete(listed.key)


@contextlib.contextmanager
def lease(store: Store) -> Iterator[None]:
    """Tell garbage collection that a build is running, for the length of the block."""
    key = f"leases/{os.getpid()}-{secrets.token_hex(6)}.json"
    store.files.create(key, canonical_json({"since": time.time()}).encode())
    try:
        yield
    finally:
        store.files.delete(key)


def _referenced(store: Store) -> set[str]:
    refs = ((listed.key, store.files.read(listed.key)) for listed in store.files.list("refs"))
    return {
        Ref.from_json(data, f"store {store.name}, {key}").fingerprint
        for key, data in refs
        if data is not None
    }


def _lease_starts(store: Store, now: float) -> list[float]:
    """When the running builds began; by the file's own time, which needs no reading."""
    leases = store.files.list("leases")
    return [listed.modified for listed in leases if now - listed.modified < LEASE_SECONDS]
