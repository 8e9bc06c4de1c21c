"""Garbage collection: remove what no ref and no running build needs, after a grace period."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.hashing import canonical_json
from gristmill.store.objects import Store

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
    """Remove objects without a ref, and files that belong to no object; cached LLM answers are never touched.

    Kept besides: what is younger than the grace period, and what was written since the oldest running build began.
    """
    now = time.time() if now is None else now
    needed = _referenced(store)
    limit = min([now - grace_seconds, *_lease_starts(store, now)])
    objects: dict[str, list[tuple[str, int, float]]] = {}
    for listed in store.files.list("objects"):
        fingerprint = listed.key.split("/")[2]
        objects.setdefault(fingerprint, []).append((listed.key, listed.bytes, listed.modified))
    removed = freed = 0
    for fingerprint, files in objects.items():
        if fingerprint in needed or max(modified for _, _, modified in files) > limit:
            continue
        removed += 1
        freed += sum(size for _, size, _ in files)
        if not dry_run:
            store.discard(fingerprint)
    return Collected(objects=removed, bytes=freed, kept=len(objects) - removed)


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
    refs = (store.files.read(listed.key) for listed in store.files.list("refs"))
    return {json.loads(data)["fingerprint"] for data in refs if data}


def _lease_starts(store: Store, now: float) -> list[float]:
    leases = (store.files.read(listed.key) for listed in store.files.list("leases"))
    starts = [float(json.loads(data)["since"]) for data in leases if data]
    return [since for since in starts if now - since < LEASE_SECONDS]
