from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import StoreError
from gristmill.hashing import digest_text
from gristmill.llm import cache as module
from gristmill.llm import segments
from gristmill.llm.cache import AnswerCache
from gristmill.llm.requests import Answer, ModelIdentity

MODEL = ModelIdentity("small", "d1", "float32", 64)

WRITER = """
import sys
from pathlib import Path
from gristmill.hashing import digest_text
from gristmill.llm.cache import AnswerCache
from gristmill.llm.requests import Answer, ModelIdentity
root, first, last, close = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "close"
cache = AnswerCache(root)
with cache.writer(ModelIdentity("small", "d1", "float32", 64), "stub") as writer:
    for number in range(first, last):
        writer.write(digest_text(str(number)), Answer(f"text {number}", "stop", number, 1))
        print(number, flush=True)
    if not close:
        sys.stdin.read()
"""


def _key(number: int) -> str:
    return digest_text(str(number))


def _answer(number: int) -> Answer:
    return Answer(f"text {number}", "stop", number, 1)


def _fill(root: Path, *numbers: int) -> AnswerCache:
    cache = AnswerCache(root)
    with cache.writer(MODEL, "stub") as writer:
        for number in numbers:
            writer.write(_key(number), _answer(number))
    return cache


def _start_writer(root: Path, first: int, last: int, end: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(root), str(first), str(last), end]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _names(root: Path, folder: str) -> list[str]:
    return sorted(path.name for path in (root / folder).iterdir())


