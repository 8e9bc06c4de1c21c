"""JSON Lines as documents."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.records import Record
from gristmill.ingest.rows.jsonl import read_jsonl
from gristmill.inputs import InputFile
from tests.ingest.archives import JSONL

ROWS = [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}, {"id": "c", "text": "three"}]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def read(path: Path, data: bytes, **options: object) -> list[Record]:
    path.write_bytes(data)
    return list(read_jsonl(InputFile.at(path), JSONL.model_copy(update=options)))


def outline(records: list[Record]) -> list[tuple[str | None, str | None, str | None]]:
    return [(one.key, one.text, one.rule) for one in records]


GOOD = [("a", "one", None), ("b", "two", None), ("c", "three", None)]


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        LINES[:-1],
        LINES.replace(b"\n", b"\r\n\n"),
        b"\xef\xbb\xbf" + LINES,
        gzip.compress(LINES, mtime=0),
        gzip.compress(LINES[:40], mtime=0) + gzip.compress(LINES[40:], mtime=0),
        pa.compress(LINES, codec="zstd", asbytes=True),
    ],
    ids=["plain", "no last newline", "crlf and blank lines", "bom", "gzip", "gzip members", "zstd"],
)
def test_rows_become_documents(tmp_path: Path, data: bytes) -> None:
    assert outline(read(tmp_path / "f", data)) == GOOD


def test_places_can_be_read_again(tmp_path: Path) -> None:
    for one, row in zip(read(tmp_path / "f", LINES), ROWS, strict=True):
        assert json.loads(LINES[one.offset : one.offset + (one.length or 0)]) == row
    packed = read(tmp_path / "f", gzip.compress(LINES, mtime=0))
    assert [one.meta for one in packed] == [{"unpacked": True}] * 3


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"{", "bad_json"),
        (b'{"text": "x"', "bad_json"),
        (b'["text"]', "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"text": ' + b"9" * 5_000 + b"}", "bad_json"),
        (b"{}", "missing_text"),
        (b'{"text": null}', "missing_text"),
        (b'{"text": 3}', "missing_text"),
        (b'{"text": " \\n "}', "empty_text"),
        (b'{"text": "' + b"x" * 5_000 + b'"}', "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:12].decode("latin-1"),
)
def test_a_bad_line_is_dropped_and_reading_goes_on(tmp_path: Path, line: bytes, rule: str) -> None:
    limit = 200_000 if line.startswith(b"[[") or b"999" in line else 1_000
    found = read(tmp_path / "f", LINES + line + b"\n" + LINES, max_record_bytes=limit)
    assert outline(found[:3]) == outline(found[4:]) == GOOD
    assert (found[3].text, found[3].rule) == (None, rule)
    assert found[3].offset == len(LINES)


def test_fields_are_named_in_the_recipe_with_dots_for_fields_inside(tmp_path: Path) -> None:
    row = {
        "body": "x",
        "m": {"key": 7, "at": {"url": "u"}},
        "a.b": 1,
        "when": 2024,
        "l": "de",
        "n": None,
    }
    (found,) = read(
        tmp_path / "f",
        json.dumps(row).encode(),
        text="body",
        id="m.key",
        url="m.at.url",
        date="when",
        lang="l",
        meta=("a.b", "n", "none.such"),
    )
    assert (found.key, found.url, found.date, found.lang) == ("7", "u", "2024", "de")
    assert found.meta == {"a.b": 1, "n": None}


@pytest.mark.parametrize("key", [None, "", True, 1.5, ["a"]])
def test_a_row_without_a_usable_key_has_none(tmp_path: Path, key: object) -> None:
    (found,) = read(tmp_path / "f", json.dumps({"id": key, "text": "x"}).encode())
    assert found.key is None
    assert found.digest is not None


def test_keys_are_not_looked_at_where_the_recipe_says_so(tmp_path: Path) -> None:
    assert [one.key for one in read(tmp_path / "f", LINES, id=None)] == [None, None, None]


def test_lone_surrogates_and_nul_do_not_reach_the_text(tmp_path: Path) -> None:
    (found,) = read(tmp_path / "f", b'{"id": "\\ud800", "text": "a\\ud83d\\ude00\\udfff\\u0000b"}')
    assert found.text == "a😀\ufffdb"
    assert found.key == "\ufffd"


def test_a_line_without_an_end_is_not_held_in_memory(tmp_path: Path) -> None:
    data = gzip.compress(LINES + b"x" * 5_000_000 + b"\n" + LINES, mtime=0)
    found = read(tmp_path / "f", data, max_record_bytes=10_000)
    assert [one.rule for one in found] == [None] * 3 + ["too_large"] + [None] * 3
    assert found[3].length == 5_000_000


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(gzip.compress(LINES, mtime=0)) - 1))
def test_a_cut_gzip_file_gives_whole_rows_and_one_counted_loss(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    data = gzip.compress(LINES, mtime=0)[:cut]
    found = read(tmp_path_factory.getbasetemp() / "cut", data)
    kept = [one for one in outline(found) if one[1]]
    assert kept == GOOD[: len(kept)]
    if cut > 3:
        assert [one.rule for one in found if one.text is None] == ["truncated"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    found = read(tmp_path_factory.getbasetemp() / "junk", b"{" + junk + b"\n" + LINES)
    assert outline(found)[-3:] == GOOD
    assert all(one.rule for one in found[:-3] if one.text is None)
