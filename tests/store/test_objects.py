from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import StoreError
from gristmill.store import FORMAT, Manifest, ObjectWriter, Store, tables
from gristmill.store.objects import fingerprint, object_key

FORK = multiprocessing.get_context("fork")
NAME = "ab" * 16  # of an object
ROWS = pl.DataFrame({"id": ["a", "b", "c"], "text": ["one", "", None], "bands": [[1, 2], [], [3]]})


def _publish(
    store: Store, rows: pl.DataFrame = ROWS, name: str = NAME, step: int | None = None, **facts: Any
) -> Manifest:
    with store.writer(asset="filtered", partition="web-0001", fingerprint=name) as writer:
        for batch in rows.iter_slices(step or max(1, rows.height)):
            writer.write("documents", batch)
        return _finish(writer, **facts)


def _finish(writer: ObjectWriter, **facts: Any) -> Manifest:
    given_facts: dict[str, Any] = {"version": 1, "options": {}, "inputs": {}, "figures": {}, "run": {}}
    return writer.publish(**(given_facts | facts))


def _path(store: Store, manifest: Manifest) -> Path:
    """The first file of an object."""
    return store.files.fetch(manifest.key(manifest.files[0]))


def _manifest_path(store: Store) -> Path:
    return Path(store.name, object_key(NAME), "manifest.json")


# -- publishing and finding -------------------------------------------------------------------------------------


def test_a_published_object_is_found_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    assert store.find(NAME) is None
    made = _publish(store, version=3, options={"min": 1}, inputs={"raw": "d"}, figures={"rows_in": 3})
    found = Store.open(tmp_path).find(NAME)
    assert found == made
    assert found is not None
    assert (found.format, found.asset, found.partition) == (FORMAT, "filtered", "web-0001")
    assert (found.version, found.options, found.inputs) == (3, {"min": 1}, {"raw": "d"})
    assert (found.rows("documents"), found.rows("decisions"), found.figures) == (3, 0, {"rows_in": 3})
    assert found.schemas == {"documents": {"id": "String", "text": "String", "bands": "List(Int64)"}}
    assert found.bytes == sum(entry.bytes for entry in found.files)
    assert list(store.files.list("tmp")) == []


