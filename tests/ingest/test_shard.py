"""The stage `raw`: documents, decisions and ids of a shard."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill import documents as data
from gristmill import progress
from gristmill.errors import InputError
from gristmill.ingest import CodeSource, SourceBase, read_shard
from gristmill.ingest.figures import Tally
from gristmill.store.registry import Shard
from tests.ingest.archives import JSONL, SAMPLE, WARC, members, page, pages, record, response, shard_of


def tables(shard: Shard, options: SourceBase, **limits: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    documents, decisions = zip(*read_shard(shard, options, **limits), strict=True)
    return pl.concat(documents), pl.concat(decisions)


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_documents_and_decisions_have_their_schemas_and_every_record_a_decision(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members([*pages("a", "b"), record("c", b"x", kind="request"), b"junk"]))
    documents, decisions = tables(shard_of(path), WARC)
    data.check_schema(documents, data.DOCUMENTS, "documents")
    data.check_schema(decisions, data.DECISIONS, "decisions")
    data.check_conservation(4, documents, decisions, "raw")
    assert decisions["rule"].to_list() == [None, None, "request", "unreadable"]
    row = documents.row(0, named=True)
    assert row["id"] == data.document_id("web", "urn:uuid:a")
    assert (row["source"], row["shard"], row["file"], row["method"]) == (
        "web",
        "web-0001",
        "a.warc.gz",
        data.NATURAL,
    )
    assert row["generation_depth"] == 0


def test_an_empty_file_gives_empty_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"")
    documents, decisions = tables(shard_of(path), WARC)
    assert documents.height == decisions.height == 0
    data.check_schema(documents, data.DOCUMENTS, "documents")


def test_an_id_survives_a_change_of_text(tmp_path: Path) -> None:
    first = tables(shard_of(write(tmp_path / "a", [{"id": "k", "text": "one"}])), JSONL)[0]
    second = tables(shard_of(write(tmp_path / "b", [{"id": "k", "text": "two"}])), JSONL)[0]
    assert first["id"].to_list() == second["id"].to_list()
    assert first["record_digest"].to_list() != second["record_digest"].to_list()


def test_a_repeated_key_is_kept_under_an_id_of_its_own(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"id": "k", "text": text} for text in ("one", "two", "two")]
    documents, decisions = tables(shard_of(write(tmp_path / "a", rows)), JSONL)
    assert documents["id"].n_unique() == 3
    assert decisions["rule"].to_list() == [None, "repeated_key", "repeated_key"]
    assert decisions["other_id"].to_list() == [None, documents["id"][0], documents["id"][0]]


def test_rows_without_a_key_are_named_by_content_and_occurrence(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "one"}, {"text": "two"}, {"text": "one"}]
    forward = tables(shard_of(write(tmp_path / "a", rows)), JSONL)[0]
    backward = tables(shard_of(write(tmp_path / "b", rows[::-1])), JSONL)[0]
    assert forward["id"].n_unique() == 3
    assert set(forward["id"]) == set(backward["id"])


def test_lone_surrogates_do_not_reach_meta(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [{"text": "x", "m": ["\ud800"]}])
    documents, _ = tables(shard_of(path), JSONL.model_copy(update={"meta": ("m",)}))
    assert json.loads(documents["meta"][0]) == {"m": ["\ufffd"]}


def test_the_same_archive_twice_in_a_shard_has_unique_ids(tmp_path: Path) -> None:
    for name in ("a.warc.gz", "b.warc.gz"):
        (tmp_path / name).write_bytes(members([*pages("a", "b"), b"junk"]) + b"garbage")
    shard = shard_of(tmp_path / "a.warc.gz", tmp_path / "b.warc.gz")
    documents, decisions = tables(shard, WARC)
    assert decisions["id"].n_unique() == decisions.height == 8
    data.check_conservation(8, documents, decisions, "raw")


@pytest.mark.parametrize("limits", [{"batch_rows": 1}, {"batch_rows": 7}, {"batch_chars": 1_000}])
def test_the_size_of_batches_changes_nothing(limits: dict[str, int]) -> None:
    shard = shard_of(SAMPLE / "broken_framing.warc.gz", SAMPLE / "maths.jsonl.gz")
    for one, options in zip(shard.files, (WARC, JSONL), strict=True):
        alone = Shard(1, "web-0001", "web", (one,))
        whole, cut = tables(alone, options), tables(alone, options, **limits)
        assert whole[0].equals(cut[0])
        assert whole[1].equals(cut[1])
        assert len(list(read_shard(alone, options, **limits))) > 1


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["one", "two", "", "\ud800"])), max_size=12
    ),
    batch_rows=st.integers(1, 5),
)
def test_rows_in_are_kept_and_dropped(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], batch_rows: int
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "rows", [{"id": key, "text": text} for key, text in rows])
    documents, decisions = tables(shard_of(path), JSONL, batch_rows=batch_rows)
    data.check_conservation(len(rows), documents, decisions, "raw")


def test_code_files_of_one_shard_are_named_by_path() -> None:
    files = sorted((SAMPLE / "code").glob("*.py"))
    documents, _ = tables(shard_of(*files, source="code"), CodeSource(kind="code", inputs=("x",)))
    assert documents["id"].to_list() == [data.document_id("code", path.name) for path in files]


def test_a_missing_file_is_named_before_anything_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [{"text": "x"}])
    shard = shard_of(path)
    path.unlink()
    with pytest.raises(InputError, match=r"'web-0001'.*no such file"):
        tables(shard, JSONL)


def test_a_changed_file_is_refused_and_a_touched_one_is_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [{"text": "x"}])
    shard = shard_of(path)
    os.utime(path, (1, 1))
    assert tables(shard, JSONL)[0].height == 1
    write(path, [{"text": "y"}])
    with pytest.raises(InputError, match="has changed since it was registered"):
        tables(shard, JSONL)


def test_progress_counts_records(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members(pages("a", "b", "c")))
    with progress.task("raw", "web-0001") as task:
        tables(shard_of(path), WARC)
    assert task.done == 3


def test_figures_do_not_hang_on_batches() -> None:
    shard = shard_of(SAMPLE / "broken_framing.warc.gz")
    reports = []
    for rows in (1, 100):
        tally = Tally()
        for documents, decisions in read_shard(shard, WARC, batch_rows=rows):
            tally.add(documents, decisions)
        reports.append(tally.figures())
    assert reports[0] == reports[1]
    assert reports[0]["documents_by_kind"] == {"text/html": 5}
    assert reports[0]["kept_with_rule"] == {"content_length": 1}
    assert list(reports[0]["sample"][0]) == ["id", "url", "title", "chars", "text"]


def test_a_large_shard_is_held_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    row = json.dumps({"text": "mill " * 2_000}).encode() + b"\n"
    path.write_bytes(gzip.compress(row * 2_000, 1, mtime=0))
    sizes = [documents["text"].str.len_chars().sum() for documents, _ in read_shard(shard_of(path), JSONL)]
    assert len(sizes) == 3
    assert max(sizes) <= (8 << 20) + 10_000


def test_a_page_in_an_archive_becomes_one_document(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(record("a", response(page("The mill."))))
    documents, _ = tables(shard_of(path), WARC)
    assert documents["text"].to_list() == ["The mill."]
