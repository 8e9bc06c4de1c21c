from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gristmill import remote
from gristmill.errors import StoreError
from gristmill.hashing import digest_text
from gristmill.llm import cache as module
from gristmill.llm import places, segments
from gristmill.llm.cache import AnswerCache
from gristmill.llm.requests import Answer, ModelIdentity
from tests.llm.buckets import Bucket

MODEL = ModelIdentity("small", "d1", "float32", 64)

WRITER = """
import os, signal, sys
from pathlib import Path
from gristmill.llm.places import RemotePlace
from tests.llm.test_cache_on_object_storage import MODEL, AnswerCache, _answer, _key
uri, spool, first, last, end = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
if end == "killed":
    put = RemotePlace.put
    RemotePlace.put = lambda self, file: (put(self, file), os.kill(os.getpid(), signal.SIGKILL))
cache = AnswerCache(uri, spool=spool)
with cache.writer(MODEL, "stub") as writer:
    for number in range(first, last):
        writer.write(_key(number), _answer(number))
        if number % 30 == 29:
            writer.close()
if end == "merge":
    cache.compact()
"""


def _key(number: int) -> str:
    return digest_text(str(number))


def _answer(number: int) -> Answer:
    return Answer(f"text {number}", "stop", number, 1)


def _answers(*numbers: int) -> dict[str, Answer]:
    return {_key(number): _answer(number) for number in numbers}


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"bucket://{tmp_path}/bucket/answers"


@pytest.fixture
def machine(uri: str, tmp_path: Path) -> Callable[[str], AnswerCache]:
    """Opens the cache as a machine of this name does, which has a disk of its own."""
    return lambda name: AnswerCache(uri, spool=tmp_path / name)


def _fill(cache: AnswerCache, *numbers: int) -> AnswerCache:
    with cache.writer(MODEL, "stub") as writer:
        for number in numbers:
            writer.write(_key(number), _answer(number))
    return cache


def _objects(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "bucket" / "answers" / "segments").iterdir())


def _journals(spool: Path) -> list[str]:
    return sorted(path.name for path in (spool / "journals").iterdir())


def _run(uri: str, spool: Path, first: int, last: int, end: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, uri, str(spool), str(first), str(last), end])


def test_a_bucket_that_is_not_there_yet_knows_nothing_and_nothing_is_written(
    machine: Callable[[str], AnswerCache], tmp_path: Path
) -> None:
    cache = machine("a")
    assert cache.lookup([_key(1)]) == {}
    assert (cache.count(), cache.verify()) == (0, [])
    assert list(tmp_path.iterdir()) == []


def test_another_machine_finds_what_a_closed_writer_put(
    machine: Callable[[str], AnswerCache], tmp_path: Path
) -> None:
    here, there = machine("a"), machine("b")
    with here.writer(MODEL, "stub") as writer:
        writer.write(_key(1), _answer(1))
        assert machine("a").lookup([_key(1)]) == here.lookup([_key(1)]) == _answers(1)  # by its journal
        assert there.lookup([_key(1)]) == {}
    assert there.lookup([_key(1), _key(2)]) == _answers(1)
    assert there.count() == 1
    assert _journals(tmp_path / "a") == []
    assert len(_objects(tmp_path)) == 1


