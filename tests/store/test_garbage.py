from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gristmill.errors import StoreError
from gristmill.store import Collected, Manifest, Store, collect_garbage
from gristmill.store.garbage import GRACE_SECONDS, LEASE_SECONDS, lease
from gristmill.store.objects import object_key

LATER = time.time() + 10 * GRACE_SECONDS  # by then everything made here is old


def _publish(store: Store, name: str, text: str = "x", asset: str = "raw") -> Manifest:
    with store.writer(asset=asset, partition="web-0001", fingerprint=name * 16) as writer:
        writer.write("documents", pl.DataFrame({"text": [text]}))
        return writer.publish(version=1, options={}, inputs={}, figures={}, run={})


def _names(store: Store) -> list[str]:
    return sorted({listed.key.split("/")[1] for listed in store.files.list("objects")})


def test_what_no_ref_names_goes_after_the_grace_period(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    kept, lost = _publish(store, "aa"), _publish(store, "bb")
    store.set_ref("demo", kept)
    size = sum(listed.bytes for listed in store.files.list(object_key(lost.fingerprint)))

    assert collect_garbage(store) == Collected(objects=0, bytes=0, kept=2)
    assert collect_garbage(store, now=LATER) == Collected(objects=1, bytes=size, kept=1)
    assert _names(store) == ["aa"]
    assert store.current("demo", "raw", "web-0001") == kept
    assert store.verify(kept) == []
    assert collect_garbage(store, now=LATER) == Collected(objects=0, bytes=0, kept=1)


def test_a_shorter_grace_period_can_be_asked_for(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    _publish(store, "aa")
    now = time.time()
    assert collect_garbage(store, grace_seconds=3600, now=now + 3500).objects == 0
    assert collect_garbage(store, grace_seconds=3600, now=now + 3700).objects == 1


def test_a_dry_run_counts_and_removes_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    manifest = _publish(store, "aa")
    counted = collect_garbage(store, now=LATER, dry_run=True)
    assert counted.objects == 1
    assert store.find(manifest.fingerprint) == manifest
    assert collect_garbage(store, now=LATER) == counted


def test_an_object_that_two_recipes_share_stays_until_neither_needs_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    shared = _publish(store, "aa")
    store.set_ref("demo", shared)
    store.set_ref("other", shared)
    store.drop_ref("demo", "raw", "web-0001")
    assert collect_garbage(store, now=LATER).objects == 0
    store.drop_ref("other", "raw", "web-0001")
    assert collect_garbage(store, now=LATER).objects == 1
    assert _names(store) == []


def test_an_object_that_was_replaced_goes(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.set_ref("demo", _publish(store, "aa", "old"))
    store.set_ref("demo", _publish(store, "bb", "new"))
    assert collect_garbage(store, now=LATER).objects == 1
    assert _names(store) == ["bb"]


def test_what_was_written_since_a_running_build_began_stays(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    before = _publish(store, "aa")
    _make_older(tmp_path / object_key(before.fingerprint), seconds=60)
    with lease(store):
        _publish(store, "bb")
        assert collect_garbage(store, grace_seconds=0, now=time.time() + 3600).objects == 1
        assert _names(store) == ["bb"]
    assert collect_garbage(store, grace_seconds=0, now=time.time() + 3600).objects == 1
    assert _names(store) == []


def test_a_lease_ends_with_its_block_also_after_an_error(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with lease(store):
        assert len(list(store.files.list("leases"))) == 1
    assert list(store.files.list("leases")) == []
    with pytest.raises(StoreError), lease(store):
        store.current("demo", "raw", "web-0001")
    assert list(store.files.list("leases")) == []


def test_the_lease_of_a_dead_process_runs_out(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.files.create("leases/1-dead.json", b"{}")
    _publish(store, "aa")
    assert collect_garbage(store, now=time.time() + LEASE_SECONDS - 60).objects == 0
    assert collect_garbage(store, now=time.time() + LEASE_SECONDS + 60).objects == 1
    assert list(store.files.list("leases")) == []


def test_what_a_crash_left_is_removed(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.files.create(
        "objects/cc/" + "cc" * 16 + "/documents-0.parquet", b"half"
    )  # killed before the manifest
    store.files.create("tmp/scratch-1/documents.parquet", b"half")  # killed while it wrote
    assert collect_garbage(store).objects == 0
    assert len(list(store.files.list("tmp"))) == 1
    assert collect_garbage(store, now=LATER).objects == 1
    assert [listed.key for prefix in ("objects", "tmp") for listed in store.files.list(prefix)] == []
    assert not (tmp_path / "tmp" / "scratch-1").exists()


def test_answers_and_registry_are_never_touched(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for key in ("answers/model/1.parquet", "registry/demo/00000001.json"):
        store.files.create(key, b"{}")
    collect_garbage(store, now=LATER)
    assert store.files.read("answers/model/1.parquet") == b"{}"
    assert store.files.read("registry/demo/00000001.json") == b"{}"


def test_nothing_is_removed_where_a_ref_cannot_be_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    manifest = _publish(store, "aa")
    store.files.create("refs/demo/raw/web-0001.json", b"{")
    with pytest.raises(StoreError, match=r"refs/demo/raw/web-0001.json: the ref is damaged"):
        collect_garbage(store, now=LATER)
    assert store.find(manifest.fingerprint) == manifest


@pytest.mark.parametrize("moment", ["before its manifest goes", "before its files go"])
def test_an_object_that_becomes_needed_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    store = Store.open(tmp_path)
    manifest = _publish(store, "aa")
    other = _publish(store, "bb")

    def set_ref() -> None:
        Store.open(tmp_path).set_ref("demo", manifest)

    delete, read = store.files.delete, store.files.read
    if moment == "before its manifest goes":
        monkeypatch.setattr(store.files, "delete", _once_before(delete, set_ref))
    else:
        monkeypatch.setattr(store.files, "read", _once_before(read, set_ref))
    assert collect_garbage(store, now=LATER) == Collected(
        objects=1, bytes=sum(e.bytes for e in other.files) + len(other.to_json()), kept=1
    )
    assert store.current("demo", "raw", "web-0001") == manifest
    assert _names(store) == ["aa"]


def _once_before(verb: Callable[[str], Any], action: Callable[[], None]) -> Callable[[str], Any]:
    waiting = [action]

    def wrapped(key: str) -> Any:
        if waiting:
            waiting.pop()()
        return verb(key)

    return wrapped


def _make_older(folder: Path, *, seconds: float) -> None:
    for path in folder.iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))
