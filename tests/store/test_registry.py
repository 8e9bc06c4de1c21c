from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from gristmill.errors import InputError, StoreError
from gristmill.store import Registry, ShardFile, Store
from gristmill.store.registry import changed, describe_file

FORK = multiprocessing.get_context("fork")


def _file(name: str, digest: str = "d") -> ShardFile:
    return ShardFile(f"/data/{name}", name, 1, 0, digest)


def _open(root: Path) -> Registry:
    return Registry(Store.open(root), "demo")


def _entries(root: Path) -> list[str]:
    return [listed.key for listed in Store.open(root).files.list("registry/demo")]


def test_shards_keep_the_order_in_which_they_came(tmp_path: Path) -> None:
    registry = _open(tmp_path)
    assert registry.shards() == []
    web = registry.register("web", [_file("a"), _file("b")])
    code = registry.register("code", [_file("c")])
    more = registry.register("web", [_file("d")])
    assert [(shard.sequence, shard.key) for shard in (web, code, more)] == [
        (1, "web-0001"),
        (2, "code-0001"),
        (3, "web-0002"),
    ]
    assert _open(tmp_path).shards() == [web, code, more]
    assert registry.shard("web-0002") == more


def test_recipes_have_registries_of_their_own(tmp_path: Path) -> None:
    _open(tmp_path).register("web", [_file("a")])
    assert Registry(Store.open(tmp_path), "other").shards() == []


def test_a_removed_shard_is_gone_and_its_key_is_not_used_again(tmp_path: Path) -> None:
    registry = _open(tmp_path)
    registry.register("web", [_file("a")])
    kept = registry.register("web", [_file("b")])
    registry.remove("web-0001")
    registry.remove("web-0001")  # by another process, say
    assert registry.shards() == [kept]
    assert len(_entries(tmp_path)) == 3
    again = registry.register("web", [_file("a")])
    assert (again.key, again.sequence) == ("web-0003", 4)


def test_an_unknown_shard_is_named_with_the_known_ones(tmp_path: Path) -> None:
    registry = _open(tmp_path)
    with pytest.raises(
        InputError, match=r"shard 'web-0009' is not registered; known: none; run: gristmill build"
    ):
        registry.shard("web-0009")
    registry.register("web", [_file("a")])
    for verb in (registry.shard, registry.remove):
        with pytest.raises(InputError, match="shard 'web-0009' is not registered; known: web-0001"):
            verb("web-0009")


def test_files_that_a_shard_holds_are_not_registered_twice(tmp_path: Path) -> None:
    registry = _open(tmp_path)
    registry.register("web", [_file("a"), _file("b")])
    assert registry.register_unknown("web", [_file("a"), _file("b")]) is None
    half = registry.register_unknown("web", [_file("b"), _file("c")])
    assert half is not None
    assert [file.name for file in half.files] == ["c"]
    assert (
        registry.register_unknown("code", [_file("a")]) is not None
    )  # another source may read the same file
    registry.remove("web-0001")
    assert registry.register_unknown("web", [_file("a")]) is not None


def test_processes_that_register_at_once_leave_no_gap_and_share_no_number(tmp_path: Path) -> None:
    Store.open(tmp_path)
    with FORK.Pool(4) as pool:
        pool.starmap(_register, [(tmp_path, number) for number in range(4)])
    shards = _open(tmp_path).shards()
    assert [shard.sequence for shard in shards] == list(range(1, 41))
    assert len({shard.key for shard in shards}) == 40
    assert sorted(shard.files[0].name for shard in shards) == sorted(
        f"{n}-{i}" for n in range(4) for i in range(10)
    )
    assert [shard.key for shard in shards if shard.source == "s0"] == [f"s0-{i:04d}" for i in range(1, 21)]


def _register(root: Path, number: int) -> None:
    registry = _open(root)
    for i in range(10):
        registry.register(f"s{number % 2}", [_file(f"{number}-{i}")])


def test_processes_that_find_the_same_files_register_them_once(tmp_path: Path) -> None:
    Store.open(tmp_path)
    with FORK.Pool(4) as pool:
        made = pool.map(_register_the_same, [tmp_path] * 4)
    assert sum(made) == 10
    names = [file.name for shard in _open(tmp_path).shards() for file in shard.files]
    assert sorted(names) == [str(i) for i in range(10)]


def _register_the_same(root: Path) -> int:
    registry = _open(root)
    return sum(registry.register_unknown("web", [_file(str(i))]) is not None for i in range(10))


def test_the_digest_of_a_shard_covers_names_and_contents_not_places(tmp_path: Path) -> None:
    registry = _open(tmp_path)
    first = registry.register("web", [ShardFile("/x/a", "a", 1, 5, "d")])
    moved = registry.register("web", [ShardFile("/y/a", "a", 1, 9, "d")])
    renamed = registry.register("web", [ShardFile("/x/a", "b", 1, 5, "d")])
    other = registry.register("web", [ShardFile("/x/a", "a", 1, 5, "e")])
    assert first.digest == moved.digest
    assert len({first.digest, renamed.digest, other.digest}) == 3


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"key": "web-0001"}', b'{"key": "k", "files": [{}]}'])
def test_a_damaged_entry_is_named(tmp_path: Path, data: bytes) -> None:
    registry = _open(tmp_path)
    registry.register("web", [_file("a")])
    (tmp_path / "registry/demo/00000001.json").write_bytes(data)
    with pytest.raises(
        StoreError, match=r"registry entry 'registry/demo/00000001.json' is damaged .*from a copy"
    ):
        registry.shards()


def test_a_missing_entry_is_not_passed_over(tmp_path: Path) -> None:
    registry = _open(tmp_path)
    for name in "abc":
        registry.register("web", [_file(name)])
    (tmp_path / "registry/demo/00000002.json").unlink()
    for verb in (registry.shards, lambda: registry.register("web", [_file("d")])):
        with pytest.raises(
            StoreError, match=r"'registry/demo/00000002.json' is missing, but later ones are there"
        ):
            verb()


def test_a_long_source_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"allowed are letters, digits and \._-, at most 100"):
        _open(tmp_path).register("s" * 100, [_file("a")])


# -- input files ------------------------------------------------------------------------------------------------


def test_a_file_is_changed_when_its_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(b"one")
    file = describe_file(path, "a.warc")
    assert (file.bytes, file.name, len(file.digest)) == (3, "a.warc", 32)
    assert not changed(file)
    path.write_bytes(b"two")
    _set_time(path, file.modified_ns + 1)
    assert changed(file)
    path.write_bytes(b"one")
    _set_time(path, file.modified_ns + 2)
    assert not changed(file)  # touched only
    path.write_bytes(b"longer")
    assert changed(file)
    path.unlink()
    assert changed(file)


def _set_time(path: Path, modified_ns: int) -> None:
    os.utime(path, ns=(modified_ns, modified_ns))


def test_an_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"input '.*gone' cannot be read: No such file or directory"):
        describe_file(tmp_path / "gone", "gone")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        describe_file(tmp_path, "folder")