def test_an_old_journal_is_put_while_its_writer_goes_on(
    machine: Callable[[str], AnswerCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_JOURNAL_SECONDS", 0.0)
    other = machine("b")
    with machine("a").writer(MODEL, "stub") as writer:
        for number in range(3):
            writer.write(_key(number), _answer(number))
            assert other.lookup([_key(n) for n in range(9)]) == _answers(*range(number + 1))


def test_machines_write_and_merge_at_once_and_nothing_is_lost(
    uri: str, machine: Callable[[str], AnswerCache], tmp_path: Path
) -> None:
    """Answers 100 to 149 are written twice."""
    runs = [_run(uri, tmp_path / name, first, first + 150, "merge") for name, first in (("a", 0), ("b", 100))]
    reader = machine("c")
    keys = [_key(n) for n in range(250)]
    while any(run.poll() is None for run in runs):
        with suppress(subprocess.TimeoutExpired):
            runs[0].wait(timeout=0.05)
        found = reader.lookup(keys)
        assert found == {key: answer for key, answer in _answers(*range(250)).items() if key in found}
    assert [run.returncode for run in runs] == [0, 0]
    assert reader.lookup(keys) == _answers(*range(250))
    assert (reader.count(), reader.verify()) == (250, [])


def test_killed_between_put_and_removal_of_its_journal_nothing_is_there_twice(
    uri: str, machine: Callable[[str], AnswerCache], tmp_path: Path
) -> None:
    killed = _run(uri, tmp_path / "a", 0, 20, "killed")
    assert killed.wait(timeout=60) == -signal.SIGKILL
    put = _objects(tmp_path)
    assert (len(_journals(tmp_path / "a")), len(put)) == (1, 1)

    again = machine("a")
    assert (_journals(tmp_path / "a"), _objects(tmp_path)) == ([], put)
    assert again.lookup([_key(n) for n in range(20)]) == _answers(*range(20))


def test_a_reader_that_listed_before_a_merge_finds_every_answer(
    machine: Callable[[str], AnswerCache], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(5):
        _fill(machine("a"), number, number + 1)
    reader = machine("b")
    find = reader._find

    def merged_meanwhile(keys: list[str]) -> object:
        monkeypatch.setattr(reader, "_find", find)
        machine("c").compact()
        return find(keys)

    monkeypatch.setattr(reader, "_find", merged_meanwhile)
    assert reader.lookup([_key(n) for n in range(6)]) == _answers(*range(6))
    assert len(_objects(tmp_path)) == 1


@pytest.mark.parametrize("moment", ["put", "delete"])
def test_two_versions_that_merge_the_same_segments_at_once_lose_nothing(
    moment: str, machine: Callable[[str], AnswerCache], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each writes the same rows as other bytes, so that each could take the other's segment for a doublet."""
    first, second = machine("a"), machine("b")
    _fill(first, 1, 2)
    _fill(second, 2, 3)
    act = getattr(first._place, moment)

    def other_merges_first(argument: Any) -> Any:
        monkeypatch.setattr(first._place, moment, act)
        with monkeypatch.context() as patch:
            other = {**(segments._SCHEMA.metadata or {}), b"writer": b"another version"}
            patch.setattr(segments, "_SCHEMA", segments._SCHEMA.with_metadata(other))
            second.compact()
        return act(argument)

    for _ in range(2):  # at "put" the first time leaves two segments with the same rows
        monkeypatch.setattr(first._place, moment, other_merges_first)
        first.compact()
        assert len(_objects(tmp_path)) == {"put": 2, "delete": 1}[moment]
        assert machine("c").lookup([_key(n) for n in range(4)]) == _answers(1, 2, 3)


def test_a_store_that_fails_stops_nobody_who_writes_and_the_next_run_puts_the_answers(
    machine: Callable[[str], AnswerCache],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(remote, "_WAITS_SECONDS", ())
    monkeypatch.setattr(module, "_JOURNAL_BYTES", 1)
    put = Bucket.pipe_file

    def fail(*_: object) -> None:
        raise ConnectionError("503 Slow Down")

    monkeypatch.setattr(Bucket, "pipe_file", fail)
    cache = machine("a")
    writer = module.AnswerWriter(cache, MODEL, "stub")
    for number in range(3):
        writer.write(_key(number), _answer(number))
    assert "cannot put a segment (ConnectionError: 503 Slow Down); check the network" in caplog.text
    monkeypatch.setattr(module, "_JOURNAL_BYTES", 1_000)
    writer.write(_key(3), _answer(3))
    with pytest.raises(StoreError, match=r"the answers stay in '.*\.journal', run again"):
        writer.close()
    assert cache.lookup([_key(n) for n in range(4)]) == _answers(*range(4))
    assert machine("b").lookup([_key(0)]) == {}

    monkeypatch.setattr(Bucket, "pipe_file", put)
    machine("a")
    assert _journals(tmp_path / "a") == []
    assert machine("b").lookup([_key(n) for n in range(4)]) == _answers(*range(4))


def test_only_segments_with_a_wanted_answer_are_read_whole_and_only_once(
    machine: Callable[[str], AnswerCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(0, 40, 10):
        _fill(machine("a"), *range(number, number + 10))
    asked: list[str] = []
    cat_file = Bucket.cat_file

    def note(self: Bucket, path: str, start: int | None = None, end: int | None = None) -> bytes:
        asked.append("whole" if start is None else "end")
        return cat_file(self, path, start, end)

    monkeypatch.setattr(Bucket, "cat_file", note)
    assert machine("b").lookup([_key(n) for n in (3, 4, 25)]) == _answers(3, 4, 25)
    assert sorted(asked) == ["end"] * 4 + ["whole"] * 2
    asked.clear()
    assert machine("b").lookup([_key(9)]) == _answers(9)
    assert asked == ["end"] * 4
    asked.clear()
    assert machine("a").lookup([_key(9)]) == _answers(9)  # kept by the machine that wrote it
    assert "whole" not in asked


def test_segments_read_long_ago_make_room(
    machine: Callable[[str], AnswerCache], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(3):
        _fill(machine("a"), number)
    reader = machine("b")
    monkeypatch.setattr(places, "_FETCHED_BYTES", 0)
    for number in range(3):
        assert reader.lookup([_key(number)]) == _answers(number)
        assert len(list((tmp_path / "b" / "kept").iterdir())) == 1


def test_an_object_with_other_bytes_is_named_and_never_believed(
    machine: Callable[[str], AnswerCache], tmp_path: Path
) -> None:
    _fill(machine("a"), *range(100))
    (segment,) = (tmp_path / "bucket" / "answers" / "segments").iterdir()
    data = bytearray(segment.read_bytes())
    data[100] ^= 1
    segment.write_bytes(data)
    assert machine("b").verify() == [segment.name]
    with pytest.raises(StoreError, match=f"segment {segment.name} is damaged .* will be asked again"):
        machine("b").lookup([_key(1)])


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://hunter2@bucket/answers", r"answers s3://bucket/answers: the URI holds a user, a password"),
        ("https://host/answers?sig=hunter2", r"answers https://host/answers: the URI holds"),
        ("file:///mnt/answers", r"a folder on a disk is named by its path, without `file://`"),
    ],
)
def test_a_uri_that_cannot_be_a_place_is_refused_without_its_secrets(
    uri: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=message) as refused:
        AnswerCache(uri, spool=tmp_path)
    assert "hunter2" not in str(refused.value)


def test_a_store_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> object:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(StoreError, match="install what its store needs: Install s3fs"):
        AnswerCache("s3://bucket/answers", spool=tmp_path).lookup([_key(1)])