def test_an_empty_cache_knows_nothing_and_writes_nothing(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers")
    assert cache.lookup([_key(1)]) == {}
    assert cache.count() == 0
    assert not (tmp_path / "answers").exists()


def test_an_answer_is_found_while_its_writer_is_still_open(tmp_path: Path) -> None:
    cache, other = AnswerCache(tmp_path), AnswerCache(tmp_path)
    with cache.writer(MODEL, "stub") as writer:
        writer.write(_key(1), _answer(1))
        assert cache.lookup([_key(1), _key(2)]) == {_key(1): _answer(1)}
        assert other.lookup([_key(1)]) == {_key(1): _answer(1)}
        assert other.count() == 1


def test_a_closed_writer_leaves_one_segment_and_no_journal(tmp_path: Path) -> None:
    cache = _fill(tmp_path, 3, 1, 2)
    assert cache.lookup([_key(3), _key(1), _key(9)]) == {_key(3): _answer(3), _key(1): _answer(1)}
    assert _names(tmp_path, "journals") == []
    assert len(_names(tmp_path, "segments")) == 1
    assert cache.verify() == []


def test_a_writer_without_answers_leaves_no_file(tmp_path: Path) -> None:
    _fill(tmp_path)
    assert not list(tmp_path.glob("*/*"))


def test_segments_answer_sql(tmp_path: Path) -> None:
    _fill(tmp_path, 1, 2)
    rows = duckdb.sql(
        f"select key, model, model_digest, text, finish_reason, prompt_tokens, output_tokens, engine, "
        f"created > timestamptz '2020-01-01' from '{tmp_path}/segments/*.parquet' order by key"
    ).fetchall()
    assert rows == sorted((_key(n), "small", "d1", f"text {n}", "stop", n, 1, "stub", True) for n in (1, 2))


def test_the_older_of_two_answers_counts_before_and_after_merging(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    with cache.writer(MODEL, "a") as first:
        first.write(_key(1), Answer("first", "stop", 1, 1))
        with cache.writer(MODEL, "b") as second:
            second.write(_key(1), Answer("second", "stop", 1, 1))
    assert cache.lookup([_key(1)])[_key(1)].text == "first"
    cache.compact()
    assert cache.lookup([_key(1)])[_key(1)].text == "first"
    assert cache.count() == 1


def test_merging_keeps_every_answer_for_readers_opened_before(tmp_path: Path) -> None:
    for number in range(5):
        _fill(tmp_path, number, number + 1)
    reader = AnswerCache(tmp_path)
    assert reader.count() == 6
    assert len(_names(tmp_path, "segments")) == 5
    AnswerCache(tmp_path).compact()
    assert len(_names(tmp_path, "segments")) == 1
    assert reader.lookup([_key(n) for n in range(6)]) == {_key(n): _answer(n) for n in range(6)}


def test_a_segment_that_goes_between_listing_and_reading_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path, 1)
    _fill(tmp_path, 2)
    cache = AnswerCache(tmp_path)
    find = cache._find

    def merged_meanwhile(keys: list[str]) -> object:
        monkeypatch.setattr(cache, "_find", find)
        AnswerCache(tmp_path).compact()
        return find(keys)

    monkeypatch.setattr(cache, "_find", merged_meanwhile)
    assert set(cache.lookup([_key(1), _key(2)])) == {_key(1), _key(2)}


def test_many_small_segments_are_merged_by_the_writer_that_makes_one_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_SMALL", 3)
    for number in range(4):
        cache = _fill(tmp_path, number)
    assert len(_names(tmp_path, "segments")) == 1
    assert cache.count() == 4


def test_a_long_journal_becomes_a_segment_before_its_writer_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_JOURNAL_BYTES", 300)
    cache = AnswerCache(tmp_path)
    with cache.writer(MODEL, "stub") as writer:
        for number in range(10):
            writer.write(_key(number), _answer(number))
            assert cache.lookup([_key(n) for n in range(number + 1)]).keys() == {
                _key(n) for n in range(number + 1)
            }
        assert len(_names(tmp_path, "segments")) > 1


def test_look_ups_work_across_row_groups_and_with_a_long_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_GROUP_ROWS", 4)
    monkeypatch.setattr(segments, "_TAIL_BYTES", 16)
    cache = _fill(tmp_path, *range(30))
    wanted = [29, 0, 3, 4, 17, 8, 50]
    assert cache.lookup([_key(n) for n in wanted]) == {_key(n): _answer(n) for n in wanted if n < 30}


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [_start_writer(tmp_path, first, first + 150, "close") for first in (0, 100)]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    cache = AnswerCache(tmp_path)
    assert cache.lookup([_key(n) for n in range(250)]) == {_key(n): _answer(n) for n in range(250)}
    assert cache.count() == 250


def test_a_killed_writer_loses_nothing_that_it_had_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = _start_writer(tmp_path, 0, 40, "wait")
    assert process.stdout is not None
    written = [int(process.stdout.readline()) for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    journal = next((tmp_path / "journals").iterdir())
    with journal.open("ab") as handle:  # as if it had died within a write
        handle.write(b"\x40\x00\x00\x00half")

    cache = AnswerCache(tmp_path)
    assert set(cache.lookup([_key(n) for n in written])) == {_key(n) for n in range(40)}
    assert _names(tmp_path, "journals") == []
    assert "the last 8 bytes of" in caplog.text


def test_opening_leaves_the_journal_of_a_living_writer_alone(tmp_path: Path) -> None:
    process = _start_writer(tmp_path, 0, 3, "wait")
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    cache = AnswerCache(tmp_path)
    assert cache.count() == 3
    assert len(_names(tmp_path, "journals")) == 1
    process.communicate("", timeout=60)
    assert _names(tmp_path, "journals") == []
    assert cache.count() == 3


def test_a_damaged_segment_is_named_with_what_to_do(tmp_path: Path) -> None:
    _fill(tmp_path, *range(100))
    segment = next((tmp_path / "segments").iterdir())
    data = segment.read_bytes()
    segment.write_bytes(data[: len(data) // 2])
    cache = AnswerCache(tmp_path)
    assert cache.verify() == [segment.name]
    with pytest.raises(
        StoreError, match=f"segment {segment.name} is damaged .* its answers will be asked again"
    ):
        cache.lookup([_key(1)])


def test_log_probabilities_come_back_and_segments_without_them_are_read_and_merged(tmp_path: Path) -> None:
    told = Answer("keep", "stop", 1, 1, ((("keep", -0.25), ("drop", -1.5)), (("()", 0.0),)))
    with AnswerCache(tmp_path).writer(MODEL, "stub") as writer:
        writer.write(_key(1), told)
        open_journal = AnswerCache(tmp_path).lookup([_key(1)])
    assert open_journal == AnswerCache(tmp_path).lookup([_key(1)]) == {_key(1): told}

    _fill(tmp_path, 2)
    for segment in (tmp_path / "segments").iterdir():  # as format 1 wrote them
        table = pq.read_table(segment)
        if table["key"][0].as_py() == _key(2):
            old = table.drop_columns(["logprobs"]).replace_schema_metadata({"gristmill.answers": "1"})
            pq.write_table(old, segment)
    cache = AnswerCache(tmp_path)
    both = {_key(1): told, _key(2): _answer(2)}
    assert cache.lookup(list(both)) == both
    cache.compact()
    assert len(_names(tmp_path, "segments")) == 1
    assert cache.lookup(list(both)) == both


def test_a_segment_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    _fill(tmp_path, 1)
    segment = next((tmp_path / "segments").iterdir())
    table: pa.Table = pq.read_table(segment)
    pq.write_table(table.replace_schema_metadata({"gristmill.answers": "99"}), segment)
    with pytest.raises(
        StoreError, match="has format 99, this version reads up to 2; install a newer Gristmill"
    ):
        AnswerCache(tmp_path).lookup([_key(1)])


def test_a_root_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = AnswerCache(tmp_path / "file" / "answers")
    with (
        pytest.raises(StoreError, match=r"answers .*file/answers: cannot write: Not a directory"),
        cache.writer(MODEL, "stub") as writer,
    ):
        writer.write(_key(1), _answer(1))
