from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import StoreError
from gristmill.store import LocalFiles, Store

FORK = multiprocessing.get_context("fork")


def _keys(files: LocalFiles, prefix: str) -> list[str]:
    return [listed.key for listed in files.list(prefix)]


def _unfinished(files: LocalFiles) -> list[str]:
    return _keys(files, "tmp")


def test_created_bytes_are_read_back(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path / "new" / "store")
    assert files.create("a/b.json", b"{}")
    assert files.read("a/b.json") == b"{}"
    assert files.size("a/b.json") == 2
    assert _unfinished(files) == []


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.create("a", b"x")
    assert files.read("b/c") is None
    assert files.read("a/below-a-file") is None
    assert files.size("b/c") is None
    assert _keys(files, "b") == []


def test_create_does_not_replace(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    assert files.create("a", b"first")
    assert not files.create("a", b"second")
    assert files.read("a") == b"first"


def test_of_many_threads_one_creates(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    barrier = threading.Barrier(8)

    def create(number: int) -> bool:
        barrier.wait()
        return files.create("folder/a", b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))
    assert won.count(True) == 1
    assert files.read("folder/a") == b"%d" % won.index(True)


def test_of_many_processes_one_creates(tmp_path: Path) -> None:
    with FORK.Pool(4) as pool:
        won = pool.starmap(_create_all, [(tmp_path, number) for number in range(4)])
    assert [sum(row) for row in zip(*won, strict=True)] == [1] * 20


def _create_all(root: Path, number: int) -> list[bool]:
    files = LocalFiles(root)
    return [files.create(f"folder/{i}", b"%d" % number) for i in range(20)]


def test_swap_replaces_what_was_read(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path / "new")
    assert files.swap("a", b"1", None)
    assert files.swap("a", b"2", b"1")
    assert files.read("a") == b"2"


def test_swap_refuses_what_changed_meanwhile(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.create("a", b"2")
    assert not files.swap("a", b"3", b"1")
    assert not files.swap("a", b"3", None)
    assert files.read("a") == b"2"


def test_swaps_of_many_processes_lose_no_update(tmp_path: Path) -> None:
    LocalFiles(tmp_path).create("count", b"0")
    with FORK.Pool(4) as pool:
        pool.starmap(_count_up, [(tmp_path, 10)] * 4)
    assert LocalFiles(tmp_path).read("count") == b"40"


def _count_up(root: Path, times: int) -> None:
    files = LocalFiles(root)
    for _ in range(times):
        while True:
            seen = files.read("count") or b""
            if files.swap("count", b"%d" % (int(seen) + 1), seen):
                break


def test_create_survives_the_removal_of_its_folder_by_another(tmp_path: Path) -> None:
    # Deleting the last file of a folder removes the folder, maybe while another process writes into it.
    def create_and_delete(number: int) -> None:
        files = LocalFiles(tmp_path)
        for i in range(50):
            assert files.create(f"leases/{number}-{i}", b"x")
            files.delete(f"leases/{number}-{i}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create_and_delete, range(4)))
    assert not (tmp_path / "leases").exists()


def test_upload_moves_a_file(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path / "store")
    with files.scratch() as folder:
        (folder / "a.bin").write_bytes(b"new")
        files.create("objects/a.bin", b"old")
        files.upload("objects/a.bin", folder / "a.bin")
        assert not (folder / "a.bin").exists()
    assert files.fetch("objects/a.bin").read_bytes() == b"new"


def test_upload_copies_from_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = LocalFiles(tmp_path / "store")
    outside = tmp_path / "outside.bin"
    outside.write_bytes(b"bytes")
    replace = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(source) == outside:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    files.upload("objects/a.bin", outside)
    assert files.read("objects/a.bin") == b"bytes"
    assert not outside.exists()
    assert _unfinished(files) == []


def test_fetching_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="file 'a/b' is missing; build the asset again"):
        LocalFiles(tmp_path).fetch("a/b")


def test_deleting_twice_is_fine(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.create("a/b", b"")
    files.delete("a/b")
    files.delete("a/b")
    assert files.read("a/b") is None
    assert not (tmp_path / "a").exists()


def test_files_are_listed_by_key_as_an_object_store_does(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    for key in ("x/a/b", "x/a-b/c", "x/a.json", "y/z"):
        files.create(key, b"123")
    assert _keys(files, "x") == ["x/a-b/c", "x/a.json", "x/a/b"]
    assert next(files.list("y")).bytes == 3


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../../b",
        ".hidden",
        "-a",
        "a b",
        "a\n",
        "ä",
        "a\\b",
        "a" * 201,
        "a/\0",
    ],
)
def test_keys_that_could_leave_the_folder_or_confuse_it_are_refused(tmp_path: Path, key: str) -> None:
    files = LocalFiles(tmp_path / "store")
    for verb in (files.read, files.size, files.delete, files.fetch):
        with pytest.raises(StoreError, match="is not allowed; parts are letters, digits"):
            verb(key)
    with pytest.raises(StoreError, match="is not allowed"):
        files.create(key, b"")
    assert not (tmp_path / "store").exists()


def test_files_can_be_read_by_those_whom_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        LocalFiles(tmp_path).create("a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_scratch_is_removed_also_after_an_error(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    with pytest.raises(IsADirectoryError), files.scratch() as folder:
        folder.write_bytes(b"a folder is not a file")
    assert _unfinished(files) == []
    assert list((tmp_path / "tmp").iterdir()) == []


# -- disks that refuse ------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    message = _in_a_child(_write_too_much, tmp_path)
    assert "cannot write 'big.bin': File too large" in message
    files = LocalFiles(tmp_path)
    assert files.read("a/big.bin") is None
    assert _unfinished(files) == []
    assert files.create("a/big.bin", b"small")


def _write_too_much(root: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    LocalFiles(root).create("a/big.bin", b"x" * 10_000)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "No space left on device; free some space, or give the store another folder"),
        (errno.EROFS, "Read-only file system; make the folder writable, or give the store another one"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_the_cause_is_named_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    files = LocalFiles(tmp_path)
    files.create("a", b"1")

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    for write in (lambda: files.create("b", b"2"), lambda: files.swap("a", b"2", b"1")):
        with pytest.raises(StoreError) as caught:
            write()
        assert str(caught.value).endswith(advice)
        assert str(tmp_path) in str(caught.value)
    assert files.read("a") == b"1"
    assert files.read("b") is None
    assert _unfinished(files) == []


def test_a_read_only_folder_can_be_read_and_says_so_when_written() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        root = Path(name)
        root.chmod(0o755)
        Store.open(root / "store").files.create("a/b", b"x")
        for path in (root / "store", root / "store" / "tmp", root / "store" / "a"):
            path.chmod(0o555)
        assert _in_a_child(_read_as_nobody, root / "store") == ""
        message = _in_a_child(_create_as_nobody, root / "store")
        assert "cannot write 'c': Permission denied; make the folder writable" in message
        message = _in_a_child(_open_as_nobody, root / "other")
        assert "cannot write 'format.json': Permission denied; make the folder writable" in message
        for path in (root / "store", root / "store" / "tmp", root / "store" / "a"):
            path.chmod(0o755)


def _read_as_nobody(root: Path) -> None:
    _drop_root()
    assert Store.open(root).files.read("a/b") == b"x"


def _create_as_nobody(root: Path) -> None:
    _drop_root()
    Store.open(root).files.create("a/c", b"x")


def _open_as_nobody(root: Path) -> None:
    _drop_root()
    Store.open(root)


def _drop_root() -> None:
    if os.geteuid() == 0:  # root writes everywhere
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def test_a_store_where_a_file_is_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot write 'format\.json'"):
        Store.open(tmp_path / "store")
    Store.open(tmp_path / "other").files.create("objects", b"not a folder")
    with pytest.raises(StoreError, match="cannot write 'a'"):
        LocalFiles(tmp_path / "other").create("objects/a", b"")


def _in_a_child(work: Callable[[Path], None], root: Path) -> str:
    """Message of the StoreError that `work` raises in a process of its own; empty if it raises nothing."""
    ours, theirs = FORK.Pipe()
    child = FORK.Process(target=_tell, args=(work, root, theirs))
    child.start()
    theirs.close()
    told = ours.recv() if ours.poll(30) else "the child said nothing"
    child.join()
    return str(told)


def _tell(work: Callable[[Path], None], root: Path, pipe: Any) -> None:
    try:
        work(root)
        pipe.send("")
    except StoreError as error:
        pipe.send(str(error))