def test_tables_are_read_lazily_and_in_batches(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    manifest = _publish(store)
    assert store.scan(manifest, "documents").collect().equals(ROWS)
    assert [batch.rows() for batch in store.batches(manifest, "documents", ["id"])] == [
        [("a",), ("b",), ("c",)]
    ]
    with pytest.raises(StoreError, match=r"'filtered' has no table 'scores'; it has \['documents'\]"):
        store.scan(manifest, "scores")


def test_a_store_is_read_where_its_path_looks_like_a_pattern(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "year=2024 [draft]*")
    assert store.scan(_publish(store), "documents").collect().equals(ROWS)


def test_a_table_without_rows_gives_one_empty_batch_with_its_columns(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with store.writer(asset="a", partition=None, fingerprint=NAME) as writer:
        writer.write("documents", ROWS.clear())
        manifest = _finish(writer)
    (batch,) = store.batches(manifest, "documents")
    assert batch.equals(ROWS.clear())
    (batch,) = store.batches(manifest, "documents", ["text"])
    assert batch.schema == pl.Schema({"text": pl.String})
    assert store.scan(manifest, "documents").collect().equals(ROWS.clear())


def test_files_that_are_no_tables_are_found_by_name(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with store.writer(asset="models/quality", partition=None, fingerprint=NAME) as writer:
        writer.file("model.bin").write_bytes(b"weights")
        manifest = _finish(writer)
    assert store.path(manifest, "model.bin").read_bytes() == b"weights"
    assert manifest.files[0].rows is None
    with pytest.raises(StoreError, match=r"has no file 'vocab'; it has \['model.bin'\]"):
        store.path(manifest, "vocab")


def test_rows_of_another_schema_are_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with store.writer(asset="a", partition=None, fingerprint=NAME) as writer:
        writer.write("documents", ROWS)
        with pytest.raises(StoreError, match="table 'documents': got columns"):
            writer.write("documents", ROWS.drop("text"))
    assert store.find(NAME) is None


# -- the same rows, the same bytes ------------------------------------------------------------------------------


def test_the_content_digest_depends_on_the_rows_alone(tmp_path: Path) -> None:
    first = _publish(Store.open(tmp_path / "1"), figures={"a": 1}, run={"host": "x"})
    second = _publish(Store.open(tmp_path / "2"), name="cd" * 16, version=2, options={"b": 2})
    other = _publish(Store.open(tmp_path / "3"), ROWS.reverse())
    assert first.content == second.content != other.content


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_same_rows_give_the_same_bytes_however_they_are_cut(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = st.one_of(st.none(), st.text(max_size=30))
    values = data.draw(st.lists(st.tuples(texts, st.lists(st.integers(0, 9), max_size=5)), max_size=40))
    rows = pl.DataFrame(
        {"text": [t for t, _ in values], "bands": [b for _, b in values], "row": range(len(values))},
        schema={"text": pl.String, "bands": pl.List(pl.UInt64), "row": pl.UInt32},
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=6)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROW_GROUP_BYTES", data.draw(st.integers(1, 600)))
        patch.setattr(tables, "ROW_GROUP_ROWS", data.draw(st.integers(1, 12)))
        store = Store.open(tmp_path_factory.mktemp("store"))
        manifests = []
        for name, edges in (("aa" * 16, [0, len(values)]), ("bb" * 16, [0, *cuts, len(values)])):
            with store.writer(asset="a", partition=None, fingerprint=name) as writer:
                for first, last in pairwise(edges):
                    writer.write("t", rows[first:last])
                manifests.append(_finish(writer))
    assert manifests[0].files == manifests[1].files
    assert store.scan(manifests[1], "t").collect().equals(rows)


def test_a_row_group_ends_with_the_row_that_reaches_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_BYTES", 100)
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 3)
    store = Store.open(tmp_path)
    rows = pl.DataFrame({"text": ["x", "y", "z", "x" * 200, "y" * 50, "z" * 50, "w"]})
    manifest = _publish(store, rows)
    assert [batch.height for batch in store.batches(manifest, "documents")] == [3, 1, 2, 1]


def test_nested_columns_count_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_BYTES", 1_000)
    store = Store.open(tmp_path)
    for number, values in enumerate(
        (
            [["x" * 600]] * 4,
            [[["x" * 600], []]] * 4,
            [{"a": "x" * 600, "b": 1}] * 4,
            [[{"a": "x" * 600}]] * 4,
            [b"x" * 600] * 4,
            [list(range(75))] * 4,
        )
    ):
        manifest = _publish(store, pl.DataFrame({"v": values}), name=f"{number:02d}" * 16)
        assert [batch.height for batch in store.batches(manifest, "documents")] == [2, 2]


def test_a_large_table_is_written_and_read_in_row_groups(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    rows = pl.select(
        id=pl.int_range(200_000).cast(pl.String), text=pl.int_range(200_000).hash().cast(pl.String)
    )
    manifest = _publish(store, rows, step=7_919)
    batches = list(store.batches(manifest, "documents"))
    assert max(batch.height for batch in batches) == tables.ROW_GROUP_ROWS
    assert pl.concat(batches).equals(rows)
    assert pq.read_metadata(_path(store, manifest)).num_row_groups == len(batches) == 13


# -- damage -----------------------------------------------------------------------------------------------------


def test_a_missing_or_cut_file_counts_as_not_there_and_is_made_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    made = _publish(store)
    _path(store, made).unlink()
    assert store.find(NAME) is None
    assert _publish(store).content == made.content
    assert store.find(NAME) is not None

    path = _path(store, made)
    path.write_bytes(path.read_bytes()[:-1])
    assert store.find(NAME) is None
    _publish(store)
    assert store.scan(made, "documents").collect().equals(ROWS)


def test_verify_names_files_whose_bytes_changed(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    manifest = _publish(store)
    assert store.verify(manifest) == []
    path = _path(store, manifest)
    damaged = bytearray(path.read_bytes())
    damaged[10] ^= 1
    path.write_bytes(damaged)
    assert store.find(NAME) is not None  # of the same length: only reading it can tell
    assert store.verify(manifest) == [path.name]
    path.unlink()
    assert store.verify(manifest) == [path.name]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"format": "1"}', b'{"format": 1, "files": [3]}', b"\xff"]
)
def test_a_damaged_manifest_is_named(tmp_path: Path, data: bytes) -> None:
    store = Store.open(tmp_path)
    _publish(store)
    _manifest_path(store).write_bytes(data)
    with pytest.raises(
        StoreError, match=r"ab/(ab){16}/manifest.json: the manifest is damaged .*build the asset again"
    ):
        store.find(NAME)


def test_a_manifest_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    _publish(store)
    values = json.loads(_manifest_path(store).read_bytes())
    _manifest_path(store).write_text(json.dumps({**values, "format": 2, "new": "field"}))
    with pytest.raises(StoreError, match="format 2, this version reads up to 1; install a newer Gristmill"):
        store.find(NAME)


def test_a_store_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path)
    (tmp_path / "format.json").write_text('{"format": 2}')
    with pytest.raises(
        StoreError, match="has format 2, this version reads up to 1; install a newer Gristmill"
    ):
        Store.open(tmp_path)
    (tmp_path / "format.json").write_text("oops")
    with pytest.raises(StoreError, match=r'format.json is damaged; expected {"format": 1}'):
        Store.open(tmp_path)


# -- several writers, crashes, full disks -----------------------------------------------------------------------


def test_of_two_writers_the_first_to_publish_stands(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    first = _publish(store, ROWS, run={"writer": 1})
    second = _publish(store, ROWS.reverse(), run={"writer": 2})
    assert second == first
    assert store.scan(second, "documents").collect().equals(ROWS)
    names = [Path(listed.key).name for listed in store.files.list(object_key(NAME))]
    assert names == [first.files[0].name, "manifest.json"]  # the files of the other one are gone


def test_many_processes_publish_one_object(tmp_path: Path) -> None:
    Store.open(tmp_path)
    with FORK.Pool(4) as pool:
        contents = pool.starmap(_publish_file, [(tmp_path, number) for number in range(4)])
    assert len(set(contents)) == 1
    found = Store.open(tmp_path).find(NAME)
    assert found is not None
    assert found.content == contents[0]


def _publish_file(root: Path, number: int) -> str:
    # A file, not a table: a forked process must not use Polars.
    store = Store.open(root)
    with store.writer(asset="a", partition=None, fingerprint=NAME) as writer:
        writer.file("model.bin").write_bytes(b"%d" % number)
        return _finish(writer).content


def test_a_stage_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path)

    def fail() -> None:
        with store.writer(asset="a", partition=None, fingerprint=NAME) as writer:
            writer.write("documents", ROWS)
            raise FileNotFoundError("input.warc")

    with pytest.raises(FileNotFoundError):  # of the stage, so it is not called an error of the store
        fail()
    assert store.find(NAME) is None
    assert [listed.key for listed in store.files.list("objects")] == []
    assert [listed.key for listed in store.files.list("tmp")] == []


def test_a_crash_between_files_and_manifest_leaves_nothing_visible(tmp_path: Path) -> None:
    child = FORK.Process(target=_die_before_the_manifest, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    store = Store.open(tmp_path)
    left = [listed.key for listed in store.files.list("objects")]
    assert len(left) == 1
    assert store.find(NAME) is None
    assert _publish_file(tmp_path, 1)  # and the next one is not in its way
    assert store.find(NAME) is not None


def _die_before_the_manifest(root: Path) -> None:
    store = Store.open(root)

    def die(key: str, data: bytes) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False

    with store.writer(asset="a", partition=None, fingerprint=NAME) as writer:
        writer.file("model.bin").write_bytes(b"1")
        store.files.create = die  # type: ignore[method-assign]
        _finish(writer)


def test_a_disk_that_fills_up_under_a_table_is_an_error_of_the_store(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    rows = pl.select(text=pl.int_range(20_000).hash().cast(pl.String))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        with pytest.raises(StoreError, match=r"cannot write 'filtered': .*File too large"):
            _publish(store, rows)  # fails when a row group is full
        with pytest.raises(StoreError, match=r"cannot write 'filtered': .*File too large"):
            _publish(store, rows.head(10_000))  # fails when the table is closed
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert store.find(NAME) is None
    assert [listed.key for prefix in ("objects", "tmp") for listed in store.files.list(prefix)] == []
    assert _publish(store, rows).rows("documents") == 20_000


# -- refs and fingerprints --------------------------------------------------------------------------------------


def test_a_ref_says_what_is_current(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    assert store.ref("demo", "filtered", "web-0001") is None
    first = _publish(store)
    store.set_ref("demo", first)
    assert store.current("demo", "filtered", "web-0001") == first
    second = _publish(store, ROWS.reverse(), name="cd" * 16)
    store.set_ref("demo", second)
    store.set_ref("demo", second)
    assert store.current("demo", "filtered", "web-0001") == second
    assert store.ref("other", "filtered", "web-0001") is None


def test_a_ref_that_another_process_changes_meanwhile_is_set_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path)
    first, second = _publish(store), _publish(store, ROWS.reverse(), name="cd" * 16)
    swap, calls = store.files.swap, []

    def disturbed(key: str, data: bytes, expected: bytes | None) -> bool:
        calls.append(key)
        if len(calls) == 1:
            Store.open(tmp_path).set_ref("demo", first)
        return swap(key, data, expected)

    monkeypatch.setattr(store.files, "swap", disturbed)
    store.set_ref("demo", second)
    assert len(calls) == 2
    assert store.current("demo", "filtered", "web-0001") == second


def test_what_was_never_built_says_how_to_build_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with pytest.raises(StoreError) as caught:
        store.current("demo", "filtered", "web-0001")
    assert str(caught.value) == (
        "shard 'web-0001' of 'filtered' of recipe 'demo' is not in the store; build it first: "
        "gristmill build recipes/demo.yaml --select filtered --shard web-0001"
    )
    with pytest.raises(StoreError, match=r"'models/quality' of recipe .* --select models/quality$"):
        store.current("demo", "models/quality", None)


def test_a_dropped_ref_is_forgotten_and_the_object_stays(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.set_ref("demo", _publish(store))
    store.drop_ref("demo", "filtered", "web-0001")
    assert store.ref("demo", "filtered", "web-0001") is None
    assert store.find(NAME) is not None


@pytest.mark.parametrize("data", [b"", b"[]", b'{"fingerprint": "ab"}'])
def test_a_damaged_ref_is_named(tmp_path: Path, data: bytes) -> None:
    store = Store.open(tmp_path)
    store.set_ref("demo", _publish(store))
    (tmp_path / "refs/demo/filtered/web-0001.json").write_bytes(data)
    with pytest.raises(StoreError, match=r"refs/demo/filtered/web-0001.json: the ref is damaged .*delete it"):
        store.ref("demo", "filtered", "web-0001")


def test_every_part_of_a_fingerprint_counts_and_no_order_does() -> None:
    base: dict[str, Any] = {
        "asset": "filtered",
        "version": 1,
        "options": {"a": 1, "b": 2},
        "inputs": {"raw/web-0001": "d", "model/lid": "e"},
        "partition": "web-0001",
    }
    changes: list[dict[str, Any]] = [
        {"asset": "refined"},
        {"version": 2},
        {"options": {"a": 1, "b": 3}},
        {"inputs": {"raw/web-0001": "d"}},
        {"partition": "web-0002"},
        {"partition": None},
    ]
    names = {fingerprint(**base)} | {fingerprint(**(base | change)) for change in changes}
    assert len(names) == 7
    turned = base | {"options": {"b": 2, "a": 1}, "inputs": {"model/lid": "e", "raw/web-0001": "d"}}
    assert fingerprint(**turned) == fingerprint(**base)
